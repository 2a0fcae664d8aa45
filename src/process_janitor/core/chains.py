"""What stands and falls together: a Bash call with its whole pipeline, a server with whatever shares its session.

One member that somebody uses, or that its user keeps, protects them all. Launchers (npm, uv, timeout) hand a signal on
to what they run; what serves somebody needs its workers; and a program that writes into a pipe whose reader was ended
dies with it.
"""

from __future__ import annotations

from itertools import islice

from process_janitor.core.attachment import WHOLE_TREE, attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from process_janitor.core.attachment import Attachment
    from process_janitor.core.model import Identity, Process
    from process_janitor.core.ties import Ties

    # The session's process; the topmost process of the chain, 0 for all of a call; the POSIX session.
    Chain = tuple[Identity, int, int]


class Chains:
    """The leftovers of one look, chain by chain, and how each chain hung on its session."""

    def __init__(self, ties: Ties) -> None:
        self._ties = ties
        self._attached: dict[int, Attachment] = {}
        self._members: dict[Chain, list[Process]] | None = None
        self._inhabited: set[Chain] = set()
        self._wanted: dict[Chain, list[int]] = {}

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
            # Two will do: one of them is another than any that asks.
            self._wanted[chain] = [one.pid for one in islice(filter(wanted, members[chain]), 2)]
        return any(pid != process.pid for pid in self._wanted[chain])

    def inhabited(self, process: Process) -> bool:
        """Whether a living client runs in the chain of this leftover."""
        if process.pid not in self._ties.gone:
            return False
        self._read()
        return self._chain(process) in self._inhabited

    def _chain(self, process: Process) -> Chain:
        tie = self._ties.gone[process.pid]
        root = self._ties.root(process)
        if self.attached(process).via in WHOLE_TREE:
            # Also what lost the call's shell, and is a root of its own now, is in the POSIX session that the shell led.
            alone = root.sid == tie.session.sid
            return (tie.session.owner, root.pid if alone else 0, root.sid)
        return (tie.session.owner, root.pid, process.sid)

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
