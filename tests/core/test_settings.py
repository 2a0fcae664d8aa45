"""The configuration: every key's default, source and limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.settings import (
    BY_NAME,
    KEYS,
    BadValue,
    Source,
    from_text,
    settings,
    value_for,
)


def test_without_a_file_everything_is_the_default() -> None:
    found = settings(None, "f", [])
    assert found.values == {key.name: key.default for key in KEYS}
    assert set(found.sources.values()) == {"default"}
    assert not found.problems
    assert not found.warnings


def test_the_environment_goes_before_the_file_and_the_file_before_the_default() -> None:
    document = {"detached": "keep", "term_grace_seconds": 7}
    found = settings(document, "f", [("PROCESS_JANITOR_DETACHED", "reap"), ("HOME", "/x")])
    assert (found.value("detached"), found.sources["detached"]) == (
        "reap",
        "PROCESS_JANITOR_DETACHED",
    )
    assert (found.value("term_grace_seconds"), found.sources["term_grace_seconds"]) == (7, "f")
    assert found.sources["auto_limit"] == "default"


def test_what_was_answered_at_the_installation_goes_before_the_default_only() -> None:
    below = Source({"detached": "reap", "auto_limit": 3, "term_grace_seconds": 2}, "options")
    found = settings({"auto_limit": 4}, "f", [("PROCESS_JANITOR_TERM_GRACE_SECONDS", "9")], below)
    assert {name: (found.value(name), found.sources[name]) for name in below.document} == {
        "detached": ("reap", "options"),
        "auto_limit": (4, "f"),
        "term_grace_seconds": (9, "PROCESS_JANITOR_TERM_GRACE_SECONDS"),
    }


def test_a_bad_answer_is_named_with_how_to_mend_it_and_the_default_stands() -> None:
    found = settings(None, "f", [], Source({"detached": "yes", "colour": 1}, "options", "; do it"))
    assert found.value("detached") == "report"
    assert found.problems == (
        "options: detached: 'yes' is not allowed; use one of keep, report, reap; do it",
    )
    assert found.warnings == ("options: unknown key 'colour' is ignored",)


def test_a_bad_value_is_named_with_what_is_allowed_and_the_default_stands() -> None:
    found = settings({"detached": "maybe", "term_grace_seconds": "5", "auto_limit": True}, "f", [])
    assert found.value("detached") == "report"
    assert len(found.problems) == 3
    assert "detached: 'maybe' is not allowed; use one of keep, report, reap" in found.problems[0]


def test_an_unknown_key_is_a_warning_only() -> None:
    found = settings({"colour": 1}, "f", [("PROCESS_JANITOR_HOME", "/x")])
    assert found.warnings == ("f: unknown key 'colour' is ignored",)
    assert not found.problems


@pytest.mark.parametrize("document", [[], "x", 5, True])
def test_a_file_that_holds_no_object_is_one_problem(document: object) -> None:
    found = settings(document, "f", [])
    assert found.problems == ("f: must hold one JSON object",)


@given(st.sampled_from(KEYS), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_any_value_is_either_of_the_defaults_type_or_refused(key: object, value: object) -> None:
    known = BY_NAME[key.name]  # type: ignore[attr-defined]
    try:
        assert type(value_for(known, value)) is type(known.default)
    except BadValue as error:
        assert known.name in str(error)  # noqa: PT017  # what it says is the point


@given(st.sampled_from(sorted(BY_NAME)), st.text(max_size=12))
def test_any_word_is_either_a_value_or_refused(name: str, text: str) -> None:
    try:
        assert type(from_text(BY_NAME[name], text)) is type(BY_NAME[name].default)
    except BadValue as error:
        assert name in str(error)  # noqa: PT017


def test_a_message_quotes_no_more_of_a_value_than_one_line_holds() -> None:
    for key, value in (
        ("detached", "x" * 9999),
        ("auto_limit", [1] * 9999),
        ("cleanup_on_exit", {"a": "b" * 9999}),
    ):
        with pytest.raises(BadValue) as told:
            value_for(BY_NAME[key], value)
        assert len(str(told.value)) < 200
        assert "… is not allowed; use " in str(told.value)
