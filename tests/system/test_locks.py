"""Stale locks on a real file system with real holders: each one that goes has its twin that stays."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from process_janitor.actions import unlock
from process_janitor.actions.journal import Journal
from process_janitor.actions.plans import LockMember
from process_janitor.core.locks import Stale
from process_janitor.core.ties import Ties
from process_janitor.faces import schemas
from process_janitor.system import identity, lock_files, lock_users, procfs
from process_janitor.system.locks import Places, stale
from process_janitor.system.mounts import Mounts
from process_janitor.system.observe import observe
from tests.namespaced import namespaced
from tests.world import World, wait_until

DEAD = 4_000_000
HOUR = 3600.0


class Scene:
    """A home with locks in it."""

    def __init__(self, tmp_path: Path) -> None:
        self.world = World(tmp_path)
        self.home, self.config = self.world.home, self.world.config_dir
        self.root = str(self.world.root)
        self.temporary = tmp_path / "tmp"
        self.temporary.mkdir()
        self.places = Places(str(self.config), str(self.home), "me", str(self.temporary))

    def stale(self) -> dict[str, Stale]:
        seen = observe(self.root)
        found = stale(Ties(seen.snapshot, seen.sessions), self.places)
        return {one.lock.path: one for one in found}

    def member(self, path: Path) -> LockMember:
        lock = self.stale()[str(path)].lock
        return LockMember(lock.path, lock.mark)

    def remove(self, *members: LockMember) -> list[unlock.Unlocked]:
        return unlock.unlock(self.root, members, "run", self.places)

    def ide(self, pid: int = DEAD, port: int = 40001, **fields: Any) -> Path:
        path = self.config / "ide" / f"{port}.lock"
        path.parent.mkdir(exist_ok=True)
        document = {
            "pid": pid,
            "workspaceFolders": [str(self.home)],
            "authToken": "secret-token",
            **fields,
        }
        path.write_text(json.dumps(document))
        return path

    def directory(self, path: Path, age: float = HOUR) -> Path:
        path.mkdir(parents=True)
        aged(path, age)
        return path

    def over(self, cwd: Path) -> None:
        """A session in `cwd` that was killed."""
        session = self.world.session(registered=False)
        self.world.home = cwd
        self.world.register(session)
        self.world.home = self.home
        session.kill()


def aged(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at), follow_symlinks=False)


@contextmanager
def holder(
    code: str, *arguments: str, name: str = "", **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `code`, says so, and waits to be ended."""
    said = f"{code}\nimport sys; print('ready', flush=True); sys.stdin.read()"
    program = sys.executable
    if name:
        program = shutil.copy2(shutil.which("sleep") or "/bin/sleep", name)
        process = subprocess.Popen([program, "60"], stdin=subprocess.PIPE, text=True, **options)
    else:
        process = subprocess.Popen(
            [program, "-c", said, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.case("Q69", "an editor's lock whose process is gone", "report")
@namespaced
def test_an_editors_lock_goes_and_those_of_living_and_foreign_editors_stay(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    gone = scene.ide()
    mine = scene.ide(os.getpid(), 40002)
    windows = scene.ide(port=40003, runningInWindows=True)
    odd = scene.ide(port=40004, runningInWindows="true")
    other = scene.ide(port=40005, hostname="another-host")
    nobody = scene.ide(port=40006, pid=0)
    outside = tmp_path / "outside.lock"
    gone.rename(outside)
    link = scene.config / "ide" / "40007.lock"
    link.symlink_to(outside)
    assert scene.stale() == {}
    outside.rename(gone)
    link.unlink()
    found = scene.stale()
    assert list(found) == [str(gone)]
    said = found[str(gone)].condition
    assert f"process {DEAD}" in said.about
    assert identity.host_name() in said.about
    assert "secret" not in repr(found)
    (done,) = scene.remove(scene.member(gone))
    assert (done.outcome, gone.exists()) == ("gone", False)
    assert all(path.exists() for path in (mine, windows, odd, other, nobody))
    assert sorted(p.name for p in (scene.config / "ide").iterdir()) == [
        f"4000{n}.lock" for n in range(2, 7)
    ]
    (line,) = Journal(scene.root).lines()
    assert schemas.complaints("journal", line) == []
    assert (line["event"], line["path"], line["outcome"]) == ("lock", str(gone), "gone")
    assert "secret" not in json.dumps(line)


@namespaced
def test_a_port_that_answers_keeps_its_lock(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = scene.ide(port=server.getsockname()[1])
        found = scene.stale()[str(path)]
        assert found.condition.vetoes == ("port-listening",)
        (done,) = scene.remove(scene.member(path))
        assert (done.outcome, path.exists()) == ("refused", True)
    assert scene.stale()[str(path)].removable


@namespaced
def test_a_number_that_lives_again_is_proof_only_with_a_start_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    me = identity.identify(os.getpid())
    assert me is not None
    daemon = scene.config / "daemon.lock"
    daemon.write_text(json.dumps({"pid": me.pid, "procStart": str(me.start)}))
    assert scene.stale() == {}
    daemon.write_text(json.dumps({"pid": me.pid, "procStart": str(me.start - 1)}))
    assert scene.stale()[str(daemon)].condition.evidence[:2] == ("holder-gone", "pid-reused")
    plain = scene.ide(me.pid)
    aged(plain, 1e9)
    taken = scene.stale()[str(plain)]
    assert taken.condition.vetoes == ("pid-taken",)
    done = scene.remove(scene.member(plain), scene.member(daemon))
    assert [one.outcome for one in done] == ["refused", "gone"]
    assert (plain.exists(), daemon.exists()) == (True, False)


@pytest.mark.case(
    "Q66", "a lock directory without an owner's name, no Claude process left", "report"
)
@namespaced
def test_a_lock_directory_goes_only_when_no_client_uses_its_configuration(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    stale = scene.directory(scene.config / "history.jsonl.lock")
    outer = scene.directory(scene.home / ".claude.json.lock")
    task = scene.directory(scene.config / "tasks" / "one" / ".lock.lock")
    young = scene.directory(scene.config / "young.lock", 60.0)
    full = scene.config / "full.lock"
    full.mkdir()
    (full / "owner").touch()
    aged(full, HOUR)
    (scene.config / "linked.lock").symlink_to(young)
    expected = {str(stale), str(outer), str(task), str(full)}
    session = scene.world.session()
    assert scene.stale() == {}, "a client of this configuration may be holding them"
    session.kill()
    assert set(scene.stale()) == expected
    scene.world.env["CLAUDE_CONFIG_DIR"] = str(tmp_path / "other")
    other = scene.world.session(registered=False)
    assert set(scene.stale()) == expected, "a client of another configuration is no holder"
    chosen = [scene.member(path) for path in (stale, outer, task, full)]
    scene.world.env["CLAUDE_CONFIG_DIR"] = str(scene.config)
    back = scene.world.session(registered=False)
    assert [one.outcome for one in scene.remove(*chosen)] == ["refused"] * 4
    assert stale.exists()
    back.kill()
    assert [one.outcome for one in scene.remove(*chosen)] == ["gone"] * 3 + ["refused"]
    other.kill()
    assert [p.exists() for p in (stale, outer, task, full, young)] == [False] * 3 + [True] * 2


@pytest.mark.parametrize("where", ["container", "machine"])
@namespaced
def test_a_directory_shared_with_another_host_or_container_proves_nothing(
    where: str, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    path = scene.ide()
    registers = scene.config / "sessions"
    registers.mkdir()
    machine, namespace = identity.machine_id(), 5
    if where == "machine":
        # The first pid namespace has the same number on every Linux.
        machine, namespace = "f" * 32, identity.pid_namespace()
    domain = f"linux:{machine}:pid:[{namespace}]"
    document = {"pid": 77, "procStart": "5", "sessionId": "there", "pidDomain": domain}
    (registers / "77.json").write_text(json.dumps(document))
    assert scene.stale()[str(path)].condition.vetoes == ("shared-directory",)
    (registers / "77.json").unlink()
    assert scene.stale()[str(path)].removable


@pytest.mark.case("Q74", "a stale lock's file that a process has open or locked", "keep")
@namespaced
def test_a_file_in_use_stays_whatever_it_says(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    path = scene.ide()
    member = scene.member(path)
    with holder("import sys; f = open(sys.argv[1])", str(path)):
        (done,) = scene.remove(member)
        assert done.outcome == "refused"
        assert "has it open" in done.why
    for call in ("flock(f, fcntl.LOCK_EX)", "lockf(f, fcntl.LOCK_EX)"):
        with holder(f"import sys, fcntl; f = open(sys.argv[1], 'r+'); fcntl.{call}", str(path)):
            (done,) = scene.remove(member)
            assert done.outcome == "refused"
            assert "holds a lock" in done.why
    info = os.stat(path)
    with open(path) as ours:
        fcntl.flock(ours, fcntl.LOCK_SH)
        assert "lock" in lock_files.held(str(path), info.st_dev, info.st_ino)
    assert path.exists()
    (done,) = scene.remove(member)
    assert (done.outcome, path.exists()) == ("gone", False)


@namespaced
def test_a_lock_that_is_taken_again_is_not_the_one_that_was_judged(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    path = scene.ide()
    member = scene.member(path)
    info = os.stat(path)
    path.write_text(path.read_text().replace(str(DEAD), str(DEAD - 1)))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert [one.outcome for one in scene.remove(member)] == ["refused"], "another content"
    os.utime(path)
    assert [one.outcome for one in scene.remove(member)] == ["refused"], "another time"
    path.unlink()
    assert scene.remove(member) == [], "gone already: nothing to say"
    keep = tmp_path / "elsewhere"
    keep.mkdir()
    (keep / path.name).write_text("{}")
    path.parent.rmdir()
    path.parent.symlink_to(keep)
    assert [one.outcome for one in scene.remove(member)] == ["refused"], (
        "a link in the directory's place"
    )
    assert (keep / path.name).exists()


@namespaced
def test_a_directory_moved_behind_a_link_is_not_entered(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    path = scene.ide()
    lock = scene.stale()[str(path)]
    moved = tmp_path / "moved"
    path.parent.rename(moved)
    path.parent.symlink_to(moved)
    with pytest.raises(OSError, match="directory"), lock_files.Taken(lock.lock.path):
        pass
    assert (moved / path.name).exists()


@namespaced
def test_a_lock_swapped_at_the_last_moment_is_put_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    path = scene.ide()
    mark = scene.member(path).mark
    with lock_files.Taken(str(path)) as taken:
        taken.check(mark)
        path.unlink()
        path.write_text("a new holder's")
        with pytest.raises(lock_files.Changed):
            taken.remove(mark)
    assert path.read_text() == "a new holder's"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.case("Q21", "the lock of an automation's browser profile, its browser gone", "report")
@namespaced
def test_an_automations_profile_is_unlocked_and_the_users_own_browser_is_not(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)
    host = identity.host_name()
    cache = scene.home / ".cache"
    profiles = [
        cache / "ms-playwright" / "mcp-chrome-1a2b",
        cache / "chrome-devtools-mcp" / "chrome-profile",
        scene.temporary / "puppeteer_dev_chrome_profile-Ab12",
    ]
    others = [
        scene.home / ".config" / "google-chrome",
        cache / "ms-playwright" / "chromium-1234",
        scene.temporary / "somebody",
    ]
    for profile in (*profiles, *others):
        profile.mkdir(parents=True)
        (profile / "SingletonLock").symlink_to(f"{host}-{DEAD}")
    assert set(scene.stale()) == {str(p / "SingletonLock") for p in profiles}
    first, second, third = (profile / "SingletonLock" for profile in profiles)
    members = [scene.member(path) for path in (first, second, third)]
    (profiles[0] / "Cookies").touch()
    code = "import sys; f = open(sys.argv[1])"
    with holder(code, str(profiles[0] / "Cookies")), holder("", f"--user-data-dir={profiles[1]}"):
        assert str(second) not in scene.stale()
        assert [one.outcome for one in scene.remove(*members)] == ["refused", "refused", "gone"]
    third.symlink_to(f"another-host-{DEAD}")
    second.unlink()
    second.symlink_to(f"{host}-{os.getpid()}")
    assert set(scene.stale()) == {str(first)}
    assert [one.outcome for one in scene.remove(scene.member(first))] == ["gone"]
    assert [os.path.lexists(p) for p in (first, second, third)] == [False, True, True]


def repository(path: Path) -> Path:
    path.mkdir()
    git(path, "init", "-q")
    git(path, "commit", "-q", "--allow-empty", "-m", "x")
    return path


def git(where: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=where, check=True, capture_output=True
    )  # fmt: skip


def index_lock(git_directory: Path, age: float = HOUR) -> Path:
    path = git_directory / "index.lock"
    path.touch()
    aged(path, age)
    return path


@pytest.mark.case(
    "Q71", "a container's editor that shares ~/.claude, by the number it has there", "keep"
)
@pytest.mark.parametrize("folders", [["/workspaces/nowhere"], [], None, ["here", "/\0"], [7], "/"])
@namespaced
def test_an_editors_lock_stays_where_its_folders_are_not(tmp_path: Path, folders: object) -> None:
    scene = Scene(tmp_path)
    theirs, ours = scene.ide(workspaceFolders=folders), scene.ide(port=40002)
    found = scene.stale()
    assert found[str(theirs)].condition.vetoes == ("workspace-elsewhere",)
    assert found[str(ours)].condition.vetoes == ()
    members = [scene.member(one) for one in (theirs, ours)]
    assert [one.outcome for one in scene.remove(*members)] == ["refused", "gone"]
    assert theirs.exists()


@pytest.mark.case(
    "Q70c", "git's index.lock while a git of a container is at work in the same tree", "keep"
)
@namespaced
def test_gits_lock_stays_while_git_works_in_a_container(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    over = repository(tmp_path / "over")
    lock = index_lock(over / ".git")
    scene.over(over)
    (tmp_path / "bin").mkdir()
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    program = shutil.copy2(shutil.which("sleep") or "", tmp_path / "bin" / "git")
    line = f"mount --bind {over} {workspace} && cd {workspace} && exec {program} 60"
    there = subprocess.Popen(["unshare", "--mount", "sh", "-c", line])
    comm = Path(f"/proc/{there.pid}/comm")
    wait_until(lambda: comm.read_text() == "git\n", what="git runs in another mount namespace")
    assert scene.stale() == {}
    there.kill()
    there.wait()
    assert set(scene.stale()) == {str(lock)}


@pytest.mark.case("Q70", "git's index.lock in the working tree of a dead session", "report")
@namespaced
def test_gits_lock_of_a_dead_session_goes_and_every_other_one_stays(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    over, young, alive, users = (
        repository(tmp_path / n) for n in ("over", "young", "alive", "users")
    )
    tree = tmp_path / "tree"
    git(over, "worktree", "add", "-q", str(tree))
    fake = tmp_path / "fake"
    fake.mkdir()
    git(users, "worktree", "add", "-q", str(tmp_path / "theirs"))
    pretended = users / ".git" / "worktrees" / "theirs"
    (fake / ".git").write_text(f"gitdir: {pretended}\n")
    linked = index_lock(over / ".git" / "worktrees" / "tree")
    plain = index_lock(over / ".git")
    fresh = index_lock(young / ".git", 5.0)
    busy = index_lock(alive / ".git")
    foreign = index_lock(pretended)
    (over / "below").mkdir()
    for cwd in (over / "below", tree, young, alive, fake):
        scene.over(cwd)
    scene.world.home = alive
    living = scene.world.session()
    scene.world.home = scene.home
    assert set(scene.stale()) == {str(plain), str(linked)}
    members = [scene.member(plain), scene.member(linked)]
    (tmp_path / "bin").mkdir()
    with holder("", name=str(tmp_path / "bin" / "git"), cwd=over):
        wait_until(lambda: set(scene.stale()) == {str(linked)}, 10, "git is seen at work")
        assert [one.outcome for one in scene.remove(*members)] == ["refused", "gone"]
    assert [one.outcome for one in scene.remove(*members)] == ["gone"]
    living.kill()
    assert set(scene.stale()) == {str(busy)}
    assert fresh.exists()
    assert foreign.exists()


@pytest.mark.case("Q72", "a scheduled_tasks.lock whose session is gone", "report")
@namespaced
def test_the_lock_of_scheduled_tasks_goes_with_its_session(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    path = project / ".claude" / "scheduled_tasks.lock"
    scene.world.home = project
    session = scene.world.session("one")
    scene.world.home = scene.home
    document = {
        "sessionId": "one", "pid": session.pid, "procStart": str(session.identity.start), "acquiredAt": 1,
    }  # fmt: skip
    path.write_text(json.dumps(document))
    assert scene.stale() == {}
    session.kill()
    assert scene.stale()[str(path)].condition.session_id == "one"
    assert [one.outcome for one in scene.remove(scene.member(path))] == ["gone"]


@pytest.mark.case("Q64", "the socket of a browser bridge whose process is gone", "report")
@namespaced
def test_a_bridges_socket_goes_and_one_that_is_bound_stays(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    directory = scene.temporary / "claude-mcp-browser-bridge-me"
    directory.mkdir(mode=0o700)
    paths = [directory / f"{pid}.sock" for pid in (DEAD, DEAD - 1, os.getpid())]
    sockets = [socket.socket(socket.AF_UNIX) for _ in paths]
    for one, path in zip(sockets, paths, strict=True):
        one.bind(str(path))
    sockets[0].close()
    sockets[2].close()
    found = scene.stale()
    assert found[str(paths[0])].removable
    assert found[str(paths[1])].condition.vetoes == ("port-listening",)
    assert str(paths[2]) not in found
    done = scene.remove(scene.member(paths[0]), scene.member(paths[1]))
    assert [one.outcome for one in done] == ["gone", "refused"]
    sockets[1].close()
    assert [path.exists() for path in paths] == [False, True, True]


@namespaced
def test_claudes_own_register_is_never_a_lock(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    registers = scene.config / "sessions"
    registers.mkdir()
    for name in ("77.json", "77.lock"):
        (registers / name).write_text(json.dumps({"pid": DEAD, "procStart": "5", "sessionId": "x"}))
    assert scene.stale() == {}


def test_what_other_hosts_can_write_to_is_told_by_the_mount_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (
        "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /home/me rw - nfs4 s:/h rw\n3 1 0:3 / /mnt/my\\040disk rw - fuseblk d rw\n"
        "4 1 0:4 / /mnt/far rw - fuse.sshfs h: rw\n"
    )
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(table)
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    mounts = Mounts()
    asked = ["/", "/home/you/x", "/home/me", "/home/me/.claude", "/mnt/my disk/x", "/mnt/far/x"]
    assert [mounts.remote(path) for path in asked] == [False, False, True, True, False, True]
    (tmp_path / "self" / "mountinfo").unlink()
    assert Mounts().remote("/"), "without a table nothing is known to be local"


def test_the_domain_of_another_container_or_machine_is_not_ours() -> None:
    here = identity.pid_namespace()
    machine = identity.machine_id()
    assert lock_users.our_domain(f"linux:{machine}:pid:[{here}]")
    assert lock_users.our_domain(f"linux::pid:[{here}]"), "a container without a machine id"
    assert not lock_users.our_domain(f"linux:{'f' * 32}:pid:[{here}]"), "another machine"
    assert not lock_users.our_domain(f"linux:{machine}:pid:[5]")
    assert not lock_users.our_domain("darwin:abc")


@namespaced
def test_an_ordinary_user_can_do_it_as_well(tmp_path: Path) -> None:
    """Most of /proc cannot be looked into then."""
    if os.geteuid() != 0:
        pytest.skip("platform: this is an ordinary user already")
    os.chmod(tmp_path, 0o755)  # noqa: S103  # the folder is root's, the home in it is not
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            scene = Scene(home)
            path, stay = scene.ide(), scene.ide(1, 40002)
            (done,) = scene.remove(scene.member(path))
            assert (done.outcome, path.exists(), stay.exists()) == ("gone", False, True)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
