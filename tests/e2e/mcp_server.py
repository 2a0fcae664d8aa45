"""A stdio MCP server with no tools: ``python -m ….mcp_server TAG [--stubborn]``.

It announces itself like ``child.py``. The good one ends at EOF and on any signal; the stubborn one ignores SIGINT,
SIGTERM and SIGHUP and stays after EOF, as servers do that orphan themselves in the field.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .child import ENDINGS, announce


def answer(message: dict[str, Any], tag: str) -> dict[str, Any] | None:
    """The JSON-RPC reply to one message; None where none is due."""
    if "id" not in message or "method" not in message:
        return None
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    method = message["method"]
    if method == "initialize":
        reply["result"] = {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": tag, "version": "1"},
        }
    elif method == "tools/list":
        reply["result"] = {"tools": []}
    elif method == "ping":
        reply["result"] = {}
    else:
        reply["error"] = {"code": -32601, "message": "method not found"}
    return reply


def serve(tag: str, *, stubborn: bool) -> None:
    """Answer until EOF; a stubborn server then stays for ever."""
    if stubborn:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
    announce(Path(os.environ["E2E_CHILDREN"]), tag)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), tag)
        except (ValueError, KeyError):
            continue
        if reply is not None:
            print(json.dumps(reply), flush=True)
    while stubborn:
        signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1], stubborn="--stubborn" in sys.argv[2:])
