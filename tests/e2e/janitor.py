"""The plugin under test as a user meets it: its command line, its records, its watcher, its config file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import procs
from .world import Tagged, World

COMMAND_SECONDS = 60.0
WATCHER = re.compile(r"process_janitor[./]watcher\b")


class Janitor:
    """The janitor of one world's user."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.home = Path(
            world.env.get("PROCESS_JANITOR_HOME") or world.home / ".claude" / "process-janitor"
        )

    def load(self) -> list[str]:
        """The client's arguments that load the plugin from its folder."""
        return ["--plugin-dir", str(self.world.repo)]

    def configure(self, **values: object) -> None:
        """Write the user's config file."""
        path = self.world.home / ".claude" / "process-janitor-config.json"
        path.write_text(json.dumps(values))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end, as from the user's shell."""
        command = [str(self.world.repo / "scripts" / "process-janitor"), *arguments]
        return subprocess.run(
            command,
            cwd=self.world.project,
            env=self.world.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """The JSON document a command prints; an AssertionError with what it said where there is none."""
        done = self.run(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(
                f"{arguments}: exit {done.returncode}, {done.stdout!r}, {done.stderr!r}"
            ) from None

    def record_of(self, pid: int) -> Path | None:
        """The one record of the client with this pid; its parent folder's name is the session id."""
        found = sorted(self.home.glob(f"sessions/*/{pid}-*.json"))
        assert len(found) < 2, f"two records for one client: {found}"
        return found[0] if found else None

    def finding(self, process: Tagged) -> dict[str, Any]:
        """What ``scan`` finds about this process; empty when nothing."""
        findings: list[dict[str, Any]] = self.json("scan")["findings"]
        return next((finding for finding in findings if finding["pid"] == process.pid), {})

    def watchers(self) -> list[procs.Process]:
        """The running watcher processes."""
        return [process for process in procs.table() if self._watches(process)]

    @staticmethod
    def _watches(process: procs.Process) -> bool:
        runs_it = any(WATCHER.search(part) for part in process.argv[:6])
        return process.comm.startswith("python") and runs_it

    def view(self) -> str:
        """The files it keeps, for a failure report."""
        files = (
            [path for path in sorted(self.home.rglob("*")) if path.is_file()]
            if self.home.is_dir()
            else []
        )
        return "\n".join(
            f"--- {path}\n{path.read_text(errors='replace')[-1500:]}" for path in files
        )


def mentions(document: Any, pid: int) -> Iterator[dict[str, Any]]:
    """Every object anywhere in a JSON document that speaks of this pid."""
    if isinstance(document, dict):
        if document.get("pid") == pid:
            yield document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from mentions(part, pid)
