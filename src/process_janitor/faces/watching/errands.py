"""What the live view does when it is told to: explain a row, keep it, clean it. One thing at a time, in another thread."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from process_janitor.faces.watching.machine import said
from process_janitor.faces.watching.screens import Asking, Reading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import RenderableType

    from process_janitor.faces.watching.app import Watch
    from process_janitor.faces.watching.machine import Machine, Proposal
    from process_janitor.faces.watching.model import Row


class Errands:
    """What is under way for the user of `view`, `busy` in words. Each errand ends in a page, or with the view."""

    def __init__(self, view: Watch, machine: Machine) -> None:
        self._view = view
        self._machine = machine
        self.busy = ""
        self.since = 0.0
        # The view closes as soon as this is done.
        self.last = False

    def explain(self, row: Row) -> None:
        self._begin("looking into it", partial(self._explain, row))

    def keep(self, row: Row) -> None:
        self._begin("looking again", partial(self._propose, "keep", row, self._machine.keeping))

    def clean(self, row: Row) -> None:
        self._begin("looking again", partial(self._propose, "clean", row, self._machine.cleaning))

    def quit(self) -> None:
        """Leave; while something is being ended, once that is done. A question that is open is a no."""
        if self.busy:
            self.last = True
            self._view.draw_problem()
            if isinstance(self._view.screen, Asking):
                self._view.screen.action_close()
        else:
            self._view.exit()

    def say(self, busy: str) -> None:
        """What is under way from now on, "" for nothing."""
        self.busy = busy
        self.since = time.monotonic()
        self._view.draw_problem()

    def _begin(self, busy: str, work: Callable[[], Awaitable[None]]) -> None:
        """One thing at a time: a second question must not lie over the first."""
        if self.busy:
            self._view.bell()
            return
        self.say(busy)
        self._view.run_worker(work, group="act")

    async def _explain(self, row: Row) -> None:
        try:
            page = await asyncio.to_thread(self._machine.explain, row)
        except Exception as error:  # noqa: BLE001  # as with a look
            page = [Text(said(error), "yellow", overflow="fold")]
        self.say("")
        await self._finished("explain", page)

    async def _propose(self, title: str, row: Row, make: Callable[[Row], Proposal]) -> None:
        """Propose, ask, and do what was agreed to. Whatever happens ends in a page that says so."""
        page: list[RenderableType]
        try:
            proposal = await asyncio.to_thread(make, row)
            if not proposal.questions:
                page = proposal.page
            else:
                agreed = []
                for question in proposal.questions:
                    self.say("waiting for your answer")
                    if await self._view.push_screen_wait(Asking(title, proposal.page, question)):
                        agreed.append(question)
                if not agreed:
                    self.say("")
                    if self.last:
                        self._view.exit()
                    return
                self.say(proposal.busy)
                page = await asyncio.to_thread(proposal.act, agreed)
                self._view.action_look()
        except Exception as error:  # noqa: BLE001  # as with a look
            page = [Text(said(error), "yellow", overflow="fold")]
        self.say("")
        await self._finished(title, page)

    async def _finished(self, title: str, page: list[RenderableType]) -> None:
        if self.last:
            self._view.exit()
        else:
            await self._view.push_screen(Reading(title, page))


__all__ = ["Errands"]
