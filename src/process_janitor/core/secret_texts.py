"""Where a text holds secrets by what it says itself: named values, headers, addresses with a login, known tokens."""

from __future__ import annotations

import re

from process_janitor.core.secret_names import NAME_MAX, is_secret
from process_janitor.core.shell_words import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Every repetition is bounded or begins where the one before it ended: a hostile text costs no more than its length.
_NAME = rf"-{{0,2}}([\w.-]{{1,{NAME_MAX}}})"
_SAYS = r"\s{0,16}(?:=>|:=|=|:)\s{0,16}"
_NAMED = re.compile(rf"(?<![\w.-]){_NAME}(\\{{0,8}}['\"])?{_SAYS}(?=[^\s;&,)}}\]])")
_OPENING = re.compile(rf"{_NAME}{_SAYS}(?=\S)")
_BRACKETS = re.compile(r"\[[^\]]*\]?|\{[^}]*\}?")
# What ends a value may be a part of it, where nothing follows that looks like another one.
_PLAIN = re.compile(
    r"(?!\$\(|`)(?:\$\{\w{0,80}\}|[^\s;&'\",)}\]]|[;&,)}\]](?![\s;&'\",)}\]]|$|[\w.*-]{1,80}['\"]?\s{0,2}[=:]))+"
)
_LINE = re.compile(r"[^\r\n]*")
_UNQUOTED_LINE = re.compile(r"[^\r\n'\"]*")
# Headers whose value has blanks; and names whose value has, where a word begins with them: no subject of a commit does.
_HEADER = re.compile(r"(?:authorization|cookie)$", re.IGNORECASE)
_WHOLE_LINE = re.compile(r"passw|passphrase|secret|authorization|cookie|[a-z0-9][_.-][a-z]", re.IGNORECASE)  # fmt: skip
_SCHEME = re.compile(
    r"\b(?:(?i:bearer)\s{1,8}|(?i:basic|token)\s{1,8}(?=\S{0,40}(?:\d|[a-z][A-Z])))([\w.~+/=-]{6,})"
)
_SQL = re.compile(
    r"(?i:(?:user|role)\s{1,8}\S{1,80}\s{1,8}(?:with\s{1,8})?(?:encrypted\s{1,8})?password"
    r"|identified\s{1,8}(?:with\s{1,8}\w{1,40}\s{1,8})?by)\s{1,8}['\"]([^'\"]+)"
)
_KNOWN = re.compile(
    r"\b(?:sk-[\w-]{8,}|(?:sk|rk)_(?:live|test)_\w{8,}|whsec_\w{8,}|gh[pousr]_\w{8,}|github_pat_\w{8,}"
    r"|gl[a-z]{2,5}-[\w-]{16,}|glpat-[\w-]{8,}|xox[abeprs]-[\w-]{8,}|xapp-[\w-]{8,}|AKIA[0-9A-Z]{12,}|ASIA[0-9A-Z]{12,}"
    r"|AIza[\w-]{20,}|ya29\.[\w-]{8,}|npm_\w{20,}|pypi-[\w-]{20,}|hf_\w{16,}|gsk_\w{16,}|xai-\w{16,}|pplx-\w{16,}"
    r"|tvly-[\w-]{16,}|fc-[0-9a-f]{16,}|ntn_\w{16,}|secret_\w{32,}|figd_[\w-]{16,}|lin_api_\w{16,}|sntry[su]_[\w+/=-]{16,}"
    r"|glsa_\w{16,}|sbp_\w{16,}|shp(?:at|ca|pa|ss)_\w{16,}|do[op]_v1_\w{16,}|SG\.[\w-]{8,}\.[\w-]{8,}|ATATT[\w=-]{16,}"
    r"|hv[bs]\.[\w-]{16,}|PMAK-[\w-]{16,}|AGE-SECRET-KEY-\w{16,}|dapi[0-9a-f]{24,}|hooks\.slack\.com/services/[\w/]{8,}"
    r"|eyJ[\w+/-]{8,}={0,2}(?:\.[\w-]*){0,2})"
    r"|-----BEGIN[A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END[A-Z ]{0,40}-----)?"
)
_ADDRESS = re.compile(r"[^\s\"]+")
_PROTOCOL = re.compile(r"(?<![\w+.-])[a-z][a-z0-9+.-]{0,20}://", re.IGNORECASE)
_HOST_ENDS = re.compile(r"[/?#]|$")
_PORT = re.compile(r"[^@]*:\d{0,5}$")

Span = tuple[int, int]


def spans(text: str, *, word: bool) -> Iterator[Span]:
    """Where the secrets stand, in no order, and some perhaps twice. Of a whole `word` it is known where a value ends."""
    for found in _KNOWN.finditer(text):
        yield found.span()
    for said in (_SCHEME, _SQL):
        for found in said.finditer(text):
            yield found.span(1)
    if "://" in text:
        yield from _logins(text)
    yield from _named(text)
    if word:
        yield from _opening(text)


def _named(text: str) -> Iterator[Span]:
    at = 0
    while (named := _NAMED.search(text, at)) is not None:
        at = named.end()
        if is_secret(named[1]):
            start, at = _value(text, named)
            yield start, at


def _value(text: str, named: re.Match[str]) -> Span:
    """Where the value of a name stands, without its quotes."""
    at = named.end()
    inside = quoted(text, at)
    if inside is not None:
        return inside
    if not named[2] and ":" in text[named.end(1) : at]:
        # The order matters: a quote is searched for only where all up to it is a value then, and not read again.
        whole = named.start() and _WHOLE_LINE.search(named[1])
        around = quoted(text, named.start() - 1) if whole else None
        if around is not None:
            # `"X-Api-Key: Scheme Secret"`: a header in quotes ends with them.
            return at, max(at, around[1])
        if _HEADER.search(named[1]):
            return at, max(at, _end(_UNQUOTED_LINE, text, at))
    if text[at] in "[{":
        return at, _end(_BRACKETS, text, at)
    return at, _end(_PLAIN, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at


def _opening(text: str) -> Iterator[Span]:
    """`NAME=VALUE`, `--env=NAME=VALUE` and `NAME: VALUE` as a whole word: what follows the name is the value."""
    at = 0
    while (named := _OPENING.match(text, at)) is not None:
        at = named.end()
        if not is_secret(named[1]):
            continue
        if "=" in text[named.end(1) : at]:
            yield at, len(text)
        elif _WHOLE_LINE.search(named[1]):
            yield at, _end(_LINE, text, at)
        return


def _logins(text: str) -> Iterator[Span]:
    """`scheme://USER:PASSWORD@host`. A password may hold `@` and `/`, which then stand for nothing else."""
    for address in _ADDRESS.finditer(text):
        last = text.rfind("@", address.start(), address.end())
        hidden = address.start()
        while hidden < last and (protocol := _PROTOCOL.search(text, hidden, last)) is not None:
            hidden = start = protocol.end()
            host = _HOST_ENDS.search(text, start, address.end())
            ends = host.start() if host is not None else address.end()
            if ":" in text[start:ends] and not _PORT.match(text, start, ends):
                hidden = last
            else:
                hidden = max(start, text.rfind("@", start, ends))
            if hidden > start:
                yield start, hidden


__all__ = ["Span", "spans"]
