"""Command lines without their secrets: what may be shown, stored or sent to a journal."""

from __future__ import annotations

import re

from process_janitor.core.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "***"
# What a name must say for its value to be hidden. Short words count only when they stand alone: `auth`, not `author`.
_SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|api[_.-]?key|access[_.-]?key|private[_.-]?key|credential|bearer|cookie|signature"
    r"|authorization|connection[_.-]?string|(?:^|[_.-])(?:auth|pwd|dsn|pat|key|pass)(?:$|[_.-])",
    re.IGNORECASE,
)
# Every repetition is bounded and starts at the beginning of a word: a hostile line costs no more than its length.
_NAMED = re.compile(r"(?<![\w.-])-{0,2}([\w.-]{1,80})['\"]?\s{0,2}[=:]\s{0,2}(?=[^\s;&,)}])")
_VALUE = re.compile(r"\"[^\"]*\"?|'[^']*'?|[^\s;&'\",)}]+")
_LOGIN = re.compile(r"(?<![\w+.-])([a-z][a-z0-9+.-]{0,20}://)[^/\s@'\"]*@", re.IGNORECASE)
_WORD_MAX = 4096
_NAME_MAX = 80
_HEADER = re.compile(r"\b(bearer|basic|token)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_KNOWN = re.compile(
    r"\b(?:sk-[\w-]{8,}|gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[abprs]-[\w-]{8,}|AKIA[0-9A-Z]{12,}"
    r"|ASIA[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{8,}|npm_\w{20,}|pypi-[\w-]{20,}|hf_\w{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]{4,}\.?[\w-]*)"
)
# -pSECRET of mysql and friends: only for programs known to take it so.
_GLUED = {"mysql": "-p", "mysqldump": "-p", "mysqladmin": "-p", "mariadb": "-p", "sshpass": "-p"}
# Flags whose next word is user:password or a header.
_TAKES_LOGIN = frozenset({"-u", "--user", "--proxy-user", "-U"})
_TAKES_HEADER = frozenset({"-H", "--header"})
_CREDENTIAL_PROGRAMS = frozenset({"curl", "wget", "http", "https"})


def _is_secret(name: str) -> bool:
    return len(name) <= _NAME_MAX and _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """The text with everything that looks like a credential replaced by `***`. Applying it twice changes nothing."""
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1 {HIDDEN}", text)
    text = _KNOWN.sub(HIDDEN, text)
    parts = []
    at = 0
    while (named := _NAMED.search(text, at)) is not None:
        end = named.end()
        parts.append(text[at:end])
        at = end
        value = _VALUE.match(text, end) if _is_secret(named[1]) else None
        if value is not None:
            parts.append(HIDDEN)
            at = value.end()
    return "".join((*parts, text[at:]))


def redact(argv: Sequence[str], limit: int = 400) -> str:
    """One printable line for a command: secrets hidden, control characters made visible, at most `limit` characters."""
    shown: list[str] = []
    hide_next = False
    program = argv[0].rsplit("/", 1)[-1] if argv else ""
    glued = _GLUED.get(program, "")
    for whole in argv:
        word = whole[:_WORD_MAX]
        if hide_next and word and not word.startswith("-"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        hide_next = word.startswith("-") and "=" not in word and _is_secret(word.lstrip("-"))
        if program in _CREDENTIAL_PROGRAMS and word in _TAKES_LOGIN:
            hide_next = True
        if (
            glued
            and word.startswith(glued)
            and len(word) > len(glued)
            and not word.startswith("--")
        ):
            shown.append(glued + HIDDEN)
            continue
        if glued and word == glued:
            hide_next = True
        if program in _CREDENTIAL_PROGRAMS and shown and shown[-1] in _TAKES_HEADER and ":" in word:
            name = word.split(":", 1)[0]
            shown.append(f"{name}: {HIDDEN}" if _is_secret(name) else redact_text(word))
            continue
        shown.append(redact_text(word))
    line = " ".join(shown)
    line = visible(line, frozenset())
    return line if len(line) <= limit else line[: limit - 1] + "…"


__all__ = ["HIDDEN", "redact", "redact_text"]
