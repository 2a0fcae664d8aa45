"""`watch`: a live full-screen view of sessions and their trees, from which they are explained, kept and cleaned."""

from __future__ import annotations

import os

from process_janitor.faces.cli.context import DONE, USAGE, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.faces.cli.context import Context

ABOUT = """\
Shows every session with its tree on the whole screen, what each process uses now and in the last minutes, and what is
left over. Keys explain, keep and clean what is selected; nothing is ended without a question that names it."""
EXAMPLES = (
    "process-janitor watch                  q leaves it, ? shows the keys",
    "process-janitor watch --interval 10    looks every ten seconds",
)

SECONDS = 2.0
_LEAST, _MOST = 1.0, 60.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval", metavar="SECONDS", type=interval, default=SECONDS,
        help=f"the time between two looks, {_LEAST:g} to {_MOST:g} (default: {SECONDS:g})",
    )  # fmt: skip


def interval(text: str) -> float:
    """An argparse type: seconds between two looks."""
    seconds = float(text) if text.isascii() else _MOST + 1
    # Written so that nan is refused as well.
    if not _LEAST <= seconds <= _MOST:
        raise ValueError(text)
    return seconds


interval.__name__ = f"interval of {_LEAST:g} to {_MOST:g} seconds"  # argparse says "invalid …"


def run(context: Context, words: argparse.Namespace) -> int:
    _check(context, words)
    # Its presence counts, whatever it says, where the user's own answer is that of every other page.
    if words.no_color or context.environment.get("NO_COLOR"):
        os.environ["NO_COLOR"] = "1"
    else:
        os.environ.pop("NO_COLOR", None)
    try:
        from process_janitor.faces.watching.app import Watch
    except ModuleNotFoundError as error:
        raise Failure(_missing(error.name or "")) from None
    from process_janitor.faces.watching.machine import Real

    _import_libtmux()
    app = Watch(Real(context), words.interval, verbose=words.verbose)
    app.run()
    if app.return_code:
        raise Failure(
            "the view broke off (--verbose shows where); process-janitor report shows the same once"
        )
    return DONE


def _import_libtmux() -> None:
    """Now, and not at the first look: it asks standard output for its encoding, which the view has replaced by then."""
    try:
        import libtmux  # noqa: F401  # for its side effect: that it is there
    except ImportError:
        return


def _check(context: Context, words: argparse.Namespace) -> None:
    """Raises Failure where no view can be shown."""
    if words.json:
        raise Failure("a live view has no document; use process-janitor report --json", USAGE)
    if words.quiet:
        raise Failure("watch does nothing but show; leave out --quiet", USAGE)
    # The view is drawn on standard error, so that has to be the terminal as well.
    if not context.can_ask or not context.err.isatty():
        raise Failure(
            "watch needs a terminal of its own; process-janitor report shows the same once", USAGE
        )
    if context.environment.get("TERM", "dumb") == "dumb":
        raise Failure(
            "this terminal cannot show a full screen (TERM); process-janitor report shows the same once",
            USAGE,
        )


def _missing(name: str) -> str:
    return (
        f"watch needs the Python package textual (missing: {name}); run scripts/process-janitor, which brings it, "
        "or install process-janitor[watch]"
    )


__all__ = ["ABOUT", "EXAMPLES", "add", "interval", "run"]
