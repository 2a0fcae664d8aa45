"""Too much of something is worth a line; a lot of it is not."""

from __future__ import annotations

import pytest

from process_janitor.core.excess import DESCRIPTORS_MAX, MEMORY_MAX, Has, excesses
from process_janitor.core.model import Process

ONE = Has(Process(7, 1, 7, 7, 0, 1, "S", "node", 1000), "s", "node x.js", 60.0, 0, 0, 0)


@pytest.mark.parametrize(
    ("descriptors", "limit", "said"),
    [
        (DESCRIPTORS_MAX, 0, ""),
        (DESCRIPTORS_MAX + 1, 0, "1025 descriptors are open"),
        (DESCRIPTORS_MAX + 1, 1_048_576, "1025 descriptors are open"),
        (819, 1024, ""),
        (820, 1024, "820 of at most 1024"),
        (205, 256, "205 of at most 256"),
    ],
)
def test_descriptors(descriptors: int, limit: int, said: str) -> None:
    found = list(excesses([ONE._replace(descriptors=descriptors, soft_limit=limit)]))
    assert [one.about[: len(said)] for one in found] == ([said] if said else [])


def test_memory_is_named_with_its_process_and_only_reported() -> None:
    assert list(excesses([ONE._replace(memory=MEMORY_MAX)])) == []
    (one,) = excesses([ONE._replace(memory=MEMORY_MAX + 1)])
    assert (one.finding, one.verdict, one.process, one.session_id) == (
        "overload",
        "report",
        ONE.process,
        "s",
    )
    assert one.size == MEMORY_MAX + 1
