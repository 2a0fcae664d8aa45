"""A plan can only ever do less than it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.actions import plans
from process_janitor.core.model import Decision, Identity, Process
from process_janitor.system import clock

BOOT = "b00t"


def decision(
    pid: int, start: int = 5, verdict: str = "reap", boot: str = BOOT, namespace: int = 7
) -> Decision:
    process = Process(pid, 1, pid, pid, 0, start, "S", "x", 0)
    return Decision(process, Identity(pid, start, boot, namespace), verdict)  # type: ignore[arg-type]


def test_a_stored_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    plan = plans.new([decision(10), decision(11)], BOOT, selected=True)
    plans.store(str(tmp_path), plan)
    assert plans.load(str(tmp_path), plan.id, BOOT) == plan
    plans.discard(str(tmp_path), plan)
    with pytest.raises(plans.NoPlan, match="executed already"):
        plans.load(str(tmp_path), plan.id, BOOT)


def test_an_expired_plan_is_no_plan_and_is_thrown_away_by_the_next(tmp_path: Path) -> None:
    late = int((plans.LIFETIME_SECONDS + 1) * clock.ticks_per_second())
    old = plans.new([decision(10)], BOOT, selected=False)
    old = old._replace(made=old.made - late)
    plans.store(str(tmp_path), old)
    with pytest.raises(plans.NoPlan, match="expired"):
        plans.load(str(tmp_path), old.id, BOOT)
    plans.store(str(tmp_path), plans.new([], BOOT, selected=False))
    assert not (tmp_path / "plans" / f"{old.id}.json").exists()


def test_a_plan_of_another_boot_is_no_plan(tmp_path: Path) -> None:
    plan = plans.new([decision(10)], BOOT, selected=False)
    plans.store(str(tmp_path), plan)
    with pytest.raises(plans.NoPlan, match="expired"):
        plans.load(str(tmp_path), plan.id, "other")


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "abcde", "abcdefg", "ABCDEF", "abc/ef", "abcdi1"]
)
def test_what_is_no_plan_id_reaches_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(plans.NoPlan):
        plans.load(str(tmp_path), name, BOOT)


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 1},
        {"pid": 0},
        {"pid": -1},
        {"pid": "12"},
        {"pid": True},
        {"start_ticks": "5"},
        {"boot_id": 3},
    ],
)
def test_a_damaged_plan_is_no_plan(tmp_path: Path, change: dict[str, object]) -> None:
    plan = plans.new([decision(10)], BOOT, selected=False)
    plans.store(str(tmp_path), plan)
    path = tmp_path / "plans" / f"{plan.id}.json"
    document = json.loads(path.read_text())
    document["members"][0].update(change)
    path.write_text(json.dumps(document))
    with pytest.raises(plans.NoPlan, match="cannot be read"):
        plans.load(str(tmp_path), plan.id, BOOT)


verdicts = st.sampled_from(["reap", "report", "keep"])
numbers = st.integers(2, 4)


@given(
    st.lists(st.tuples(numbers, numbers)), st.booleans(), numbers, numbers, verdicts,
    st.sampled_from([BOOT, "", "other"]), st.sampled_from([7, 0, 8]),
)  # fmt: skip
def test_a_plan_allows_only_its_members_and_only_what_the_fresh_verdict_allows(
    members: list[tuple[int, int]],
    selected: bool,
    pid: int,
    start: int,
    verdict: str,
    boot: str,
    namespace: int,
) -> None:
    plan = plans.new([decision(p, s) for p, s in members], BOOT, selected=selected)
    allowed = plan.allows(decision(pid, start, verdict, boot, namespace))
    is_member = (pid, start) in members and (boot, namespace) == (BOOT, 7)
    assert allowed == (is_member and (verdict == "reap" or (verdict == "report" and selected)))
