"""`run` ends what it was asked to end, and its neighbour lives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.namespaced import namespaced
from tests.world import World


@namespaced
def test_a_plan_ends_what_it_says_and_only_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server, polite, detached = session.mcp(stubborn=True), session.mcp(), session.detached("setsid")
    session.kill()
    world.configure(term_grace_seconds=1)
    planned = world.cli("run")
    assert planned.code == 0
    (words,) = [line for line in planned.out.splitlines() if "--plan" in line]
    plan = words.split()[words.split().index("--plan") + 1]
    assert f"process-janitor run --plan {plan} --execute" in words
    assert server.alive
    done = world.cli("run", "--plan", plan, "--execute")
    assert done.code == 0, done
    assert (server.alive, polite.alive, detached.alive) == (False, False, True)
    again = world.cli("run", "--plan", plan, "--execute")
    assert again.code == 1
    assert "executed already" in again.err


@namespaced
def test_a_plan_never_reaches_what_came_after_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    session, other = world.session(), world.session()
    planned_for, later = session.mcp(), other.mcp()
    session.kill()
    plan = world.cli("run", "--json").json["plan"]["id"]
    other.kill()
    assert world.cli("run", "--plan", plan, "--execute").code == 0
    assert (planned_for.alive, later.alive) == (False, True)


@namespaced
def test_a_plan_does_not_outlive_a_change_of_the_verdict(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    kept, ended = session.mcp(), session.mcp()
    session.kill()
    plan = world.cli("run", "--json").json["plan"]["id"]
    assert world.cli("keep", str(kept.pid)).code == 0
    assert world.cli("run", "--plan", plan, "--execute").code == 0
    assert (kept.alive, ended.alive) == (True, False)


@namespaced
def test_a_plan_of_proven_leftovers_does_not_end_what_is_only_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server, detached = session.mcp(), session.detached()
    session.kill()
    plan = world.cli("run", "--json").json["plan"]["id"]
    path = world.root / "plans" / f"{plan}.json"
    document = json.loads(path.read_text())
    me = detached.identity
    document["members"].append({
        "pid": me.pid, "start_ticks": me.start, "boot_id": me.boot_id, "pid_namespace": me.pid_namespace,
        "selected": False,
    })  # fmt: skip
    path.write_text(json.dumps(document))
    assert world.cli("run", "--plan", plan, "--execute").code == 0
    assert (server.alive, detached.alive) == (False, True)


@namespaced
def test_a_selected_process_is_ended_and_the_one_beside_it_is_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    one, other = session.detached(), session.detached("setsid")
    session.kill()
    assert world.cli("run", "--execute").code == 0
    assert (one.alive, other.alive) == (True, True), "a report is not ended unless it is named"
    assert world.cli("run", "--pid", str(one.pid), "--execute").code == 0
    assert (one.alive, other.alive) == (False, True)


@namespaced
def test_a_session_is_named_by_the_beginning_of_its_id_if_that_is_one_sessions(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    one = world.session("abcd1111-0000-4000-8000-000000000001")
    two = world.session("abcd2222-0000-4000-8000-000000000002")
    server, other = one.mcp(), two.mcp()
    one.kill()
    two.kill()
    for word, said in (
        ("abcd", f"2 session ids: {one.session_id}, {two.session_id}"),
        ("abc", "no session"),
        ("bcd1", "no session"),
        ("", "no session"),
        ("abcd3", "no session"),
    ):
        answer = world.cli("run", "--session", word, "--execute")
        assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1), word
        assert said in answer.err
    assert (server.alive, other.alive) == (True, True)
    planned = world.cli("run", "--session", "abcd2", "--json").json
    assert planned["plan"]["pids"] == [other.pid]
    assert world.cli("run", "--session", "abcd1", "--execute").code == 0
    assert (server.alive, other.alive) == (False, True)


@namespaced
def test_options_narrow_each_other_down(tmp_path: Path) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    detached, server, elsewhere = one.detached(), one.mcp(), other.detached()
    one.kill()
    other.kill()
    words = ["run", "--session", one.session_id, "--class", "detached", "--yes"]
    assert world.cli(*words).code == 0
    assert (detached.alive, server.alive, elsewhere.alive) == (False, True, True)


@namespaced
def test_a_kept_process_is_refused_with_its_veto(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    answer = world.cli("run", "--pid", str(server.pid), "--execute", "--json")
    assert answer.code == 3
    (refused,) = answer.json["actions"]
    assert refused["outcome"] == "refused"
    assert refused["why"].startswith("the Claude session it belongs to is alive [live-owner]")
    (found,) = [one for one in answer.json["findings"] if one["pid"] == server.pid]
    assert (found["verdict"], found["identity"]) == ("keep", refused["identity"])
    assert found["command"]
    text = world.cli("run", "--pid", str(server.pid), "--execute")
    assert text.code == 3
    assert f"refused {server.pid}: the Claude session it belongs to is alive" in text.out
    planned = world.cli("run", "--pid", str(server.pid))
    assert planned.code == 3
    assert "live-owner" in planned.out
    assert world.cli("run", "--session", session.session_id, "--execute").code == 3
    assert world.cli("run", "--pid", str(session.pid), "--execute").code == 3
    assert world.cli("run", "--pid", "1", "--execute").code == 3
    assert server.alive
    assert session.alive


@namespaced
def test_a_session_that_is_shown_and_protected_is_refused_and_its_twin_is_ended(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    kept = world.session("0b9c1d2e-0000-4000-8000-000000000001")
    twin = world.session(kept.session_id)
    assert world.cli("keep", str(kept.pid)).code == 0
    planned = world.cli("run", "--pid", str(kept.pid))
    assert planned.code == 3, planned
    assert "--plan" not in planned.out
    assert "kept-by-rule" in planned.out
    assert "run --pid" not in planned.out, "what is refused is not suggested"
    told = {one["pid"]: one["next"] for one in world.cli("scan", "--json").json["findings"]}
    assert told == {kept.pid: "", twin.pid: f"process-janitor run --pid {twin.pid}"}
    assert "removed your rule" in " ".join(world.cli("explain", str(kept.pid)).out.split())
    refused = world.cli("run", "--pid", str(kept.pid), "--execute", "--json")
    assert refused.code == 3
    assert [one["outcome"] for one in refused.json["actions"]] == ["refused"]
    assert world.cli("run", "--pid", str(twin.pid), "--execute").code == 0
    assert (kept.alive, twin.alive) == (True, False)


@namespaced
def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    world = World(tmp_path)
    gone = world.cli("run", "--pid", "4000000")
    assert (gone.code, gone.out) == (1, "")
    assert "no process 4000000" in gone.err
    assert world.cli("run", "--session", "nobody").code == 1
    assert world.cli("explain", "4000000").code == 1
    assert world.cli("run", "--plan", "../../etc", "--execute").code == 1
    assert world.cli("run", "--plan", "abcdef", "--pid", "7").code == 2


@namespaced
def test_without_a_terminal_only_both_settings_together_act(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    server = session.mcp()
    session.kill()
    for settings in ({}, {"dry_run_default": False}, {"cleanup_mode": "auto"}):
        world.configure(**settings)
        assert world.cli("run").code == 0
        assert server.alive, settings
    world.configure(dry_run_default=False, cleanup_mode="auto")
    assert world.cli("run", "--dry-run").code == 0
    assert server.alive
    assert world.cli("run").code == 0
    assert not server.alive


@namespaced
def test_more_than_the_limit_is_not_touched_by_auto(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    servers = [session.mcp() for _ in range(3)]
    session.kill()
    world.configure(auto_limit=2)
    answer = world.cli("auto", "--quiet")
    assert (answer.code, answer.out) == (3, "")
    assert "auto_limit" in answer.err
    assert all(server.alive for server in servers)
    world.configure(auto_limit=3)
    answer = world.cli("auto", "--quiet")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert not any(server.alive for server in servers)


@namespaced
def test_scan_tells_scripts_that_there_are_findings(tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    session.mcp()
    assert world.cli("scan", "--exit-code").code == 0
    session.kill()
    assert world.cli("scan", "--exit-code").code == 10
    assert world.cli("scan").code == 0
    assert world.cli("--exit-code", "--quiet").out == ""


@namespaced
def test_a_session_started_in_another_one_outlives_it_with_all_it_has(tmp_path: Path) -> None:
    world = World(tmp_path)
    outer = world.session()
    inner = world.session(below=outer)
    server, left = inner.mcp(), outer.mcp()
    outer.kill()
    assert world.cli("auto").code == 0
    assert (inner.alive, server.alive, left.alive) == (True, True, False)
    inner.kill()
    assert world.cli("auto").code == 0
    assert not server.alive


@pytest.mark.parametrize("how", ["--dry-run", "--execute"])
@namespaced
def test_a_class_that_nothing_is_of_is_said_to_be_empty(how: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    session = world.session()
    left, detached = session.mcp(), session.detached()
    session.kill()
    for name in ("stale-lock", "runaway", "hung-session"):
        said = world.cli("run", "--class", name, how)
        assert (said.code, said.err) == (0, "")
        assert f"Nothing of class {name}" in said.out
        assert world.cli("run", "--class", name, how, "--json").json["totals"] is not None
        assert world.cli("run", "--class", name, how, "--quiet").out == ""
    assert left.alive
    said = world.cli("run", "--class", "stale-lock", "--class", "leftover", how)
    assert said.code == 0
    assert "Nothing of class" not in said.out
    assert left.alive is (how == "--dry-run")
    assert detached.alive


@namespaced
def test_nobody_chooses_between_two_clients_on_one_conversation(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session("11111111-0000-4000-8000-000000000001")
    two = world.session("11111111-0000-4000-8000-000000000001")
    for words in (("--class", "duplicate-session"), ("--session", one.session_id)):
        planned = world.cli("run", *words, "--dry-run").out
        assert "name the one to end with --pid" in planned
        last = planned.splitlines()[-1]
        assert last.startswith(f"Next: process-janitor run --pid {one.pid} ")
        said = world.cli("run", *words, "--execute")
        assert said.code == 3, said
        assert one.alive
        assert two.alive
    assert world.cli("run", "--pid", str(two.pid), "--execute").code == 0
    assert not two.alive
    assert one.alive


def test_what_run_never_ends_is_said() -> None:
    from process_janitor.faces.cli.run import _nothing_of
    from process_janitor.faces.cli.selection import Selection

    never = _nothing_of(Selection(classes=frozenset({"overload"})), "process-janitor")
    assert "ends nothing of class overload" in never
    none = _nothing_of(Selection(classes=frozenset({"overload", "leftover"})), "process-janitor")
    assert "Nothing of class" in none
