"""Which terminal a process sits in, and which panes are called orphans. Each pane that is named has a twin that is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.model import Marks
from process_janitor.core.record import pane_of, tmux_pane
from process_janitor.core.ties import Ties
from process_janitor.core.windows import Pane, Windows, starts_claude, terminal
from tests.machine import UID, Machine

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
SOCKET = f"/tmp/tmux-{UID}/default"
TTY = 34820


class Desk:
    """A machine with one tmux server."""

    def __init__(self) -> None:
        self.m = Machine()
        self.server = self.m.spawn(1, comm="tmux: server", argv=("tmux",), setsid=True, uid=UID)
        self.panes: list[Pane] = []

    def pane(self, *, tty: int = TTY, comm: str = "bash", marks: Marks | None = None, **fields: Any) -> Pane:  # fmt: skip
        pid = self.m.spawn(
            self.server, comm=comm, setsid=True, tty=tty, uid=UID, marks=marks or Marks()
        )
        known = {"device": tty, "session": "main", "window": 2, "place": len(self.panes)}
        made = Pane(SOCKET, self.server, f"%{len(self.panes)}", pid, **{**known, **fields})
        self.panes.append(made)
        return made

    def dead(self, pane: Pane) -> None:
        """Its program ends and tmux keeps it open."""
        self.m.exit(pane.pid, adopter=self.server)
        self.panes[self.panes.index(pane)] = pane._replace(dead=True, device=0)

    def claude(
        self, at: Pane, session_id: str = A, *, recorded: bool = False, over_at: str = ""
    ) -> int:
        pid = self.m.claude(session_id, parent=at.pid)
        pane = (at.socket, at.server, at.pane_id) if recorded else ()
        self.know(pid, tty=at.device, pane=pane, over_at=over_at)
        return pid

    def know(self, pid: int, **known: Any) -> None:
        key = (pid, self.m.rows[pid].start)
        self.m.sessions[key] = self.m.sessions[key]._replace(**known)

    def windows(self) -> Windows:
        return Windows(Ties(self.m.snapshot(), self.m.sessions.values()), self.panes)

    def named(self) -> dict[str, tuple[str, ...]]:
        return {one.subject: one.evidence for one in self.windows().orphans()}


def test_a_process_is_in_the_pane_it_descends_from_or_on_whose_terminal_it_is() -> None:
    desk = Desk()
    pane = desk.pane()
    other = desk.pane(tty=TTY + 1, session="other one")
    below = desk.claude(pane)
    # `script` gives it a terminal of its own, inside the same pane.
    inner = desk.m.spawn(pane.pid, comm="claude", setsid=True, tty=TTY + 7)
    adopted = desk.m.spawn(1, comm="vim", tty=other.device)
    contained = desk.m.spawn(1, comm="sh", tty=other.device, detail={"pid_namespace": 7})
    windows = desk.windows()
    assert [windows.label(pid) for pid in (below, inner, pane.pid)] == ["tmux:main:2.0"] * 3
    assert windows.label(adopted) == "tmux:other one:2.1"
    assert windows.label(contained) == "/dev/pts/5", "terminals of a container count from 0 again"
    assert windows.label(desk.m.shell) == "/dev/pts/0"
    assert windows.label(1) == ""
    assert windows.label(999_999) == ""


def test_a_server_of_another_socket_is_named_with_it() -> None:
    desk = Desk()
    pane = desk.pane()._replace(socket="/run/x/work")
    assert pane.label == "tmux/work:main:2.0"


def test_a_pane_whose_process_is_not_the_servers_child_is_of_another_table() -> None:
    desk = Desk()
    pane = desk.pane()._replace(pid=desk.m.shell, started="claude")
    desk.panes = [pane]
    assert desk.windows().pane(desk.m.shell) is None
    assert pane.label not in desk.named()


def test_two_sessions_in_one_pane_are_counted_and_a_nested_one_is_not() -> None:
    desk = Desk()
    pane, single = desk.pane(), desk.pane(tty=TTY + 1)
    first, second = desk.claude(pane), desk.claude(pane, B)
    only = desk.claude(single, "cccccccc-0000-4000-8000-000000000003")
    nested = desk.m.claude(
        "dddddddd-0000-4000-8000-000000000004", parent=desk.m.bash(only, "cccc"), source=""
    )
    assert desk.windows().label(nested) == single.label
    assert desk.windows().clients() == {
        (SOCKET, pane.pane_id): (first, second),
        (SOCKET, single.pane_id): (only,),
    }


@pytest.mark.case("T1", "a tmux pane in which a crashed session's shell waits", "report")
@pytest.mark.parametrize("recorded", [True, False])
def test_the_pane_of_a_crashed_session_is_named_once_it_is_gone(recorded: bool) -> None:
    desk = Desk()
    pane = desk.pane()
    ordinary = desk.pane(tty=TTY + 1)
    claude = desk.claude(pane, recorded=recorded)
    server = desk.m.mcp(claude, A)
    desk.m.look()
    assert desk.named() == {}, "its claude is alive"
    desk.m.exit(claude, adopter=pane.pid)
    code = "pane-recorded" if recorded else "pane-terminal"
    assert desk.named() == {pane.label: (code, "pane-idle")}
    (found,) = desk.windows().orphans()
    assert (found.finding, found.verdict, found.session_id) == ("orphan-window", "report", A)
    assert found.process is None, "there is nothing to select and end"
    assert server in Ties(desk.m.snapshot(), desk.m.sessions.values()).gone
    assert ordinary.label not in desk.named()


def crash(desk: Desk, pane: Pane, **known: Any) -> None:
    claude = desk.claude(pane, **known)
    desk.m.exit(claude)


@pytest.mark.case("T2", "a tmux pane its user went on working in after a crash", "keep")
def test_a_pane_that_is_in_use_again_is_its_users() -> None:
    desk = Desk()
    busy, again, editor, typed, idle = (desk.pane(tty=TTY + at) for at in range(5))
    for pane in (busy, again, typed, idle):
        crash(desk, pane, over_at="2026-11-21T08:00:00Z")
    crash(desk, editor)
    desk.m.spawn(busy.pid, comm="vim")
    desk.claude(again, B)
    desk.m.rows[editor.pid].comm = "nvim"
    over = 1795248000.0
    desk.panes[desk.panes.index(typed)] = typed._replace(active_at=over + 300)
    desk.panes[desk.panes.index(idle)] = idle._replace(active_at=over + 2)
    assert list(desk.named()) == [idle.label]


def test_a_client_whose_launcher_has_died_still_occupies_its_terminal() -> None:
    desk = Desk()
    pane = desk.pane()
    crash(desk, pane)
    assert list(desk.named()) == [pane.label]
    successor = desk.claude(pane, B)
    desk.m.rows[successor].ppid = 1
    assert desk.named() == {}


@pytest.mark.case("T3", "a tmux pane whose session said goodbye, its user at the prompt", "keep")
@pytest.mark.parametrize("reason", ["prompt_input_exit", "logout", "other", "unreported"])
def test_the_pane_of_a_session_that_ended_properly_is_an_ordinary_pane(reason: str) -> None:
    desk = Desk()
    pane, crashed = desk.pane(), desk.pane(tty=TTY + 1)
    claude = desk.claude(pane, recorded=True)
    desk.m.goodbye(claude, reason, 5.0)
    desk.m.exit(claude)
    crash(desk, crashed)
    assert list(desk.named()) == [crashed.label]


def test_a_terminal_that_was_given_out_again_says_nothing() -> None:
    desk = Desk()
    old = desk.pane()
    claude = desk.claude(old, recorded=True)
    desk.m.exit(claude)
    desk.m.exit(old.pid)
    desk.panes.clear()
    desk.pane()  # the same number, the same pane id, a shell of today
    assert desk.named() == {}


@pytest.mark.case("T4", "a dead tmux pane kept open after its session", "report")
def test_a_dead_pane_is_named_for_its_record_or_its_command_only() -> None:
    desk = Desk()
    direct, goodbye, unknown, build = (desk.pane(tty=TTY + at) for at in range(4))
    for pane, command in ((unknown, "cd /x && claude --resume 1"), (build, "make claude")):
        desk.panes[desk.panes.index(pane)] = pane._replace(started=command)
    crash(desk, direct, recorded=True)
    claude = desk.claude(goodbye, recorded=True)
    desk.m.goodbye(claude, "prompt_input_exit", 5.0)
    desk.m.exit(claude)
    for pane in list(desk.panes):
        desk.dead(pane)
    assert desk.named() == {
        direct.label: ("pane-recorded", "pane-dead"),
        goodbye.label: ("pane-recorded", "pane-dead"),
        unknown.label: ("pane-started-claude", "pane-dead"),
    }


@pytest.mark.case(
    "T5", "panes of a tmux server that a Bash call started, all with its marks", "keep"
)
def test_marks_name_a_pane_only_where_its_server_has_none() -> None:
    marks = Marks(session_id=A, claude_pid=999, claudecode=True, tool_child=True)
    for inherited, socket, expected in (
        (False, SOCKET, True),
        (True, SOCKET, False),
        (True, f"/tmp/tmux-{UID}/claude-swarm-999", True),
    ):
        desk = Desk()
        desk.m.rows[desk.server].marks = marks if inherited else Marks()
        pane = desk.pane(marks=marks)._replace(socket=socket)
        running = desk.pane(tty=TTY + 1, marks=marks)._replace(socket=socket)
        desk.m.spawn(running.pid, comm="vite")
        desk.panes = [pane, running]
        assert list(desk.named()) == ([pane.label] if expected else []), (inherited, socket)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("claude", True),
        ("claude --resume abc", True),
        ('"claude --resume abc"', True),
        ("/home/u/.local/bin/claude -c", True),
        ("exec env A=1 claude", True),
        ("cd /x && claude", True),
        ("cd /x; claude; exec bash", True),
        ("sh -c 'cd /x && exec claude'", True),
        ('"exec sh -c \\"claude --resume\\""', True),
        ("", False),
        ("bash", False),
        ("vim claude", False),
        ("less /usr/bin/claude", False),
        ('tmux new-session "claude --resume x"', False),
        ("ssh host claude", False),
        ("echo 'unbalanced", False),
        ("tail -f claude.log && make", False),
    ],
)
def test_what_starts_claude_and_what_only_mentions_it(line: str, expected: bool) -> None:
    assert starts_claude(line) is expected


# Without what a shell would read as more than words.
WORDS = st.text("abc/.-=é", min_size=1, max_size=12)


@given(st.lists(WORDS, max_size=4), st.booleans())
def test_a_command_starts_claude_by_its_program_and_not_by_its_arguments(
    arguments: list[str], path: bool
) -> None:
    given_words = " ".join(arguments)
    assert starts_claude(f"{'/opt/bin/' if path else ''}claude {given_words}")
    assert not starts_claude(f"vim claude {given_words}")


@given(st.text(max_size=40))
def test_a_command_line_that_does_not_name_it_starts_no_claude(line: str) -> None:
    assert not starts_claude(line.replace("claude", ""))


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (0, ""), (34816, "/dev/pts/0"), (34819, "/dev/pts/3"), (34816 | 1 << 20, "/dev/pts/256"),
        (4 << 8 | 2, "/dev/tty2"), (4 << 8 | 64, "/dev/ttyS0"), (5 << 8, ""), (-1, ""),
    ],
)  # fmt: skip
def test_the_name_of_a_terminal(device: int, name: str) -> None:
    assert terminal(device) == name


def test_a_pane_in_a_record_survives_the_way_there_and_back() -> None:
    made = tmux_pane("/tmp/tmux-0/a,b,1234,0", "%7")
    assert pane_of({"pane": made}) == ("/tmp/tmux-0/a,b", 1234, "%7")


@pytest.mark.parametrize(
    ("tmux", "pane"),
    [
        ("", ""), ("/tmp/x,1234,0", ""), ("/tmp/x,1234,0", "7"), ("/tmp/x,1234,0", "%x"), ("x,1234,0", "%1"),
        ("/tmp/x,0,0", "%1"), ("/tmp/x,-1,0", "%1"), ("/tmp/x", "%1"), ("/" + "x" * 200 + ",12,0", "%1"),
        ("/tmp/\n,12,0", "%1"), ("/tmp/x,12,0", "%" + "9" * 99),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_not_recorded(tmux: str, pane: str) -> None:
    assert tmux_pane(tmux, pane) == {}


@given(st.one_of(st.none(), st.text(), st.integers(), st.dictionaries(st.sampled_from(["socket", "server", "id"]), st.one_of(st.text(), st.integers(), st.none()))))  # fmt: skip
def test_any_pane_in_a_record_can_be_read(value: object) -> None:
    assert pane_of({"pane": value}) == () or isinstance(value, dict)
