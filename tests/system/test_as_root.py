"""Root with a user's home leaves nothing there that the user cannot use, and takes nothing that is root's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from process_janitor.system import files, flock
from tests.namespaced import namespaced
from tests.world import Answer, World

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="platform: only root can be root with somebody else's home",
)
USER = 1000


def home_of_a_user(folder: Path) -> World:
    world = World(folder)
    folder.chmod(0o755)  # pytest makes it private, and the user has to get in
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, USER, USER, follow_symlinks=False)
    return world


def as_user(world: World, *words: str) -> Answer:
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    done = subprocess.run(
        [*user, *world.command(*words)], env={**world.env, "HOME": str(world.home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def roots(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.lstat().st_uid == 0]


@pytest.mark.parametrize(
    "words", ["auto", "run", "keep --command vite", "config set idle_threshold_minutes 40"]
)
@namespaced
def test_what_root_does_with_a_users_home_leaves_that_users_janitor_working(
    words: str, tmp_path: Path
) -> None:
    world = home_of_a_user(tmp_path)
    assert world.cli(*words.split()).code == 0
    assert roots(tmp_path) == []
    for again in ("auto", words):
        answer = as_user(world, *again.split())
        assert answer.code == 0, answer


@namespaced
def test_where_the_directory_is_roots_what_is_made_is_roots(tmp_path: Path) -> None:
    os.umask(0)
    root = tmp_path / "state"
    files.make_directory(str(root / "a"))
    files.write_text(str(root / "a" / "one"), "x")
    made = [root, root / "a", root / "a" / "one"]
    assert [(one.stat().st_uid, one.stat().st_mode & 0o777) for one in made] == [
        (0, 0o700),
        (0, 0o700),
        (0, 0o600),
    ]


@namespaced
def test_all_that_is_made_is_the_users_and_private(tmp_path: Path) -> None:
    os.umask(0)
    os.chown(tmp_path, USER, USER + 1)
    root = tmp_path / "above" / "state"
    files.make_root(f"{root}/")
    files.make_directory(str(root / "a" / "b"))
    files.write_text(str(root / "a" / "written"), "x", mode=0o640)
    files.append_line(str(root / "appended"), "x")
    files.touch(str(root / "touched"))
    with flock.Lock(str(root / "lock"), 0.0) as held:
        assert held
    found = {path.name: path.stat() for path in tmp_path.rglob("*")}
    assert {(one.st_uid, one.st_gid) for one in found.values()} == {(USER, USER + 1)}
    modes = {name: one.st_mode & 0o777 for name, one in found.items()}
    assert modes.pop("above") == 0o777, "as os.makedirs does"
    assert modes.pop("written") == 0o640
    assert set(modes.values()) == {0o700, 0o600}


@namespaced
def test_what_was_there_stays_whose_it_is(tmp_path: Path) -> None:
    """A user may have made one of our names a second name of root's file, or a way to root's directory."""
    state, precious = tmp_path / "state", tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("root's\n")
    state.mkdir()
    os.chown(state, USER, USER)
    os.link(precious / "file", state / "lock")
    (state / "link").symlink_to(precious / "file")
    (state / "way").symlink_to(precious)
    files.touch(str(state / "lock"))
    with flock.Lock(str(state / "lock"), 0.0) as held:
        assert held
    for use in (files.touch, lambda path: files.append_line(path, "x"), files.make_directory):
        with pytest.raises(OSError, match="link"):
            use(str(state / "link"))
    files.make_root(str(state / "way"))
    files.write_text(str(state / "way" / "made"), "x")
    kept = (precious, precious / "file", precious / "made")
    assert [path.stat().st_uid for path in kept] == [0, 0, 0]
    assert (precious / "file").read_text() == "root's\n"
