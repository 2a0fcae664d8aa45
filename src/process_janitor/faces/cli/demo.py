"""`demo`: the newcomer's first minute. A pretend session is killed, what it left is shown, cleaned up, and explained."""

from __future__ import annotations

import time

from process_janitor.faces import documents, record_documents
from process_janitor.faces.cli.context import DONE, FAILED, Failure
from process_janitor.faces.stage import Stage
from process_janitor.faces.view import view
from process_janitor.sweep import look, proven, sweep
from process_janitor.system import config
from process_janitor.system.held import Holdings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from process_janitor.faces.cli.context import Context

ABOUT = """\
Starts a pretend Claude Code session with real child processes, kills it with SIGKILL, shows what was left, cleans it up.
Safe anywhere: it keeps its state in a temporary directory, touches only processes it started itself, and ends them all."""
EXAMPLES = ("process-janitor demo", "process-janitor demo --json")


def add(parser: argparse.ArgumentParser) -> None:
    del parser  # takes only the options everywhere


def run(context: Context, words: argparse.Namespace) -> int:
    begun = time.monotonic()
    steps: list[dict[str, Any]] = []

    def told(step: str, text: str, **facts: Any) -> None:
        steps.append({"step": step, "text": text, **facts})
        if context.wants_text:
            context.say(f"\n{len(steps)}. {text}")
            context.out.flush()

    def shown(document: documents.Document, *, acted: bool) -> None:
        if context.wants_text:
            from process_janitor.faces.render import show
            from process_janitor.faces.render.acts import acted_page
            from process_janitor.faces.render.findings import by_session

            show(
                context,
                acted_page(document, context.type_this)[:-1]
                if acted
                else list(by_session(document, context.type_this)),
            )
            context.out.flush()

    try:
        with Stage() as stage:
            passed = _play(stage, told, shown)
    except OSError as error:
        raise Failure(
            f"the demo cannot start its pretend session: {error}; it needs Linux with pidfds and bash"
        ) from None
    if words.json:
        context.document(
            record_documents.demo(steps, seconds=time.monotonic() - begun, passed=passed)
        )
    elif passed:
        context.say(
            "\nNothing of this is left. Next: process-janitor scan    (the same look, at your real sessions)"
        )
    if not passed:
        context.complain(
            "the demo did not go as it should; process-janitor demo --json says what happened"
        )
    return DONE if passed else FAILED


def _play(stage: Stage, told: Any, shown: Any) -> bool:
    """Tell the story; whether every process met the fate that it should."""
    session = stage.session
    stage.start_session()
    told(
        "session", f"A pretend session runs: process {stage.client.pid}, registered by the real SessionStart hook.",
        pid=stage.client.pid, session_id=session.session_id, registered=stage.registered,
    )  # fmt: skip
    server, shell, detached = session.server(), session.bash_call(), session.detached()
    told(
        "children",
        f"It has started an MCP server ({server.pid}, which ignores SIGTERM), a Bash call ({shell.pid}), "
        f"and a dev server put in the background with nohup ({detached.pid}).",
        server=server.pid, bash=shell.pid, detached=detached.pid,
    )  # fmt: skip
    stage.wait_for_watcher(server)
    stage.kill_session()
    told(
        "kill",
        "The session is killed with SIGKILL: no goodbye, nobody stops its children.",
        pid=stage.client.pid,
    )
    before = _look(stage.root)
    shown(before, acted=False)
    verdicts = {one["pid"]: one["verdict"] for one in before["findings"]}
    told(
        "scan",
        "That is what `process-janitor scan` finds. Now `process-janitor auto`:",
        document=before,
    )
    after = _clean(stage.root)
    shown(after, acted=True)
    told(
        "auto", "What a clean exit would have stopped is gone. (Normally the watcher does this by itself, in a second.)",
        document=after,
    )  # fmt: skip
    told(
        "kept",
        f"Process {detached.pid} lives: a Bash call put it in the background on purpose, so it survives a clean exit as "
        "well. It is shown, and ended only if you name it. The demo ends it now and tidies up.",
        pid=detached.pid, alive=detached.alive, verdict=verdicts.get(detached.pid, ""),
    )  # fmt: skip
    return (
        verdicts.get(server.pid) == verdicts.get(shell.pid) == "reap"
        and verdicts.get(detached.pid) == "report"
        and (server.alive, shell.alive, detached.alive) == (False, False, True)
    )


def _look(root: str) -> documents.Document:
    options = config.load_settings()
    seen = view(root, options, look(root, config.policy(root, options)))
    # The show is about its own processes, not about this machine's locks and windows.
    return documents.scan(seen._replace(conditions=()))


def _clean(root: str) -> documents.Document:
    """What `auto` does."""
    options = config.load_settings()
    holdings = Holdings()
    limit = options.value("auto_limit")
    swept = sweep(root, options, "demo", proven, limit, holdings.note)
    freed = {a.decision.process.key: a.freed_bytes for a in swept.actions if a.outcome == "gone"}
    gone = [a.identity.key for a in swept.actions if a.outcome == "gone"]
    return documents.scan(
        view(root, options, swept.first, freed=freed),
        actions=swept.actions,
        freed=holdings.freed(gone, sum(freed.values())),
    )


__all__ = ["ABOUT", "EXAMPLES", "add", "run"]
