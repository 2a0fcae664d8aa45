"""Every code that the decision can utter has words, and the other way round where that can be told."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from process_janitor.core import model
from process_janitor.core.locks import WORDS as LOCK_WORDS
from process_janitor.core.old_records import WORDS as RECORD_WORDS
from process_janitor.core.vetoes import VETOES
from process_janitor.faces import words

CORE = Path(model.__file__).parent
MODULES = (
    "attachment", "ties", "decide", "claude_sessions", "locks", "old_records", "overload",
)  # fmt: skip
# Codes look like this and are no evidence: verdicts, kinds, sources, answers and other words of the trade.
NO_EVIDENCE = {
    "reap", "report", "keep", "attached", "detached", "unknown", "yes", "no", "same", "different", "claude",
    "mcp-server", "bash-task", "hook", "other", "marks", "registry", "client", "roster", "process", "bg", "print",
    "interactive", "clear", "resume", "logout", "no-evidence", "live", "gone", "details", "lsp", "browser", "subagent", "call", "server",
    "init", "heartbeat", "crashed", "ide", "daemon", "schedule", "bridge", "profile", "directory", "git", "backslashreplace",
}  # fmt: skip


def literals(name: str) -> set[str]:
    """The strings that are used as values; names in `__all__` and annotations do not count."""
    tree = ast.parse((CORE / f"{name}.py").read_text())
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.Assign) and "__all__" in ast.unparse(node))
    ]
    found = set()
    for top in body:
        for node in ast.walk(top):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                found.add(str(node.values[0].value))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_evidence_code_has_words(name: str) -> None:
    vetoes = {veto.code for veto in VETOES} | set(LOCK_WORDS) | set(RECORD_WORDS)
    allowed = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyz-:")
    codes = {
        text
        for text in literals(name)
        if text and not text.translate(allowed) and not text.endswith("-")
    }
    prefixes = {f"{prefix}:" for prefix in words.EVIDENCE_PREFIXES}
    # `socket:` and `pipe:` are how /proc names channels.
    strange = (
        codes
        - set(words.EVIDENCE)
        - set(words.CLASSES)
        - vetoes
        - prefixes
        - NO_EVIDENCE
        - {"socket:", "pipe:"}
    )
    assert strange == set()


def test_words_are_only_kept_for_codes_that_exist() -> None:
    uttered = set().union(*(literals(name) for name in (*MODULES, "windows")))
    assert set(words.EVIDENCE) <= uttered


def test_every_code_about_a_pane_has_words() -> None:
    codes = {text for text in literals("windows") if text.startswith("pane-")}
    assert len(codes) > 3
    assert codes <= set(words.EVIDENCE)


def test_every_veto_has_words_and_a_code_with_a_number_shows_it() -> None:
    for veto in VETOES:
        assert words.veto(veto.code) == veto.words
    for code, text in {**LOCK_WORDS, **RECORD_WORDS}.items():
        assert words.veto(code) == text
    assert "4242" in words.evidence("also-pid:4242")
    assert words.veto("no-evidence") != "no-evidence"


def test_what_nobody_can_change_is_not_promised() -> None:
    alone = words.change("keep", "", ["live-session-below"], 7)
    assert "ends" in alone
    assert words.change("keep", "", ["system", "live-session-below"], 7) != alone
    assert words.change("keep", "", [], 7) == words.change("keep", "", ["system"], 7)
