"""The demo's stage: a private state directory, a pretend session in it, and the promise to leave nothing behind.

Every process is held by a pidfd from the moment it has said that it runs, and ended through that alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

from process_janitor.faces import documents, pretend
from process_janitor.faces.actor import END_SECONDS, Actor, until
from process_janitor.faces.interrupt import Uninterrupted
from process_janitor.faces.view import view
from process_janitor.sweep import look, proven, sweep
from process_janitor.system import config, identity, lease, paths, seen
from process_janitor.system.held import Holdings
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

_READY_SECONDS = 5.0
_WATCHER_SECONDS = 6.0
_SEEN_SECONDS = 2.5
_SETTINGS = {
    "cleanup_on_exit": False,
    "term_grace_seconds": 1,
    "notification_enabled": False,
    "detached": "report",
}
_REPLACED = ("PROCESS_JANITOR_HOME", "CLAUDE_CONFIG_DIR")


class Stage:
    """Use it in a `with` block: whatever happens inside, its processes end and its directory goes."""

    def __enter__(self) -> Self:
        self._actors: list[Actor] = []
        self._ready = 0
        self._hook_called = False
        self.session_id = str(uuid.uuid4())
        with Uninterrupted() as held:
            self.folder = tempfile.mkdtemp(prefix="process-janitor-demo-")
            self.root = os.path.join(self.folder, "state")
            self._before = {
                name: os.environ.get(name) for name in (*_REPLACED, *settings_variables())
            }
            try:
                self._set_up()
            except OSError:
                self.__exit__(None, None, None)
                raise
            if held.asked:
                self.__exit__(None, None, None)
        return self

    def _set_up(self) -> None:
        for name in self._before:
            os.environ.pop(name, None)
        os.environ["PROCESS_JANITOR_HOME"] = self.root
        os.environ["CLAUDE_CONFIG_DIR"] = os.path.join(self.folder, "claude")
        self._furnish()
        self._env = pretend.plain_environment(os.environ)
        self._process = subprocess.Popen(
            pretend.client_command(), env=self._env, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        self.client = self._hold(self._process.pid)

    def _furnish(self) -> None:
        os.makedirs(os.environ["CLAUDE_CONFIG_DIR"], mode=0o700)
        with open(paths.config_file(), "w", encoding="ascii") as file:
            json.dump(_SETTINGS, file)
        # The SessionStart hook builds the command line's environment where there is none. Here it runs already.
        plugin = paths.plugin_root()
        lock = os.path.join(plugin, "requirements.lock")
        if plugin and os.path.exists(lock):
            with open(lock, encoding="ascii", errors="replace") as pinned:
                first = pinned.readline().strip()
            os.makedirs(self.root, mode=0o700)
            with open(os.path.join(self.root, "environment"), "w", encoding="utf-8") as note:
                note.write(f"{first}\n{sys.prefix}\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A second Ctrl-C must not leave half of it running.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for actor in self._actors:
                actor.end()
            self._end_watcher()
            if hasattr(self, "_process"):
                self._process.communicate()
            until(self._removed, END_SECONDS)
        finally:
            for name, value in self._before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            signal.signal(signal.SIGINT, before)

    def _removed(self) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        return not os.path.exists(self.folder)

    def _hold(self, pid: int) -> Actor:
        actor = Actor(pid)
        self._actors.append(actor)
        return actor

    def _end_watcher(self) -> None:
        """Wait for the watcher that the hook started: without a session it ends by itself, and its work with it.

        A child of a watcher that is killed would go on, and write into a directory that is gone.
        """
        if self._hook_called:
            # It is being started beside us; only once it has announced itself can it be found.
            until(lambda: os.path.exists(os.path.join(self.root, lease.HOLDER_NAME)), END_SECONDS)
        found = lease.holder(self.root, identity.boot_id())
        if found is not None:
            try:
                watcher = Actor(found[0])
                until(lambda: not watcher.alive, _WATCHER_SECONDS)
                watcher.end()
            except OSError:
                return  # gone by itself

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

    def start_session(self) -> None:
        """Call the real SessionStart hook from the pretend session, as the client would."""
        plugin = paths.plugin_root()
        script = os.path.join(plugin, "hooks", "run")
        source = "import sys; sys.path.insert(0, sys.argv[1]); from process_janitor.faces.hook import main; main(['SessionStart'])"
        above = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        argv = (
            ["sh", script, "SessionStart"]
            if plugin and os.path.exists(script)
            else [sys.executable, "-I", "-c", source, above]
        )
        env = {**self._env, **pretend.hook_marks(self.session_id, self.client.pid, plugin or "/")}
        payload = {
            "session_id": self.session_id, "cwd": self.folder, "hook_event_name": "SessionStart", "source": "startup",
        }  # fmt: skip
        self._hook_called = True
        with Uninterrupted():
            self._order("hook", argv=argv, env=env, payload=payload)
        if not self.registered:
            raise OSError("the SessionStart hook has not registered it")

    @property
    def registered(self) -> bool:
        found = identity.identify(self.client.pid)
        return found is not None and Registry(self.root).find(*found.key) is not None

    def server(self) -> Actor:
        """A stubborn MCP server."""
        ready = self._next_ready()
        env = {**self._env, **pretend.server_marks(self.session_id, self.folder)}
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

    def _bash(self, command: str) -> list[str]:
        return pretend.bash_call(command, os.environ["CLAUDE_CONFIG_DIR"])

    def _tool_env(self) -> dict[str, str]:
        return {**self._env, **pretend.tool_marks(self.session_id, self.client.pid)}

    def _next_ready(self) -> str:
        self._ready += 1
        return os.path.join(self.folder, f"ready-{self._ready}")

    def _when_ready(self, ready: str) -> Actor:
        if not until(lambda: os.path.exists(ready), _READY_SECONDS):
            raise OSError("a pretend child did not start")
        with open(ready, encoding="ascii") as file:
            return self._hold(int(file.read()))

    def wait_for_watcher(self, child: Actor) -> None:
        """Until the watcher has seen this child, as it would long have in a real session."""
        client = identity.identify(self.client.pid)
        if client is not None:
            key = client.key
            until(
                lambda: any(pid == child.pid for pid, _ in seen.load(self.root, *key)),
                _SEEN_SECONDS,
            )

    def kill_session(self) -> None:
        self.client.end()
        self._process.wait()

    def look(self) -> documents.Document:
        options = config.load_settings()
        seen = view(self.root, options, look(self.root, config.policy(self.root, options)))
        # The show is about its own processes, not about this machine's locks and windows.
        return documents.scan(seen._replace(conditions=()))

    def clean(self) -> documents.Document:
        """What `auto` does."""
        options = config.load_settings()
        holdings = Holdings()
        limit = options.value("auto_limit")
        swept = sweep(self.root, options, "demo", proven, limit, holdings.note)
        freed = {
            a.decision.process.key: a.freed_bytes for a in swept.actions if a.outcome == "gone"
        }
        gone = [a.identity.key for a in swept.actions if a.outcome == "gone"]
        return documents.scan(
            view(self.root, options, swept.first, freed=freed),
            actions=swept.actions,
            freed=holdings.freed(gone, sum(freed.values())),
        )


def settings_variables() -> list[str]:
    """Settings from the environment would change the show."""
    from process_janitor.core.settings import BY_NAME, ENVIRONMENT_PREFIX

    ours = (name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX))
    return [name for name in ours if name[len(ENVIRONMENT_PREFIX) :].lower() in BY_NAME]


__all__ = ["Stage", "settings_variables"]
