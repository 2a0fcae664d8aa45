"""`status`: the session the caller is in, its record, its watcher and its processes."""

from __future__ import annotations

import os

from process_janitor.faces import report_document
from process_janitor.faces.cli.context import DONE, NOTHING_EXAMINED, Failure
from process_janitor.faces.cli.looking import examined
from process_janitor.faces.survey import survey
from process_janitor.sweep import look
from process_janitor.system import claude_process, client_files, identity, lease, paths
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.core.model import Identity
    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.documents import Document
    from process_janitor.faces.survey import Survey
    from process_janitor.faces.view import SessionView

ABOUT = "Shows the Claude Code session this is called from: what it runs, uses and holds, its watcher and its findings."
EXAMPLES = (
    "/cleanup status                     inside Claude Code",
    "process-janitor status --json       in a Bash call of a session",
    "process-janitor status --verbose    with every process",
)
# Short, since somebody waits; long enough for the kernel's exact clock.
_SAMPLE_SECONDS = 0.05


def add(parser: argparse.ArgumentParser) -> None:
    del parser  # takes only the options everywhere


def run(context: Context, words: argparse.Namespace) -> int:
    judged = examined(look(context.root, context.policy()))
    owner = _current(context)
    if owner is None:
        raise _nowhere(context, "this is not inside a registered Claude Code session")
    found = survey(context.root, context.options, judged, only=owner, seconds=_SAMPLE_SECONDS)
    session = next(iter(found.sessions), None)
    if session is None:
        raise _nowhere(
            context,
            f"the Claude process {owner.pid} above this is not registered ({_later('registers')})",
        )
    document = _document(context, found, session)
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.status import status_page

        later = {"record": _later("registers"), "watcher": _later("of any session starts")}
        show(context, status_page(document, context.type_this, later, verbose=words.verbose))
    return DONE


def _later(does: str) -> str:
    """What will mend it: the hooks of the session's next turn, unless nobody runs them."""
    off = client_files.switched_off(paths.config_dir())
    return "the plugin is switched off" if off else f"the next turn {does} it"


def _nowhere(context: Context, reason: str) -> Failure:
    own = lease.watching(context.root)
    health = f"the watcher runs (process {own.key[0]})" if own else "no watcher runs"
    return Failure(f"{reason}; {health}; process-janitor scan shows all sessions", NOTHING_EXAMINED)


def _current(context: Context) -> Identity | None:
    """The Claude process we were called from, by our ancestors, CLAUDE_PID, or the one living record of our session."""
    found = claude_process.find(context.environment, os.getpid())
    if found is not None:
        return found.identity
    named = context.environment.get("CLAUDE_CODE_SESSION_ID", "")
    for entry in Registry(context.root).entries() if named else ():
        record = entry.record
        if named in (record["session_id"], *record["aliases"]) and identity.lives(entry.owner):
            return entry.owner
    return None


def _document(context: Context, found: Survey, session: SessionView) -> Document:
    own = lease.watching(context.root)
    entry = Registry(context.root).find(*session.session.owner.key)
    watcher = {
        "pid": own.key[0] if own else None,
        "alive": own is not None,
        "version": own.version if own else "",
    }
    return report_document.status(found, session, entry.path if entry else "", watcher)


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
