"""Completion as a user's shell does it: each script is loaded by the real shell and asked, and knows all there is to know."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from process_janitor.core.settings import BY_NAME
from process_janitor.faces import schemas
from process_janitor.faces.cli import completion
from process_janitor.faces.cli.parser import COMMANDS
from process_janitor.faces.grammar import Described, described
from tests.namespaced import namespaced
from tests.world import World

NAMES = {command.name for command in COMMANDS}
ALL = {one.name: one for one in described()}
SECONDS = 30.0
Ask = Callable[[str], set[str]]


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def said(command: list[str], home: Path, text: str = "") -> str:
    """What a shell prints that starts in an empty home."""
    done = subprocess.run(
        command, input=text, env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"},
        cwd=home, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def bash(script: Path) -> Ask:
    """Asked as readline asks: the words in COMP_WORDS, the function's answer in COMPREPLY."""
    ask = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
complete -p process-janitor >/dev/null || exit 1
_process_janitor
((${#COMPREPLY[@]} == 0)) || printf '%s\\n' "${COMPREPLY[@]}"
"""

    def answer(line: str) -> set[str]:
        words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
        command = [shell("bash"), "--norc", "-c", ask, "bash", str(script), *words]
        return set(said(command, script.parent).splitlines())

    return answer


def fish(script: Path) -> Ask:
    def answer(line: str) -> set[str]:
        ask = f"source {shlex.quote(str(script))}; complete -C {shlex.quote(line)}"
        lines = said([shell("fish"), "--no-config", "-c", ask], script.parent).splitlines()
        return {one.split("\t")[0] for one in lines}

    return answer


# Every match that completion functions add is written down; those that only compute (-O, -A, -D) add nothing.
CAPTURE = """\
PS1='> '; fpath=($HOME $fpath); autoload -U compinit; compinit -u -D
compadd() {
    if [[ ${(j: :)@[1,(i)(-|--)]} != *-[a-zA-Z]#[OAD]\\ * ]]; then
        local -a hits
        builtin compadd -A hits "$@"
        ((${#hits} == 0)) || print -rl -- $hits >>hits
    fi
    builtin compadd "$@"
}
press() { zle complete-word; : >done }
zle -N press; bindkey '^I' press; setopt extendedglob
"""


def zsh(script: Path) -> Ask:
    """Installed as its help says, as a file of $fpath, and asked by a Tab in a terminal."""
    home = script.parent
    shutil.copy(script, home / "_process-janitor")
    (home / ".zshrc").write_text(CAPTURE)

    def answer(line: str) -> set[str]:
        for name in ("hits", "done"):
            (home / name).unlink(missing_ok=True)
        program = shell("zsh")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(home)
            environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb"}
            os.execve(program, [program, "-d", "-i"], {**environment, "LANG": "C.UTF-8"})
        try:
            os.write(terminal, f"{line}\t".encode())
            os.set_blocking(terminal, False)
            seen = b""
            deadline = time.monotonic() + SECONDS
            while not (home / "done").exists():
                assert time.monotonic() < deadline, seen
                try:
                    seen += os.read(terminal, 4096)
                except BlockingIOError:
                    time.sleep(0.01)
            hits = home / "hits"
            return set(hits.read_text().splitlines()) if hits.exists() else set()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)

    return answer


@pytest.fixture(name="ask", params=completion.SHELLS)
def fixture_ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """Asks a real shell what it offers for a line typed so far."""
    name: str = request.param
    shell(name)
    script = tmp_path / f"completion.{name}"
    script.write_text(completion.script(name))
    said([shell(name), "-n", str(script)], tmp_path)
    made: Ask = {"bash": bash, "zsh": zsh, "fish": fish}[name](script)
    return made


def flags(command: Described) -> set[str]:
    return {flag for word in (*command.words, *command.everywhere) for flag in word.flags}


def test_commands_are_offered_first(ask: Ask) -> None:
    assert ask("process-janitor ") == NAMES
    assert ask("process-janitor sc") == {name for name in NAMES if name.startswith("sc")} != set()
    assert ask("process-janitor --quiet ") == NAMES
    assert ask("process-janitor no-such") == set()


def test_a_commands_own_options_are_offered_and_no_others(ask: Ask) -> None:
    for command, typed in (("run", "--e"), ("scan", "--e"), ("history", "--a"), ("keep", "--re")):
        wanted = {flag for flag in flags(ALL[command]) if flag.startswith(typed)}
        assert ask(f"process-janitor {command} {typed}") == wanted != set(), command
    assert "--json" in ask("process-janitor doctor --")


def test_the_words_an_option_takes_are_offered(ask: Ask) -> None:
    (classes,) = (word for word in ALL["run"].words if "--class" in word.flags)
    wanted = {one for one in classes.choices if one.startswith("o")}
    assert ask("process-janitor run --class o") == wanted != set()
    assert ask("process-janitor run --class leftover --class o") == wanted
    assert ask("process-janitor run --pid ") == set()


def test_a_file_is_offered_where_one_is_meant(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "my settings.json").touch()
    assert {one.replace("\\", "") for one in ask("process-janitor scan --config my")} == {
        "my settings.json"
    }


def test_config_offers_what_it_does_and_set_the_keys(ask: Ask) -> None:
    assert ask("process-janitor config ") == {"show", "path", "check", "set"}
    assert ask("process-janitor config set ") == set(BY_NAME)
    assert ask("process-janitor config set de") == {"detached"}
    assert ask("process-janitor config show ") == set()


def test_no_process_is_offered(ask: Ask) -> None:
    assert ask("process-janitor keep ") == set()
    assert ask("process-janitor explain ") == set()


def test_what_is_evaluated_in_zsh_completes_as_well(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(completion.script("zsh"))
    ask = "autoload -U compinit; compinit -u -D; source ./script; print $_comps[process-janitor]"
    assert said([shell("zsh"), "-f", "-c", ask], tmp_path).strip() == "_process_janitor"


@pytest.mark.parametrize("name", completion.SHELLS)
def test_every_command_and_every_option_is_in_each_script(name: str) -> None:
    script = completion.script(name)
    for command in described():
        assert re.search(rf"\b{command.name}\b", script)
        for flag in flags(command):
            shown = re.sub(r"^(--?)", "-l " if flag.startswith("--") else "-s ", flag)
            assert re.search(rf"(?<![\w-]){shown if name == 'fish' else flag}(?![\w-])", script), (
                command.name, flag,
            )  # fmt: skip


@namespaced
def test_the_command_prints_the_script_and_wraps_it_for_programs(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in completion.SHELLS:
        assert world.cli("completion", name).out == completion.script(name)
        document = world.cli("completion", name, "--json").json
        assert schemas.complaints("completion", document) == []
        assert document["script"] == completion.script(name)
    assert world.cli("completion", "tcsh").code == 2
    assert world.cli("completion").code == 2
