"""What is wrong in the user's configuration file, each with the file, the line and the key."""

from __future__ import annotations

from process_janitor.core import jsonplaces
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.settings import BY_NAME, BadValue, value_for
from process_janitor.system import files


class Found(NamedTuple):
    """`problems`: what does not count as it is written. `warnings`: what is ignored."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def examine(path: str) -> Found:
    """Every problem as `FILE:LINE: what`, of a text that is no JSON `FILE:LINE:COLUMN: what`; nothing without a file."""
    try:
        members = jsonplaces.members(files.read_text(path, follow=True))
    except (FileNotFoundError, NotADirectoryError):
        return Found()
    except OSError as error:
        return Found((f"{path}: {error.strerror or error}",))
    except jsonplaces.Broken as error:
        return Found((f"{path}:{error.line}:{error.column}: not JSON: {error}",))
    if members is None:
        return Found((f"{path}:1: must hold one JSON object",))
    problems, warnings = [], []
    lines: dict[str, int] = {}
    for name, value, line in members:
        here = f"{path}:{line}"
        if name in lines:
            problems.append(
                f"{here}: {name}: is in line {lines[name]} as well; only the last one counts"
            )
        lines[name] = line
        if name not in BY_NAME:
            warnings.append(f"{here}: unknown key {name!r} is ignored{hint(name)}")
            continue
        try:
            value_for(BY_NAME[name], value)
        except BadValue as error:
            problems.append(f"{here}: {error}")
    return Found(tuple(problems), tuple(warnings))


def hint(name: str) -> str:
    """The key that was probably meant, as the end of a sentence; "" where none is near."""
    import difflib

    near = difflib.get_close_matches(name, BY_NAME, 1)
    return f"; did you mean {near[0]}?" if near else ""


__all__ = ["Found", "examine", "hint"]
