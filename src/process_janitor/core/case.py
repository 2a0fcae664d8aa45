"""One process under judgement, with everything that may be said about it."""

from __future__ import annotations

from process_janitor.core.model import Detail
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.attachment import Attachment
    from process_janitor.core.chains import Chains
    from process_janitor.core.model import Marks, Process, Snapshot
    from process_janitor.core.policy import Policy
    from process_janitor.core.ties import Tie, Ties

_NO_DETAIL = Detail(unreadable=("details",))


class Case(NamedTuple):
    """Everything a veto may look at; `chains` are the other leftovers, for one that may be needed by them."""

    ties: Ties
    policy: Policy
    process: Process
    tie: Tie | None
    attachment: Attachment | None
    chains: Chains | None = None

    @property
    def snapshot(self) -> Snapshot:
        return self.ties.snapshot

    @property
    def detail(self) -> Detail:
        return self.snapshot.details.get(self.process.pid, _NO_DETAIL)

    @property
    def marks(self) -> Marks | None:
        return self.snapshot.marks.get(self.process.pid)

    @property
    def argv(self) -> tuple[str, ...]:
        return self.detail.argv


__all__ = ["Case"]
