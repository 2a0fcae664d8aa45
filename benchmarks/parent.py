"""A pretend client for the deaths: holds so many megabytes, starts ten co-operative children, and waits to be killed.

`parent.py MEGABYTES SESSION_ID`; the children's pids go to standard output. Six are servers in its own process group
with a socket for their input, two are running Bash calls: a shell each and what runs in it.
"""

from __future__ import annotations

import os
import socket
import sys
import time

SERVERS = 6
CALLS = 2
LIFETIME = "600"


def _marks(session_id: str, *, tool: bool) -> dict[str, str]:
    common = {"PATH": os.environ["PATH"], "CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": session_id}
    if tool:
        return {**common, "CLAUDE_PID": str(os.getpid()), "CLAUDE_CODE_CHILD_SESSION": "1"}
    return {
        **common,
        "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS": session_id,
        "CLAUDE_PROJECT_DIR": "/",
    }


def _below(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def main(megabytes: int, session_id: str) -> None:
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write("claude")
    ballast = bytearray(megabytes << 20) if megabytes > 1 else bytearray()
    for at in range(0, len(ballast), 4096):
        ballast[at] = 1
    children, sockets = [], []
    for _ in range(SERVERS):
        ours, theirs = socket.socketpair()
        sockets.append(ours)
        ends = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), fd) for fd in (0, 1)]
        children.append(
            os.posix_spawn(
                "/bin/sleep", ["sleep", LIFETIME], _marks(session_id, tool=False), file_actions=ends
            )
        )
        theirs.close()
    snapshot = "/root/.claude/shell-snapshots/snapshot-bash-1700000000000-pretend.sh"
    line = f"source {snapshot} 2>/dev/null || true && eval 'sleep {LIFETIME}' && pwd -P >/dev/null"
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    for _ in range(CALLS):
        shell = os.posix_spawn(
            "/bin/bash", ["bash", "-c", line], _marks(session_id, tool=True), file_actions=null, setsid=True
        )  # fmt: skip
        while not _below(shell):
            time.sleep(0.002)
        children += [shell, *_below(shell)]
    sys.stdout.write(" ".join(map(str, children)) + "\n")
    sys.stdout.flush()
    time.sleep(float(LIFETIME))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
