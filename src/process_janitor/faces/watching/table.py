"""The rows of the live view: one line each, a cursor that stays on its row whatever is sorted or comes and goes."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from process_janitor.faces.watching import cells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from process_janitor.faces.watching.model import Row


class Rows(ScrollView, can_focus=True):
    """Draws only the lines in sight, for a machine with a thousand processes costs no more than one with ten."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    DEFAULT_CSS = """
    Rows { height: 1fr; margin: 0 1; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    Rows > .rows--cursor { background: $primary 40%; text-style: bold; }
    Rows:nocolor > .rows--cursor { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter,space", "fold_or_unfold", "open/close", key_display="⏎"),
        Binding("right", "unfold", show=False),
        Binding("left", "fold", show=False),
    ]

    class Selected(Message):
        """The cursor is on another row, or that row has changed."""

    class Toggled(Message):
        """The row with this key is to be opened, or closed."""

        def __init__(self, key: str, *, is_open: bool) -> None:
            super().__init__()
            self.key = key
            self.is_open = is_open

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()
        self._at = 0

    @property
    def current(self) -> Row | None:
        """The row under the cursor; None where there is none at all."""
        return self._rows[self._at] if self._rows else None

    def put(self, rows: Sequence[Row]) -> None:
        """Show these. The cursor stays on its row, and where that is gone on the line it was on."""
        key = self.current.key if self.current is not None else ""
        again = next((at for at, row in enumerate(rows) if row.key == key), None)
        self._rows = rows
        self._at = again if again is not None else max(0, min(self._at, len(rows) - 1))
        self._fit()
        self.refresh()
        self.post_message(self.Selected())

    def _fit(self) -> None:
        self.virtual_size = Size(max(1, self.size.width), len(self._rows))
        self._follow()

    def _follow(self) -> None:
        self.scroll_to_region(Region(0, self._at, 1, 1), animate=False)

    def on_resize(self, event: Resize) -> None:
        del event
        self._fit()

    def on_click(self, event: Click) -> None:
        at = round(self.scroll_offset.y) + event.y
        if 0 <= at < len(self._rows):
            self._go(at)

    def _go(self, at: int) -> None:
        self._at = max(0, min(at, len(self._rows) - 1))
        self._follow()
        self.refresh()
        self.post_message(self.Selected())

    def action_move(self, by: int) -> None:
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        self._go(self._at + by * max(1, self.size.height - 1))

    def action_fold_or_unfold(self) -> None:
        row = self.current
        if row is not None and row.below:
            self.post_message(self.Toggled(row.key, is_open=not row.open))

    def action_unfold(self) -> None:
        row = self.current
        if row is not None and row.below:
            if row.open:
                self._go(self._at + 1)
            else:
                self.post_message(self.Toggled(row.key, is_open=True))

    def action_fold(self) -> None:
        """Close the row; one that is closed, or has nothing to close, leads to the row above it."""
        row = self.current
        if row is None:
            return
        if row.below and row.open:
            self.post_message(self.Toggled(row.key, is_open=False))
            return
        above = (at for at in range(self._at, -1, -1) if self._rows[at].depth < row.depth)
        self._go(next(above, self._at))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        at = y + round(self.scroll_offset.y)
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, self.rich_style)
        text = cells.line(self._rows[at], width)
        style = self.rich_style
        if at == self._at:
            style += self.get_component_rich_style("rows--cursor")
        segments = Segment.apply_style(text.render(self.app.console), style)
        drawn = [one for one in segments if one.text != "\n"]
        return Strip(drawn).adjust_cell_length(width, style)


__all__ = ["Rows"]
