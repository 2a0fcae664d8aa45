"""What the plugin adds to the real client: to its first call of the API, to each turn; and how long `/cleanup scan` takes.

The client talks to an API on loopback that answers at once (the end-to-end tests'), so nearly all that is measured is the
client itself. Beside it: no plugin, and one whose hooks do nothing but start an interpreter, one after another.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.crowd import Sessions
from benchmarks.figures import Figure, added, figure, interleaved
from benchmarks.inside import ROOT, Setting
from benchmarks.stage import FLOOR, Stage
from tests.e2e import pid_one, story
from tests.e2e.world import World

TURNS = 8
# The first turn waits for whatever the client does once.
_FIRST_TURNS = 2
SCANS = 3
_ANSWER_SECONDS = 60.0


class Talk(NamedTuple):
    """One session, in milliseconds: start to first call, the median turn, each `/cleanup scan`."""

    first: float
    turn: float
    scans: tuple[float, ...]


class Client:
    """The real client in a home of its own."""

    def __init__(self, setting: Setting, name: str, arguments: Sequence[str] = ()) -> None:
        root = Path(setting.home, name)
        self._world = World(story.Setting(Path(setting.client), Path(ROOT), root))
        self.stage = Stage(str(self._world.home))
        self._log = root / "api.jsonl"
        self._command = [
            setting.client, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
            "--dangerously-skip-permissions", *arguments,
        ]  # fmt: skip
        self._environment = {**self._world.env, "PROCESS_JANITOR_VENV": f"{ROOT}/.venv"}

    def talk(self, scans: int = 0) -> Talk:
        """A session of some turns, and of some `/cleanup scan` after them."""
        os.truncate(self._log, 0)
        begun = time.monotonic()
        with subprocess.Popen(
            self._command, cwd=self._world.project, env=self._environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            turns = [_asked(process, "Say something.") for _ in range(TURNS)]
            answers = [_asked(process, "/process-janitor:cleanup scan") for _ in range(scans)]
            assert process.stdin is not None
            process.stdin.close()
            process.wait(_ANSWER_SECONDS)
        first = next(call["came"] for call in self._calls() if call["tools"])
        assert len(self._calls()) >= TURNS, "a turn without a call of the API"
        return Talk((first - begun) * 1e3, statistics.median(turns[_FIRST_TURNS:]), tuple(answers))

    def _calls(self) -> list[dict[str, Any]]:
        return self._world.model_calls()


def _asked(process: subprocess.Popen[bytes], prompt: str) -> float:
    """Milliseconds from a prompt to its turn's result."""
    assert process.stdin is not None
    assert process.stdout is not None
    message = {"type": "user", "message": {"role": "user", "content": prompt}}
    begun = time.monotonic()
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        said = json.loads(line)
        if said["type"] == "result":
            spent = (time.monotonic() - begun) * 1e3
            answered = "operation blocked by hook" in str(said.get("result"))
            assert answered == prompt.startswith("/"), f"{prompt!r} was answered {said!r}"
            return spent
    raise AssertionError(f"the client ended at {prompt!r}")


def _bare_plugin(folder: str) -> str:
    """A plugin with our hooks' events, each of which starts an interpreter that does nothing, and is waited for."""
    with open(f"{ROOT}/hooks/hooks.json", encoding="utf-8") as file:
        events = json.load(file)["hooks"]
    hook = {"type": "command", "command": FLOOR[0], "args": FLOOR[1:], "timeout": 10}
    for groups in events.values():
        for group in groups:
            group["hooks"] = [hook]
    for name, document in {
        ".claude-plugin/plugin.json": {"name": "bare", "version": "1.0.0", "description": "Bare."},
        "hooks/hooks.json": {"description": "Bare.", "hooks": events},
    }.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))
    return folder


def measure(setting: Setting) -> list[Figure]:
    pid_one.loopback_up()
    ours = ["--plugin-dir", ROOT]
    none = Client(setting, "none")
    bare = Client(setting, "bare", ["--plugin-dir", _bare_plugin(f"{setting.home}/plugin")])
    beside, alone = Client(setting, "beside", ours), Client(setting, "alone", ours)
    beside.stage.register(Sessions(beside.stage.home).start(), "another")
    beside.stage.start_watcher()
    subjects: dict[str, Callable[[], Talk]] = {
        "none": none.talk,
        "bare": bare.talk,
        "ours": lambda: beside.talk(SCANS),
        "alone": lambda: _first_of_all(alone),
    }
    found = interleaved(subjects, 8 if setting.quick else 40)
    figures = []
    for part in ("first", "turn"):
        spent = {name: [getattr(one, part) for one in talks] for name, talks in found.items()}
        figures += [
            added(f"client.{part}", spent["ours"], spent["bare"], spent["none"]),
            added(f"client.{part}.no-watcher", spent["alone"], spent["bare"], spent["none"]),
            *(figure(f"client.{part}.{name}.ms", "ms", times) for name, times in spent.items()),
        ]
    scans = [spent for one in found["ours"] for spent in one.scans]
    return [*figures, figure("client.slash-scan.ms", "ms", scans)]


def _first_of_all(client: Client) -> Talk:
    """The only session there is: its hook finds no watcher, starts one, and looks for itself."""
    client.stage.end_watcher()
    talked = client.talk()
    client.stage.end_watcher()  # it would clean up beside whoever is next
    return talked
