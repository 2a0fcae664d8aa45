"""Our `NamedTuple` stands for `typing.NamedTuple`: whatever the program uses of it has to behave alike."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from process_janitor.core.namedtuples import NamedTuple


class Ours(NamedTuple):
    """One of each."""

    pid: int
    name: str = "sh"
    marks: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.pid} {self.name}"


class Theirs(typing.NamedTuple):
    """One of each."""

    pid: int
    name: str = "sh"
    marks: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.pid} {self.name}"


BOTH = pytest.mark.parametrize("kind", [Ours, Theirs])


@BOTH
def test_it_is_a_tuple_with_names(kind: Any) -> None:
    one = kind(7, marks=(1,))
    assert (one.pid, one.name, one.marks, one.text) == (7, "sh", (1,), "7 sh")
    assert one == (7, "sh", (1,))
    assert hash(one) == hash((7, "sh", (1,)))
    assert repr(one) == f"{kind.__name__}(pid=7, name='sh', marks=(1,))"
    assert one._replace(name="bash") == kind(7, "bash", (1,))
    assert isinstance(one._replace(name="bash"), kind)
    assert one._asdict() == {"pid": 7, "name": "sh", "marks": (1,)}
    assert kind._make([1, "a", ()]) == kind(1, "a")
    assert (kind._fields, kind._field_defaults, kind.__match_args__, kind.__doc__) == (
        ("pid", "name", "marks"),
        {"name": "sh", "marks": ()},
        ("pid", "name", "marks"),
        "One of each.",
    )
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == one  # noqa: S301  # our own


@BOTH
@pytest.mark.parametrize(
    ("positional", "named"), [((), {}), ((1, "a", (), 4), {}), ((1,), {"pid": 2}), ((1,), {"x": 2})]
)
def test_other_fields_than_it_has_are_an_error(
    kind: Any, positional: tuple[object, ...], named: dict[str, object]
) -> None:
    with pytest.raises(TypeError):
        kind(*positional, **named)


@BOTH
def test_what_it_has_not_cannot_be_set_or_replaced(kind: Any) -> None:
    with pytest.raises(AttributeError):
        kind(1).other = 2
    with pytest.raises(AttributeError):
        kind(1).pid = 2
    with pytest.raises((TypeError, ValueError), match="other"):
        kind(1)._replace(other=2)
    with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
        kind._make([1])
