"""The page of `doctor`: what needs attention first, then what is well."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from process_janitor.core.units import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rich.console import RenderableType

    Document = dict[str, Any]
    Page = list[RenderableType]

_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red"}


def doctor_page(document: Document, type_this: str, *, verbose: bool) -> Page:
    totals = document["totals"]
    page: Page = [Text(_summary(totals), "bold"), Text()]
    for mended in document["mended"]:
        word, style = ("mended", "green") if mended["done"] else ("could not mend", "bold red")
        line = Text(overflow="fold")
        page.append(line.append(word, style).append(f"  {mended['name']}: {mended['says']}"))
    if document["mended"]:
        page.append(Text())
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for check in document["checks"]:
        said = Text(check["says"], overflow="fold")
        if check["do"] and (check["state"] != "ok" or verbose):
            said.append(f"\n{check['do'].replace('process-janitor ', f'{type_this} ')}", "bold")
        grid.add_row(Text(check["state"], _STYLES[check["state"]]), check["name"], said)
    page += [grid, Text()]
    if any(check["can_mend"] for check in document["checks"]):
        next_step = f"Next: {type_this} doctor --fix    (mends what is safe to mend)"
    elif totals["broken"] or totals["warning"]:
        next_step = "Next: what stands under each line that is not ok"
    else:
        next_step = f"Next: {type_this} scan    (what dead sessions left)"
    return [*page, Text(next_step, "bold")]


def _summary(totals: Document) -> str:
    if totals["broken"]:
        return f"{count(totals['broken'], 'thing is', 'things are')} broken, {count(totals['warning'], 'warning')}."
    if totals["warning"]:
        return f"It works; {count(totals['warning'], 'thing')} to look at."
    return "All is well."


__all__ = ["doctor_page"]
