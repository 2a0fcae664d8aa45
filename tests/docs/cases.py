"""The table of situations, collected from the tests that hold them.

`python tests/docs/cases.py` writes it into docs/how-it-decides.md; a test checks that it is there as it should be.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-it-decides.md"
BEGIN, END = "<!-- cases: begin -->", "<!-- cases: end -->"


def table() -> str:
    """Markdown rows: case, situation, verdict, the test that holds it; sorted, so that changes show where they are."""
    rows = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for marker in node.decorator_list:
                    case = _case(marker)
                    if case is not None:
                        where = f"`{path.relative_to(ROOT)}::{node.name}`"
                        rows.append((*case, where))
    lines = [
        f"| {name} | {what} | `{verdict}` | {where} |"
        for name, what, verdict, where in sorted(rows)
    ]
    return "\n".join(["| case | situation | verdict | test |", "|---|---|---|---|", *lines])


def _case(marker: ast.expr) -> tuple[str, str, str] | None:
    if not isinstance(marker, ast.Call):
        return None
    name = (
        marker.func.attr
        if isinstance(marker.func, ast.Attribute)
        else getattr(marker.func, "id", "")
    )
    if name != "case":
        return None
    words = [one.value for one in marker.args if isinstance(one, ast.Constant)]
    if len(words) != 3 or not all(isinstance(word, str) for word in words):
        raise ValueError(f"line {marker.lineno}: case() takes an id, a situation and a verdict")
    return str(words[0]), str(words[1]), str(words[2])


def page_with_table() -> str:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(), encoding="utf-8")
