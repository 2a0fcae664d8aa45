"""`status`: the session the caller is in, its record, its watcher and its processes."""

from __future__ import annotations

import os

from process_janitor.core.kinds import kinds
from process_janitor.faces import documents
from process_janitor.faces.cli.context import DONE, NOTHING_EXAMINED, Failure
from process_janitor.faces.cli.scan import examined
from process_janitor.faces.view import view
from process_janitor.sweep import look
from process_janitor.system import claude_process, client_files, identity, lease, paths, procfs
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.core.model import Identity
    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.view import SessionView, View

ABOUT = "Shows the Claude Code session this is called from: its record, its watcher, its heartbeat, its processes."
EXAMPLES = (
    "/cleanup status                     inside Claude Code",
    "process-janitor status --json       in a Bash call of a session",
)


def add(parser: argparse.ArgumentParser) -> None:
    del parser  # takes only the options everywhere


def run(context: Context, words: argparse.Namespace) -> int:
    judged = examined(look(context.root, context.policy()))
    owner = _current(context)
    seen = view(context.root, context.options, judged)
    session = next(
        (one for one in seen.sessions if owner is not None and one.session.owner == owner), None
    )
    if session is None:
        reason = "this is not inside a registered Claude Code session"
        if owner is not None:
            reason = f"the Claude process {owner.pid} above this is not registered ({_later('registers')})"
        own = lease.holder(context.root, seen.snapshot.boot_id)
        health = f"the watcher runs (process {own[0]})" if own else "no watcher runs"
        raise Failure(
            f"{reason}; {health}; process-janitor scan shows all sessions", NOTHING_EXAMINED
        )
    document = _document(context, seen, session)
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.text import status_page

        later = {"record": _later("registers"), "watcher": _later("starts")}
        show(context, status_page(document, context.type_this, later))
    return DONE


def _later(does: str) -> str:
    """What will mend it: the hooks of the session's next turn, unless nobody runs them."""
    off = client_files.switched_off(paths.config_dir())
    return "the plugin is switched off" if off else f"the next turn {does} it"


def _current(context: Context) -> Identity | None:
    """The Claude process we were called from, by our ancestors, CLAUDE_PID, or the one living record of our session."""
    found = claude_process.find(context.environment, os.getpid())
    if found is not None:
        return found.identity
    named = context.environment.get("CLAUDE_CODE_SESSION_ID", "")
    for entry in Registry(context.root).entries() if named else ():
        record = entry.record
        if (
            named in (record["session_id"], *record["aliases"])
            and identity.identify(entry.owner.pid) == entry.owner
        ):
            return entry.owner
    return None


def _document(context: Context, seen: View, session: SessionView) -> documents.Document:
    snapshot = seen.snapshot
    root = snapshot.processes[session.session.owner.pid]
    words = {one.pid: procfs.argv(one.pid) or () for one in session.members}
    named = kinds(
        seen.ties.tree, root, snapshot.marks, lambda pid: words.get(pid) or procfs.argv(pid) or ()
    )
    own = lease.holder(context.root, snapshot.boot_id)
    rows = [
        documents.tree_row(one, named.get(one.pid, "other"), words[one.pid], seen)
        for one in sorted(session.members, key=lambda p: (p.pid not in named, p.start, p.pid))
    ]
    entry = Registry(context.root).find(*session.session.owner.key)
    watcher = {
        "pid": own[0] if own else None,
        "alive": own is not None,
        "version": lease.version(context.root) if own else "",
    }
    return documents.status(
        documents.session(session, seen), entry.path if entry else "", watcher, rows
    )


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
