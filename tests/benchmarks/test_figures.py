from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import Figure, added, exponent, figure, growth, interleaved, ratios
from benchmarks.goals import CHECKED, GOALS


def test_the_spread_is_the_tenth_and_the_ninetieth_percentile() -> None:
    assert figure("x", "ms", [*range(1, 12)]) == Figure("x", "ms", 6, 2, 10, 11)


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        figure("x", "ms", [])


def test_a_ratio_is_taken_within_its_round() -> None:
    # The second round was slow for both.
    assert ratios("x", [20.0, 200.0], [10.0, 100.0]) == Figure("x", "x floor", 2, 2, 2, 2)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_growth(power: float) -> None:
    assert exponent({size: 3 * size**power for size in (10, 200, 5000)}) == pytest.approx(power)


def test_every_round_measures_every_subject_once() -> None:
    calls: list[str] = []

    def subject(name: str) -> float:
        calls.append(name)
        return 1.0

    found = interleaved({"a": lambda: subject("a"), "b": lambda: subject("b")}, rounds=3, warm=1)
    assert found == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert [sorted(calls[at : at + 2]) for at in range(0, 8, 2)] == [["a", "b"]] * 4


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Figure("x", "ms", 10.5, 9, 12, 9), False),  # well inside
        (Figure("x", "ms", 13, 9.5, 14, 9), False),  # its spread still reaches the old median
        (Figure("x", "ms", 13, 12.5, 14, 9), True),
        (Figure("x", "ms", 6, 5, 7, 9), True),
    ],
)
def test_what_moved_is_outside_both_spreads(now: Figure, expected: bool) -> None:
    assert report.moved(now, Figure("x", "ms", 10, 9, 11, 9)) is expected


@pytest.mark.parametrize(("now", "expected"), [(10.9, False), (11.5, True), (8.5, True)])
def test_what_was_measured_once_has_a_tenth_for_its_spread(now: float, expected: bool) -> None:
    once = Figure("x", "%", 10, 10, 10, 1)
    assert report.moved(Figure("x", "%", now, now, now, 1), once) is expected


def test_growth_has_an_exponent_for_each_round() -> None:
    found = growth("x", {10: [1.0, 1.0, 1.0], 1000: [100.0, 100.0, 10_000.0]})
    assert (found.median, found.samples) == (1, 3)
    assert found.high > 1.5


def test_what_is_added_is_told_in_units_of_what_a_bare_one_adds() -> None:
    # Each round was slower than the one before, for all three.
    none = [100.0, 200.0, 300.0, 400.0]
    found = added("x", [one + 15 for one in none], [one + 10 for one in none], none)
    assert found == Figure("x", "x bare plugin", 1.5, 1.5, 1.5, 4)


def test_a_bare_one_that_adds_nothing_measures_nothing() -> None:
    with pytest.raises(ValueError, match="lost in noise"):
        added("x", [2.0, 2.0], [1.0, 1.0], [1.0, 1.0])


def test_a_document_can_be_read_again(tmp_path: Path) -> None:
    figures = [Figure("hooks.Stop", "x floor", 0.1, 0.1, 0.2, 9), Figure("y", "ms", 3, 2, 4, 9)]
    file = tmp_path / "run.json"
    file.write_text(json.dumps(report.document(figures, quick=False)))
    again = report.read(str(file))
    assert list(again.values()) == figures
    assert report.comparison(figures, again).startswith("0 of 2 figures moved")


def test_something_else_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match="not a process-janitor"):
        report.read(str(file))


def test_a_missed_goal_is_called_so() -> None:
    text = report.table(
        [
            Figure("hooks.Stop", "x floor", 9, 8, 10, 5),
            Figure("registry.100.registered", "%", 99, 99, 99, 5),
            Figure("startup.version", "x floor", 1, 1, 1, 5),
        ]
    )
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["MISSED", "MISSED", "met"]


def test_the_baseline_has_every_goal() -> None:
    baseline = report.read(str(Path(report.__file__).with_name("baseline.json")))
    assert set(GOALS) <= set(baseline)
    assert set(CHECKED) <= set(baseline)
