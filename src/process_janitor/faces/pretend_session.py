"""The demo's pretend session: a process named like the client that starts children on order, in the real client's shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

from process_janitor.faces import pretend
from process_janitor.faces.actor import until
from process_janitor.faces.interrupt import Uninterrupted
from process_janitor.system import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from process_janitor.faces.actor import Actor

_READY_SECONDS = 5.0


class PretendSession:
    """Runs as soon as it is made. `hold` is told the number of every process of it, and gives what holds that."""

    def __init__(self, folder: str, hold: Callable[[int], Actor]) -> None:
        self.session_id = str(uuid.uuid4())
        self._folder = folder
        self._hold = hold
        self._ready = 0
        self._env = pretend.plain_environment(os.environ)
        self._process = subprocess.Popen(
            pretend.client_command(), env=self._env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()

    def close(self) -> None:
        """Order nothing more, upon which it ends, and hear all of it out."""
        self._process.communicate()

    def call_hook(self) -> None:
        """Call the real SessionStart hook, as the client would. Raises OSError."""
        plugin = paths.plugin_root()
        script = os.path.join(plugin, "hooks", "run")
        source = "import sys; sys.path.insert(0, sys.argv[1]); from process_janitor.faces.hook import main; main(['SessionStart'])"
        above = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        argv = (
            ["sh", script, "SessionStart"]
            if plugin and os.path.exists(script)
            else [sys.executable, "-I", "-c", source, above]
        )
        env = {**self._env, **pretend.hook_marks(self.session_id, self.pid, plugin or "/")}
        payload = {
            "session_id": self.session_id, "cwd": self._folder, "hook_event_name": "SessionStart", "source": "startup",
        }  # fmt: skip
        with Uninterrupted():
            self._order("hook", argv=argv, env=env, payload=payload)

    def server(self) -> Actor:
        """A stubborn MCP server."""
        ready = self._next_ready()
        env = {**self._env, **pretend.server_marks(self.session_id, self._folder)}
        with Uninterrupted():
            self._order("server", argv=pretend.child_command(ready, stubborn=True), env=env)
            return self._when_ready(ready)

    def bash_call(self) -> Actor:
        """A Bash call in the foreground; returns its shell."""
        ready = self._next_ready()
        argv = self._bash(pretend.child_line(ready))
        with Uninterrupted():
            shell = self._hold(self._order("call", argv=argv, env=self._tool_env())["pid"])
            self._when_ready(ready)
            return shell

    def detached(self) -> Actor:
        """What a finished Bash call has left in the background."""
        ready = self._next_ready()
        argv = self._bash(f"nohup {pretend.child_line(ready)} >/dev/null 2>&1 </dev/null &")
        with Uninterrupted():
            self._order("call", argv=argv, env=self._tool_env())
            return self._when_ready(ready)

    def _order(self, do: str, **order: Any) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise OSError("the pretend session has no pipes")
        stdin.write(json.dumps({"do": do, **order}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise OSError("the pretend session ended too early")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _bash(self, command: str) -> list[str]:
        return pretend.bash_call(command, os.environ["CLAUDE_CONFIG_DIR"])

    def _tool_env(self) -> dict[str, str]:
        return {**self._env, **pretend.tool_marks(self.session_id, self.pid)}

    def _next_ready(self) -> str:
        self._ready += 1
        return os.path.join(self._folder, f"ready-{self._ready}")

    def _when_ready(self, ready: str) -> Actor:
        if not until(lambda: os.path.exists(ready), _READY_SECONDS):
            raise OSError("a pretend child did not start")
        with open(ready, encoding="ascii") as file:
            return self._hold(int(file.read()))


__all__ = ["PretendSession"]
