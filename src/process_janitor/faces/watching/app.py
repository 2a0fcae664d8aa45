"""The live view. It draws documents, again and again; looking is done by its machine, in another thread."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Console
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.widgets import Footer, Input, Static

from process_janitor.faces.watching import cells, keys
from process_janitor.faces.watching.errands import Errands
from process_janitor.faces.watching.machine import said
from process_janitor.faces.watching.model import SORTS, Shown, Track, remember, rows
from process_janitor.faces.watching.screens import Reading
from process_janitor.faces.watching.table import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from process_janitor.faces.watching.machine import Machine
    from process_janitor.faces.watching.model import Row


def _if_there(draw: Callable[[Watch], None]) -> Callable[[Watch], None]:
    """Draw, unless what is drawn into is gone: then the view is closing, and nobody sees it any more."""

    @wraps(draw)
    def drawn(self: Watch) -> None:
        with suppress(NoMatches):
            draw(self)

    return drawn


class Watch(App[None]):
    """`machine` is what is watched, `interval` the seconds between two looks, `verbose` shows what broke the view."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 2; padding: 0 1; background: $panel; }
    #problem { height: auto; padding: 0 1; display: none; }
    #heading { height: 1; padding: 0 1; color: $text-muted; }
    #empty { padding: 1 2; display: none; }
    #detail { height: 4; padding: 0 1; border-top: solid $primary 50%; }
    #filter { display: none; height: 1; border: none; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = keys.BINDINGS

    def __init__(self, machine: Machine, interval: float, *, verbose: bool = False) -> None:
        # Without colours in the terminal's own: as greys, red on a dark ground would be the hardest to read of all.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        # What breaks the view itself: a traceback is for whoever asked for one.
        self.error_console = Console(stderr=True, markup=False, highlight=False, quiet=not verbose)
        self._machine = machine
        self._errands = Errands(self, machine)
        self._interval = interval
        self._document: dict[str, Any] | None = None
        self._history: dict[str, Track] = {}
        self._total = Track()
        self._shown = Shown()
        self._looking = False
        self._failed = ""

    def compose(self) -> ComposeResult:
        yield Static(Text("looking …", "dim"), id="head")
        yield Static(id="problem")
        yield Static(id="heading")
        yield Static(id="empty")
        yield Rows()
        yield Static(id="detail")
        yield Input(placeholder="filter: words that a row must have; Enter keeps it, Esc drops it", id="filter")  # fmt: skip
        yield Footer(compact=True)

    def on_mount(self) -> None:
        if not self.is_headless:
            # Otherwise the terminal would stay as it is now, which nobody can type in.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self.query_one(Rows).focus()
        self.set_interval(self._interval, self.action_look)
        self.set_interval(1.0, self._tick)
        self.action_look()

    def on_resize(self) -> None:
        self._draw_head()
        self._draw_detail()

    # Looking

    def action_look(self) -> None:
        """Look now, unless a look is under way: on a busy machine they must not pile up."""
        if not self._looking:
            self._looking = True
            work: Callable[[], Awaitable[None]] = self._look
            self.run_worker(work, group="look")

    async def _look(self) -> None:
        try:
            document = await asyncio.to_thread(self._machine.look)
        except Exception as error:  # noqa: BLE001  # whatever it was, the view goes on and says so
            self._failed = said(error)
        else:
            self._failed = ""
            self._document = document
            self._history = remember(self._history, document)
            self._total = self._total.added(
                document["totals"]["memory_bytes"], document["totals"]["cpu_percent"]
            )
        finally:
            self._looking = False
        self._draw()

    # Drawing

    # What comes back from another thread may find the view half taken down.

    @_if_there
    def _draw(self) -> None:
        if self._document is not None:
            listed = rows(self._document, self._history, self._shown)
            self.query_one(Rows).put(listed)
            empty = self.query_one("#empty", Static)
            empty.display = not listed
            none = "Nothing matches the filter." if self._shown.needle else "No session is running, and nothing is left over."  # fmt: skip
            empty.update(none)
        self._draw_head()

    @_if_there
    def _draw_head(self) -> None:
        width = self.size.width
        self.query_one("#heading", Static).update(
            cells.heading(self.query_one(Rows).size.width or width, self._shown.sort)
        )
        if self._document is not None:
            head = cells.head(self._document, self._total.memory, self._total.cpu, width - 2)
            self.query_one("#head", Static).update(cells.Printable([head]))
        self.draw_problem()

    @_if_there
    def draw_problem(self) -> None:
        """What is under way, what failed, and what the rows are filtered by."""
        lines = Text()
        under_way = self._errands
        if under_way.busy:
            seconds = time.monotonic() - under_way.since
            lines.append(f"{under_way.busy} ({seconds:.0f} s)", "bold cyan")
            lines.append("; the view closes after that" if under_way.last else "", "bold cyan")
        if self._failed:
            lines.append("\n" if lines.plain else "")
            lines.append(f"The last look failed: {self._failed}", "bold yellow")
            lines.append(f"; the next is in {self._interval:g} s", "yellow")
        if self._shown.needle:
            lines.append("\n" if lines.plain else "")
            lines.append(f"filter: {self._shown.needle}", "bold").append("  (Esc drops it)", "dim")
        problem = self.query_one("#problem", Static)
        problem.display = bool(lines.plain)
        problem.update(cells.Printable([lines]))

    @_if_there
    def _draw_detail(self) -> None:
        row = self._chosen()
        self.query_one("#detail", Static).update(
            cells.Printable(cells.detail(row) if row is not None else [])
        )

    def _chosen(self) -> Row | None:
        return self.query_one(Rows).current

    def on_rows_selected(self) -> None:
        self._draw_detail()

    def on_rows_toggled(self, event: Rows.Toggled) -> None:
        closed = self._shown.closed - {event.key} if event.is_open else self._shown.closed | {event.key}  # fmt: skip
        self._shown = self._shown._replace(closed=closed)
        self._draw()

    def _tick(self) -> None:
        if self._errands.busy:
            self.draw_problem()

    # Sorting and filtering

    def action_sort(self) -> None:
        after = SORTS[(SORTS.index(self._shown.sort) + 1) % len(SORTS)]
        self._shown = self._shown._replace(sort=after)
        self._draw()

    def action_filter(self) -> None:
        typed = self.query_one("#filter", Input)
        typed.display = True
        typed.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._shown = self._shown._replace(needle=event.value)
        self._draw()

    def on_input_submitted(self) -> None:
        self._leave_filter()

    def action_unfilter(self) -> None:
        self.query_one("#filter", Input).value = ""
        self._shown = self._shown._replace(needle="")
        self._leave_filter()
        self._draw()

    def _leave_filter(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one(Rows).focus()

    # Keys about the chosen row, and the others

    async def action_help(self) -> None:
        await self.push_screen(Reading("keys", keys.page()))

    def action_explain(self) -> None:
        row = self._chosen()
        if row is not None:
            self._errands.explain(row)

    def action_keep(self) -> None:
        row = self._chosen()
        if row is not None:
            self._errands.keep(row)

    def action_clean(self) -> None:
        row = self._chosen()
        if row is not None:
            self._errands.clean(row)

    async def action_quit(self) -> None:
        self._errands.quit()


__all__ = ["Watch"]
