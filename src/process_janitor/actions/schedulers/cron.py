"""One marked line of the user's crontab. Every other byte of it stays as it is."""

from __future__ import annotations

from process_janitor.actions.schedulers.common import Installed, Refused, must
from process_janitor.core.schedule import Uneven, cron_line, cron_minutes, is_cron_line
from process_janitor.system import tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_janitor.core.schedule import Job

_NONE_YET = "no crontab for"
# What it says where cron.allow or cron.deny keep the user out: such a user has no crontab either.
_FORBIDDEN = "not allowed to use"


class Cron:
    name = "cron"

    def __init__(self) -> None:
        self._tool = tools.find("crontab")

    def usable(self) -> bool:
        return bool(self._tool) and _FORBIDDEN not in tools.run([self._tool, "-l"]).err

    def _lines(self) -> list[bytes]:
        """The crontab, each line with its end. Raises Refused: a crontab that cannot be read must not be written over."""
        done = tools.run([self._tool, "-l"])
        if done.code and _NONE_YET not in done.err:
            said = done.err.splitlines() or [f"exit code {done.code}"]
            raise Refused(f"crontab -l: {said[0][:300]}")
        return [] if done.code else done.out.splitlines(keepends=True)

    def installed(self) -> Installed | None:
        if not self.usable():
            return None
        for line in self._lines():
            if _is_ours(line):
                return Installed(cron_minutes(line.decode("utf-8", "replace")), ("crontab -l",))
        return None

    def install(self, job: Job) -> bool:
        try:
            wanted = cron_line(job).encode() + b"\n"
        except Uneven as error:
            raise Refused(
                f"{error}; take one that divides the hour or the day, such as 10, 15, 30 or 60"
            ) from None
        lines = self._lines()
        mine = [line for line in lines if _is_ours(line)]
        if mine == [wanted]:
            return False
        if mine:
            at = lines.index(mine[0])
            after = [wanted if n == at else line for n, line in enumerate(lines) if n == at or line not in mine]  # fmt: skip
        else:
            ended = not lines or lines[-1].endswith(b"\n")
            after = [*lines, *([] if ended else [b"\n"]), wanted]
        self._write(after, lines)
        return True

    def _write(self, lines: list[bytes], before: list[bytes]) -> None:
        if lines:
            must([self._tool, "-"], b"".join(lines))
        else:
            must([self._tool, "-r"])
        if self._lines() != b"".join(lines).splitlines(keepends=True):
            tools.run([self._tool, "-"], b"".join(before))
            raise Refused("crontab -: it does not hold what was written; nothing is changed")

    def remove(self) -> bool:
        lines = self._lines() if self.usable() else []
        after = [line for line in lines if not _is_ours(line)]
        if after == lines:
            return False
        self._write(after, lines)
        return True

    def next_run(self) -> str:
        return ""  # cron does not say


def _is_ours(line: bytes) -> bool:
    return is_cron_line(line.decode("utf-8", "replace"))


__all__ = ["Cron"]
