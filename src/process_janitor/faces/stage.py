"""The demo's stage: a private state directory, a pretend session in it, and the promise to leave nothing behind.

Every process is held by a pidfd from the moment it has said that it runs, and ended through that alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile

from process_janitor.faces.actor import END_SECONDS, Actor, until
from process_janitor.faces.interrupt import Uninterrupted
from process_janitor.faces.pretend_session import PretendSession
from process_janitor.system import identity, lease, paths, seen, worlds
from process_janitor.system.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

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
        self._hook_called = False
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
        self.session = PretendSession(self.folder, self._hold)
        self.client = self._hold(self.session.pid)

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
            if hasattr(self, "session"):
                self.session.close()
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
            note = os.path.join(worlds.directory(self.root), lease.HOLDER_NAME)
            until(lambda: os.path.exists(note), END_SECONDS)
        found = lease.watching(self.root)
        if found is not None:
            try:
                watcher = Actor(found.key[0])
                until(lambda: not watcher.alive, _WATCHER_SECONDS)
                watcher.end()
            except OSError:
                return  # gone by itself

    def start_session(self) -> None:
        """Have the pretend session registered by the real hook, which starts a watcher. Raises OSError."""
        self._hook_called = True
        self.session.call_hook()
        if not self.registered:
            raise OSError("the SessionStart hook has not registered it")

    @property
    def registered(self) -> bool:
        found = identity.identify(self.client.pid)
        return found is not None and Registry(self.root).find(*found.key) is not None

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
        self.session.wait()


def settings_variables() -> list[str]:
    """Settings from the environment would change the show."""
    from process_janitor.core.settings import BY_NAME, ENVIRONMENT_PREFIX

    ours = (name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX))
    return [name for name in ours if name[len(ENVIRONMENT_PREFIX) :].lower() in BY_NAME]


__all__ = ["Stage", "settings_variables"]
