"""The JSON reader of the hot path agrees with `json` on every document, on every Python that is there.

Except for one thing: a number that is none, or lies beyond 2**63, makes the document unreadable.
"""

from __future__ import annotations

import functools
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core import jsontext

SOURCE = Path(__file__).resolve().parents[2] / "src"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
# Text that is nearly JSON: what a torn write, a foreign tool or a hostile hand leaves.
PIECES = st.lists(
    st.sampled_from([*'{}[]:,"\\ \t\r\n\x00\ufeff\ud800eE+-.0123456789', "true", "false", "null", "NaN", "Infinity", "-Infinity", "\\u12", '"a"', "\x1f", "\u2028"]),
    max_size=12,
).map("".join)  # fmt: skip


def in_range(text: str) -> int | float:
    value = float(text) if set(text) & set(".eEIN") else int(text)
    if math.isnan(value) or abs(value) > 2**63:
        raise ValueError(text)
    return value


def by_json(text: str) -> Any:
    """What `json` makes of a text without numbers that are out of range."""
    return json.loads(text, parse_int=in_range, parse_float=in_range, parse_constant=in_range)


def outcome(read: Any, text: str) -> tuple[str, str]:
    """What a reader makes of a text, so that NaN compares and 1 is not True."""
    try:
        return ("value", repr(read(text)))
    except ValueError:
        return ("refused", "")


@given(VALUES)
def test_every_document_reads_as_json_reads_it(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert outcome(jsontext.loads, text) == outcome(by_json, text)


@given(st.text() | PIECES)
def test_every_text_is_refused_where_json_refuses_it(text: str) -> None:
    assert outcome(jsontext.loads, text) == outcome(by_json, text)


@given(VALUES, st.data())
def test_a_torn_document_is_refused_where_json_refuses_it(
    value: object, data: st.DataObject
) -> None:
    text = json.dumps(value)
    part = text[: data.draw(st.integers(0, len(text)))]
    assert outcome(jsontext.loads, part) == outcome(by_json, part)


@given(VALUES)
def test_what_is_written_is_what_json_writes(value: object) -> None:
    def write(use: Any) -> tuple[str, str]:
        try:
            return ("text", use(value))
        except ValueError:
            return ("refused", "")

    assert write(jsontext.dumps) == write(
        lambda v: json.dumps(v, separators=(",", ":"), allow_nan=False)
    )


@given(VALUES)
def test_what_is_written_is_one_line_of_ascii_that_reads_back(value: object) -> None:
    try:
        text = jsontext.dumps(value)
    except ValueError:
        assert not _finite(value)
        return
    assert text.isascii()
    assert "\n" not in text
    read_back = repr(value) if _in_range(value) else ""
    assert outcome(jsontext.loads, text) == ("value" if read_back else "refused", read_back)


def _in_range(value: object) -> bool:
    if isinstance(value, (int, float)):
        return abs(value) <= 2**63
    if isinstance(value, list):
        return all(map(_in_range, value))
    return not isinstance(value, dict) or all(map(_in_range, value.values()))


def _finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, dict) or all(map(_finite, value.values()))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * 200_000 + "]" * 200_000])
def test_nesting_too_deep_to_read_is_refused_as_any_other_nonsense(text: str) -> None:
    with pytest.raises(ValueError, match="deep"):
        jsontext.loads(text)


@pytest.mark.parametrize("read", [jsontext.loads, jsontext._plain()[0]], ids=["own", "json"])
def test_numbers_beyond_what_anything_counts_to_are_refused(read: Any) -> None:
    edges = (
        "9223372036854775808",
        "-9223372036854775808",
        "9.223372036854775e18",
        "-0.0",
        "1e-999",
    )
    assert [read(text) for text in edges] == [2**63, -(2**63), 9.223372036854775e18, 0.0, 0.0]
    beyond = ("9223372036854775809", "-9223372036854775809", "1e19", "-1e19", "1e999", "NaN", "Infinity", "-Infinity")  # fmt: skip
    for text in (*beyond, "1" + "0" * 400, "1" * 1_000_000):
        for document in (text, f"[{text}]", f'{{"a":[0,{{"b":{text}}}]}}'):
            with pytest.raises(ValueError, match="range"):
                read(document)


def test_what_json_cannot_say_is_an_error() -> None:
    for value in (b"bytes", {1, 2}, object()):
        with pytest.raises(TypeError):
            jsontext.dumps(value)


