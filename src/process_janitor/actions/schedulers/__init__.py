"""Running `auto` again and again by what the system has for that: one module a scheduler, the first that works is taken."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from process_janitor.actions.schedulers.common import Installed
    from process_janitor.core.schedule import Job

    class Scheduler(Protocol):
        """One way to have a job run. Methods that change something raise Refused, and leave what they found."""

        name: str

        def usable(self) -> bool:
            """Whether it is there and answers. Changes nothing."""

        def installed(self) -> Installed | None:
            """What is installed here, None for nothing. Raises Refused where that cannot be told."""

        def install(self, job: Job) -> bool:
            """Have the job run; False when that was so already."""

        def remove(self) -> bool:
            """Have it run no more; False when there was nothing."""

        def next_run(self) -> str:
            """When it runs next (UTC), "" where that cannot be told cheaply."""


def schedulers() -> tuple[Scheduler, ...]:
    """All of them, the best first."""
    from process_janitor.actions.schedulers.cron import Cron
    from process_janitor.actions.schedulers.launchd import Launchd
    from process_janitor.actions.schedulers.systemd import Systemd

    return (Systemd(), Launchd(), Cron())


__all__ = ["schedulers"]
