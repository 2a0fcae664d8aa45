"""MCP servers that do something: listen on a port, hold a connection and memory, keep a core busy, leave a zombie."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from tests.world import Child, Pretend, wait_until

PROGRAM = """
import json, os, socket, sys, time
listens = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listens.getsockname())
far, _ = listens.accept()
held = bytearray(int(sys.argv[2]) * 1000000)
held[::4096] = b"x" * len(held[::4096])
if "zombie" in sys.argv:
    child = os.fork()
    if child == 0:
        os._exit(0)
ready = {"pid": os.getpid(), "port": listens.getsockname()[1]}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(ready, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while "spin" in sys.argv:
    pass
time.sleep(300)
"""


class Serving(NamedTuple):
    child: Child
    port: int
    argv: list[str]


def serving(session: Pretend, name: str, *words: str, megabytes: int = 1) -> Serving:
    """A stdio server of the session's that listens on a port of 127.0.0.1, one client (itself) connected."""
    folder = session.world.home
    script = folder / f"{name}.py"
    script.write_text(PROGRAM)
    ready = folder / f"{name}-{session.pid}.json"
    argv = [sys.executable, str(script), str(ready), str(megabytes), *words]
    session.start_server(argv)
    wait_until(ready.exists, 10, f"{name} listens")
    said = json.loads(ready.read_text())
    return Serving(Child(said["pid"]), said["port"], argv)


def configure(folder: Path, **servers: list[str]) -> None:
    """A project's `.mcp.json` with these servers."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {
        name: {"command": argv[0], "args": argv[1:], "env": {"SERVER_TOKEN": "environment-value"}}
        for name, argv in servers.items()
    }
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": entries}))


__all__ = ["Serving", "configure", "serving"]
