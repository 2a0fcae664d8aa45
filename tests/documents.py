"""Which JSON Schema a document names, and whether it keeps it."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import Any

from process_janitor.faces import schemas


@functools.cache
def by_name() -> dict[str, str]:
    """What documents call themselves (`process-janitor.scan/1`) -> the name of their schema's file (`scan`)."""
    found = {}
    for file in sorted(os.listdir(schemas.DIRECTORY)):
        name = file.removesuffix(".schema.json")
        said = schemas.load(name)["properties"].get("schema", {}).get("const")
        if said is not None:
            found[said] = name
    return found


def complaints(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a document, by the schema that it names itself."""
    said = document.get("schema")
    if said not in by_name():
        return [f"schema: there is none for {said!r}"]
    return schemas.complaints(by_name()[said], document)
