"""A child that says when it is up and how it ended: ``child.py TAG [--ignore-term]``.

In the folder named by ``E2E_CHILDREN`` it writes ``TAG.json`` (pid, start, ppid, sid) once ready. It ends when
``TAG.release`` appears there (and then writes ``TAG.end`` with ``released``) or on SIGTERM, SIGHUP, SIGINT (and then
writes the signal's name), unless ``--ignore-term`` tells it to ignore those.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def announce(folder: Path, tag: str) -> None:
    """Write ``TAG.json`` for this process, whole or not at all."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    facts = {
        "pid": os.getpid(),
        "start": int(fields[19]),
        "ppid": os.getppid(),
        "sid": os.getsid(0),
    }
    partial = folder / f".{tag}.{os.getpid()}"
    partial.write_text(json.dumps(facts))
    partial.replace(folder / f"{tag}.json")


def stand(folder: Path, tag: str, *, ignore: bool) -> NoReturn:
    """Be there until released or signalled."""

    def ended(number: int, _frame: FrameType | None) -> None:
        (folder / f"{tag}.end").write_text(signal.Signals(number).name)
        os._exit(128 + number)

    for ending in ENDINGS:
        if ignore:
            signal.signal(ending, signal.SIG_IGN)
        elif signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, ended)
    announce(folder, tag)
    while not (folder / f"{tag}.release").exists():
        time.sleep(0.05)
    (folder / f"{tag}.end").write_text("released")
    sys.exit(0)


if __name__ == "__main__":
    stand(Path(os.environ["E2E_CHILDREN"]), sys.argv[1], ignore="--ignore-term" in sys.argv[2:])
