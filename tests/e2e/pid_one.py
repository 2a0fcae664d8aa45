"""PID 1 of the namespaces: ``python -m ….pid_one SCENARIO CLIENT REPO STAGE``; prints the outcome as JSON on stdout.

It brings loopback up, puts a private folder over /tmp (with what must stay visible of the old one), runs the scenario
in a process of its own, reaps every orphan meanwhile, and ends with it: the kernel then ends all that is left.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .story import Setting, Story

TMP = Path("/tmp")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def loopback_up() -> None:
    """Switch the loopback interface on; a new network namespace has it off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))


def private_tmp(stage: Path, visible: list[Path]) -> None:
    """Put a folder in memory, made at ``stage``, over /tmp; of the old one it shows only ``visible``."""
    _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(stage))
    for folder in visible:
        if folder.is_relative_to(TMP) and folder != TMP:
            target = stage / folder.relative_to(TMP)
            target.mkdir(parents=True, exist_ok=True)
            _mount("--rbind", str(folder), str(target))
    _mount("--rbind", str(stage), str(TMP))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdout=sys.stderr)


def play(scenario: str, setting: Setting, out: int) -> None:
    """Run one scenario and write its outcome to the descriptor ``out``."""
    module = importlib.import_module(f"{__package__}.scenarios.{scenario}")
    story = Story()
    with story.step("the whole story"):
        module.play(story, setting)
    with os.fdopen(out, "w") as stdout:
        json.dump(story.outcome(setting), stdout)


def main(scenario: str, client: Path, repo: Path, stage: Path) -> int:
    """Play, reap, and answer with the scenario's exit code."""
    loopback_up()
    kept = os.environ.get("PROCESS_JANITOR_TEST_ROOT")
    keep = [client.parent, repo, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1]]
    private_tmp(stage, keep + ([Path(kept)] if kept else []))
    root = Path(tempfile.mkdtemp(prefix="w", dir=kept))
    out = os.dup(1)
    os.dup2(2, 1)
    player = os.fork()
    if player == 0:
        os.setsid()
        play(scenario, Setting(client=client, repo=repo, root=root), out)
        sys.stdout.flush()
        os._exit(0)
    os.close(out)
    while True:
        pid, status = os.wait()
        if pid == player:
            return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(Path, sys.argv[2:5])))
