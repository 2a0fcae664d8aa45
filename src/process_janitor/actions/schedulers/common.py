"""What all schedulers share: their error, what is installed, and files that go back to what they were."""

from __future__ import annotations

import os

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.schedule import MARK
from process_janitor.system import files, tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT_MAX = 300


class Refused(Exception):
    """A scheduler that does not do what it was asked: which command, and what it said."""


class Installed(NamedTuple):
    """`where` are files, or the command that shows it. `minutes` is None where nobody can tell."""

    minutes: int | None
    where: tuple[str, ...]


def must(argv: Sequence[str], stdin: bytes = b"") -> bytes:
    """The tool's output. Raises Refused with its first line of complaint."""
    done = tools.run(argv, stdin)
    if done.code:
        said = (done.err.splitlines() or [f"exit code {done.code}"])[0][:_TEXT_MAX]
        raise Refused(f"{os.path.basename(argv[0])} {' '.join(argv[1:])}: {said}")
    return done.out


def ours(path: str, mark: str = MARK) -> str:
    """A file of ours as it is, "" where there is none. Raises Refused for one that somebody else put there."""
    if os.path.islink(path):
        raise Refused(f"{path} is a link to {os.readlink(path)}; remove it first")
    try:
        text = files.read_text(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None
    if mark not in text:
        raise Refused(f"{path} is not process-janitor's; move it away first")
    return text


def put(path: str, text: str) -> None:
    """The file holds the text; "" takes it away. Raises Refused."""
    try:
        if text:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files.write_text(path, text)
        else:
            files.remove(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


__all__ = ["Installed", "Refused", "must", "ours", "put"]
