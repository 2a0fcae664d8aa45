"""The pages of `stop`: what would be stopped, each end as it happens, and what is left."""

from __future__ import annotations

from rich.text import Text

from process_janitor.core.commands import brief, middle
from process_janitor.core.units import count, size
from process_janitor.faces import words
from process_janitor.faces.render.acts import freed_lines
from process_janitor.faces.render.fitting import Fitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]


def plan_page(document: Document, type_this: str, words_again: str, *, asking: bool) -> Page:
    """What would be stopped, in the order it would, what is spared, and how to go on."""
    targets = document["targets"]
    page: Page = []
    if targets:
        number = count(len(targets), "Claude process", "Claude processes")
        held = sum(one["memory_bytes"] for one in targets)
        page.append(Text(f"Plan: stop {number}, {size(held)} with all they run.", "bold"))
        page += [_target(one) for one in targets]
    else:
        page.append(Text("No session to stop.", "bold"))
    page += spared(document["spared"])
    if asking:
        return [*page, Text()]
    if not targets:
        return [*page, Text(), Text(f"Next: {type_this} scan --all    (lists what runs)", "bold")]
    return [
        *page, Text(), Text("Nothing was stopped yet.", "dim"),
        Text(f"Next: {type_this} stop {words_again} --yes", "bold"),
    ]  # fmt: skip


def _target(one: Document) -> Text:
    line = Text("  ", overflow="fold").append(title(one), "bold")
    about = f"\n      process {one['pid']}, {count(one['processes'], 'process', 'processes')}, {size(one['memory_bytes'])}"
    line.append(about, "dim")
    if one["own"]:
        line.append("  this is the session you are in", "bold red")
    for code in one["vetoes"]:
        line.append(f"  refused: {words.veto(code)} [{code}]", "yellow")
    return line


def spared(rows: Sequence[Document]) -> Page:
    page: Page = []
    for one in rows:
        if one["vetoes"]:
            why = "; ".join(f"{words.veto(code)} [{code}]" for code in one["vetoes"])
        elif one["own"]:
            why = "it is the session you are in"
        elif one["lead"]:
            why = "it works for the session you are in"
        else:
            why = f"no register knows it; name it to stop it: --session {one['pid']}"
        line = Text("  ", overflow="fold").append("left alone  ", "green")
        page.append(line.append(f"{title(one)}, process {one['pid']}: {why}"))
    return page


def title(one: Document) -> str:
    """`session ID (directory)`, `agent reviewer`, `puppeteer` for a server with a name, else `mcp-server server.py (process
    4711)`.
    """
    if one["role"] == "agent":
        return f"agent {one['name'] or one['pid']}"
    if one["role"] in ("session", "background"):
        what = "background session" if one["role"] == "background" else "session"
        named = f"{what} {one['session_id'] or 'of process ' + str(one['pid'])}"
        return f"{named} ({one['cwd']})" if one["cwd"] else named
    if one["mcp_server"]:
        return str(one["mcp_server"])
    return f"{one['role']} {middle(brief(one['name']), _NAME_MAX)} (process {one['pid']})"


def ended_line(one: Document) -> str:
    """One end, or that it did not come, in a line."""
    if one["outcome"] == "gone":
        forced = " (killed: it did not end by itself)" if "SIGKILL" in one["signals"] else ""
        return f"{title(one)}: stopped{forced}"
    if one["outcome"] == "refused":
        return f"{title(one)}: not stopped, {one['problem']}"
    why = f", {one['problem']}" if one["problem"] else ""
    return f"{title(one)}: still running (process {one['pid']}){why}"


# Of a Bash call's command: its line is to fit beside what became of it.
_NAME_MAX = 44
# Of what ran below a session's helpers.
_BESIDES = {"gone": "left over, stopped", "survived": "left over, still running", "refused": "left over, not stopped"}  # fmt: skip


def left_page(document: Document, type_this: str) -> Page:
    """What was cleaned up besides, what came of it all, and what the stopped sessions leave running, with the words that
    end each.
    """
    page: Page = []
    ended = [one for one in document["ended"] if one["outcome"] == "gone"]
    also = [one for one in document["actions"] if one["outcome"] == "gone"]
    for one in document["actions"]:
        page.append(Fitted(f"{_BESIDES[one['outcome']]} (process {one['pid']}): ", one["command"]))
        page += [Text(f"      {one['why']}", "dim", overflow="fold")] if one["why"] else []
    clients = sum(one["role"] in ("session", "agent", "background") for one in ended)
    said = f"Stopped {count(clients, 'Claude process', 'Claude processes')}"
    helpers = len(ended) - clients + len(also)
    said += f" and {count(helpers, 'helper')}" if helpers else ""
    page += freed_lines(document["freed"], said)
    for one in document["left"]:
        ports = f"port {', '.join(map(str, one['ports']))}  " if one["ports"] else ""
        page.append(Fitted(f"  still runs  {one['pid']}  {ports}", one["command"]))
        say = one["next"].replace("process-janitor", type_this, 1)
        page.append(Text(f"      {words.CLASSES[one['class']]}; {say}", "dim", overflow="fold"))
    everything = (*document["ended"], *document["actions"])
    failed = next((one for one in everything if one["outcome"] != "gone"), None)
    if failed is not None:
        page.append(Text(f"Next: {type_this} explain {failed['pid']}    (what it is)", "bold"))
    elif not document["left"]:
        page.append(Text(f"Next: nothing to do. {type_this} history keeps what was done", "bold"))
    return page


__all__ = ["ended_line", "left_page", "plan_page", "spared", "title"]
