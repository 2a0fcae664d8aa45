"""What was noted in an earlier boot says nothing about the processes of this one, which may have its numbers again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from process_janitor.core.model import Identity, Seen
from process_janitor.core.record import new_record
from process_janitor.system import identity, procfs, seen
from tests.namespaced import namespaced
from tests.watcher.test_watcher import Home, stays
from tests.world import Child, wait_until

OWNER = (3999, 4242)


def own_program(home: Home) -> Child:
    """A program that says nothing about where it came from, as one that overwrote its title; its parent has ended."""
    note = home.home / "own"
    line = f"setsid env -i sleep 300 </dev/null >/dev/null 2>&1 & echo $! >{shlex.quote(str(note))}"
    subprocess.run(["sh", "-c", line], env={"PATH": os.environ["PATH"]}, check=True)
    pid = int(wait_until(lambda: note.exists() and note.read_text().strip(), 5, "it is started"))
    wait_until(lambda: (procfs.argv(pid) or ("",))[0] == "sleep", 5, "it runs")
    return Child(pid)


def noted(home: Home, when: str, below: Child, *, registered: bool, filed: bool) -> None:
    """A session that is gone, and what was seen below it: in `this boot`, `before` it, or by a version that wrote no boot."""
    boot = home.boot if when == "this boot" else "00000000-0000-0000-0000-000000000000"
    owner = Identity(*OWNER, boot, identity.pid_namespace())
    if registered:
        known = new_record("the-other", owner, host=identity.host_name(), recognised=True)
        home.registry.write(known)
    seen.store(str(home.root), *OWNER, {below.identity.key: Seen(*OWNER, False, server=True)})
    path = Path(seen.path(str(home.root), *OWNER))
    first, rest = path.read_text().split("\n", 1)
    assert home.boot in first
    if when == "before":
        path.write_text(f"{first.replace(home.boot, boot)}\n{rest}")
    elif when == "unsaid":
        path.write_text(rest)
    if filed:
        (home.config_dir / "sessions").mkdir()
        said = {"pid": OWNER[0], "sessionId": "the-other", "procStart": str(OWNER[1]), "cwd": "/x"}
        (home.config_dir / "sessions" / f"{OWNER[0]}.json").write_text(json.dumps(said))


@pytest.mark.case(
    "B5", "what an earlier boot's session was seen with: the numbers are others' now", "keep"
)
@pytest.mark.parametrize("how", ["auto", "watcher"])
@pytest.mark.parametrize("when", ["before", "unsaid"])
@pytest.mark.parametrize(("registered", "filed"), [(True, True), (False, True), (True, False)])
@namespaced
def test_a_tree_of_an_earlier_boot_names_nothing_of_this_one(
    how: str, when: str, registered: bool, filed: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    neighbour = home.session()
    own = own_program(home)
    noted(home, when, own, registered=registered, filed=filed)
    if how == "auto":
        assert home.cli("auto").code == 0
    else:
        home.watch()
        stays("it is nobody's", own)
    said = home.cli("explain", str(own.pid), "--json").json
    assert said["verdict"] == "keep", said
    assert own.alive
    assert neighbour.alive


@pytest.mark.parametrize("how", ["auto", "watcher"])
@pytest.mark.parametrize("registered", [False, True])
@namespaced
def test_a_tree_of_this_boot_names_what_was_seen(
    how: str, registered: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    neighbour = home.session()
    left = own_program(home)
    noted(home, "this boot", left, registered=registered, filed=True)
    if how == "auto":
        assert home.cli("auto").code == 0
    else:
        home.watch()
    left.gone(15)
    assert neighbour.alive
