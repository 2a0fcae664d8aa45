"""A secret is out of sight wherever a program takes one, and however deep in shells the program is called."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from process_janitor.core.commands import shown
from process_janitor.core.redact import HIDDEN, redact, redact_line, redact_text
from tests.properties.test_decision import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

    Place = Callable[[str], tuple[str, ...]]
    Around = Callable[[str], str]

UNCUT = 1 << 20
# What a secret is recognised by in the output: its pieces, which no quoting changes.
PIECE = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=6, max_size=9)
# Where the program gets the secret as a whole word, or the rest of one: it may be anything.
ANY = "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\" "
# Where the secret stands in a text: what a value can hold there without being quoted.
SAFE = "_-.+/=~"


def mcp_server(command: str, *words: str) -> str:
    return json.dumps({"mcpServers": {"x": {"type": "stdio", "command": command, "args": words}}})


FLAGS = [
    "--token", "--api-key", "--apiKey", "--openaiKey", "--password", "--client-secret", "-token", "--auth",
    "--github_pat", "--dbPass", "--authtoken",
]  # fmt: skip
WORDS: list[Place] = [
    *((lambda secret, flag=flag: ("server", flag, secret, "--port", "80")) for flag in FLAGS),
    *((lambda secret, flag=flag: ("server", f"{flag}={secret}", "--port", "80")) for flag in FLAGS),
    lambda secret: ("server", "-x", f"--env=API_TOKEN={secret}", "y"),
    lambda secret: ("docker", "run", "-e", f"PGPASSWORD={secret}", "db"),
    lambda secret: ("env", f"OPENAI_API_KEY={secret}", "node", "x.js"),
    lambda secret: ("java", f"-Dpassword={secret}", "-jar", "x.jar"),
    lambda secret: ("curl", "-u", f"me:{secret}", "https://x"),
    lambda secret: ("curl", f"-ume:{secret}", "https://x"),
    lambda secret: ("/usr/bin/curl", "-sSu", f"me:{secret}", "https://x"),
    lambda secret: ("curl", f"--user=me:{secret}", "https://x"),
    lambda secret: ("curl", "-b", f"sid={secret}", "https://x"),
    lambda secret: ("mysql", "-uroot", f"-p{secret}", "db"),
    lambda secret: ("mongosh", "-u", "me", "-p", secret),
    lambda secret: ("sshpass", "-p", secret, "ssh", "host"),
    lambda secret: ("docker", "login", "-u", "me", "-p", secret, "registry"),
    lambda secret: ("redis-cli", "-a", secret, "ping"),
    lambda secret: ("curl", "-H", f"Authorization: ApiKey {secret}", "https://x"),
    lambda secret: ("mcp-remote", "https://x", "--header", f"Cookie: a=b; sid={secret}"),
    lambda secret: ("mcp-remote", "https://x", "--header", f"X-Api-Key:{secret}"),
    lambda secret: ("server", "--config", json.dumps({"a": 1, "apiKey": secret, "b": [2]})),
    lambda secret: ("curl", "-d", json.dumps({"auth": {"password": secret}}, separators=(",", ":"))),
    lambda secret: ("server", json.dumps(json.dumps({"token": secret, "x": "y"}))),
    lambda secret: ("server", json.dumps({"args": ["--header", f"Authorization: Key {secret}"]})),
    lambda secret: ("claude", "--mcp-config", mcp_server("npx", "x", "--api-key", secret)),
    lambda secret: ("claude", "--mcp-config", mcp_server("mysql", "-uroot", f"-p{secret}")),
    lambda secret: ("python3", "-c", f"run({['curl', '-u', 'me:' + secret]!r})"),
    lambda secret: ("make", f"CMD=mysql -p{shlex.quote(secret)} db"),
    lambda secret: ("npm", "config", "set", "//registry/:_authToken", secret),
    lambda secret: ("git", "clone", f"https://me:{quote(secret, safe='@')}@host/x.git"),
]  # fmt: skip
TEXTS: list[Place] = [
    lambda secret: ("node", "x", f"postgres://me:{secret}@db/x?y=z"),
    lambda secret: ("node", "x", f"postgres://me:{secret}@{secret}@db/x"),
    lambda secret: ("node", "x", f"AccountName=a;AccountKey={secret}==;Suffix=z"),
    lambda secret: ("node", "x", f"https://a.example/c?sv=2020&sig={secret}&x=1"),
    lambda secret: ("curl", f"https://x/?access_token={secret}"),
    lambda secret: ("psql", f"host=h password={secret} dbname=x"),
    lambda secret: ("cat", f"a: b\npassword: {secret}\nc: d"),
    lambda secret: ("server", f'{{\\"apiKey\\":\\"{secret}\\"}}'),
    lambda secret: ("echo", f"Bearer {secret}"),
]
TOKENS: list[Place] = [
    lambda secret: ("node", "x", f"sk_live_{secret}{secret}"),
    lambda secret: ("node", "x", f"say ghp_{secret}{secret} to it"),
]
BEFORE = [
    (),
    ("sudo",),
    ("env", "A=b"),
    ("timeout", "5"),
    ("nohup", "nice"),
    ("docker", "exec", "db"),
]
AROUND: list[Around] = [
    lambda line: line,
    lambda line: f"cd /srv && {line} | tail -5",
    lambda line: f"A=b {line} > /dev/null 2>&1",
    lambda line: f"while true; do {line}; done",
    lambda line: f"if true; then {line}; fi",
    lambda line: f"({line})",
    lambda line: f"x=$({line})",
    lambda line: f'echo "got $({line}) now"',
    lambda line: f"echo a\n{line}",
    lambda line: f"echo don\\'t; {line} & wait",
    lambda line: f"curl $(cat host) x; {line}",
    lambda line: line if "`" in line else f"x=`{line}`",
    lambda line: f"f() {{ {line}; }}; f",
    lambda line: f"cat <<EOF\nit's\nEOF\n{line}",
]
SHELLS: list[Place] = [
    lambda line: ("sh", "-c", line),
    lambda line: ("/bin/bash", "-lc", line),
    lambda line: ("bash", "-c", "-l", line, "name"),
    lambda line: ("npm", "exec", "-c", line),
    lambda line: ("ssh", "host", line),
    lambda line: ("eval", line),
    lambda line: ("watch", "-n", "1", line),
]


def double_quoted(word: str) -> str:
    """As people write it by hand."""
    return '"' + "".join(f"\\{char}" if char in '"\\$`' else char for char in word) + '"'


@st.composite
def commands(draw: st.DrawFn) -> tuple[tuple[str, ...], list[str]]:
    """A command, and the pieces of the secret in it."""
    place, between = draw(
        st.one_of(
            st.tuples(st.sampled_from(WORDS), st.just(ANY)),
            st.tuples(st.sampled_from(TEXTS), st.just(SAFE)),
            st.tuples(st.sampled_from(TOKENS), st.just("_")),
        )
    )
    pieces = draw(st.lists(PIECE, min_size=1, max_size=3))
    secret = pieces[0]
    for piece in pieces[1:]:
        secret += draw(st.text(between, min_size=1, max_size=2)) + piece
    words = (*draw(st.sampled_from(BEFORE)), *place(secret))
    for _ in range(draw(st.integers(0, 4))):
        quoting = draw(st.sampled_from([shlex.quote, double_quoted]))
        line = draw(st.sampled_from(AROUND))(" ".join(map(quoting, words)))
        words = (*draw(st.sampled_from(BEFORE)), *draw(st.sampled_from(SHELLS))(line))
    return words, pieces


def bash_call(line: str) -> tuple[str, ...]:
    """The wrapper as the client writes it."""
    source = "source /h/.claude/shell-snapshots/snapshot-bash-1-x.sh 2>/dev/null || true"
    return (
        "/bin/bash",
        "-c",
        f"{source} && eval {shlex.quote(line)} < /dev/null && pwd -P >| /tmp/claude-1-cwd",
    )


@pytest.mark.timeout(max(120, EXAMPLES // 20))
@settings(max_examples=EXAMPLES, deadline=None)
@given(commands())
def test_no_secret_is_shown_however_deep(made: tuple[tuple[str, ...], list[str]]) -> None:
    words, pieces = made
    line = shlex.join(words)
    told_of = [
        shown(words, UNCUT),
        redact(words, UNCUT),
        redact_line(line),
        redact_text(line),
        shown(bash_call(line), UNCUT),
    ]
    if len(pieces) == 1:
        # A process may make one text of its command line (npm does), and what was quoted is no more.
        told_of.append(shown((" ".join(words),), UNCUT))
    for told in told_of:
        assert HIDDEN in told
        assert not [piece for piece in pieces if piece in told], told
