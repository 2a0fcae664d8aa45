"""A Messages API on loopback that plays what the prompt asks for: ``fake_api.py PORT_FILE LOG_FILE``.

It binds a free port, writes the number to PORT_FILE, and answers ``POST /v1/messages`` (streamed or not). A prompt may
hold directives, played in their order, one for each request, before the closing text reply:

    [[bash COMMAND]]        a Bash tool call        [[background COMMAND]]  the same with run_in_background

Every request becomes one JSON line in LOG_FILE: ``at``, ``method``, ``path``, ``reply`` (``text``, ``tool`` or empty),
``came`` (when the request did), ``prompt`` (the human text answered) and ``body``. Headers are not logged: they carry the key.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DIRECTIVE = re.compile(r"\[\[(bash|background) (.*?)\]\]", re.DOTALL)
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
CLOSING_TEXT = "All directives played."
USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
}

Block = dict[str, Any]


def human_text(message: Block) -> str:
    """What a person wrote in a user message: no tool results, no reminders."""
    content = message["content"]
    parts = (
        [content]
        if isinstance(content, str)
        else [b["text"] for b in content if b["type"] == "text"]
    )
    return REMINDER.sub("", "\n".join(parts)).strip()


def next_block(body: Block) -> tuple[Block, str]:
    """The content block that answers this request, and the human text it answers."""
    prompt, due, played = "", list[tuple[str, str]](), 0
    for message in body.get("messages", []):
        if message["role"] == "assistant":
            if isinstance(message["content"], list):
                played += sum(block["type"] == "tool_use" for block in message["content"])
        elif message["role"] == "user" and (text := human_text(message)):
            prompt, due, played = text, DIRECTIVE.findall(text), 0
    offered = {tool.get("name") for tool in body.get("tools") or []}
    if "Bash" not in offered or played >= len(due):
        return {"type": "text", "text": CLOSING_TEXT}, prompt
    kind, command = due[played]
    call: Block = {"command": command.strip(), "description": "play a directive"}
    if kind == "background":
        call["run_in_background"] = True
    return {
        "type": "tool_use",
        "id": f"toolu_{uuid.uuid4().hex[:22]}",
        "name": "Bash",
        "input": call,
    }, prompt


def envelope(model: object, block: Block | None) -> Block:
    """A message object; empty when ``block`` is None, as at the start of a stream."""
    stop = None if block is None else ("tool_use" if block["type"] == "tool_use" else "end_turn")
    return {
        "id": f"msg_{uuid.uuid4().hex[:22]}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [] if block is None else [block],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": USAGE,
    }


def events(model: object, block: Block) -> Iterator[Block]:
    """The stream of server-sent events for one message with one block."""
    yield {"type": "message_start", "message": envelope(model, None)}
    if block["type"] == "text":
        yield {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }
        delta = {"type": "text_delta", "text": block["text"]}
    else:
        yield {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    stop = envelope(model, block)["stop_reason"]
    closing = {"stop_reason": stop, "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": closing,
        "usage": {"output_tokens": USAGE["output_tokens"]},
    }
    yield {"type": "message_stop"}


class Server(ThreadingHTTPServer):
    """The HTTP server with its request log."""

    daemon_threads = True

    def __init__(self, log: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._log = log
        self._lock = threading.Lock()

    def note(self, entry: Block) -> None:
        """Append one line to the log."""
        line = json.dumps({"at": time.monotonic(), **entry})
        with self._lock, self._log.open("a") as log:
            log.write(line + "\n")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[mutable-override]

    def log_message(self, _format: str, *_args: object) -> None:
        """Say nothing on stderr."""

    def do_HEAD(self) -> None:
        """Answer the client's look for a connection."""
        self.server.note({"method": "HEAD", "path": self.path, "reply": ""})
        self._json(200, {})

    def do_GET(self) -> None:
        """Nothing else is served."""
        self.server.note({"method": "GET", "path": self.path, "reply": ""})
        self._json(
            404,
            {"type": "error", "error": {"type": "not_found_error", "message": "not served here"}},
        )

    def do_POST(self) -> None:
        """Answer a message, or any other call with an empty object."""
        came = time.monotonic()
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        body: Block = json.loads(raw or b"{}")
        path = self.path.split("?")[0]
        if path != "/v1/messages":
            self.server.note({"method": "POST", "path": path, "reply": ""})
            self._json(200, {"input_tokens": 1000} if path.endswith("count_tokens") else {})
            return
        block, prompt = next_block(body)
        try:
            self._reply(body, block)
        except ConnectionError:
            return
        finally:
            kind = "text" if block["type"] == "text" else "tool"
            tools = bool(body.get("tools"))
            self.server.note(
                {
                    "method": "POST",
                    "path": path,
                    "reply": kind,
                    "came": came,
                    "tools": tools,
                    "prompt": prompt,
                    "body": body,
                }
            )

    def _reply(self, body: Block, block: Block) -> None:
        if not body.get("stream"):
            self._json(200, envelope(body.get("model"), block))
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events(body.get("model"), block):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _json(self, status: int, answer: Block) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)


def main(port_file: Path, log: Path) -> None:
    """Serve until killed."""
    server = Server(log)
    partial = port_file.with_suffix(".partial")
    partial.write_text(str(server.server_address[1]))
    partial.replace(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
