"""A command in the room that there is: its program without the path, its end in sight, cut in the middle."""

from __future__ import annotations

from rich.measure import Measurement
from rich.text import Text

from process_janitor.core.commands import brief, middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions

_LEAST = 20


class Fitted:
    """`lead` and after it the command, on one line. `program` is False for a text that names no program first."""

    def __init__(self, lead: Text | str, command: str, *, program: bool = True) -> None:
        self._lead = Text(lead) if isinstance(lead, str) else lead
        self._command = brief(command) if program else command

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        del console
        width = options.max_width
        room = width - self._lead.cell_len
        line = self._lead.copy()
        line.no_wrap, line.overflow = True, "ellipsis"
        if room >= min(_LEAST, len(self._command)):
            yield line.append(middle(self._command, room))
        else:
            yield Text(
                middle(f"{line.plain}{self._command}", width), no_wrap=True, overflow="ellipsis"
            )

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        del console
        most = min(self._lead.cell_len + len(self._command), options.max_width)
        return Measurement(min(_LEAST, most), most)


__all__ = ["Fitted"]
