"""A user's machine for one scenario: private home, a trusted project, a dummy key, the API on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import child, fake_api, procs
from .story import Setting
from .waiting import until

KEY = "dummy-key-for-the-offline-tests-" + "0" * 60
PASSED_ON = ("PATH", "LANG", "SHELL")
PACKAGE_ROOT = Path(__file__).resolve().parents[len((__package__ or "e2e").split("."))]


@dataclass(frozen=True)
class Tagged:
    """A process that announced itself under a tag."""

    tag: str
    pid: int
    start: int
    ppid: int
    sid: int

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return procs.alive(self.pid, self.start)


class World:
    """Everything a session needs; all of it lives under one folder and dies with the namespaces."""

    def __init__(self, setting: Setting) -> None:
        self.client, self.repo, self.root = setting.client, setting.repo, setting.root
        self.home, self.project, self.children = (
            self.root / "home",
            self.root / "p",
            self.root / "c",
        )
        for folder in (self.home / ".claude", self.project, self.children):
            folder.mkdir(parents=True)
        self._child = shutil.copy(child.__file__, self.root / "child.py")
        self._log = self.root / "api.jsonl"
        self._log.touch()
        self.env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.env |= {
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self._serve()}",
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "IS_SANDBOX": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "E2E_CHILDREN": str(self.children),
        }
        self._settle()

    def _serve(self) -> int:
        port_file = self.root / "api.port"
        command = [sys.executable, fake_api.__file__, str(port_file), str(self._log)]
        subprocess.Popen(command, start_new_session=True)
        until(port_file.exists, 20, "the fake API is up")
        return int(port_file.read_text())

    def _settle(self) -> None:
        project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        state = {
            "hasCompletedOnboarding": True,
            "lastOnboardingVersion": "9.9.9",
            "theme": "dark",
            "numStartups": 10,
            "bypassPermissionsModeAccepted": True,
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(self.project): project},
        }
        (self.home / ".claude.json").write_text(json.dumps(state))
        (self.home / ".claude" / "settings.json").write_text(
            json.dumps({"skipDangerousModePermissionPrompt": True})
        )

    def claude(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a client command that needs no session (``plugin …``) to its end."""
        command = [str(self.client), *arguments]
        return subprocess.run(
            command,
            cwd=self.project,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def mcp_config(self, good: Sequence[str] = (), stubborn: Sequence[str] = ()) -> list[str]:
        """The client's arguments for MCP servers with these tags."""
        servers = {}
        for tag in (*good, *stubborn):
            arguments = ["-m", f"{__package__}.mcp_server", tag] + (
                ["--stubborn"] if tag in stubborn else []
            )
            env = {"PYTHONPATH": str(PACKAGE_ROOT), "E2E_CHILDREN": str(self.children)}
            servers[tag] = {"command": sys.executable, "args": arguments, "env": env}
        path = self.root / f"mcp-{'-'.join(servers)}.json"
        path.write_text(json.dumps({"mcpServers": servers}))
        return ["--mcp-config", str(path)]

    def child_command(self, tag: str) -> str:
        """A shell command that becomes the child of this tag."""
        return f"{sys.executable} {self._child} {tag}"

    def tagged(self, tag: str, seconds: float = 20) -> Tagged:
        """The process of this tag, as soon as it has announced itself."""
        path = self.children / f"{tag}.json"
        until(path.exists, seconds, f"«{tag}» has started")
        return Tagged(tag=tag, **json.loads(path.read_text()))

    def release(self, tag: str) -> None:
        """Let the child of this tag end by itself."""
        (self.children / f"{tag}.release").touch()

    def ended_by(self, tag: str) -> str:
        """How the child of this tag ended: ``released``, a signal's name, or empty when it could not say."""
        with contextlib.suppress(OSError):
            return (self.children / f"{tag}.end").read_text()
        return ""

    def model_calls(self) -> list[dict[str, Any]]:
        """All requests for a message that the API has answered, oldest first."""
        # A line may be half written while it is read.
        whole = self._log.read_text().rpartition("\n")[0]
        entries: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        return [entry for entry in entries if entry["path"].split("?")[0] == "/v1/messages"]

    def replies(self, prompt: str) -> int:
        """How many turns that began with this prompt have had their closing reply."""
        said = "".join(prompt.split())
        return sum(
            call["reply"] == "text" and call["tools"] and said in "".join(call["prompt"].split())
            for call in self.model_calls()
        )
