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
        # What a word may be: `npx -y server --api-key …`: npm hands its words to a shell.
        ("sh", "-c", f"server --api-key {SECRET}"),
        ("/bin/bash", "-lc", f"cd /srv && npx -y server --token {SECRET}"),
        ("env", "A=b", "bash", "-c", "-l", f"mysql -p{SECRET}"),
        ("timeout", "5", "nohup", "sh", "-xec", f"sh -c 'sh -c \"deploy --token {SECRET}\"'"),
        ("ssh", "host", f"mysql -uroot -p{SECRET} db"),
        ("sh", "-c", f"x=$(curl -u me:{SECRET} h) y"),
        ("sh", "-c", f"curl $(cat host) -u me:{SECRET}"),
        ("sh", "-c", f"curl -u $(whoami):{SECRET} h"),
        ("sh", "-c", f"curl `cat host` -u me:{SECRET}"),
        ("sh", "-c", f'echo "$(deploy --token "a {SECRET}")" done'),
        ("sh", "-c", f"deploy \\\n  --token \\\n  {SECRET}"),
        ("sh", "-c", f"bash -c $'deploy\\n--token\\t{SECRET}'"),
        ("sh", "-c", f"cat <<'EOF' > x\nit's\nEOF\ncurl -ume:'{SECRET}' h"),
        ("sh", "-c", f"cat <<EOF > x\nuser: me\npassword: {SECRET}\nEOF"),
        ("sh", "-c", f"cat <<EOF\nit's\ncurl -u me:{SECRET} h"),
        ("npx", "@smithery/cli", "run", "x", "--config", f'{{\\"apiKey\\":\\"{SECRET}\\"}}'),
        ("server", "--config", f'{{"tokens": ["a", "{SECRET}"]}}'),
        ("ruby", "-e", f"x(password => '{SECRET}')"),
        ("npx", "mcp-remote", "https://x", "--header", f"Authorization: ApiKey {SECRET}"),
        ("server", f'["--header", "X-Api-Key: Scheme {SECRET}"]'),
        ("node", "x", f"postgres://me:p@{SECRET}@db/x"),
        ("node", "x", f"postgres://me:p/{SECRET}@db/x"),
        ("node", "x", f"AccountName=a;AccountKey={SECRET}==;x=y"),
        ("node", "x", f"https://a.blob.example/c?sv=2020&sig={SECRET}"),
        ("curl", f"-ume:{SECRET}", "https://x"),
        ("curl", "-sSfu", f"me:{SECRET}", "https://x"),
        ("curl", f"--user=me:{SECRET}", "https://x"),
        ("curl", "-b", f"sid={SECRET}", "https://x"),
        ("sudo", "-u", "me", "/usr/bin/curl", f"-ume:{SECRET}", "https://x"),
        ("redis-cli", "-a", SECRET),
        ("mongosh", "-u", "x", "-p", SECRET),
        ("docker", "login", "-u", "x", "-p", SECRET),
        ("docker", "exec", "db", "mysql", "-uroot", f"-p{SECRET}"),
        ("psql", "-c", f"ALTER USER me PASSWORD '{SECRET}'"),
        ("server", "--openaiKey", SECRET),
        ("server", f"dbPass={SECRET}"),
        # base64url begins with a dash now and then
        ("server", "--token", f"-{SECRET}"),
        ("server", "--password", f"a {SECRET}"),
        ("server", f"--env=DB_PASSWORD=a {SECRET}"),
        ("make", f"ARGS=--token {SECRET}"),
        ("sh", "-c", f"make ARGS='--token {SECRET}'"),
        ("watch", f"--exec=mysql -p{SECRET}"),
        ("server", f"--header=Authorization: ApiKey {SECRET}"),
        ("curl", f"-HX-Api-Key: {SECRET}", "https://x"),
        ("npm", "config", "set", "//registry.npmjs.org/:_authToken", SECRET),
        ("aws", "configure", "set", "aws_secret_access_key", SECRET),
        (
            "claude",
            "--mcp-config",
            f'{{"x":{{"command":"npx","args":["server","--api-key","{SECRET}"]}}}}',
        ),
        ("claude", "--mcp-config", f'{{"x":{{"command":"mysql","args":["-uroot","-p{SECRET}"]}}}}'),
        ("x", f'{{\\"command\\":\\"sh\\",\\"args\\":[\\"-c\\",\\"curl -u me:{SECRET}\\"]}}'),
        ("python3", "-c", f"import subprocess; subprocess.run(['curl', '-u', 'me:{SECRET}'])"),
        ("node", "-e", f'spawn("sh", ["-c", "cd x\\nmysql -p{SECRET}"])'),
        ("node", "x", f"sk_live_{SECRET}"),
        ("node", "x", f"eyJhcGlLZXki{SECRET}"),
        ("node", "x", f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"),
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
        ("server", "--max-tokens", "5", "--tokenizer", "llama", "--max-output-tokens=9"),
        (
            "env",
            "TOKENIZERS_PARALLELISM=false",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS=64000",
            "python",
            "x",
        ),
        ("ssh-keygen", "--key-size", "4096", "--auth-mode", "none", "--token-file", "/run/token"),
        ("git", "commit", "-m", "fix: token refresh, basic authentication"),
        ("bash", "-c", "git commit -m 'fix: token refresh' && git push"),
        ("bash", "-c", "grep -rn password src/ | head -5; pytest -k 'token and not secret'"),
        ("bash", "-c", "TOKEN=$(gh auth token) make test 2>&1 | tee out"),
        ("curl", "-sSLo", "out.tgz", "-XPOST", "https://x/y.tgz"),
        ("http", "-b", "https://x"),
        ("openssl", "s_client", "-connect", "x:443", "-keyout", "x.pem"),
        ("docker", "run", "-p", "8080:80", "-u", "1000:1000", "image"),
        ("node", "x", "https://unpkg.com/react@18/x", "http://localhost:3000/@vite/client"),
        ("npm", "install", "@scope/keys@1.0", "react@18"),
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


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("sh", "-c", "A_TOKEN=x node y.js -p 3"), "sh -c A_TOKEN=*** node y.js -p 3"),
        (
            ("bash", "-c", "cd /x && curl -u me:x https://h | tail\n  echo 'a  b'\n"),
            "bash -c cd /x && curl -u *** https://h | tail echo 'a  b'",
        ),
        (("psql", "postgres://me:p@ss/w@db/x"), "psql postgres://***@db/x"),
        (
            ("x", "--header", "X-Api-Key:abc", "--header", "A: b"),
            "x --header X-Api-Key:*** --header A: b",
        ),
        (("sh", "-c", 'x "--token" "a b" --y'), 'sh -c x "--token" *** --y'),
        (
            ("curl", "-d", '{"user": "a", "password": "b, \\"c", "x": 1}'),
            'curl -d {"user": "a", "password": "***", "x": 1}',
        ),
        (("x", "https://h/?access_token=a&page=2"), "x https://h/?access_token=***&page=2"),
    ],
)
def test_what_stands_around_a_secret_stays(argv: tuple[str, ...], line: str) -> None:
    assert redact(argv) == line


