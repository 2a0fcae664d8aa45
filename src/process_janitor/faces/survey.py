"""The whole picture: a view, and beside it what every process of every session is, uses and holds."""

from __future__ import annotations

from process_janitor.core.commands import shown
from process_janitor.core.excess import Has, excesses
from process_janitor.core.mcp_names import server_names
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.faces.conditions import OF_SESSIONS, SOURCES
from process_janitor.faces.terminals import terminals
from process_janitor.faces.view import view
from process_janitor.system import tables
from process_janitor.system.mcp_config import McpConfig
from process_janitor.system.memory import Memory
from process_janitor.system.usage import SAMPLE_SECONDS, Usage, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from process_janitor.core.model import Decision, Identity, Process
    from process_janitor.core.settings import Settings
    from process_janitor.faces.view import SessionView, View
    from process_janitor.sweep import Judged

    Key = tuple[int, int]

_NOTHING = Usage()


class Survey(NamedTuple):
    """`sessions` are the ones looked into; the rest is about their processes, by pid or by (pid, start)."""

    view: View
    sessions: tuple[SessionView, ...]
    decisions: Mapping[int, Decision]
    usage: Mapping[Key, Usage]
    commands: Mapping[int, str]
    servers: Mapping[int, str]
    terminals: Mapping[Identity, str]

    def uses(self, process: Process) -> Usage:
        return self.usage.get(process.key, _NOTHING)

    def kind(self, process: Process) -> str:
        found = self.decisions.get(process.pid)
        return found.kind if found is not None else "other"

    def command(self, process: Process) -> str:
        return self.commands.get(process.pid) or process.comm


def survey(
    root: str, options: Settings, judged: Judged, *, only: Identity | None = None,
    seconds: float = SAMPLE_SECONDS, expected: bool = False,
) -> Survey:  # fmt: skip
    """Look into every session of `judged`, or only into that of one claude process. Takes at least `seconds`. `expected`
    is as in `view`.
    """
    sources = SOURCES if only is None else OF_SESSIONS
    seen = view(root, options, judged, expected=expected, measure=lambda _: {}, sources=sources)
    decisions = {one.process.pid: one for one in seen.decisions}
    sessions = tuple(
        _without_the_passing(one, decisions)
        for one in seen.sessions
        if only in (None, one.session.owner)
    )
    listed = {process.key: process for one in sessions for process in one.members}
    if only is None:
        listed.update((d.process.key, d.process) for d in seen.findings)
    used = usage(listed.values(), seconds)
    argv = {one.pid: tables.current().argv(one.pid) or () for one in listed.values()}
    found = Survey(
        seen._replace(memories={key: Memory(one.memory, one.swap) for key, one in used.items()}),
        sessions, decisions, used, {pid: shown(words) for pid, words in argv.items()}, {},
        _terminals(sessions, seen),
    )  # fmt: skip
    found = found._replace(servers=_servers(found, argv))
    more = tuple(excesses(_has(found)))
    return found._replace(
        view=found.view._replace(conditions=(*found.view.conditions, *more)),
    )


def _without_the_passing(one: SessionView, decisions: Mapping[int, Decision]) -> SessionView:
    """Without what has just ended: every short-lived child is a zombie for an instant. One that stays is a finding."""
    there = (
        process
        for process in one.members
        if not process.dead
        or (process.pid in decisions and decisions[process.pid].finding == "zombie")
    )
    return one._replace(members=tuple(there))


def _servers(found: Survey, argv: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """Pid -> the name of its MCP server, session by session: which servers there may be depends on the project."""
    config = McpConfig()
    names: dict[int, str] = {}
    for one in found.sessions:
        kinds = {process.pid: found.kind(process) for process in one.members}
        configured = config.servers(one.session.cwd) if one.members else ()
        names.update(server_names(one.members, kinds, lambda pid: argv.get(pid, ()), configured))
    return names


def _terminals(sessions: Iterable[SessionView], seen: View) -> dict[Identity, str]:
    """Where each running session is to be found: its tmux pane, else its terminal."""
    found = {}
    for one in sessions:
        process = seen.snapshot.living(one.session.owner)
        if process is not None:
            name = terminals(seen.ties).label(process.pid)
            closed = seen.snapshot.detail(process.pid).terminal_hung_up == "yes"
            found[one.session.owner] = f"{name} (closed)" if name and closed else name
    return found


def _has(found: Survey) -> Iterable[Has]:
    for one in found.sessions:
        for process in one.members:
            used = found.uses(process)
            yield Has(
                process, one.session.session_id, found.command(process), found.view.snapshot.age(process),
                used.memory, used.held.descriptors or 0, used.soft_limit,
            )  # fmt: skip


__all__ = ["Survey", "survey"]
