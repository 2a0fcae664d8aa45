"""`doctor`: whether everything this needs is there, what is wrong, and what to do about it."""

from __future__ import annotations

from process_janitor.faces.cli.context import DONE, FAILED
from process_janitor.faces.doctor import Ward, checks

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.doctor import Check

ABOUT = """\
Checks this machine, the installation, how Claude Code sees the plugin, the settings, the records and the watcher. Each
line is ok, a warning or broken, with what to do. --fix mends what is safe to mend: only files and processes of its own."""
EXAMPLES = (
    "process-janitor doctor                 1 when something is broken",
    "process-janitor doctor --fix           mends what it may, then checks again",
    "process-janitor doctor --json | jq '.checks[] | select(.state != \"ok\")'",
)
SCHEMA = "process-janitor.doctor/1"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="mend what is safe to mend")


def run(context: Context, words: argparse.Namespace) -> int:
    from process_janitor.system import clock, paths

    ward = Ward(
        context.root, paths.config_dir(), context.config_path, context.options, context.environment
    )
    found = list(checks(ward))
    mended = [_mend(check) for check in found if check.mend is not None] if words.fix else []
    if mended:
        found = list(checks(ward))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "at": clock.utc(),
        "checks": [_row(check) for check in found],
        "totals": {
            state: sum(check.state == state for check in found)
            for state in ("ok", "warning", "broken")
        },
        "mended": mended,
    }
    if words.json:
        context.document(document)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.health import doctor_page

        show(context, doctor_page(document, context.type_this, verbose=words.verbose))
    return FAILED if document["totals"]["broken"] else DONE


def _row(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "state": check.state,
        "says": check.says,
        "do": check.do,
        "can_mend": check.mend is not None,
    }


def _mend(check: Check) -> dict[str, Any]:
    if check.mend is None:
        raise ValueError(check.name)
    try:
        return {"name": check.name, "done": True, "says": check.mend()}
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return {"name": check.name, "done": False, "says": f"{where}{error.strerror or error}"}


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
