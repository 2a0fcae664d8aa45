"""What lies over the live view for a moment: a page to read, and a question that only a y answers with yes."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from process_janitor.faces.cli.asking import ANSWER_SECONDS
from process_janitor.faces.watching.cells import Printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from process_janitor.faces.cli.planning import Question

_CSS = """
    {name} {{ align: center middle; }}
    {name} > Vertical {{
        width: 96%; max-width: 110; height: auto; max-height: 90%;
        border: round {colour}; border-title-style: bold; padding: 0 1; background: $surface;
    }}
    {name} VerticalScroll {{ height: auto; max-height: 100%; scrollbar-size-vertical: 1; }}
    {name} .last-line {{ margin-top: 1; height: auto; }}
"""
# The page is as high as its text, up to what is left beside the question and the frame.
_PAGE_ROOM = 6


class _Over(ModalScreen[bool]):
    """A framed page with a line below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]

    def __init__(self, title: str, page: Sequence[RenderableType]) -> None:
        super().__init__()
        self._title = title
        self._page = page

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            with VerticalScroll(can_focus=False):
                yield Static(Printable(self._page), id="page")
            yield Static(self._last_line(), classes="last-line")

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        room = max(3, self.app.size.height * 9 // 10 - _PAGE_ROOM)
        self.query_one(VerticalScroll).styles.max_height = room

    def _last_line(self) -> Text:
        raise NotImplementedError

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def _answer(self, yes: bool) -> None:
        _ = self.dismiss(yes)  # awaiting it here would wait for ourselves

    def action_close(self) -> None:
        self._answer(False)


class Reading(_Over):
    """A page to read, closed by the next key."""

    DEFAULT_CSS = _CSS.format(name="Reading", colour="$primary")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,e,question_mark,space,ctrl+c", "close", show=False)
    ]

    def _last_line(self) -> Text:
        return Text("Esc closes, ↑ ↓ scroll", "dim")


class Asking(_Over):
    """A question. Only `y` is a yes; for a living session silence is a no after ten seconds."""

    DEFAULT_CSS = _CSS.format(name="Asking", colour="$warning")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", show=False),
        Binding("escape,enter,n,q,ctrl+c", "close", show=False),
    ]

    def __init__(self, title: str, page: Sequence[RenderableType], question: Question) -> None:
        super().__init__(title, page)
        self._question = question
        self._left = ANSWER_SECONDS if question.about else math.inf

    # The one of the class above is called as well.
    def on_mount(self) -> None:
        if self._question.about:
            self.set_interval(1.0, self._count)

    def _count(self) -> None:
        self._left -= 1.0
        if self._left <= 0:
            self._answer(False)
        else:
            self.query_one(".last-line", Static).update(self._last_line())

    def _last_line(self) -> Text:
        said = Text(overflow="fold")
        said.append(f"{self._question.about}\n" if self._question.about else "")
        said.append(f"[{self._left:.0f} s] " if self._question.about else "")
        return said.append(self._question.text, "bold").append("  y: yes   n, Esc, Enter: no")

    def action_agree(self) -> None:
        self._answer(True)


__all__ = ["Asking", "Reading"]