FRAGMENTS = (
    "token", "--token", "password", "Authorization", "curl", "-u", "sh", "-c", "=", ": ", " ", " ", "'", '"', "\\", "$(",
    ")", "`", ";", "\n", "<<a", "a", "b", "https://", "@", "{", "}", ",", "sk-abcdefgh", "Bearer abcdef", "***",
)  # fmt: skip


@given(st.text(max_size=120) | st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join))
def test_redacting_twice_shows_no_more(text: str) -> None:
    once = redact_text(text)
    assert len(redact_text(once).replace(HIDDEN, "")) <= len(once.replace(HIDDEN, ""))


HOSTILE = (
    "token", "a", "--", "key=", ":// @", "a-", "://", "key: '", "bearer ", "token ", "'a \"b ", '"$(a ', "$(", "`", "\\ ",
    "<<a\n", "a://b:c@", "curl -u ", "key=[", "key={", '\\"', "-----BEGIN PRIVATE KEY-----", "user a password ", '\\"key: x ', '["a\\',
)  # fmt: skip


def seconds(text: str) -> float:
    """Processor time, the least of three tries: what else runs here must not count."""

    def once() -> float:
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("part", HOSTILE)
def test_a_long_hostile_line_costs_no_more_than_its_length(part: str) -> None:
    short, long = ((part * size)[:size] for size in (1 << 13, 1 << 16))
    # Eight times as long: linear is eight times the time, quadratic 64 times. The millisecond is the clock's.
    assert seconds(long) < 24 * seconds(short) + 0.001


@pytest.mark.parametrize("part", HOSTILE)
def test_a_command_line_as_long_as_one_can_be_is_read_at_once(part: str) -> None:
    line = (part * (1 << 18))[: 1 << 18]
    for argv in (("sh", "-c", line), line.split(" ")):
        began = time.process_time()
        redact(argv)
        assert time.process_time() - began < 2.0  # 0.3 s at most here, where it is quiet


def test_of_a_word_without_end_no_more_is_read_than_can_be_shown() -> None:
    secret = "z" * 5000 + " password=hunter2"
    assert "hunter2" not in redact(("cat", secret), limit=10_000)
    assert len(redact(("cat", "token=" * 20_000))) <= 400
