"""The live view. It draws documents and asks questions; looking and acting is done by its machine, in other threads."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Console
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import Footer, Input, Static

from process_janitor.faces import words
from process_janitor.faces.render.findings import STATE_STYLES, VERDICT_STYLES
from process_janitor.faces.watching import cells
from process_janitor.faces.watching.machine import said
from process_janitor.faces.watching.model import SORTS, Shown, Track, remember, rows
from process_janitor.faces.watching.screens import Asking, Reading
from process_janitor.faces.watching.table import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import RenderableType
    from textual.timer import Timer

    from process_janitor.faces.watching.machine import Machine, Proposal
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "explain", "explain"),
        Binding("k", "keep", "keep"),
        Binding("c", "clean", "clean"),
        Binding("r", "look", "refresh"),
        Binding("s", "sort", "sort"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q,ctrl+c", "quit", "quit", key_display="q"),
        Binding("escape", "unfilter", show=False),
    ]

    def __init__(self, machine: Machine, interval: float, *, verbose: bool = False) -> None:
        # Without colours in the terminal's own: as greys, red on a dark ground would be the hardest to read of all.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        # What breaks the view itself: a traceback is for whoever asked for one.
        self.error_console = Console(stderr=True, markup=False, highlight=False, quiet=not verbose)
        self._machine = machine
        self._interval = interval
        self._document: dict[str, Any] | None = None
        self._history: dict[str, Track] = {}
        self._total = Track()
        self._shown = Shown()
        self._looking = False
        self._failed = ""
        self._busy = ""
        self._busy_since = 0.0
        self._quits = False
        self._ticking: Timer | None = None

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
        self._draw_problem()

    @_if_there
    def _draw_problem(self) -> None:
        lines = Text()
        if self._busy:
            seconds = time.monotonic() - self._busy_since
            lines.append(f"{self._busy} ({seconds:.0f} s)", "bold cyan")
            lines.append("; the view closes after that" if self._quits else "", "bold cyan")
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
        row = self.query_one(Rows).current
        self.query_one("#detail", Static).update(
            cells.Printable(cells.detail(row) if row is not None else [])
        )

    def on_rows_selected(self) -> None:
        self._draw_detail()

    def on_rows_toggled(self, event: Rows.Toggled) -> None:
        closed = self._shown.closed - {event.key} if event.is_open else self._shown.closed | {event.key}  # fmt: skip
        self._shown = self._shown._replace(closed=closed)
        self._draw()

    def _tick(self) -> None:
        if self._busy:
            self._draw_problem()

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

    # Explaining and acting

    async def action_help(self) -> None:
        await self.push_screen(Reading("keys", _help()))

    def action_explain(self) -> None:
        row = self.query_one(Rows).current
        if row is not None:
            self._begin("looking into it", partial(self._explain, row))

    def action_keep(self) -> None:
        row = self.query_one(Rows).current
        if row is not None:
            self._begin("looking again", partial(self._propose, "keep", row, self._machine.keeping))

    def action_clean(self) -> None:
        row = self.query_one(Rows).current
        if row is not None:
            self._begin(
                "looking again", partial(self._propose, "clean", row, self._machine.cleaning)
            )

    def _begin(self, busy: str, work: Callable[[], Awaitable[None]]) -> None:
        """One thing at a time: a second question must not lie over the first."""
        if self._busy:
            self.bell()
            return
        self._say_busy(busy)
        self.run_worker(work, group="act")

    def _say_busy(self, busy: str) -> None:
        self._busy = busy
        self._busy_since = time.monotonic()
        self._draw_problem()

    async def _explain(self, row: Row) -> None:
        try:
            page = await asyncio.to_thread(self._machine.explain, row)
        except Exception as error:  # noqa: BLE001  # as with a look
            page = [Text(said(error), "yellow", overflow="fold")]
        self._say_busy("")
        await self._finished("explain", page)

    async def _propose(self, title: str, row: Row, make: Callable[[Row], Proposal]) -> None:
        """Propose, ask, and do what was agreed to. Whatever happens ends in a page that says so."""
        page: list[RenderableType]
        try:
            proposal = await asyncio.to_thread(make, row)
            if not proposal.questions:
                page = proposal.page
            else:
                agreed = []
                for question in proposal.questions:
                    self._say_busy("waiting for your answer")
                    if await self.push_screen_wait(Asking(title, proposal.page, question)):
                        agreed.append(question)
                if not agreed:
                    self._say_busy("")
                    if self._quits:
                        self.exit()
                    return
                self._say_busy(proposal.busy)
                page = await asyncio.to_thread(proposal.act, agreed)
                self.action_look()
        except Exception as error:  # noqa: BLE001  # as with a look
            page = [Text(said(error), "yellow", overflow="fold")]
        self._say_busy("")
        await self._finished(title, page)

    async def _finished(self, title: str, page: list[RenderableType]) -> None:
        if self._quits:
            self.exit()
        else:
            await self.push_screen(Reading(title, page))

    async def action_quit(self) -> None:
        """Leave; while something is being ended, once that is done. A question that is open is a no."""
        if self._busy:
            self._quits = True
            self._draw_problem()
            if isinstance(self.screen, Asking):
                self.screen.action_close()
        else:
            self.exit()


def _help() -> list[RenderableType]:
    keys = (
        ("↑ ↓ PgUp PgDn", "choose a row"),
        ("Enter ← →", "open or close what is below it"),
        ("e", "explain its verdict in words"),
        ("k", "keep it: a rule protects it from now on (asks)"),
        ("c", "clean: end what a session left, or this process (asks)"),
        ("r", "look again now"),
        ("s", "sort by memory, CPU, age"),
        ("/", "only rows with these words; Esc shows all again"),
        ("q", "leave"),
    )
    page: list[RenderableType] = []
    for key, does in keys:
        page.append(Text(f"{key:<15}", "bold").append(does, "not bold"))
    page.append(Text())
    meanings = {"reap": "a proven leftover", "report": "worth a look; ended only if you say so", "keep": "never ended from here"}  # fmt: skip
    for verdict, means in meanings.items():
        word = Text(f"{verdict:<15}", VERDICT_STYLES[verdict])
        page.append(word.append(means, "not bold default"))
    for state in ("crashed", "hung", "idle"):
        word = Text(f"{state:<15}", STATE_STYLES[state])
        page.append(word.append(f"a session: {words.STATES[state]}", "not bold default"))
    return page


__all__ = ["Watch"]
