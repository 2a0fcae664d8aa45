"""Records that tell of nothing any more are shown, those of the living are not, and nothing touches either."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from process_janitor.core.old_records import Records, condition
from process_janitor.faces import schemas
from process_janitor.system import identity
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.world import World

DEAD = 4_000_000


@namespaced
def test_the_clients_own_records_of_dead_processes_are_shown_and_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    registers = world.config_dir / "sessions"
    registers.mkdir()
    here = f"linux:{identity.machine_id()}:pid:[{identity.pid_namespace()}]"

    def register(pid: int, start: int, domain: str = here) -> Path:
        path = registers / f"{pid}.json"
        document = {
            "pid": pid,
            "procStart": str(start),
            "sessionId": f"s{pid}",
            "pidDomain": domain,
        }
        path.write_text(json.dumps(document))
        return path

    register(session.pid, session.identity.start)
    register(DEAD, 5, "linux:x:pid:[5]")

    def shown(*words: str) -> list[dict[str, object]]:
        document = world.cli("scan", "--json", *words).json
        assert schemas.complaints("scan", document) == []
        return [one for one in document["findings"] if one["class"] == "stale-record"]

    assert shown("--all") == []
    counted = world.cli("scan", "--json").json["totals"]
    register(DEAD - 1, 5)
    reused = register(os.getpid(), 5)
    # Every crash leaves one: whoever only asks what is left over hears nothing of it.
    assert shown() == []
    assert "sessions:" not in world.cli("scan").out
    assert "other finding" not in world.cli("scan").out
    assert world.cli("report", "--json").json["findings"] == []
    (found,) = shown("--all")
    assert (found["verdict"], found["next"]) == ("keep", "")
    assert [one["about"] for one in shown("--verbose")] == [found["about"]]
    assert world.cli("scan", "--json", "--all").json["totals"] == counted
    (told,) = world.cli("report", "--json", "--verbose").json["findings"]
    assert told["class"] == "stale-record"
    assert found["command"] == str(registers)
    assert found["vetoes"] == ["not-ours"]
    assert f"{DEAD - 1}.json" in str(found["about"])
    assert reused.name in str(found["about"])
    assert str(found["about"]).startswith("2 ")
    before = {p: p.read_bytes() for p in registers.iterdir()}
    session.kill()
    assert str(shown("--all")[0]["about"]).startswith("3 ")
    assert "Claude Code's own register" in world.cli("scan", "--all", COLUMNS="200").out
    world.cli("run", "--class", "stale-record", "--execute")
    world.cli("auto")
    assert {p: p.read_bytes() for p in registers.iterdir()} == before


@pytest.mark.case("E2", "a session of another machine with the same home", "keep")
@pytest.mark.parametrize("where", ["another machine", "here"])
@namespaced
def test_a_session_of_another_machine_with_this_home_is_elsewhere(
    where: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.session()
    registers = world.config_dir / "sessions"
    registers.mkdir()
    machine = identity.machine_id() if where == "here" else "f" * 32
    document = {
        "pid": DEAD,
        "procStart": "5",
        "sessionId": "the-other",
        # The first pid namespace has the same number on every Linux.
        "pidDomain": f"linux:{machine}:pid:[{identity.pid_namespace()}]",
    }
    (registers / f"{DEAD}.json").write_text(json.dumps(document))
    said = world.cli("scan", "--all", "--json").json
    states = {one["session_id"]: one["state"] for one in said["sessions"]}
    stale = [one for one in said["findings"] if one["class"] == "stale-record"]
    assert states["the-other"] == ("crashed" if where == "here" else "elsewhere")
    assert len(stale) == (where == "here")


@namespaced
def test_our_own_unusable_records_are_shown_where_they_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    assert world.cli("scan", "--json").json["findings"] == []
    broken = world.root / "sessions" / session.session_id / "77-5.json"
    broken.write_text("{")
    (found,) = world.cli("scan", "--json").json["findings"]
    assert found["class"] == "stale-record"
    assert "77-5.json" in found["about"]
    assert (found["verdict"], found["next"]) == ("report", "process-janitor doctor")
    assert "process-janitor doctor" in world.cli("scan").out.splitlines()[-1]
    assert broken.exists()
    Registry(str(world.root)).quarantine_malformed()
    (found,) = world.cli("scan", "--json").json["findings"]
    assert found["command"] == str(world.root / "quarantine")
    assert session.alive


def test_many_records_are_one_line() -> None:
    names = tuple(f"{n}.json" for n in range(100, 400))
    said = condition(Records("/c/sessions", names, 5.0, ours=False))
    assert said.about.startswith("300 of")
    assert len(said.about) < 120
