"""Whether a process's present parent started it, or only took it in after its real one had died."""

from __future__ import annotations

from process_janitor.core import client_shapes, daemons, shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.model import Process
    from process_janitor.core.ties import Ties


def adopted(ties: Ties, root: Process) -> bool:
    """Whether the root's present parent took it in after the real one died, as far as that can be proven."""
    parent = ties.tree.parent(root)
    if parent is None:
        # A parent that has a number but no row is hidden (hidepid), or ended while the table was read: the next tells.
        return root.ppid <= 1
    if shapes.is_adopter(parent.pid, parent.comm):
        return True
    tie = ties.gone[root.pid]
    seen = tie.session.descendants.get(root.key)
    if seen is not None and seen.parent_key != parent.key:
        return True
    # Marks come down from parent to child. A readable parent without any did not start it: it is a subreaper. A client sets
    # several; an id alone may have been exported by that parent itself, a user's script, after it was started.
    above = ties.snapshot.marks.get(parent.pid)
    marks = ties.snapshot.marks.get(root.pid)
    named = "marker:claude-pid" in tie.evidence or (
        "marker:session-id" in tie.evidence and marks is not None and not marks.only_an_id
    )
    return (
        named
        and above is not None
        and not above.names_session
        and parent.uid == ties.snapshot.uid
        # The client's program gives its children marks that it need not have itself.
        and not client_shapes.is_claude_name(parent.comm)
        and not _names(ties, root, parent)
    )


def taken_in(ties: Ties, root: Process) -> bool:
    """Whether its present parent certainly did not start it: then nothing that protects the parent's own protects it.

    A terminal program that takes orphans in has children of its own as well, each the leader of a terminal's session;
    and an editor, a terminal or a build daemon starts things with the environment of whoever asked it to, not its own.
    """
    if not adopted(ties, root):
        return False
    parent = ties.tree.parent(root)
    if parent is None:
        return True
    seen = ties.gone[root.pid].session.descendants.get(root.key)
    if seen is not None and seen.parent_key != parent.key:
        return True
    if not daemons.starts_for_others(parent.comm, ties.snapshot.detail(parent.pid).argv):
        return True
    return parent.pid == 1 and not (root.pid == root.sid and root.tty)


def _names(ties: Ties, root: Process, parent: Process) -> bool:
    marks = ties.snapshot.marks.get(root.pid)
    return marks is not None and marks.claude_pid == parent.pid


__all__ = ["adopted", "taken_in"]
