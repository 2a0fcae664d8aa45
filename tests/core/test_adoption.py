"""Who took an orphan in, and who started it."""

from __future__ import annotations

import pytest

from process_janitor.core.model import Marks
from tests.machine import Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.mark.case(
    "M16", "adopted by a container's first process (catatonit, dockerd, code, tmux)", "reap"
)
@pytest.mark.parametrize("comm", ["catatonit", "dockerd", "code", "tmux: server", "conmon"])
def test_who_took_it_in_hands_no_veto_down(comm: str) -> None:
    """A container's first process (catatonit as its entry point, docker in docker, `code tunnel`) did not start it."""
    m = Machine()
    m.rows[1].comm = comm
    claude = m.claude(A)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    m.exit(claude)
    assert m.verdict(server) == m.verdict(shell) == ("reap", "leftover")


@pytest.mark.case("M17", "adopted by a terminal program that is a subreaper", "reap")
@pytest.mark.parametrize("comm", ["tmux: server", "zellij", "kitty"])
def test_a_multiplexer_that_takes_orphans_in_hands_no_veto_down(comm: str) -> None:
    """G1 of the danger scenarios: a tmux server that is a subreaper. The pane the session ran in stays."""
    m = Machine()
    mux = m.spawn(1, comm=comm, setsid=True)
    pane = m.spawn(mux, comm="bash", setsid=True, tty=34820)
    claude = m.claude(A, parent=pane)
    server, shell = m.mcp(claude, A), m.bash(claude, A)
    m.look()
    m.exit(claude, adopter=mux)
    assert m.verdict(server) == m.verdict(shell) == ("reap", "leftover")
    assert m.verdict(pane) == ("keep", "")


@pytest.mark.case("M18", "toolbox, distrobox: adopted by conmon", "reap")
def test_in_a_container_that_shares_the_hosts_numbers_orphans_go_to_conmon() -> None:
    """toolbox and distrobox run with --pid=host: conmon is the subreaper, and everything in there runs below it."""
    m = Machine()
    conmon = m.spawn(1, comm="conmon", setsid=True)
    shell = m.spawn(conmon, comm="bash", setsid=True, tty=34820)
    claude = m.claude(A, parent=shell)
    server, call = m.mcp(claude, A), m.bash(claude, A)
    m.exit(claude, adopter=conmon)
    assert m.verdict(server) == m.verdict(call) == ("reap", "leftover")
    assert m.verdict(shell) == ("keep", "")


@pytest.mark.case("M19", "a child of a living script that exports the session's id", "report")
def test_a_child_of_a_living_script_that_exports_the_id_was_started_by_the_script() -> None:
    """`export CLAUDE_CODE_SESSION_ID=$id; claude -p --session-id $id … & node shipper.js`: the client is killed, the script waits.

    The script's own environment is the one it was started with, and names nobody: that does not make it a subreaper.
    """
    m = Machine()
    script = m.spawn(m.shell, comm="bash", argv=("bash", "ci.sh"), setpgid=True)
    claude = m.spawn(script, comm="claude", argv=("claude", "-p", "go"))
    m.register(claude, A)
    shipper = m.spawn(script, comm="node", argv=("node", "shipper.js"), marks=Marks(session_id=A))
    m.look()
    m.tick(60)
    m.look()
    m.exit(claude)
    assert m.verdict(shipper)[0] != "reap"


@pytest.mark.case("M20", "in the service unit of a session that no hook registered", "reap")
@pytest.mark.parametrize("source", ["client", ""])
def test_the_unit_of_a_session_that_no_hook_registered_does_not_protect_its_leftovers(
    source: str,
) -> None:
    """cron without user sessions, konsole as a service of KDE: the client's own group lies in the same unit."""
    m = Machine()
    unit = {"cgroup": "/system.slice/cron.service"}
    cron = m.spawn(1, comm="cron", setsid=True, detail=unit)
    claude = m.claude(A, parent=cron, source=source, argv=("claude", "-p", "go"), detail=unit)
    shell = m.bash(claude, A, detail=unit)
    m.tick(60)
    m.exit(claude)
    assert m.verdict(shell) == ("reap", "leftover")
