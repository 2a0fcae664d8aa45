"""What stands and falls together: a Bash call with its whole pipeline, a server with whatever shares its session.

One member that somebody uses, or that its user keeps, protects them all. Launchers (npm, uv, timeout) hand a signal on
to what they run; what serves somebody needs its workers; and a program that writes into a pipe whose reader was ended
dies with it.
"""

from __future__ import annotations

from process_janitor.core.adoption import taken_in
from process_janitor.core.attachment import WHOLE_TREE, attachment, let_go_below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from process_janitor.core.attachment import Attachment
    from process_janitor.core.model import Identity, Process
    from process_janitor.core.ties import Ties

    # The session's process; the topmost process, 0 where several share a call; the POSIX session where that sets it apart.
    Chain = tuple[Identity, int, int]


class Chains:
    """The leftovers of one look, chain by chain, and how each chain hung on its session."""

    def __init__(self, ties: Ties) -> None:
        self._ties = ties
        self._attached: dict[int, Attachment] = {}
        self._members: dict[Chain, list[Process]] | None = None
        self._inhabited: set[Chain] = set()
        self._wanted: dict[Chain, set[int]] = {}
        self._inherited: dict[tuple[str, int], bool] = {}

    def attached(self, process: Process) -> Attachment:
        """How the root of a leftover's tree hung on its session; worked out once for all that run below it."""
        root = self._ties.root(process)
        found = self._attached.get(root.pid)
        if found is None:
            found = self._attached[root.pid] = attachment(self._ties, root)
        return found

    def holds(self, process: Process, wanted: Callable[[Process], bool]) -> bool:
        """Whether anything else of a leftover's chain is `wanted`. Asked once of each chain, so always ask the same."""
        if process.pid not in self._ties.gone:
            return False
        members, chain = self._read(), self._chain(process)
        if chain not in self._wanted:
            self._wanted[chain] = {one.pid for one in members[chain] if wanted(one)}
        return bool(self._wanted[chain] - {process.pid})

    def inherits(self, process: Process, what: str, applies: Callable[[Process], bool]) -> bool:
        """Whether something that protects what runs below it applies to a process that this leftover was started from.

        Who only took an orphan in did not start it. Each process is asked once for `what`, so always ask the same.
        """
        way: dict[tuple[str, int], None] = {}
        at: Process | None = process
        found = False
        while at is not None and (what, at.pid) not in way:
            if (what, at.pid) in self._inherited:
                found = self._inherited[what, at.pid]
                break
            way[what, at.pid] = None
            at = self._started_from(at)
            if at is not None and applies(at):
                found = True
                break
        self._inherited.update(dict.fromkeys(way, found))
        return found

    def _started_from(self, process: Process) -> Process | None:
        parent = self._ties.tree.parent(process)
        if parent is None or process.pid not in self._ties.gone:
            return parent
        is_root = self._ties.root(process).pid == process.pid
        return None if is_root and taken_in(self._ties, process) else parent

    def inhabited(self, process: Process) -> bool:
        """Whether a living client runs in the chain of this leftover."""
        if process.pid not in self._ties.gone:
            return False
        self._read()
        return self._chain(process) in self._inhabited

    def _chain(self, process: Process) -> Chain:
        tie = self._ties.gone[process.pid]
        root = self._ties.root(process)
        via = self.attached(process).via
        if via in WHOLE_TREE:
            lost = root.sid not in (root.pid, tie.session.sid) and not self._leads(root)
            # What lost its call's shell is a root of its own now, and in the POSIX session that the shell led. While the
            # shell lives, such a one has let go of the call, and neither needs the other.
            return (tie.session.owner, 0, root.sid) if lost else (tie.session.owner, root.pid, 0)
        apart = let_go_below(self._ties, root, process, via)
        return (tie.session.owner, root.pid, process.sid if apart else 0)

    def _leads(self, root: Process) -> bool:
        """Whether the leader of its POSIX session lives."""
        leader = self._ties.snapshot.processes.get(root.sid)
        return leader is not None and leader.start <= root.start and not leader.dead

    def _read(self) -> dict[Chain, list[Process]]:
        if self._members is None:
            self._members = {}
            processes = self._ties.snapshot.processes
            for pid in self._ties.gone:
                self._members.setdefault(self._chain(processes[pid]), []).append(processes[pid])
            self._inhabited = set(self._lived_in(self._members))
        return self._members

    def _lived_in(self, chains: Iterable[Chain]) -> Iterator[Chain]:
        for pid in self._ties.owners.live:
            client = self._ties.snapshot.processes[pid]
            above = next(
                (p for p in self._ties.tree.ancestors(client) if p.pid in self._ties.gone), None
            )
            if above is not None:
                yield self._chain(above)
            # A call's shell may be dead, with the client still in the POSIX session that it led.
            yield from (chain for chain in chains if not chain[1] and chain[2] == client.sid)


__all__ = ["Chains"]
