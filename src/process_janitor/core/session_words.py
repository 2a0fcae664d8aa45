"""Which session somebody means who types the beginning of its id."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Of an id: fewer letters are a typing error more often than a choice.
PREFIX_LEAST = 4
_NAMED_MAX = 5


class NotOne(ValueError):
    """A word that names no session, or more than one; the text says which."""


def by_beginning(word: str, known: Iterable[tuple[str, str]]) -> str:
    """The session one of whose ids begins with the word, "" where none does or the word is too short to say it. `known`
    are pairs of an id, its present or an earlier one, and the present one. Raises NotOne where it may be several.
    """
    if len(word) < PREFIX_LEAST:
        return ""
    found = sorted({now for id_, now in known if id_.startswith(word)})
    if len(found) > 1:
        more = f" and {len(found) - _NAMED_MAX} more" if len(found) > _NAMED_MAX else ""
        names = ", ".join(found[:_NAMED_MAX])
        raise NotOne(f"{word!r} is the beginning of {len(found)} session ids: {names}{more}")
    return found[0] if found else ""


__all__ = ["PREFIX_LEAST", "NotOne", "by_beginning"]
