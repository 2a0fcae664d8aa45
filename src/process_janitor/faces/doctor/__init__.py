"""`doctor`'s questions about an installation: each check answers one, with what to do when the answer is bad."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Literal

    from process_janitor.core.settings import Settings

    State = Literal["ok", "warning", "broken"]


class Check(NamedTuple):
    """One answer. `says` is what was found, `do` what the user can do about it, "" where there is nothing to do.

    `mend` is there where it is safe to set it right without asking: it changes nothing but our own files and processes,
    returns what it did, and raises OSError when it could not.
    """

    name: str
    state: State
    says: str
    do: str = ""
    mend: Callable[[], str] | None = None


class Ward(NamedTuple):
    """What every question is asked about."""

    root: str
    config_dir: str
    config_path: str
    options: Settings
    environment: Mapping[str, str]


def checks(ward: Ward) -> Iterator[Check]:
    """Every answer, in the order in which one thing needs the other. Changes nothing (a probe file of our own is gone again)."""
    from process_janitor.faces.doctor import installation, locking, machine, state, wiring

    for topic in (machine, installation, wiring, locking, state):
        for question in topic.QUESTIONS:
            try:
                yield from question(ward)
            except OSError as error:
                yield Check(
                    question.__name__.replace("_", " "),
                    "broken",
                    f"{error.filename or 'the system'}: {error.strerror or error}",
                    "mend what the message names, then run this again",
                )


__all__ = ["Check", "Ward", "checks"]
