"""Stories played inside the namespaces by ``namespace.play``; each module has ``play(story, setting)``.

What a story may use is gathered here.
"""

# ruff: noqa: TID252

from __future__ import annotations

from .. import procs
from ..janitor import Janitor, mentions
from ..session import COMPLAINTS, Headless, Session, Terminal
from ..story import Setting, Story
from ..waiting import TimedOut, stays, until
from ..world import Tagged, World

__all__ = [
    "COMPLAINTS",
    "Headless",
    "Janitor",
    "Session",
    "Setting",
    "Story",
    "Tagged",
    "Terminal",
    "TimedOut",
    "World",
    "mentions",
    "procs",
    "stays",
    "until",
]
