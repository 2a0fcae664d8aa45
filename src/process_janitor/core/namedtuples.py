"""`NamedTuple` without importing `typing`.

Importing `typing` takes 10 ms and 1.5 MB: more than a whole hook may cost, and a quarter of the watcher's memory.
Type checkers see `typing.NamedTuple`; at run time the same class syntax builds a `collections.namedtuple`.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    class _Fields(type):
        def __new__(mcs, name, bases, body):  # noqa: ANN001, ANN204  # never seen by a type checker
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            made = namedtuple(
                name,
                fields,
                defaults=[body[f] for f in fields if f in body],
                module=body["__module__"],
            )
            for key, value in body.items():
                if key not in fields and key not in (
                    "__annotations__",
                    "__module__",
                    "__qualname__",
                ):
                    setattr(made, key, value)
            return made

    NamedTuple = _Fields("NamedTuple", (), {})

__all__ = ["TYPE_CHECKING", "NamedTuple"]
