"""One configuration directory under several names: `~/.claude` is a link, and CLAUDE_CONFIG_DIR names where it leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from process_janitor.system import clock
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home
from tests.world import Child, wait_until

# What nobody registered is left alone for ten seconds.
OLD_TICKS = 1150
NAMES = {
    "link": "{0}/.claude",
    "target": "{0}/data",
    "slashes": "{0}//.claude/",
    "dots": "{0}/data/../.claude",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [*((name, "none") for name in NAMES), ("none", "target"), ("link", "target")],
)
@namespaced
def test_a_link_is_no_other_directory(theirs: str, ours: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".claude").symlink_to(tmp_path / "data")
    (tmp_path / "work").mkdir()
    home = Home(tmp_path)

    def server_of(name: str) -> Child:
        home.env.pop("CLAUDE_CONFIG_DIR", None)
        if name:
            home.env["CLAUDE_CONFIG_DIR"] = name
        session = home.session(registered=False)
        server = session.mcp()
        session.kill()
        return server

    left = server_of(NAMES.get(theirs, "").format(tmp_path))
    other = server_of(f"{tmp_path}/work")
    home.env.pop("CLAUDE_CONFIG_DIR")
    wait_until(lambda: clock.ticks() - other.identity.start > OLD_TICKS, 20, "old enough")
    asked = {"CLAUDE_CONFIG_DIR": f"{tmp_path}/data"} if ours == "target" else {}
    home.cli("auto", **asked)
    left.gone(5)
    said = home.cli("explain", str(other.pid), "--json", **asked).json
    assert "other-config-dir" in said["vetoes"]
    assert other.alive
