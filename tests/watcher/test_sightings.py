"""What the watcher notes of the living, and what it must not believe of a table that was read while one of them died."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
from pathlib import Path

import pytest

from process_janitor.core.model import Process
from process_janitor.core.tree import Tree
from process_janitor.system import procfs
from process_janitor.system.registry import Registry
from process_janitor.watcher.due import Due
from process_janitor.watcher.sessions import Sessions
from tests.machine import Machine
from tests.namespaced import namespaced
from tests.world import World

A = "aaaaaaaa-0000-4000-8000-000000000001"
case = pytest.mark.case


def torn(m: Machine, client: int) -> None:
    """A look that read the client's row before its end, and those of its children after it."""
    row = dataclasses.replace(m.rows[client])
    m.exit(client)
    m.rows[client] = row
    m.look()
    del m.rows[client]


@case("M49", "a client that dies while the watcher reads the table", "reap")
@pytest.mark.parametrize("helper", ["mcp", "bash"])
def test_what_a_client_held_when_it_died_under_a_look_had_not_let_go(helper: str) -> None:
    """One crash in fifty: the look takes 20 ms of each second. What a call had become (exec) was left for ever."""
    m = Machine()
    claude = m.claude(A)
    held = getattr(m, helper)(claude, A)
    m.rows[held].comm, m.rows[held].argv = "gopls", ("gopls", "serve")
    m.look()
    torn(m, claude)
    assert m.verdict(held) == ("reap", "leftover")


def test_what_had_let_go_before_is_still_known_to_have() -> None:
    m = Machine()
    claude = m.claude(A)
    call = m.bash(claude, A)
    gone = m.spawn(call, comm="vite")
    held = m.bash(claude, A)
    m.look()
    m.exit(call)
    m.look()
    torn(m, claude)
    assert m.verdict(gone) == ("report", "detached")
    assert m.verdict(held) == ("reap", "leftover")


def test_a_table_without_anything_torn_is_believed() -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.mcp(claude, A, comm="npm exec")
    leaf = m.spawn(server, comm="node")
    m.look()
    m.exit(server)
    m.look()
    (session,) = m.sessions.values()
    assert Tree(m.processes()).parent(m.processes()[leaf]) == m.processes()[1]
    assert session.descendants[m.rows[leaf].key].detached


@namespaced
def test_a_look_during_which_a_client_dies_notes_nothing_of_it(tmp_path: Path) -> None:
    """Of the whole tree: launcher and client may die together, and then no child of the client's is left to tell."""
    world = World(tmp_path)
    session, neighbour = world.session(), world.session()
    shell, command = session.bash()
    other = neighbour.bash()
    registry = Registry(str(world.root))
    sessions = Sessions(registry, Due(registry), select.poll())
    sessions.refresh()
    before = {key: dict(one.descendants) for key, one in sessions.watched.items()}
    assert command.identity.key in before[session.identity.key]
    whole = procfs.table

    def while_it_dies() -> dict[int, Process]:
        read = whole()
        os.kill(shell.pid, signal.SIGKILL)
        session.kill()
        shell.gone()
        now = whole()
        return {**now, **{pid: row for pid, row in read.items() if pid == session.pid}}

    procfs.table = while_it_dies
    sessions._look()
    assert sessions.watched[session.identity.key].descendants == before[session.identity.key]
    procfs.table = whole
    os.kill(other[0].pid, signal.SIGKILL)
    other[0].gone()
    sessions._look()
    assert sessions.watched[neighbour.identity.key].descendants[other[1].identity.key].detached
