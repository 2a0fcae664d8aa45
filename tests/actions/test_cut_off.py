"""A sweep that is cut off is finished by the next one, however the session was known, and by nobody else's account."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from process_janitor.core.model import Identity, Seen, Session
from process_janitor.faces import pretend
from process_janitor.system import begun, identity
from tests.namespaced import namespaced
from tests.world import Child, Pretend, World, wait_until

# What is known by marks alone is left alone for so long after its start.
YOUNG_SECONDS = 11.0


def job_below_a_call(session: Pretend) -> tuple[Child, Child]:
    """A Bash call's shell, and what runs in it and ignores SIGTERM."""
    ready = session._ready()
    shell = Child(session.run_bash(f"{pretend.child_line(str(ready), stubborn=True)}; :"))
    return shell, session._child(ready)


def stubborn_in_the_background(session: Pretend) -> Child:
    ready = session._ready()
    session.run_bash(f"setsid {pretend.child_line(str(ready), stubborn=True)} </dev/null &")
    return session._child(ready)


def begin(world: World, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        world.command(*words), env={**world.env, "HOME": str(world.home)}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "number"),
    [
        ("registered", "SIGKILL"),
        ("client file", "SIGKILL"),
        ("marks", "SIGKILL"),
        ("marks", "SIGINT"),
    ],
)
@namespaced
def test_a_sweep_that_is_cut_off_is_finished_by_the_next(
    known: str, number: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.configure(term_grace_seconds=4)
    dead, neighbour = world.session(registered=known == "registered"), world.session()
    if known == "client file":
        world.client_file(dead)
    began = time.monotonic()
    shell, job = job_below_a_call(dead)
    _, spared_job = job_below_a_call(neighbour)
    let_go, server = dead.detached("setsid"), dead.mcp(stubborn=True)
    dead.kill()
    if known != "registered":
        wait_until(lambda: time.monotonic() > began + YOUNG_SECONDS, 15, "it is old enough")
    first = begin(world, "auto")
    wait_until(lambda: not shell.alive, 20, "the shell has had its SIGTERM")
    first.send_signal(getattr(signal, number))
    first.wait(20)
    (finding,) = [
        one for one in world.cli("scan", "--json").json["findings"] if one["pid"] == job.pid
    ]
    assert (finding["verdict"], finding["session_id"]) == ("reap", dead.session_id)
    assert "condemned" in finding["evidence"]
    assert world.cli("auto").code == 0
    assert (job.alive, server.alive, let_go.alive, spared_job.alive) == (False, False, True, True)
    assert not list((world.root / "trees").glob("begun-*")), "nothing is left of it"


@namespaced
def test_what_a_user_named_is_not_ended_unasked_after_a_sweep_that_was_cut_off(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.configure(term_grace_seconds=4)
    dead = world.session()
    job = stubborn_in_the_background(dead)
    named = dead.detached("nohup")
    dead.kill()
    first = begin(world, "run", "--pid", str(job.pid), "--pid", str(named.pid), "--execute")
    wait_until(lambda: not named.alive, 20, "both have had their SIGTERM")
    first.send_signal(signal.SIGKILL)
    first.wait(20)
    assert world.cli("auto").code == 0
    assert job.alive


@pytest.mark.parametrize("number", ["SIGINT", "SIGKILL"])
@namespaced
def test_what_the_setting_alone_had_begun_is_not_ended_after_it_was_taken_back(
    tmp_path: Path, number: str
) -> None:
    """`PROCESS_JANITOR_DETACHED=reap process-janitor auto`, broken off because a dev server was among it."""
    world = World(tmp_path)
    world.configure(term_grace_seconds=4, detached="reap")
    dead = world.session()
    job, other = stubborn_in_the_background(dead), dead.detached("nohup")
    dead.kill()
    first = begin(world, "auto")
    wait_until(lambda: not other.alive, 20, "both have had their SIGTERM")
    first.send_signal(getattr(signal, number))
    first.wait(20)
    world.configure(detached="report")
    assert world.cli("auto").code == 0
    assert job.alive


def note(root: Path, *sessions: Session) -> Path:
    world = identity.boot_id(), identity.pid_namespace()
    begun.store(str(root), *world, sessions)
    return Path(begun.path(str(root), *world))


def read(root: Path) -> list[Session]:
    return begun.load(str(root), identity.boot_id(), identity.pid_namespace())


def of(owner: Identity, *processes: Identity) -> Session:
    noted = {one.key: Seen(owner.pid, owner.start, condemned=True) for one in processes}
    return Session("an-id", owner, source="marks", descendants=noted, condemned_sids=((77, 5),))


@namespaced
def test_only_what_still_runs_counts_as_begun(tmp_path: Path) -> None:
    here = Identity(4_000_000, 5, identity.boot_id(), identity.pid_namespace())
    child = Child(subprocess.Popen(["sleep", "60"]).pid)
    reused = child.identity._replace(start=child.identity.start - 1)
    note(tmp_path, of(here, child.identity, reused), of(here._replace(pid=4_000_001), reused))
    assert read(tmp_path) == [of(here, child.identity)]
    assert begun.load(str(tmp_path), "another-boot", here.pid_namespace) == []
    assert begun.load(str(tmp_path), here.boot_id, 5) == []


@namespaced
def test_a_number_alone_names_no_owner_once_somebody_else_has_it(tmp_path: Path) -> None:
    """What a client of that number starts would be taken for the dead one's."""
    owner, left = (Child(subprocess.Popen(["sleep", "60"]).pid) for _ in range(2))
    note(tmp_path, of(owner.identity._replace(start=0), left.identity))
    assert read(tmp_path) == []
    note(tmp_path, of(owner.identity._replace(start=1), left.identity))
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        [], {"sessions": 5}, {"sessions": [5]}, {"sessions": [{}]},
        {"sessions": [{"session_id": 5, "owner": [9, 9]}]},
        {"sessions": [{"session_id": "a", "owner": [1, 9], "processes": []}]},
        {"sessions": [{"session_id": "a", "owner": [9, 9], "processes": [[1], "x", [2, 3, True]], "calls": {}}]},
    ],
)  # fmt: skip
@namespaced
def test_a_damaged_note_condemns_nobody(damage: object, tmp_path: Path) -> None:
    file = note(tmp_path, of(Identity(9, 9)))
    file.write_text(json.dumps(damage))
    assert read(tmp_path) == []
