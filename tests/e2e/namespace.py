"""Plays a scenario in fresh PID, network and mount namespaces and brings its outcome back.

Inside there is no network but loopback, no process of the host, a private /tmp, and a PID 1 that reaps; all of it is
gone when the scenario ends, whatever it started. As root the namespaces are made directly, otherwise in a user
namespace. ``missing`` says why that cannot be had here.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .story import Outcome

PACKAGE = __package__ or "e2e"
IMPORT_ROOT = Path(__file__).resolve().parents[len(PACKAGE.split("."))]
SECONDS_TO_PLAY = 100.0
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "PROCESS_JANITOR_TEST_ROOT")


def unshare() -> list[str]:
    """The command prefix that makes the namespaces."""
    command = ["unshare", "--net", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


@functools.cache
def missing() -> str:
    """Why no scenario can be played here; empty when it can."""
    if platform.system() != "Linux":
        return "platform: namespaces need Linux"
    for tool in ("unshare", "mount", "tmux", "bash"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    probe = [*unshare(), "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    result = subprocess.run(
        probe, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )
    return f"namespaces cannot be made: {result.stderr.strip()}" if result.returncode else ""


def play(scenario: str, client: Path, repo: Path) -> Outcome:
    """Play ``scenarios/<scenario>.py`` with this client and this plugin; never raises for what happens inside."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    interpreter = Path(sys.executable).resolve().parent
    environment["PATH"] = os.pathsep.join(
        [str(interpreter), environment.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    )
    environment |= {"LANG": "C.UTF-8", "SHELL": "/bin/bash"}
    environment |= {"PYTHONPATH": str(IMPORT_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(prefix="janitor-e2e-") as stage:
        story = [scenario, str(client), str(repo), stage]
        command = [*unshare(), sys.executable, "-m", f"{PACKAGE}.pid_one", *story]
        return _outcome(command, environment)


def _outcome(command: list[str], environment: dict[str, str]) -> Outcome:
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_TO_PLAY,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode(errors="replace")
        return Outcome(failure=f"the scenario took more than {SECONDS_TO_PLAY:g} s\n{said}")
    said = done.stdout.decode(errors="replace")
    try:
        return Outcome(**json.loads(said))
    except (ValueError, TypeError):
        return Outcome(
            failure=f"no outcome, exit code {done.returncode}\n{said}\n{done.stderr.decode(errors='replace')}"
        )
