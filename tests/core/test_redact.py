"""Command lines as they are shown and stored: no secret in them, everything else as it was."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from process_janitor.core.redact import HIDDEN, redact, redact_text

SECRET = "s3cr3tValue99"


@pytest.mark.parametrize(
    "argv",
    [
        ("server", "--api-key", SECRET),
        ("server", f"--api-key={SECRET}"),
        ("server", f"--token={SECRET}", "--port", "80"),
        ("server", "-token", SECRET),
        ("server", "--password", SECRET),
        ("server", "--client-secret", SECRET),
        ("env", f"OPENAI_API_KEY={SECRET}", "node", "x.js"),
        ("env", f"DATABASE_URL=postgres://me:{SECRET}@db/x"),
        ("sh", "-c", f"GITHUB_TOKEN={SECRET} node x.js"),
        ("sh", "-c", f"export AWS_SECRET_ACCESS_KEY='{SECRET}'; run"),
        ("git", "clone", f"https://user:{SECRET}@example.com/x.git"),
        ("git", "clone", f"https://{SECRET}@example.com/x.git"),
        ("curl", "-H", f"Authorization: Bearer {SECRET}", "https://x"),
        ("curl", "-H", f"X-Api-Key: {SECRET}", "https://x"),
        ("curl", "-u", f"me:{SECRET}", "https://x"),
        ("curl", f"https://x/?access_token={SECRET}&x=1"),
        ("mysql", "-u", "root", f"-p{SECRET}"),
        ("sshpass", "-p", SECRET, "ssh", "host"),
        ("node", "x.js", f"sk-ant-api03-{SECRET}{SECRET}"),
        ("node", "x.js", f"ghp_{SECRET}{SECRET}"),
        ("npx", "server", "--config", f'{{"apiKey": "{SECRET}"}}'),
        ("docker", "run", "-e", f"PGPASSWORD={SECRET}", "db"),
    ],
    ids=" ".join,
)
def test_a_secret_is_hidden_wherever_it_is_put(argv: tuple[str, ...]) -> None:
    shown = redact(argv)
    assert SECRET not in shown
    assert HIDDEN in shown
    assert argv[0] in shown


@pytest.mark.parametrize(
    "argv",
    [
        ("node", "/srv/token-server/index.js", "--port", "3000"),
        ("npm", "exec", "@modelcontextprotocol/server-github"),
        ("python", "-m", "keyring_service"),
        ("vim", "passwords.txt"),
        ("mysql", "-u", "root"),
        ("claude", "--resume", "aaaaaaaa-0000-4000-8000-000000000001"),
        (
            "bash",
            "-c",
            "source /h/.claude/shell-snapshots/snapshot-bash-1-a.sh && eval 'make test'",
        ),
        ("curl", "-H", "Accept: text/html", "https://example.com/path?page=2"),
        ("server", "--keyboard", "us", "--monkey", "1"),
    ],
    ids=" ".join,
)
def test_what_is_no_secret_stays_readable(argv: tuple[str, ...]) -> None:
    assert redact(argv) == " ".join(argv)


@given(st.lists(st.text(max_size=40), max_size=8))
@example(["", "-", "--token", "--token", "x"])
def test_any_command_gives_one_printable_line_of_bounded_length(argv: list[str]) -> None:
    line = redact(argv, limit=60)
    assert len(line) <= 60
    assert line.isprintable()


@given(st.text(max_size=120))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


HOSTILE = ("token", "a", "--", "key=", ":// @", "a-", "://", "key: '", "bearer ", "token ")


def seconds(text: str) -> float:
    """Processor time, the least of three tries: what else runs here must not count."""

    def once() -> float:
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("part", HOSTILE)
def test_a_long_hostile_line_costs_no_more_than_its_length(part: str) -> None:
    short, long = ((part * size)[:size] for size in (1 << 14, 1 << 17))
    # Eight times as long: linear is eight times the time, quadratic 64 times. The millisecond is the clock's.
    assert seconds(long) < 24 * seconds(short) + 0.001


def test_of_a_word_without_end_no_more_is_read_than_can_be_shown() -> None:
    secret = "z" * 5000 + " password=hunter2"
    assert "hunter2" not in redact(("cat", secret), limit=10_000)
    assert len(redact(("cat", "token=" * 20_000))) <= 400
