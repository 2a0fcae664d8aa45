"""The command lines that the documentation shows: in fenced blocks, in code spans, in tables, and as examples in the help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from process_janitor.faces.cli.parser import BY_NAME
from process_janitor.faces.grammar import described

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "skills/process-cleanup/SKILL.md", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")
))  # fmt: skip
# Besides the pages, what `COMMAND --help` and the manual page show.
HELP = "the help"
_OURS = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:process-janitor |/cleanup\b|scripts/[a-z-]+(?: |$)|\.ci/run\b)"
)
# What else a reader is told to type in a block.
_OTHERS = re.compile(r"(?:pipx|uv|claude|/plugin) ")


def of(page: str) -> list[str]:
    """Every line of a page, once, in its order."""
    if page == HELP:
        found = [_without_comment(line) for one in described() for line in one.examples]
    else:
        found = list(_in_page((ROOT / page).read_text(encoding="utf-8")))
    return list(dict.fromkeys(found))


def _without_comment(line: str) -> str:
    """Comments stand after two blanks or more, with or without a sign."""
    return re.split(r"\s{2,}", line.strip())[0]


def _in_page(text: str) -> Iterator[str]:
    blocks = re.split(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    for prose in blocks[0::3]:
        for span in re.findall(r"`([^`]+)`", prose.replace("\n", " ")):
            if _OURS.match(span):
                yield span
        # In a table of commands the first column leaves the name out.
        for row in re.findall(r"^\| (`[^|]+`) \|", _section(prose, "## Commands"), re.MULTILINE):
            first, *others = re.findall(r"`([^`]+)`", row)
            # What follows is another command, or only another word for the first one.
            for span in (first, *(one for one in others if one.split()[0] in BY_NAME)):
                yield f"process-janitor {span}"
    for language, block in zip(blocks[1::3], blocks[2::3], strict=True):
        for line in block.splitlines() if language != "json" else ():
            if _OURS.match(line) or _OTHERS.match(line):
                yield _without_comment(line)


def _section(text: str, title: str) -> str:
    return text.partition(f"{title}\n")[2].partition("\n## ")[0]
