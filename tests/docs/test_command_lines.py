"""Whoever types what the documentation shows gets what it says: every command line in it is run.

In a namespace and a home of its own, with leftovers of a killed pretend session in it, so that also those that act run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from process_janitor.faces.cli.parser import COMMANDS
from tests.docs import command_lines
from tests.namespaced import namespaced
from tests.world import Child, Pretend, World

SOURCES = (*command_lines.PAGES, command_lines.HELP)
START = command_lines.ROOT / "scripts" / "start.py"

# What cannot be run here, by how it begins, and why. Everything on this list has to be in the documentation.
NOT_RUN = {
    "scripts/test": "it would run this test",
    ".ci/run": "it would run this test",
    "scripts/simulate": "plays for minutes; tests/simulation runs a round of it",
    "scripts/lock": "asks the package index and rewrites the lock files",
    "scripts/make-pictures": "draws for minutes; tests/pictures runs it with --quick",
    "scripts/make-man": "rewrites the page; tests/docs/test_manual_page.py runs it with --check",
    "process-janitor watch": "a view for a terminal; tests/cli/test_watch.py opens it in one",
    "/plugin ": "typed inside Claude Code; tests/e2e/test_install.py does it with the real one",
    "claude plugin": "the real client; tests/e2e/test_install.py",
    "pipx install": "tests/plugin/test_package.py installs the package",
    "uv tool install": "tests/plugin/test_package.py installs the package",
}
USAGE = 2
# Everything else ends with 0, but for these.
CODES = {
    "process-janitor scan --exit-code": 10,  # there are findings
    "process-janitor status": 4,  # typed outside a session
    "process-janitor status --json": 4,
    "process-janitor status --verbose": 4,
    "process-janitor stop": USAGE,  # it wants to know which
}


def reason_not_to(line: str) -> str:
    return next((why for start, why in NOT_RUN.items() if line.startswith(start)), "")


class Typist:
    """Somebody at a shell in a home where a session has died."""

    def __init__(self, home: Path) -> None:
        self.world = World(home)
        self.tools = home / "bin"
        self.tools.mkdir()
        (home / ".zfunc").mkdir()
        (home / ".config/fish/completions").mkdir(parents=True)
        self._tool("process-janitor", f'exec {sys.executable} -I {START} "$@"')
        self._tool("editor", ":")
        # Nothing that is typed here may reach the timers of whoever runs the tests.
        for name in ("crontab", "systemctl", "loginctl"):
            self._tool(name, ":")
        self.left: list[Child] = []
        self.live: Pretend | None = None
        self.session_id = self.plan = ""

    def _tool(self, name: str, line: str) -> None:
        (self.tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.tools / name).chmod(0o755)

    def prepare(self, line: str) -> None:
        """Leftovers, a plan and a rule are there, and for `stop` a living session, whatever the line before has done; the settings are the default ones."""
        (self.world.config_dir / "process-janitor-config.json").unlink(missing_ok=True)
        (self.world.root / "keep.json").unlink(missing_ok=True)
        if not (self.left and all(one.alive for one in self.left)):
            session = self.world.session()
            self.session_id = session.session_id
            self.left = [session.mcp(), session.mcp(), session.detached()]
            session.kill()
        if self.live is not None and self.live.alive:
            self.live.kill()
        self.live = self.world.session() if " stop" in line else None
        # Only for the lines that name them: two more commands before each line would double the time of a page.
        if "--plan" in line:
            self.plan = self.world.cli("run", "--json").json["plan"]["id"]
        if " keep" in line:
            assert self.world.cli("keep", "--command", "no-such-program").code == 0

    def filled(self, line: str) -> str:
        """The line with something there in place of what only stands for it."""
        said = line.replace("scripts/process-janitor", "process-janitor").split(" | ")[0]
        said = re.sub(r"(?<=--plan )\S+", self.plan, said)
        if " stop " in said and self.live is not None:
            said = re.sub(r"(?<=--session )\d+\b(?! *$)", str(self.live.pid), said)
            said = re.sub(r"(?<=--session )(?!\d+ )\S+", self.live.session_id, said)
        said = re.sub(r"(?<=--session )ID", self.session_id, said)
        for name, value in {
            "PID": self.left[0].pid, "4242": self.left[0].pid, "4243": self.left[1].pid, "N": 1, "DIR": "~/.claude",
            "COMMAND": "scan", "SHELL": "fish", "REGEX": "'no-such-program.*'", "KEY": "detached", "VALUE": "keep", "FILE": "~/file",
        }.items():  # fmt: skip
            said = re.sub(rf"(?<![\w-]){name}(?![\w-])", str(value), said)
        return re.sub(r"(?<=--remove )\d+", "1", said)

    def types(self, line: str) -> tuple[int, str]:
        """The exit code of the line, and what was said."""
        said = self.filled(line)
        asked = ""
        if said.startswith("/cleanup"):
            event = {
                "command_name": "cleanup",
                "command_args": said.removeprefix("/cleanup").strip(),
            }
            said, asked = "process-janitor --answer-slash-command", json.dumps(event)
        environment = {
            **self.world.env, "HOME": str(self.world.home), "EDITOR": "editor",
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", said], env=environment, cwd=self.world.home, input=asked, capture_output=True, text=True,
            timeout=50, check=False,
        )  # fmt: skip
        code = done.returncode
        if asked:
            # The event's answer is always 0: what is wrong with the words is in its text.
            text = json.loads(done.stdout)["reason"]
            code = (
                USAGE
                if re.search(r"^process-janitor: .*; (see|use|did)", text, re.MULTILINE)
                else code
            )
        return code, f"{said}\n{done.stdout}{done.stderr}"


@pytest.mark.timeout(200)
@pytest.mark.parametrize("page", SOURCES)
@namespaced
def test_every_command_line_of_a_page_does_what_it_may(page: str, tmp_path: Path) -> None:
    typist = Typist(tmp_path)
    failed = []
    for line in command_lines.of(page):
        if reason_not_to(line):
            continue
        typist.prepare(line)
        code, said = typist.types(line)
        if code != CODES.get(line, 0) or "Traceback" in said:
            failed.append(f"{page}: {line!r} ended with {code}:\n{said}")
    assert not failed, "\n".join(failed)


def test_the_list_of_what_is_not_run_is_as_short_as_it_can_be() -> None:
    lines = [line for page in SOURCES for line in command_lines.of(page)]
    for start in NOT_RUN:
        assert any(line.startswith(start) for line in lines), start
    assert set(CODES) <= set(lines)


def test_the_collector_finds_what_there_is() -> None:
    readme = command_lines.of("README.md")
    assert {"process-janitor scan", "process-janitor explain PID", "scripts/test"} <= set(readme)
    assert "scripts/process-janitor demo" in readme
    assert "/cleanup doctor" in command_lines.of("docs/troubleshooting.md")
    examples = " ".join(command_lines.of(command_lines.HELP))
    for command in COMMANDS:
        assert f"process-janitor {command.name}" in examples


@namespaced
def test_a_line_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    typist = Typist(tmp_path)
    typist.prepare("")
    for line in ("process-janitor scan --no-such", "process-janitor skan", "/cleanup skan"):
        assert typist.types(line)[0] == USAGE, line
    assert typist.types("/cleanup scan")[0] == 0
