"""Text for people. Pages are built from the JSON documents, and printed here and nowhere else."""

from __future__ import annotations

from process_janitor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.segment import Segment

    from process_janitor.faces.cli.context import Context

CLIENT_WIDTH = 76
# Of a line for a file or another program: nothing in it is cut. $COLUMNS says otherwise.
_PIPE_WIDTH = 4000


def show(context: Context, page: Sequence[RenderableType]) -> None:
    """Print a page: in colour on a terminal that has it, plain everywhere else, narrow inside Claude Code."""
    from rich.console import Console

    plain = context.client or context.words.no_color or bool(context.environment.get("NO_COLOR"))
    console = Console(
        file=context.out,
        width=CLIENT_WIDTH if context.client else _width(context),
        # No colour system means no escape sequence at all; `no_color` alone would still print bold and dim.
        color_system=None if plain else "auto",
        force_terminal=False if context.client else None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        for part in page:
            console.print(_Visible(part))
    lines = captured.get().splitlines()
    context.out.write("".join(f"{line.rstrip()}\n" for line in lines))


class _Visible:
    """A part of a page whose text cannot steer the terminal: only the styles of the page do. Looked at after the layout,
    so that no page can forget it.
    """

    def __init__(self, part: RenderableType) -> None:
        self._part = part

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._part, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement.get(console, options, self._part)


def _width(context: Context) -> int | None:
    """In columns; None where the terminal says how wide it is."""
    said = context.environment.get("COLUMNS", "")
    # What is wider than any page is soon too wide for an integer. And some pseudo terminals say 0, which shows nothing.
    wide = min(int(said[:9]), _PIPE_WIDTH) if said.isdecimal() else None
    if not context.out.isatty():
        return wide or _PIPE_WIDTH
    if wide == 0:
        import shutil

        return shutil.get_terminal_size().columns
    return wide


__all__ = ["CLIENT_WIDTH", "show"]