def test_json_itself_stands_in_where_the_c_parts_are_missing() -> None:
    read, write = jsontext._plain()
    assert read('{"a": [1, null]}') == {"a": [1, None]}
    assert write({"a": [1, None]}) == '{"a":[1,null]}'
    with pytest.raises(ValueError, match=r"[Dd]ecod|Expecting"):
        read("nonsense")


def test_json_itself_refuses_deep_nesting_in_the_same_way() -> None:
    read, _ = jsontext._plain()
    with pytest.raises(ValueError, match="deep"):
        read("[" * 200_000)


# What runs on the other interpreters: random documents from a fixed seed, whole, torn and mixed up.
_ELSEWHERE = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
from process_janitor.core import jsontext
chance = random.Random(20)
LETTERS = ['a', '"', '\\\\', '\\n', '\\x00', '\\u00e4', '\\u2028', '\\ud800', '\\U0001f600', '/']
def text():
    return ''.join(chance.choice(LETTERS) for _ in range(chance.randrange(6)))
def value(depth):
    kind = chance.randrange(8 if depth else 6)
    if kind == 0: return chance.choice([None, True, False])
    if kind == 1: return chance.randrange(-10**chance.randrange(1, 30), 10**30)
    if kind == 2: return chance.choice([0.0, -0.0, 1e300, 1.5, -2.25e-9, float('inf'), float('-inf'), float('nan')])
    if kind < 6: return text()
    if kind == 6: return [value(depth - 1) for _ in range(chance.randrange(4))]
    return {text(): value(depth - 1) for _ in range(chance.randrange(4))}
def in_range(text):
    found = float(text) if set(text) & set('.eEIN') else int(text)
    if found != found or abs(found) > 2**63: raise ValueError(text)
    return found
def by_json(what):
    return json.loads(what, parse_int=in_range, parse_float=in_range, parse_constant=in_range)
def outcome(read, what):
    try: return repr(read(what))
    except ValueError: return 'refused'
def write(what):
    return json.dumps(what, separators=(',', ':'), allow_nan=False)
for turn in range(4000):
    document = value(4)
    whole = json.dumps(document, ensure_ascii=chance.random() < 0.5)
    at = chance.randrange(len(whole) + 1)
    changed = list(whole)
    chance.shuffle(changed)
    for one in (whole, whole[:at], whole + whole[:at], ' \\t\\r\\n' + whole + ' ', '\\ufeff' + whole, ''.join(changed)):
        assert outcome(jsontext.loads, one) == outcome(by_json, one), ascii(one)
    assert outcome(jsontext.dumps, document) == outcome(write, document), ascii(document)
for deep in ('[' * 100000, '{"a":' * 100000):
    assert outcome(jsontext.loads, deep) == 'refused'
assert jsontext._read.__module__ == 'process_janitor.core.jsontext', 'the C parts were not used'
print('agreed')
"""


@functools.cache
def interpreter(version: str) -> str:
    candidates = [shutil.which(f"python{version}") or ""]
    candidates += map(
        str, sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python{version}"))
    )
    for one in candidates:
        if (
            one
            and subprocess.run(
                [one, "-I", "-S", "-c", ""], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return one
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_agrees_with_json_on_python(version: str) -> None:
    python = interpreter(version)
    if not python:
        pytest.skip(f"platform: no Python {version} on this machine")
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", _ELSEWHERE, str(SOURCE)], capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "agreed"), done.stderr


_WITHOUT_JSON = """
import sys
sys.path.insert(0, sys.argv[1])
from process_janitor.core import jsontext
assert jsontext.loads('{"a": [1]}') == {"a": [1]}
assert 'json' not in sys.modules
for text in ('{', '[1,', '{"a"', '"abc', 'nul', '', '{"a":}', '[1 2]', '"\\\\x"', '"a\\nb"', '{"a" 1}', '{a}', '[' * 100000):
    try:
        jsontext.loads(text)
    except ValueError:
        continue
    raise AssertionError(ascii(text))
print('refused')
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_no_json_is_refused_where_nobody_has_imported_json(version: str) -> None:
    python = interpreter(version)
    if not python:
        pytest.skip(f"platform: no Python {version} on this machine")
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", _WITHOUT_JSON, str(SOURCE)], capture_output=True, text=True, timeout=60,
        check=False, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr


def test_it_reads_without_the_json_package() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from process_janitor.core import jsontext\n"
        "jsontext.loads('{\"a\": 1}'); jsontext.dumps([1])\n"
        "assert not {'json', 're', 'enum', 'functools'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
