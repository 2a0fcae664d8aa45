"""What a scenario reports: named steps that fail one by one, and the picture of the machine when one did."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import procs

TAIL_CHARACTERS = 6000


@dataclass(frozen=True)
class Setting:
    """What a scenario plays with: the client binary, the plugin's folder, and a folder of its own."""

    client: Path
    repo: Path
    root: Path


@dataclass
class Outcome:
    """The result of one scenario: for each step that ran its error, empty when it passed."""

    steps: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failure: str = ""

    def verify(self, step: str) -> None:
        """Fail with the reason and the picture unless this step ran and passed."""
        error = self.steps.get(step, f"the step never ran {self.failure}")
        assert not error, f"{step}: {error}"


class Story:
    """The running record of a scenario."""

    def __init__(self) -> None:
        self._outcome = Outcome()
        self._views: list[Callable[[], str]] = []

    def show(self, view: Callable[[], str]) -> None:
        """Take ``view`` into the picture that is drawn when a step fails."""
        self._views.append(view)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A part that may fail without ending the story; the name is what the test asserts."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever fails, the next step is played
            self._outcome.steps[name] = (
                f"{error}\n{traceback.format_exc(limit=-6)}\n{self._picture()}"
            )
        else:
            self._outcome.steps[name] = ""

    def measured(self, name: str, seconds: float) -> None:
        """Keep a duration for the reader."""
        self._outcome.seconds[name] = round(seconds, 2)

    def outcome(self, setting: Setting) -> dict[str, Any]:
        """The outcome as JSON-ready data."""
        steps = self._outcome.steps.items()
        self._outcome.steps = {
            name: text.replace(str(setting.root), "$ROOT") for name, text in steps
        }
        return asdict(self._outcome)

    def _picture(self) -> str:
        parts = [process.line for process in procs.table()]
        for view in self._views:
            try:
                parts.append(view()[-TAIL_CHARACTERS:])
            except Exception as error:  # noqa: BLE001 - a picture with a hole beats none
                parts.append(f"(no view: {error})")
        return "\n".join(line for part in parts for line in part.splitlines() if line.strip())
