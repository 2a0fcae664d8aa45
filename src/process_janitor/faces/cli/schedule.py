"""`schedule`: has `auto --quiet` run every few minutes, by systemd, launchd or cron."""

from __future__ import annotations

import os
import sys

from process_janitor.actions.schedulers import schedulers
from process_janitor.actions.schedulers.common import Refused
from process_janitor.core.schedule import MINUTES_MAX, Job
from process_janitor.faces.cli.context import DONE, USAGE, Failure
from process_janitor.system import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from process_janitor.actions.schedulers import Scheduler
    from process_janitor.actions.schedulers.common import Installed
    from process_janitor.faces.cli.context import Context

SCHEMA = "process-janitor.schedule/1"
ABOUT = """\
Has `auto --quiet` run every few minutes: by a timer of your systemd manager, a launchd agent or a line in your crontab,
whichever there is. The watcher cleans at once where the plugin is installed; this is for what it cannot see."""
EXAMPLES = (
    "process-janitor schedule                        what is installed, and where",
    "process-janitor schedule install                every 15 minutes",
    "process-janitor schedule install --every 60     or change the interval",
    "process-janitor schedule remove",
)
_DEFAULT_MINUTES = 15
_PASSED = ("CLAUDE_CONFIG_DIR", "PROCESS_JANITOR_HOME")
# The folder of an installed plugin is named after its version and goes with it: take the newest one each time. Without
# any the plugin is uninstalled, and there is nobody to complain to every few minutes.
_NEWEST = (
    'new=$(ls -td "$0"/*/scripts/process-janitor 2>/dev/null | head -n 1); '
    '[ -x "$new" ] || exit 0; exec "$new" "$@"'
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="show", choices=("install", "remove", "show"))
    parser.add_argument(
        "--every", metavar="MINUTES", type=_minutes, help=f"with install: 1 to {MINUTES_MAX} (default {_DEFAULT_MINUTES})",
    )  # fmt: skip


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) <= MINUTES_MAX):
        raise ValueError(text)
    return int(text)


_minutes.__name__ = f"number of minutes (1 to {MINUTES_MAX})"


def run(context: Context, words: argparse.Namespace) -> int:
    if words.every is not None and words.action != "install":
        raise Failure("--every goes with schedule install", USAGE)
    try:
        if words.action == "install":
            document = _install(context, words.every or _DEFAULT_MINUTES)
        elif words.action == "remove":
            removed = [one.remove() for one in schedulers()]
            document = _document("remove", changed=any(removed))
        else:
            document = _shown()
    except Refused as refused:
        raise Failure(f"{refused}") from None
    if words.json:
        context.document(document)
    elif context.wants_text:
        for line in _page(document, context.type_this):
            context.say(line)
    return DONE


def _where() -> tuple[Scheduler, Installed] | None:
    """The scheduler that has our job."""
    for one in schedulers():
        found = one.installed()
        if found is not None:
            return one, found
    return None


def _install(context: Context, minutes: int) -> dict[str, Any]:
    command = _launcher()
    command += ("auto", "--quiet")
    if context.words.config:
        command += ("--config", context.config_path)
    environment = tuple(
        (name, os.path.abspath(context.environment[name]))
        for name in _PASSED
        if context.environment.get(name)
    )
    job = Job(command, minutes, environment)
    if not job.writable:
        raise Failure("a path with control characters cannot be scheduled; move it")
    # Where it is already, it stays: a second one elsewhere would run it twice.
    there = _where()
    if there is not None and there[0].usable():
        chosen: Scheduler | None = there[0]
    else:
        chosen = next((one for one in schedulers() if one.usable()), None)
    if chosen is None:
        raise Failure(
            "neither a systemd user manager nor launchctl nor crontab answers here; have `process-janitor auto --quiet` "
            "run by what starts things on this machine"
        )
    changed = chosen.install(job)
    if there is not None and there[0].name != chosen.name:
        there[0].remove()
    found = chosen.installed()
    return _document("install", changed=changed, by=chosen, found=found, command=command)


def _launcher() -> tuple[str, ...]:
    """What starts this program, also after the next update."""
    root = paths.plugin_root()
    if not root:
        return (os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "process-janitor"),)
    versions = os.path.dirname(root)
    if os.path.basename(os.path.dirname(os.path.dirname(versions))) == "cache":
        return ("/bin/sh", "-c", _NEWEST, versions)
    return (os.path.join(root, "scripts", "process-janitor"),)


def _shown() -> dict[str, Any]:
    there = _where()
    if there is None:
        return _document("show")
    return _document("show", by=there[0], found=there[1], next_run=there[0].next_run())


def _document(
    action: str,
    *,
    changed: bool = False,
    by: Scheduler | None = None,
    found: Installed | None = None,
    command: tuple[str, ...] = (),
    next_run: str = "",
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "action": action,
        "changed": changed,
        "installed": found is not None,
        "by": by.name if by is not None else "",
        "every_minutes": found.minutes if found is not None else None,
        "where": list(found.where) if found is not None else [],
        "command": list(command),
        "next_run": next_run,
    }


def _page(document: dict[str, Any], type_this: str) -> list[str]:
    if not document["installed"]:
        gone = document["action"] == "remove" and document["changed"]
        said = "The schedule is removed." if gone else "Nothing is scheduled."
        return [said, f"Next: {type_this} schedule install"]
    minutes = document["every_minutes"]
    every = f"every {minutes} minutes" if minutes else "at an interval nobody can read any more"
    state = {True: "from now on", False: "as before"}[document["changed"]]
    said = f", {state}" if document["action"] == "install" else ""
    lines = [f"`auto --quiet` runs {every}, by {document['by']}{said}."]
    lines += [f"  {where}" for where in document["where"]]
    if document["next_run"]:
        from process_janitor.faces.render.times import local

        lines.append(f"It runs next at {local(document['next_run'])}.")
    return [*lines, f"Next: {type_this} schedule remove    (takes it back)"]


__all__ = ["ABOUT", "EXAMPLES", "SCHEMA", "add", "run"]
