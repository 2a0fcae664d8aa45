"""Command lines without their secrets: what may be shown, stored or sent to a journal."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = "***"
_NAME = (
    r"(?:[\w.-]*(?:token|secret|passw(?:or)?d|passwd|passphrase|api[_-]?key|apikey|access[_-]?key|private[_-]?key"
    r"|auth|authorization|credential|bearer|cookie|session[_-]?key|signature|client[_-]?secret|connection[_-]?string"
    r"|dsn|pwd)[\w.-]*|[\w-]*[_-]key|pat)"
)
_FLAG = re.compile(rf"^(-{{0,2}}{_NAME})$", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"((?:^|[\s;&?'\"{{,(-]){_NAME}['\"]?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s;&'\",)}}]+)",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@'\"]*@", re.IGNORECASE)
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


def redact_text(text: str) -> str:
    """The text with everything that looks like a credential replaced by `***`. Applying it twice changes nothing."""
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1 {HIDDEN}", text)
    text = _KNOWN.sub(HIDDEN, text)
    return _ASSIGNED.sub(rf"\1{HIDDEN}", text)


def redact(argv: Sequence[str], limit: int = 400) -> str:
    """One printable line for a command: secrets hidden, control characters made visible, at most `limit` characters."""
    shown: list[str] = []
    hide_next = False
    program = argv[0].rsplit("/", 1)[-1] if argv else ""
    glued = _GLUED.get(program, "")
    for word in argv:
        if hide_next and word and not word.startswith("-"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        hide_next = bool(word.startswith("-") and "=" not in word and _FLAG.match(word))
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
            shown.append(f"{name}: {HIDDEN}" if _FLAG.match(name) else redact_text(word))
            continue
        shown.append(redact_text(word))
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(shown))
    return line if len(line) <= limit else line[: limit - 1] + "…"


__all__ = ["HIDDEN", "redact", "redact_text"]
