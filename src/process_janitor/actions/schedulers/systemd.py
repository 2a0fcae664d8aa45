"""A timer of the user's own systemd manager."""

from __future__ import annotations

import os

from process_janitor.actions.schedulers.common import Installed, Refused, must, ours, put
from process_janitor.core import jsontext
from process_janitor.core.schedule import NAME, service_unit, timer_minutes, timer_unit
from process_janitor.system import clock, files, tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.schedule import Job

_TIMER = f"{NAME}.timer"


def directory() -> str:
    """Where the user's own units are; a relative $XDG_CONFIG_HOME counts as none, as its specification says."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    config = said if os.path.isabs(said) else os.path.expanduser("~/.config")
    return os.path.join(config, "systemd", "user")


class Systemd:
    name = "systemd"

    def __init__(self) -> None:
        self._tool = [tools.find("systemctl"), "--user"]
        self.service = os.path.join(directory(), f"{NAME}.service")
        self.timer = os.path.join(directory(), _TIMER)

    def usable(self) -> bool:
        return bool(self._tool[0]) and self._says("show", "--property=Version")

    def _says(self, *words: str) -> bool:
        return tools.run([*self._tool, *words]).code == 0

    def installed(self) -> Installed | None:
        text = ours(self.timer) if os.path.lexists(self.timer) else ""
        rest = ours(self.service) if os.path.lexists(self.service) else ""
        if not (text or rest):
            return None
        there = tuple(path for path, it in ((self.service, rest), (self.timer, text)) if it)
        return Installed(timer_minutes(text), there)

    def install(self, job: Job) -> bool:
        wanted = {self.service: service_unit(job), self.timer: timer_unit(job)}
        before = {path: ours(path) for path in wanted}
        enabled, active = self._says("is-enabled", _TIMER), self._says("is-active", _TIMER)
        if before == wanted and enabled and active:
            return False
        try:
            for path, text in wanted.items():
                put(path, text)
            must([*self._tool, "daemon-reload"])
            must([*self._tool, "enable", "--now", _TIMER])
            if active:
                must(
                    [*self._tool, "restart", _TIMER]
                )  # else it waits for the old interval once more
        except BaseException:
            self._back(before, enabled=enabled, active=active)
            raise
        return True

    def _back(self, before: dict[str, str], *, enabled: bool, active: bool) -> None:
        """As it was. What fails in here fails quietly: the user hears of what failed first."""
        if not enabled:
            tools.run([*self._tool, "disable", _TIMER])
        if not active:
            tools.run([*self._tool, "stop", _TIMER])
        for path, text in before.items():
            try:
                put(path, text)
            except Refused:
                continue
        if not enabled:
            self._unlink()
        tools.run([*self._tool, "daemon-reload"])

    def _unlink(self) -> None:
        """What `enable` makes, where `disable` did not take it back."""
        link = os.path.join(directory(), "timers.target.wants", _TIMER)
        if os.path.islink(link):
            files.remove(link)

    def remove(self) -> bool:
        if self.installed() is None:
            return False
        if self.usable():
            must([*self._tool, "disable", "--now", _TIMER])
        self._unlink()
        put(self.timer, "")
        put(self.service, "")
        tools.run([*self._tool, "daemon-reload"])
        return True

    def next_run(self) -> str:
        done = tools.run([*self._tool, "list-timers", "--all", "--output=json", _TIMER])
        try:
            (row,) = jsontext.loads(done.out.decode("utf-8", "replace"))
            return clock.utc(row["next"] / 1e6) if row["next"] else ""
        except (ValueError, TypeError, KeyError, OverflowError):
            return ""  # an older systemd has no JSON here


__all__ = ["Systemd", "directory"]
