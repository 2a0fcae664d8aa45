"""What a scheduler is told: the texts of systemd units, a launchd agent and a cron line that run the same job."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import natural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "process-janitor"
LABEL = "process-janitor.auto"
MINUTES_MAX = 1440
# By which our own files and our own line are known; whatever lacks it is somebody else's.
MARK = "# Written by process-janitor schedule install"
_CRON_MARK = "# process-janitor schedule"
_DAY_MINUTES, _HOUR_MINUTES = 1440, 60


class Job(NamedTuple):
    """What runs every `minutes`: an absolute program with its arguments, and variables it needs."""

    command: tuple[str, ...]
    minutes: int
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def writable(self) -> bool:
        """Whether every word fits on a line of a unit or a crontab."""
        texts = (*self.command, *(value for _, value in self.environment))
        return all(text.isprintable() for text in texts)


class Uneven(ValueError):
    """An interval that cron cannot keep."""


def service_unit(job: Job) -> str:
    lines = [
        MARK, "[Unit]", "Description=End what dead Claude Code sessions left behind", "", "[Service]",
        "Type=oneshot",
    ]  # fmt: skip
    lines += [f"Environment={_unit_word(f'{name}={value}')}" for name, value in job.environment]
    # Variables are replaced in arguments, so a dollar sign is doubled there; in the program's path it stands for itself.
    words = [_unit_word(job.command[0])]
    words += [_unit_word(word).replace("$", "$$") for word in job.command[1:]]
    return "\n".join((*lines, f"ExecStart={' '.join(words)}", "Nice=10", ""))


def timer_unit(job: Job) -> str:
    return "\n".join((
        MARK, "[Unit]", f"Description=Every {job.minutes} minutes: {NAME} auto", "", "[Timer]", "OnActiveSec=1min",
        f"OnUnitActiveSec={job.minutes}min", "", "[Install]", "WantedBy=timers.target", "",
    ))  # fmt: skip


def timer_minutes(text: str) -> int | None:
    """The interval in a timer unit that `timer_unit` wrote."""
    for line in text.splitlines():
        if line.startswith("OnUnitActiveSec=") and line.endswith("min"):
            return natural(line[len("OnUnitActiveSec=") : -len("min")])
    return None


def _unit_word(word: str) -> str:
    """One word in quotes, in which systemd replaces nothing."""
    for special, plain in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(special, plain)
    return f'"{word}"'


def agent(job: Job) -> dict[str, Any]:
    """The launchd agent as a property list."""
    return {
        "Label": LABEL,
        "ProgramArguments": list(job.command),
        "EnvironmentVariables": dict(job.environment),
        "StartInterval": job.minutes * 60,
        "ProcessType": "Background",
    }


def cron_line(job: Job) -> str:
    """One crontab line without its end. Raises Uneven for an interval that does not divide the hour or the day."""
    import shlex

    words = [f"{name}={shlex.quote(value)}" for name, value in job.environment]
    words += [shlex.quote(word) for word in job.command]
    # cron makes a line feed of every bare percent sign, also in quotes.
    return f"{_cron_times(job.minutes)} {' '.join(words)} {_CRON_MARK}".replace("%", "\\%")


def _cron_times(minutes: int) -> str:
    if minutes == _DAY_MINUTES:
        return "0 0 * * *"
    if minutes < _HOUR_MINUTES and _HOUR_MINUTES % minutes == 0:
        return f"*/{minutes} * * * *"
    if minutes % _HOUR_MINUTES == 0 and _DAY_MINUTES % minutes == 0:
        return f"0 */{minutes // _HOUR_MINUTES} * * *"
    raise Uneven(f"cron cannot run every {minutes} minutes")


def cron_minutes(line: str) -> int | None:
    """The interval of a line that `cron_line` wrote."""
    fields = line.split(None, 5)[:3]
    if fields[:2] == ["0", "0"]:
        return _DAY_MINUTES
    for at, factor in ((0, 1), (1, _HOUR_MINUTES)):
        if len(fields) > at and fields[at].startswith("*/"):
            number = natural(fields[at][2:])
            return number * factor if number else None
    return None


def is_cron_line(line: str) -> bool:
    """Whether a crontab line is ours; one that its user commented out is theirs."""
    return line.rstrip("\r\n").endswith(f" {_CRON_MARK}") and not line.lstrip().startswith("#")


__all__ = [
    "LABEL", "MARK", "MINUTES_MAX", "NAME", "Job", "Uneven", "agent", "cron_line", "cron_minutes", "is_cron_line",
    "service_unit", "timer_minutes", "timer_unit",
]  # fmt: skip
