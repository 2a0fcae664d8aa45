"""The pages about acting: the plan before, the result after. Each ends with what to type next."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from process_janitor.core.units import count, size
from process_janitor.faces import words
from process_janitor.faces.render.closing import typed
from process_janitor.faces.render.findings import by_session
from process_janitor.faces.render.fitting import Fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]


def plan_page(
    document: Document, refused: Sequence[Document], type_this: str, *, asking: bool
) -> Page:
    """The numbered plan, what was refused, and the exact words that execute it."""
    findings = document["findings"]
    page: Page = []
    if findings:
        page.append(Text(f"Plan: {_intent(findings)}.", "bold"))
        page += by_session(document, type_this, numbered=True)
        if _sessions(findings):
            page += [Text(), Text("What a session runs, its servers and Bash calls, ends with it.")]
    else:
        page.append(Text("Nothing to end.", "bold"))
    page += _refused(refused)
    if asking:
        return [*page, Text()]
    if "plan" in document:
        plan = document["plan"]["id"]
        return [
            *page, Text(), Text("Nothing was ended yet. This plan is good for ten minutes and ends nothing else:", "dim"),
            Text(f"Next: {type_this} run --plan {plan} --execute", "bold"),
        ]  # fmt: skip
    if findings:
        said = Text("Nothing was ended or written.", "dim")
        return [
            *page,
            Text(),
            said,
            Text(f"Next: {type_this} run    (with the same options, without --dry-run)", "bold"),
        ]
    next_step = f"{type_this} scan --all    (lists what is kept, and why)"
    living = next((one for one in refused if words.runs_on(one)), None)
    named = next((one for one in refused if one["class"] == "duplicate-session"), None)
    if named is not None and named["next"]:
        next_step = f"{typed(named['next'], type_this)}    (or another one of them)"
    elif living is not None:
        next_step = f"{type_this} stop --session {living['pid']}    (ends a session that runs)"
    return [*page, Text(), Text(f"Next: {next_step}", "bold")]


def _intent(findings: Sequence[Document]) -> str:
    ending = [one for one in findings if one["pid"]]
    locks = len(findings) - len(ending)
    held = sum(one["memory_bytes"] for one in ending)
    sessions = _sessions(ending)
    others = len(ending) - sessions
    what = [count(sessions, "session")] if sessions else []
    what += [count(others, "process", "processes")] if others else []
    ends = f"end {' and '.join(what)}, {size(held)}" if ending else ""
    return "; ".join(
        part for part in (ends, f"remove {count(locks, 'lock')}" if locks else "") if part
    )


def _sessions(findings: Sequence[Document]) -> int:
    return sum(one["kind"] == "claude" for one in findings)


def _refused(refused: Sequence[Document]) -> Page:
    page: Page = []
    for one in refused:
        why = words.refusal(one["class"], one["vetoes"])
        line = Text(overflow="fold")
        what = f"{one['pid']}  {one['kind']}" if one["pid"] else one["command"]
        line.append("refused", "bold green").append(f"  {what}: {why}")
        page += [Text(), line]
    return page


def _against(finding: Document) -> str:
    return "; ".join(f"{words.veto(code)} [{code}]" for code in finding["vetoes"])


def acted_page(document: Document, type_this: str, spared: Sequence[Document] = ()) -> Page:
    """What was ended, what was not, and what is still there to look at. `spared` was planned and is kept by now."""
    actions = document["actions"]
    command = {one["identity"]: one["command"] for one in document["findings"]}
    page: Page = []
    if actions:
        grid = Table(
            box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True
        )
        for name in ("OUTCOME", "PID", "FREED", "SIGNALS"):
            grid.add_column(
                name, no_wrap=True, justify="right" if name in ("PID", "FREED") else "left"
            )
        grid.add_column("COMMAND", ratio=1, no_wrap=True, overflow="ellipsis")
        styles = {"gone": "green", "survived": "bold red", "refused": "yellow"}
        for one in actions:
            sent = ", ".join(name.removeprefix("SIG") for name in one["signals"]) or "-"
            outcome = Text(one["outcome"], styles[one["outcome"]])
            grid.add_row(
                outcome,
                str(one["pid"] or "-"),
                size(one["freed_bytes"]) if one["pid"] else "-",
                sent,
                Fitted("", command.get(one["identity"], "")) if one["pid"] else _lock(one),
            )
        page += [grid, *(_why(one) for one in actions if one["pid"] and one["why"]), Text()]
    for one in spared:
        line = Text("left alone", "bold green", overflow="fold")
        page.append(line.append(f" {one['pid']}: {_against(one)}", "not bold default"))
    gone = [one for one in actions if one["outcome"] == "gone" and one["pid"]]
    unlocked = [one for one in actions if one["outcome"] == "gone" and not one["pid"]]
    if unlocked:
        page.append(Text(f"Removed {count(len(unlocked), 'lock')}.", "bold"))
    if gone:
        did = f"Ended {count(len(gone), 'process', 'processes')}"
        page += freed_lines(document["freed"], did)
    elif spared and not actions:
        page.append(Text("Nothing was ended.", "bold"))
    elif not actions:
        page.append(Text("Nothing was left over.", "bold"))
    failed = [one for one in actions if one["outcome"] != "gone" and one["pid"]]
    if failed:
        return [
            *page,
            Text(
                f"Next: {type_this} explain {failed[0]['pid']}    (why it is still there)", "bold"
            ),
        ]
    if any(one["verdict"] == "report" for one in document["findings"]):
        return [*page, Text(f"Next: {type_this} scan    (some findings are only reported)", "bold")]
    kept = f" {type_this} history keeps what was done" if actions else ""
    return [*page, Text(f"Next: nothing to do.{kept}", "bold")]


def _why(action: Document) -> Text:
    """Below the table: a reason is longer than what is left of a line."""
    line = Text(overflow="fold").append(action["outcome"], "yellow")
    return line.append(f" {action['pid']}: {action['why']}", "not bold default")


def _lock(action: Document) -> Fitted:
    return Fitted(f"{action['why']}: " if action["why"] else "", action["path"], program=False)


def freed_lines(freed: Document, did: str) -> Page:
    """What was done, and what nobody holds any more: looked up after the end, not taken for granted."""
    parts = [size(freed["memory_bytes"])]
    if freed["ports"]:
        named = ", ".join(map(str, freed["ports"]))
        parts.append(f"{'port' if len(freed['ports']) == 1 else 'ports'} {named}")
    if freed["descriptors"]:
        parts.append(count(freed["descriptors"], "descriptor"))
    if freed["connections"]:
        parts.append(count(freed["connections"], "connection"))
    page: Page = [Text(f"{did}, freed {', '.join(parts)}.", "bold", overflow="fold")]
    for port in freed["ports_taken"]:
        page.append(Text(f"Port {port} is not free: another process listens on it.", "yellow"))
    return page


__all__ = ["acted_page", "freed_lines", "plan_page"]
