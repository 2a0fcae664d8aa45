"""Telling the user what was done without asking, and what is left running; who does not want it hears nothing."""

from __future__ import annotations

import os
import sys

from process_janitor.core.notices import Left, Notice
from process_janitor.system import built, launch, log, memory, notices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from process_janitor.actions.terminate import Action
    from process_janitor.core.model import Decision, Snapshot
    from process_janitor.core.settings import Settings

_COMMAND_MAX = 60
_OSASCRIPT = "/usr/bin/osascript"
# The helper's whole program: it runs in the command line's environment, on our own code.
_HELPER = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from process_janitor.actions.notify import main; sys.exit(main(sys.argv[2:]))"
)


def tell(
    root: str,
    options: Settings,
    actions: Iterable[Action],
    problem: str = "",
    left: Sequence[Left] = (),
    python: str = "",
) -> None:
    """Tell what a cleanup did that nobody watched. Nothing to tell is silence; a failure is logged, never raised.

    `python` is as in `show`.
    """
    if not options.value("notification_enabled"):
        return
    done = list(actions)
    gone = [one for one in done if one.outcome == "gone"]
    notice = Notice(
        ended=len(gone),
        freed=sum(one.freed_bytes for one in gone),
        sessions=len({one.decision.owner or one.identity for one in gone}),
        survived=sum(one.outcome == "survived" for one in done),
        problem=problem,
        left=tuple(left),
    )
    if not notice.worth_telling:
        return
    try:
        show(root, notices.post(root, notice), python)
    except OSError as error:
        log.write(root, "notify", f"a notice could not be given: {error}")


def show(root: str, path: str, python: str = "") -> bool:
    """Have a short-lived process show the notice on the desktop; False where there is none, or nothing to show it with.

    Nothing is started where no desktop can be. `python` is the interpreter of the command line's environment, by
    default the one that was noted as ready. Raises OSError when no process is to be had.
    """
    program = python or _environment_python(root)
    if not program or not (_is_mac() or notices.bus(os.environ)):
        return False
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    launch.detached([program, "-I", "-c", _HELPER, source, path])
    return True


def _is_mac() -> bool:
    return sys.platform == "darwin" and os.path.exists(_OSASCRIPT)


def _environment_python(root: str) -> str:
    try:
        python = built.read(root).python
    except OSError:
        return ""
    return python if os.path.isabs(python) and os.access(python, os.X_OK) else ""


def left_running(
    snapshot: Snapshot, decisions: Iterable[Decision], owners: Collection[tuple[int, int]]
) -> list[Left]:
    """What sessions of these owners put in the background on purpose and is shown, a program with all below it."""
    shown = {
        one.process.pid: one
        for one in decisions
        if one.finding == "detached"
        and one.verdict == "report"
        and one.owner is not None
        and one.owner.key in owners
    }
    groups: dict[int, list[Decision]] = {}
    for decision in shown.values():
        top = decision.process
        while top.ppid in shown and top.ppid != top.pid:
            top = shown[top.ppid].process
        groups.setdefault(top.pid, []).append(decision)
    return [_left(snapshot, shown[top], members) for top, members in groups.items()]


def _left(snapshot: Snapshot, top: Decision, members: Sequence[Decision]) -> Left:
    # 8 ms of import, and only for whoever has something to show.
    from process_janitor.core.commands import brief, middle, shown

    details = [snapshot.detail(one.process.pid) for one in members]
    words = snapshot.detail(top.process.pid).argv
    return Left(
        command=middle(brief(shown(words) or top.process.comm), _COMMAND_MAX),
        pids=tuple(sorted(one.process.key for one in members)),
        session_id=top.session_id,
        ports=tuple(sorted({port for detail in details for port in detail.ports})),
        memory=sum(memory.read(one.process.pid).held for one in members),
    )


__all__ = ["left_running", "show", "tell"]
