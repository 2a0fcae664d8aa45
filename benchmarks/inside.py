"""A PID namespace for every benchmark: nothing of the machine can be seen or signalled, and nothing is left behind.

Run as a script it is the inside: PID 1, which waits for orphans, and a child that measures one topic.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{sys.path[0]}/src")

from benchmarks.figures import Figure  # the lines above make it importable

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOPICS = ("hooks", "startup", "registry", "scan", "death", "watcher", "client", "peers")
SECONDS = 900.0
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR")


class Setting(NamedTuple):
    """What a topic is told: a folder of its own, whether it may only take seconds, and which foreign programs there are."""

    home: str
    quick: bool
    # The real client's binary, "" where there is none; the command lines of other tools by their names.
    client: str = ""
    peers: Mapping[str, Sequence[str]] = {}


class Failure(Exception):
    """A topic that could not be measured; the text says why."""


def unshare() -> list[str]:
    """The command prefix that makes the namespaces; as an ordinary user by way of a user namespace. There is no network."""
    command = ["unshare", "--net", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


def measured(
    topic: str, *, quick: bool, client: str = "", peers: Mapping[str, Sequence[str]] | None = None
) -> list[Figure]:
    """The figures of one topic, measured in a namespace of its own. Raises Failure."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise Failure("the benchmarks need Linux and util-linux's unshare")
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="janitor-benchmark-") as folder:
        environment["HOME"] = folder
        answer = f"{folder}/figures.json"
        setting = json.dumps([folder, quick, client, peers or {}])
        command = [sys.executable, "-I", os.path.abspath(__file__), topic, answer, setting]
        # No pipe: a process that outlives the topic must not hold our reading end open.
        with tempfile.TemporaryFile("w+") as said:
            code = subprocess.run(
                [*unshare(), *command],
                cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=SECONDS,
                check=False,
            ).returncode  # fmt: skip
            if code:
                said.seek(0)
                raise Failure(f"{topic}: exit code {code}\n{said.read()}")
        with open(answer, encoding="utf-8") as file:
            return [Figure(*row) for row in json.load(file)]


def _play(topic: str, answer: str, setting: Setting) -> None:
    figures: list[Figure] = importlib.import_module(f"benchmarks.topics.{topic}").measure(setting)
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(figures, file)


def main(topic: str, answer: str, setting: Setting) -> int:
    """PID 1: the topic in a child of its own, every orphan waited for until that child is done."""
    player = os.fork()
    if player == 0:
        code = 1
        try:
            os.setsid()
            _play(topic, answer, setting)
            code = 0
        except BaseException:  # noqa: BLE001  # whatever it was, PID 1 must hear of it by the exit code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        pid, status = os.wait()
        if pid == player:
            return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Setting(*json.loads(sys.argv[3]))))
