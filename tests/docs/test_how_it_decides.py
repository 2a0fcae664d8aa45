"""docs/how-it-decides.md says what the tests hold and the code knows, and nothing else."""

from __future__ import annotations

import re

import pytest

from process_janitor.core.vetoes import VETOES
from tests.docs import cases

VERDICTS = {"reap", "report", "keep"}


def test_the_table_of_cases_is_the_one_the_tests_give() -> None:
    assert cases.table().count("\n") > 50, "the collector found next to nothing"
    assert cases.PAGE.read_text(encoding="utf-8") == cases.page_with_table(), (
        "run: python tests/docs/cases.py"
    )


def test_every_case_has_a_known_verdict() -> None:
    for line in cases.table().splitlines()[2:]:
        verdict = line.split("|")[3].strip().strip("`")
        assert verdict in VERDICTS, line


@pytest.mark.parametrize("veto", VETOES, ids=lambda veto: veto.code)
def test_every_veto_is_explained(veto: object) -> None:
    page = cases.PAGE.read_text(encoding="utf-8")
    assert f"| `{veto.code}` |" in page  # type: ignore[attr-defined]


def test_the_page_names_no_veto_that_does_not_exist() -> None:
    page = cases.PAGE.read_text(encoding="utf-8")
    section = page.partition("## Vetoes")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))
    assert named == {veto.code for veto in VETOES}
