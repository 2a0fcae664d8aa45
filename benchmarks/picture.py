"""What `report` and `status` cost with 50 sessions and 1,000 processes below them, from their start to their last line."""

from __future__ import annotations

import os
import signal
import subprocess

from benchmarks.crowd import table_size
from benchmarks.figures import Figure, Spent, against, interleaved
from benchmarks.inside import ROOT
from benchmarks.stage import FLOOR, PYTHON, Stage, timed, wait_until
from process_janitor.system import procfs

SESSIONS, HELPERS = 50, 19

# Each session is named as the client and leads its group, which its helpers are in, as servers are.
_FORKER = """
import os, sys, time
sessions, helpers, ready = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
leaders = []

def named(what):
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write(what)

for _ in range(sessions):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        named("claude")
        for _ in range(helpers):
            if os.fork() == 0:
                named("node")
                break
        time.sleep(3600)
        os._exit(0)
    leaders.append(pid)
with open(ready + ".new", "w", encoding="ascii") as file:
    file.write(" ".join(map(str, leaders)))
os.rename(ready + ".new", ready)
"""


def measure(home: str, *, quick: bool) -> list[Figure]:
    """The figures; nothing of these sessions is left afterwards."""
    folder = f"{home}/picture"
    os.mkdir(folder)
    before = table_size()
    leaders = _start(f"{folder}/leaders")
    stage = Stage(folder)
    for number, pid in enumerate(leaders):
        stage.register(pid, f"session-{number}")
    launcher = f"{ROOT}/scripts/process-janitor"
    inside = {**stage.environment, "CLAUDE_PID": str(leaders[0])}

    def line(*words: str) -> Spent:
        return timed(["/bin/sh", launcher, *words], inside)

    try:
        return against(
            "scan.picture",
            interleaved(
                {
                    "python": lambda: timed(FLOOR, stage.environment),
                    "scan": lambda: line("scan"),
                    "status": lambda: line("status"),
                    "report": lambda: line("report"),
                    "report-html": lambda: line("report", "--html", f"{folder}/report.html"),
                },
                3 if quick else 10,
            ),
            "python",
        )
    finally:
        for pid in leaders:
            os.killpg(pid, signal.SIGKILL)  # a group that only the lines above have filled
        # Reaped as well: whoever fills the table next counts what is in it.
        wait_until(lambda: table_size() <= before, "the sessions and their helpers are gone")


def _start(ready: str) -> list[int]:
    subprocess.run(
        [PYTHON, "-I", "-S", "-c", _FORKER, str(SESSIONS), str(HELPERS), ready],
        env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True, check=True,
    )  # fmt: skip
    with open(ready, encoding="ascii") as file:
        leaders = [int(word) for word in file.read().split()]
    wait_until(
        lambda: all(len(procfs.children(pid)) == HELPERS for pid in leaders),
        "every session has its helpers",
    )
    return leaders


__all__ = ["measure"]
