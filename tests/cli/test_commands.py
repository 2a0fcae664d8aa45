"""Commands as people see them: the user's own part, no secrets, the telling end in sight."""

from __future__ import annotations

import pytest

from process_janitor.core.commands import brief, middle, shown, tool_command


def bash_call(evaluated: str) -> list[str]:
    """The wrapper as the client writes it."""
    line = (
        "source /h/.claude/shell-snapshots/snapshot-bash-17-x.sh 2>/dev/null || true && shopt -u extglob 2>/dev/null"
        f" || true && eval {evaluated} < /dev/null && pwd -P >| /tmp/claude-1-cwd"
    )
    return ["/bin/bash", "-c", line]


@pytest.mark.parametrize(
    ("evaluated", "command"),
    [
        ("'npm run dev'", "npm run dev"),
        ('"npm run dev"', "npm run dev"),
        ("ls", "ls"),
        (r"'echo '\''a b'\'''", "echo 'a b'"),
        ("'echo '\"'\"'a b'\"'\"''", "echo 'a b'"),
        (r'"echo \"a b\" \$HOME \n"', r'echo "a b" $HOME \n'),
        ("'cd a && eval x'", "cd a && eval x"),
        ("'one\ntwo'", "one\ntwo"),
    ],
)
def test_a_bash_call_is_what_it_evaluates(evaluated: str, command: str) -> None:
    assert tool_command(bash_call(evaluated)) == command
    login = bash_call(evaluated)
    login.insert(2, "-l")
    assert tool_command(login) == command
    assert shown(bash_call(evaluated)) == command.replace("\n", " ")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["bash"],
        ["bash", "-c", "eval 'x'"],
        ["bash", "-c", "source /a/shell-snapshots/snapshot-x.sh && ls"],
        bash_call("''"),
        ["node", "server.js", "/shell-snapshots/snapshot- && eval 'x'"],
    ],
)
def test_everything_else_stays_what_it_is(argv: list[str]) -> None:
    assert tool_command(argv) is None
    assert shown(argv) == " ".join(argv)


def test_a_cut_off_call_shows_what_is_there() -> None:
    argv = bash_call("'npm run")
    assert tool_command([*argv[:2], argv[2].split(" <")[0]]) == "npm run"


@pytest.mark.parametrize(
    "command",
    [
        "deploy --token hunter2 now",
        "API_KEY=hunter2 deploy",
        "cd x && mysql -phunter2 db",
        "A=b mysql -phunter2 db",
        "x; curl -u me:hunter2 http://h",
        'deploy --token "a hunter2"',
        'deploy --token="a hunter2" --now',
        "curl -H 'Authorization: Bearer hunter2hunter2' http://h",
        "echo \"unbalanced --token hunter2",
        "sudo mysql -uroot -phunter2 db",
        "timeout 5 mysql -uroot -phunter2 db",
        "docker exec db mysql -uroot -phunter2 db",
        "while true; do curl -u me:hunter2 x; done",
        "x=$(curl -u me:hunter2 x)",
        "(curl -u me:hunter2 x)",
        "echo a\ncurl -u me:hunter2 x",
        "if true; then sshpass -p hunter2 ssh h; fi",
        "bash -c 'npx x --api-key hunter2'",
        'curl -d "{\\"password\\":\\"hunter2\\"}" https://x',
    ],
)  # fmt: skip
def test_no_secret_of_a_bash_call_is_shown(command: str) -> None:
    import shlex

    line = shown(bash_call(shlex.quote(command)))
    assert "hunter2" not in line
    assert "***" in line


def test_paths_of_programs_are_short_and_ends_are_kept() -> None:
    assert (
        brief("/usr/bin/python3 -I /a/b/child.py v-nohup /x/y")
        == "python3 -I child.py v-nohup /x/y"
    )
    assert brief("/opt/tool /x/y") == "tool /x/y"
    assert brief("") == ""
    assert middle("abcdefghij", 5) == "ab…ij"
    assert middle("abcdefghij", 10) == "abcdefghij"
    assert (middle("abc", 1), middle("abc", 0)) == ("…", "")
    long = ["node", "x" * 900, "the-end"]
    assert len(shown(long)) == 400
    assert shown(long).endswith("the-end")
    assert shown(["a\x1b[31m"]) == "a\N{REPLACEMENT CHARACTER}[31m"
