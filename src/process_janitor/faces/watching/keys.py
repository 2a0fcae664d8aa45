"""The keys of the live view, and the page that says what they and the words of the view mean."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding, BindingType

from process_janitor.faces import words
from process_janitor.faces.render.findings import STATE_STYLES, VERDICT_STYLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.console import RenderableType

BINDINGS: list[BindingType] = [
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


def page() -> list[RenderableType]:
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
    told: list[RenderableType] = []
    for key, does in keys:
        told.append(Text(f"{key:<15}", "bold").append(does, "not bold"))
    told.append(Text())
    meanings = {"reap": "a proven leftover", "report": "worth a look; ended only if you say so", "keep": "never ended from here"}  # fmt: skip
    for verdict, means in meanings.items():
        word = Text(f"{verdict:<15}", VERDICT_STYLES[verdict])
        told.append(word.append(means, "not bold default"))
    for state in ("crashed", "hung", "idle"):
        word = Text(f"{state:<15}", STATE_STYLES[state])
        told.append(word.append(f"a session: {words.STATES[state]}", "not bold default"))
    return told


__all__ = ["BINDINGS", "page"]
