"""docs/json.md has a section for every schema, every example in it is sound, and no key is left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces import schemas

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
NAMES = sorted(name.removesuffix(".schema.json") for name in os.listdir(schemas.DIRECTORY))
# The README has the settings, and a test of its own holds them.
ELSEWHERE = {"config"}


def sections() -> dict[str, str]:
    parts = re.split(r"^## `([a-z-]+)`\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples(text: str) -> list[dict[str, Any]]:
    return [
        json.loads(one)
        for one in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


def properties(schema: object) -> Iterator[str]:
    """Every key that a schema names, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part)


def keys(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from keys(part)


def test_there_is_a_section_for_every_schema_and_no_other() -> None:
    assert sorted(sections()) == NAMES, (
        "docs/json.md: a section for each schema, its name as heading"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_what_its_schema_says(name: str) -> None:
    found = examples(sections()[name])
    assert found, f"docs/json.md: {name} has no example"
    for one in found:
        assert schemas.complaints(name, one) == []


@pytest.mark.parametrize("name", sorted(set(NAMES) - ELSEWHERE))
def test_no_key_is_left_out(name: str) -> None:
    text = sections()[name]
    told = {*keys(examples(text)), *re.findall(r"`([a-z_]+)`", text)}
    # What another document holds as well is told where that is.
    told |= set(keys(examples(sections()["scan"]))) if name == "demo" else set()
    assert set(properties(schemas.load(name))) <= told, "docs/json.md: keys nobody tells about"


def test_all_settings_are_in_the_readme() -> None:
    text = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Configuration")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, re.MULTILINE))
    known = schemas.load("config")["properties"]
    assert {name: json.loads(value) for name, value in rows.items()} == {
        name: one["default"] for name, one in known.items()
    }
