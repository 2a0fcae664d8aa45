"""A shell line taken apart, as far as the question goes which word a program is given."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.shell_words import parts


def told(line: str) -> list[str]:
    return [part.mark or f"<{part.text}>" for part in parts(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("a  b\tc", ["<a>", "<b>", "<c>"]),
        ("a;b&&c|d&e\nf", ["<a>", ";", "<b>", ";", ";", "<c>", ";", "<d>", ";", "<e>", ";", "<f>"]),
        ("a'b c'\"d e\"\\ f", ["<ab cd e f>"]),
        ("''", ["<>"]),
        (r'"a \"b\" \$c \n"', [r'<a "b" $c \n>']),
        (r"$'a\tb\'c'", ["<a\tb'c>"]),
        ("a \\\nb", ["<a>", "<b>"]),
        ("x=$(a b) c", ["<x=>", "(", "<a>", "<b>", ")", "<c>"]),
        ("(a) `b`", ["(", "<a>", ")", "`", "<b>", "`"]),
        ('"x $(a "b c" \')\') y" d', ["<x $(a \"b c\" ')') y>", "<d>"]),
        ("a >b 2>&1 &>c <d", ["<a>", "<b>", "<2>", "<1>", "<c>", "<d>"]),
        ("a <<'E' b\nit's\nE\nc", ["<a>", "<b>", ";", "<it's\nE>", ";", ";", "<c>"]),
        ("a <<-E <<F\nx\n\tE\ny\nF", ["<a>", ";", "<x\n\tE\ny\nF>", ";"]),
        # One that does not end is none.
        ("a <<E\nit's b", ["<a>", ";", "<its b>"]),
        ("a <<< b", ["<a>", "<b>"]),
        ("'a b", ["<a b>"]),
        ('"a $(b', ["<a $(b>"]),
        ("a\\", ["<a>"]),
        ("$", ["<$>"]),
    ],
)
def test_a_line_is_taken_apart_as_a_shell_would(line: str, expected: list[str]) -> None:
    assert told(line) == expected


@given(st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_what_was_quoted_is_read_as_it_was(words: list[str]) -> None:
    assert [part.text for part in parts(shlex.join(words))] == words


@given(st.text(max_size=80) | st.text("ab'\"\\$()`;\n <-E", max_size=60))
def test_every_part_of_any_line_stands_where_it_is_said_to(line: str) -> None:
    at = 0
    for part in parts(line):
        assert at <= part.start <= part.end <= len(line)
        at = part.end
        for index, char in enumerate(part.text):
            start, end = part.span(index, index + 1)
            assert part.start <= start < end <= part.end
            # `$'\n'` says another character than it shows.
            assert char in line[start:end] or char in "\n\t\r"
