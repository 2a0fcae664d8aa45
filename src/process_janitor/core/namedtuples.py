"""`NamedTuple` without importing `typing` or `collections`.

Importing `typing` takes 10 ms and 1.5 MB: more than a whole hook may cost, and a quarter of the watcher's memory.
`collections`, with what it needs, is another 1.4 ms, of which a named tuple uses next to nothing. Type checkers see
`typing.NamedTuple`; at run time the same class syntax builds a tuple with the same members.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # an interpreter that has no such part in C

        def _tuplegetter(index, _doc):  # noqa: ANN001, ANN202  # never seen by a type checker
            return property(lambda self: self[index])

    class _Row(tuple):
        """What every named tuple can do."""

        __slots__ = ()
        _fields = ()

        @classmethod
        def _make(cls, values):  # noqa: ANN001, ANN206
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changes):  # noqa: ANN003, ANN202
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"Got unexpected field names: {list(changes)!r}")
            return made

        def _asdict(self):  # noqa: ANN202
            return dict(zip(self._fields, self))

        def __repr__(self):  # noqa: ANN204
            return f"{type(self).__name__}({', '.join(f'{f}={v!r}' for f, v in self._asdict().items())})"

        def __getnewargs__(self):  # noqa: ANN204
            return tuple(self)

    class _Fields(type):
        def __new__(mcs, name, bases, body):  # noqa: ANN001, ANN204
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            names = "".join(f"{field}, " for field in fields)
            # As `collections` does it: a function with these very arguments is twice as fast as one that takes any.
            make = eval(f"lambda _cls, {names}: _new(_cls, ({names}))", {"_new": tuple.__new__})  # noqa: S307  # of our own source
            defaults = {field: body.pop(field) for field in fields if field in body}
            make.__defaults__ = tuple(defaults.values())
            make.__name__, make.__qualname__ = "__new__", f"{name}.__new__"
            made = {
                **body,
                "__slots__": (),
                "__new__": make,
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                **{field: _tuplegetter(at, None) for at, field in enumerate(fields)},
            }
            return type(name, (_Row,), made)

    NamedTuple = _Fields("NamedTuple", (), {})

__all__ = ["TYPE_CHECKING", "NamedTuple"]
