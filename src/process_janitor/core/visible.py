"""Text from the machine, for people: what would steer a terminal, or turn the reading direction, is seen instead."""

from __future__ import annotations

# Layout of our own; a no-break space is one as well.
_LAYOUT = frozenset("\n\t\N{NO-BREAK SPACE}")


def visible(text: str, layout: frozenset[str] = _LAYOUT) -> str:
    """The same text, with a replacement character for everything that cannot be seen and is no `layout`."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in layout else "\N{REPLACEMENT CHARACTER}" for c in text
    )


__all__ = ["visible"]
