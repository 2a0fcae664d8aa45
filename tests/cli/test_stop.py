"""`stop` ends the sessions it was told to with all they have, and no other."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core import stoppable
from process_janitor.core.policy import Policy
from process_janitor.faces import schemas
from process_janitor.stopping import Ended, Stop
from process_janitor.sweep import look
from process_janitor.system import clock, procfs
from process_janitor.system.config import load_settings
from tests.namespaced import namespaced
from tests.serving import configure, serving
from tests.world import Answer, Pretend, World, wait_until


def told(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = answer.json
    assert schemas.complaints("stop", document) == []
    return document


def outcomes(document: dict[str, Any]) -> dict[int, str]:
    return {one["pid"]: one["outcome"] for one in document["ended"]}


def team(world: World, name: str, *words: str) -> Pretend:
    return world.session(
        words=("--agent-id", f"{name}@crew", "--agent-name", name, "--team-name", "crew", *words)
    )


@namespaced
def test_a_server_is_called_what_its_user_calls_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    named, nameless = serving(one, "browse"), serving(one, "other")
    spared = serving(other, "browse")
    configure(tmp_path, puppeteer=named.argv, elsewhere=spared.argv)
    answer = world.cli("stop", "--session", one.session_id, "--yes")
    assert answer.code == 0, answer
    assert "puppeteer: stopped" in answer.out.splitlines()
    assert "elsewhere" not in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith("mcp-server ")]
    assert line.endswith(": stopped")
    assert not named.child.alive
    assert not nameless.child.alive
    assert spared.child.alive


@namespaced
def test_one_session_goes_with_its_servers_and_the_other_stays_with_its_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(term_grace_seconds=1)
    one, other = world.session(), world.session()
    server, stubborn, call, detached = one.mcp(), one.mcp(stubborn=True), one.bash(), one.detached()
    spared, spared_call = other.mcp(), other.bash()
    answer = world.cli("stop", "--session", one.session_id[:8], "--yes", "--json")
    assert answer.code == 0, answer
    document = told(answer)
    assert outcomes(document)[one.pid] == "gone"
    assert not any(child.alive for child in (one, server, stubborn, *call))
    assert all(child.alive for child in (other, spared, *spared_call, detached))
    by_pid = {row["pid"]: row for row in document["ended"]}
    assert by_pid[one.pid]["signals"] == ["SIGTERM"]
    assert (by_pid[server.pid]["role"], by_pid[server.pid]["outcome"]) == ("mcp-server", "gone")
    assert by_pid[call[0].pid]["role"] == "bash-task"
    # Whoever adds up what was freed counts everything once.
    assert by_pid[stubborn.pid]["signals"] == ["SIGTERM", "SIGKILL"]
    (besides,) = document["actions"]
    assert besides["pid"] == call[1].pid
    assert besides["command"]
    assert call[1].pid not in by_pid
    everything = [row["freed_bytes"] for row in (*document["ended"], *document["actions"])]
    assert document["freed"]["memory_bytes"] == sum(everything)
    assert document["freed"]["descriptors"] >= 3 * len(everything)
    (left,) = document["left"]
    assert (left["pid"], left["class"]) == (detached.pid, "detached")
    assert left["next"] == f"process-janitor run --pid {detached.pid}"
    lines = world.cli("history", "--json").json["entries"]
    assert {(line["pid"], line["trigger"]) for line in lines if line["event"] == "action"} == {
        (child.pid, "stop") for child in (one, server, stubborn, call[0], call[1])
    }


@namespaced
def test_everything_that_goes_with_a_session_that_hangs_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    hung, other = world.session(), world.session()
    server, call, spared = hung.mcp(), hung.bash(), other.mcp()
    configure(tmp_path, puppeteer=list(procfs.argv(server.pid) or ()))
    goodbye = {"reason": "other", "boot_id": hung.identity.boot_id, "at": clock.utc()}
    world.register(hung, ended={**goodbye, "monotonic": clock.monotonic() - 30})
    answer = world.cli("stop", "--session", hung.session_id, "--yes")
    assert answer.code == 0, answer
    assert not any(one.alive for one in (hung, server, *call))
    assert (other.alive, spared.alive) == (True, True)
    lines = answer.out.splitlines()
    assert lines[0] == f"session {hung.session_id} ({tmp_path}): stopped"
    assert any(line.startswith("puppeteer: stopped") for line in lines)
    assert any(line.startswith("bash-task ") and "stopped" in line for line in lines)
    assert any(line.startswith(f"left over, stopped (process {call[1].pid}): ") for line in lines)
    assert "Stopped 1 Claude process and 3 helpers" in answer.out
    assert "Nothing to clean." in world.cli("scan").out


@namespaced
def test_the_port_of_a_server_is_told_to_be_free_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    listens, spared = serving(one, "browse"), serving(other, "other")
    answer = world.cli("stop", "--session", one.session_id, "--yes")
    assert answer.code == 0, answer
    said = " ".join(answer.out.split())
    assert f"port {listens.port}" in said
    assert f"{spared.port}" not in said
    assert "descriptors" in said


@namespaced
def test_without_a_terminal_and_without_yes_there_is_only_the_plan(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session()
    server = one.mcp()
    before = world.files()
    planned = world.cli("stop", "--all")
    assert planned.code == 0
    assert one.session_id in planned.out
    assert "process-janitor stop --all --yes" in planned.out
    document = told(world.cli("stop", "--session", str(one.pid), "--json"))
    assert (document["executed"], [t["pid"] for t in document["targets"]]) == (False, [one.pid])
    assert document["targets"][0]["processes"] == 2
    assert (one.alive, server.alive) == (True, True)
    assert world.files() == before
    assert world.cli("stop").code == 2
    assert world.cli("stop", "--all", "--session", "x").code == 2


@namespaced
def test_all_is_all_but_the_callers_own_and_its_team(tmp_path: Path) -> None:
    world = World(tmp_path)
    own, one, other = world.session(), world.session(), world.session()
    mate = team(world, "scout", "--parent-session-id", own.session_id)
    nameless = world.session(registered=False)
    inside = {"CLAUDE_CODE_SESSION_ID": own.session_id}
    document = told(world.cli("stop", "--all", "--yes", "--json", **inside))
    assert set(outcomes(document)) == {one.pid, other.pid}
    assert {row["pid"] for row in document["spared"]} == {own.pid, mate.pid, nameless.pid}
    assert [s.alive for s in (own, one, other, mate, nameless)] == [True, False, False, True, True]
    named = told(world.cli("stop", "--session", own.session_id, "--yes", "--json", **inside))
    assert outcomes(named) == {own.pid: "gone", mate.pid: "gone"}
    assert world.cli("stop", "--session", str(nameless.pid), "--yes").code == 0
    assert not nameless.alive
    assert world.cli("stop", "--all", "--yes").code == 0


@namespaced
def test_called_from_a_bash_call_the_session_around_it_is_spared(tmp_path: Path) -> None:
    world = World(tmp_path)
    own, other = world.session(), world.session()
    said = tmp_path / "said"
    start = Path(__file__).resolve().parents[2] / "scripts" / "start.py"
    words = shlex.join([sys.executable, "-I", str(start), "stop", "--all", "--yes"])
    own.run_bash(f"{words} >{said}.part 2>&1; mv {said}.part {said}")
    wait_until(said.exists, 30, "it has answered")
    assert (own.alive, other.alive) == (True, False), said.read_text()
    assert f"session {other.session_id}" in said.read_text()


@namespaced
def test_agents_go_before_their_lead_and_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    lead, other = world.session(), world.session()
    by_id = team(world, "scout", "--parent-session-id", lead.session_id)
    (world.config_dir / "teams" / "crew").mkdir(parents=True)
    config = world.config_dir / "teams" / "crew" / "config.json"
    config.write_text(f'{{"leadSessionId": "{lead.session_id}"}}')
    by_team = team(world, "smith")
    nested = world.session(below=lead)
    alone = world.session(
        words=("--agent-id", "x@solo", "--agent-name", "x", "--team-name", "solo")
    )
    answer = world.cli("stop", "--session", lead.session_id, "--yes")
    assert answer.code == 0, answer
    assert [s.alive for s in (lead, by_id, by_team, nested)] == [False] * 4
    assert (other.alive, alone.alive) == (True, True)
    lines = [line for line in answer.out.splitlines() if line.endswith(": stopped")]
    clients = [line for line in lines if line.startswith(("agent", "session"))]
    assert clients[-1] == f"session {lead.session_id} ({tmp_path}): stopped"
    assert {"agent scout: stopped", "agent smith: stopped"} <= set(clients[:-1])


@pytest.mark.slow
@namespaced
def test_a_client_that_ignores_the_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    world = World(tmp_path)
    stubborn, neighbour = world.session(words=("stubborn",)), world.session(words=("stubborn",))
    document = told(world.cli("stop", "--session", stubborn.session_id, "--yes", "--json"))
    (ended,) = document["ended"]
    assert (ended["outcome"], ended["signals"]) == ("gone", ["SIGTERM", "SIGKILL"])
    assert 10 <= ended["seconds"] < 15
    assert neighbour.alive


@pytest.mark.slow
@namespaced
def test_ctrl_c_stops_the_waiting_and_says_what_was_signalled(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session(words=("stubborn",))
    terminal = world.typing("stop", "--session", one.session_id)
    terminal.wait_for("Stop it? [y/N]")
    terminal.type("y\r")
    terminal.wait_for("s more before SIGKILL")
    terminal.type("\x03")
    terminal.type("\x03")
    terminal.said = ""
    assert terminal.end() == 130, terminal.said
    assert one.alive, "never killed before its grace is over"
    assert f"still running (process {one.pid})" in terminal.said
    assert "Traceback" not in terminal.said
    (line,) = [x for x in world.cli("history", "--json").json["entries"] if x["event"] == "action"]
    assert (line["pid"], line["signals"], line["outcome"]) == (one.pid, ["SIGTERM"], "survived")


@pytest.mark.parametrize(
    ("reader", "code"), [("| cat", 0), ("| head -n 1", 0), (">/dev/full", 1), ("--quiet", 0)]
)
@namespaced
def test_a_stop_goes_on_when_nobody_reads_it_any_more(
    reader: str, code: int, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.configure(term_grace_seconds=1)
    lead, agent, other = world.session(), team(world, "smith"), world.session()
    stopped = (lead, lead.mcp(), lead.mcp(stubborn=True), agent, agent.mcp(stubborn=True))
    spared = (other, other.mcp())
    words = world.command("stop", "--session", str(lead.pid), "--session", str(agent.pid), "--yes")
    answer = shell(world, f"{shlex.join(words)} {reader}")
    assert answer.code == code, answer
    assert answer.err.count("\n") == (1 if code else 0), answer
    assert not any(child.alive for child in stopped)
    assert all(child.alive for child in spared)


@pytest.mark.parametrize("reader", ["| cat", "| head -n 1", ">/dev/full", "2>&1 | head -n 1"])
@namespaced
def test_what_was_not_stopped_is_said_by_the_exit_code_at_least(
    reader: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    one, kept = world.session(), world.session()
    server = one.mcp()
    assert world.cli("keep", str(kept.pid)).code == 0
    words = world.command("stop", "--session", str(one.pid), "--session", str(kept.pid), "--yes")
    answer = shell(world, f"{shlex.join(words)} {reader}")
    assert answer.code == 3, answer
    if reader == ">/dev/full":
        assert f"not stopped: {kept.pid} (refused)" in answer.err
    assert (one.alive, server.alive, kept.alive) == (False, False, True)


def shell(world: World, line: str) -> Answer:
    """A line of a shell, with the exit code of its first command."""
    done = subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"], env={**world.env, "HOME": str(world.home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


@namespaced
def test_a_no_and_no_words_end_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    terminal = world.typing("stop", "--all")
    terminal.wait_for("Stop these 2? [y/N]")
    terminal.type("\r")
    assert terminal.end() == 0
    assert (one.alive, other.alive) == (True, True)
    terminal = world.typing("stop", "--session", one.session_id)
    terminal.wait_for("Stop it? [y/N]")
    terminal.type("yes\r")
    assert terminal.end() == 0
    assert (one.alive, other.alive) == (False, True)


@namespaced
def test_a_word_that_means_nobody_or_several_is_an_error(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session("abcd1111-0000-4000-8000-000000000001")
    two = world.session("abcd2222-0000-4000-8000-000000000002")
    gone = world.session("eeee0000-0000-4000-8000-000000000003")
    gone.kill()
    for word in ("abcd", "abc", "", "nobody", "1", gone.session_id, str(os.getpid())):
        answer = world.cli("stop", "--session", word, "--yes")
        assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1), word
    assert "abcd1111" in world.cli("stop", "--session", "abcd", "--yes").err
    assert (one.alive, two.alive) == (True, True)


@namespaced
def test_a_kept_session_is_refused_and_spared(tmp_path: Path) -> None:
    world = World(tmp_path)
    kept, other = world.session(), world.session()
    assert world.cli("keep", str(kept.pid)).code == 0
    refused = world.cli(
        "stop", "--session", kept.session_id, "--session", other.session_id, "--yes", "--json"
    )
    assert refused.code == 3
    assert outcomes(told(refused)) == {kept.pid: "refused", other.pid: "gone"}
    assert world.cli("stop", "--all", "--yes").code == 0
    assert (kept.alive, other.alive) == (True, False)


@namespaced
def test_a_stopped_session_is_woken_to_save_and_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session()
    os.kill(one.pid, signal.SIGSTOP)
    assert world.cli("stop", "--session", one.session_id, "--yes").code == 0
    assert not one.alive


FAKE = """#!/bin/sh
echo "$@" >>"$HOME/asked"
[ "$1 $2" = "stop {job}" ] || {{ echo "no such session" >&2; exit 1; }}
kill {pid}
"""


def fake_claude(world: World, script: str) -> str:
    folder = world.home / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "claude").write_text(script)
    (folder / "claude").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("job", ["", "f308cd51"])
@namespaced
def test_a_background_session_is_ended_by_the_client_and_never_by_a_signal(
    job: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    background, other = world.session(), world.session()
    world.client_file(background, kind="bg", entrypoint="cli", **({"jobId": job} if job else {}))
    path = fake_claude(world, FAKE.format(job=job or background.session_id[:8], pid=background.pid))
    document = told(
        world.cli("stop", "--session", background.session_id, "--yes", "--json", PATH=path)
    )
    (ended,) = document["ended"]
    assert (ended["role"], ended["outcome"], ended["signals"]) == ("background", "gone", [])
    assert (tmp_path / "asked").read_text() == f"stop {job or background.session_id[:8]}\n"
    assert (background.alive, other.alive) == (False, True)


@pytest.mark.case(
    "J1", "a job's name in a client's file that is an option of `claude stop` (--all)", "keep"
)
@pytest.mark.parametrize("job", ["--all", "-a", "a b", "../x", 7])
@namespaced
def test_what_a_client_file_says_never_becomes_an_option(job: object, tmp_path: Path) -> None:
    world = World(tmp_path)
    background = world.session()
    world.client_file(background, kind="bg", entrypoint="cli", jobId=job)
    named = background.session_id[:8]
    path = fake_claude(world, FAKE.format(job=named, pid=background.pid))
    assert world.cli("stop", "--session", background.session_id, "--yes", PATH=path).code == 0
    assert (tmp_path / "asked").read_text() == f"stop {named}\n"


@namespaced
def test_a_background_session_that_the_client_does_not_end_is_told_and_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    background = world.session()
    world.client_file(background, kind="bg")
    path = fake_claude(world, "#!/bin/sh\necho 'the daemon is down' >&2\nexit 1\n")
    answer = world.cli("stop", "--all", "--yes", "--json", PATH=path)
    assert answer.code == 3
    (ended,) = told(answer)["ended"]
    assert ended["outcome"] == "survived"
    assert "the daemon is down" in ended["problem"]
    nothing = world.cli("stop", "--all", "--yes", PATH="/usr/bin:/bin")
    assert nothing.code == 3
    assert "no claude on PATH" in nothing.out
    assert background.alive


@namespaced
def test_a_pid_that_is_another_process_by_now_gets_no_signal(tmp_path: Path) -> None:
    world = World(tmp_path)
    one, other = world.session(), world.session()
    judged = look(str(world.root), Policy())
    ties = judged.observation.ties
    among = stoppable.living(ties, Policy(), {})
    (planned,) = stoppable.meant(str(one.pid), among)
    # What was planned had this pid before: the one that has it now started later.
    older = planned.process._replace(start=planned.process.start - 1)
    identity = planned.decision.identity._replace(start=older.start)
    stale = planned._replace(decision=planned.decision._replace(process=older, identity=identity))
    heard: list[Ended] = []
    stop = Stop(str(world.root), load_settings(), ties, heard.append, lambda _: None, lambda: False)
    stopped = stop.run([[stale]])
    assert [(e.outcome, e.signals) for e in heard] == [("gone", ())]
    assert stopped.actions == ()
    assert (one.alive, other.alive) == (True, True)


@namespaced
def test_a_session_that_appears_meanwhile_is_not_stopped(tmp_path: Path) -> None:
    world = World(tmp_path)
    one = world.session()
    terminal = world.typing("stop", "--all")
    terminal.wait_for("Stop it? [y/N]")
    later = world.session()
    server = later.mcp()
    terminal.type("y\r")
    assert terminal.end() == 0, terminal.said
    assert (one.alive, later.alive, server.alive) == (False, True, True)
