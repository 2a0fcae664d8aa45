"""An agent of macOS's launchd."""

from __future__ import annotations

import os

from process_janitor.actions.schedulers.common import Installed, must, ours, put
from process_janitor.core.schedule import LABEL, agent
from process_janitor.system import tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.schedule import Job


class Launchd:
    name = "launchd"

    def __init__(self) -> None:
        self._tool = tools.find("launchctl")
        self._domain = f"gui/{os.getuid()}" if hasattr(os, "getuid") else "gui/0"
        self.path = os.path.expanduser(f"~/Library/LaunchAgents/{LABEL}.plist")

    def usable(self) -> bool:
        return bool(self._tool)

    def _loaded(self) -> bool:
        return tools.run([self._tool, "print", f"{self._domain}/{LABEL}"]).code == 0

    def installed(self) -> Installed | None:
        import plistlib

        if not os.path.lexists(self.path):
            return None
        try:
            seconds = plistlib.loads(ours(self.path, LABEL).encode())["StartInterval"]
            minutes = seconds // 60 if type(seconds) is int else None
        except (ValueError, KeyError, TypeError, plistlib.InvalidFileException):
            minutes = None
        return Installed(minutes, (self.path,))

    def install(self, job: Job) -> bool:
        import plistlib

        wanted = plistlib.dumps(agent(job)).decode()
        before = ours(self.path, LABEL)
        loaded = self._loaded()
        if before == wanted and loaded:
            return False
        try:
            put(self.path, wanted)
            if loaded:
                must([self._tool, "bootout", f"{self._domain}/{LABEL}"])
            must([self._tool, "bootstrap", self._domain, self.path])
        except BaseException:
            put(self.path, before)
            if loaded and not self._loaded():
                tools.run([self._tool, "bootstrap", self._domain, self.path])
            raise
        return True

    def remove(self) -> bool:
        if self.installed() is None:
            return False
        if self._tool and self._loaded():
            must([self._tool, "bootout", f"{self._domain}/{LABEL}"])
        put(self.path, "")
        return True

    def next_run(self) -> str:
        return ""  # launchd does not say


__all__ = ["Launchd"]
