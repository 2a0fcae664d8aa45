"""The JSON Schemas that come with the package, and checking a document against one."""

from __future__ import annotations

import json
import os

from process_janitor import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(core.__file__)), "schemas")


def load(name: str) -> dict[str, Any]:
    """The schema `name` (`scan`, `session`, `config`, …). Raises OSError for one there is not."""
    with open(os.path.join(DIRECTORY, f"{name}.schema.json"), encoding="utf-8") as file:
        schema: dict[str, Any] = json.load(file)
    return schema


def complaints(name: str, document: object) -> list[str]:
    """What is wrong with the document, each as `WHERE: what`; nothing when it is sound."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(load(name))
    found = sorted(
        validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path))
    )
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'document'}: {error.message}"
        for error in found
    ]


__all__ = ["DIRECTORY", "complaints", "load"]
