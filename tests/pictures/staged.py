"""The machine in the pictures of the README: three sessions of somebody called ada, two of them crashed.

Everything in the pictures is what the commands print and the browser draws. Only the stage is furnished: a home, projects,
programs that are called `node`, process numbers and a host name, so that a new picture looks like the one before.
"""

from __future__ import annotations

import base64
import io
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.browser.chromium import Page
from tests.e2e.pid_one import loopback_up
from tests.namespaced import namespaced
from tests.serving import configure
from tests.world import Child, Pretend, World, wait_until

HOME = Path("/home/ada")
COLUMNS = 110
PAGE_WIDTH = 1120
# About as wide as a README is shown; the full size would be twice as heavy.
PAGE_SCALE = 0.8
# Seconds between the acts, so that not everything in the pictures is new.
PAUSES = (100, 30)
# What every program in the projects does: hold memory, listen, say that it runs.
PROGRAM = """
import os, signal, socket, sys
held = bytearray({megabytes} * 1000000)
held[::4096] = b"x" * len(held[::4096])
if {port}:
    listens = socket.create_server(("127.0.0.1", {port}))
open({ready!r}, "w").close()
signal.pause()
"""


class Project(World):
    """A folder in the one home, where sessions are started."""

    def __init__(self, name: str) -> None:
        super().__init__(HOME)
        self.home = HOME / name
        self.home.mkdir()
        # A pretend client and its servers get no more than this.
        self.env["PATH"] = f"{HOME / 'bin'}{os.pathsep}{self.env['PATH']}"

    def program(self, path: str, megabytes: int, port: int = 0) -> list[str]:
        """A program of the project; the words that start it."""
        script = self.home / path
        script.parent.mkdir(exist_ok=True)
        ready = str(self._ready(path))
        script.write_text(PROGRAM.format(megabytes=megabytes, port=port, ready=ready))
        return ["node", path]

    def _ready(self, path: str) -> Path:
        return HOME / ".cache" / f"{self.home.name}-{path.replace('/', '-')}"

    def runs(self, path: str) -> None:
        wait_until(self._ready(path).exists, 10, f"{path} runs")


@namespaced
def pictures(folder: str, *, quick: bool) -> None:
    """All pictures, into the folder. Quick: without the waiting that gives the processes an age."""
    _furnish()
    pauses = [0] * len(PAUSES) if quick else PAUSES
    blog, shop = Project("blog"), Project("shop")
    _number(8120)
    _crashed_before(blog)
    dead = _at_work(shop)
    time.sleep(pauses[0])
    _number(9304)
    living = blog.session("4b0d6c52-8f3e-4f0a-9d53-27c1b7a90f18")
    _dressed(living)
    configure(blog.home, files=_serves(living, "mcp/files.js", 34))
    time.sleep(pauses[1])
    dead.kill()
    into, terminal = Path(folder), World(HOME)
    for command in ("scan", "report"):
        (into / f"{command}.svg").write_text(_terminal(terminal, command), encoding="utf-8")
    report = HOME / "report.html"
    assert terminal.cli("report", "--html", str(report)).code == 0
    with Page(HOME) as page:
        page.open(report)
        page.see(width=PAGE_WIDTH)
        # The first screen: summary, charts, findings, and no row cut in two.
        height = 20 + page.get("document.querySelector('#findings').getBoundingClientRect().bottom")
        for scheme in ("light", "dark"):
            page.see(width=PAGE_WIDTH, height=int(height), prefers_color_scheme=scheme)
            part = {"x": 0, "y": 0, "width": PAGE_WIDTH, "height": int(height), "scale": PAGE_SCALE}
            shot = page.ask("Page.captureScreenshot", format="png", clip=part)
            (into / f"report-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))


def _furnish() -> None:
    """A home below /home, beside what is there: a checkout or an interpreter may lie in another one."""
    stage = Path("/mnt")
    _mount("-t", "tmpfs", "home", str(stage))
    for entry in Path("/home").iterdir():
        (stage / entry.name).mkdir()
        _mount("--rbind", str(entry), str(stage / entry.name))
    _mount("--move", str(stage), "/home")
    (HOME / ".cache").mkdir(parents=True)
    (HOME / "bin").mkdir()
    (HOME / "bin" / "node").symlink_to(sys.executable)
    socket.sethostname("workstation")
    loopback_up()
    os.chdir(HOME)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _number(last: int) -> None:
    """The next process of this namespace gets the number after this one."""
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(last))


def _crashed_before(project: Project) -> None:
    """A session that crashed and was cleaned up: it is in the history."""
    session = project.session("e61f9a07-52c8-4c1b-8c65-d0e7c3f2ab94")
    _dressed(session)
    _serves(session, "mcp/index.js", 58)
    session.kill()
    assert World(HOME).cli("auto").code == 0


def _at_work(project: Project) -> Pretend:
    """The session that will crash: two servers, a running test, a server in the background on purpose."""
    _number(8710)
    session = project.session("7c1f0c9e-3b52-4d43-9a4e-5a0c5a4f2f11")
    _dressed(session)
    files = _serves(session, "mcp/files.js", 41)
    browser = _serves(session, "mcp/browser.js", 212, 9222)
    configure(project.home, files=files, browser=browser)
    for path, megabytes, port, line in (
        ("tests/run.js", 87, 0, "{} --watch"),
        ("dev-server.js", 96, 5173, "nohup {} --port 5173 >/dev/null 2>&1 </dev/null &"),
    ):
        words = project.program(path, megabytes, port)
        session.run_bash(line.format(" ".join(words)), PATH=project.env["PATH"])
        project.runs(path)
    return session


def _serves(session: Pretend, path: str, megabytes: int, port: int = 0) -> list[str]:
    project = session.world
    assert isinstance(project, Project)
    words = project.program(path, megabytes, port)
    session.start_server(words)
    project.runs(path)
    return words


def _dressed(session: Child) -> None:
    """Its command line says `claude`, as the real client's does; it is written where the kernel reads it."""
    fields = Path(f"/proc/{session.pid}/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    title = b"claude\0"
    # No zero at the end: then the kernel shows what stands before the first one.
    with Path(f"/proc/{session.pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(title + b"x" * (end - start - len(title)))


def _terminal(world: World, command: str) -> str:
    """What a person sees who types the command, as SVG."""
    typed = world.typing(command, COLUMNS=str(COLUMNS), TERM="xterm-256color")
    assert typed.end() == 0
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), (f"process-janitor {command}", "bold")))
    console.print(Text.from_ansi(typed.said.replace("\r\n", "\n")))
    picture = console.export_svg(title="", unique_id=command)
    # Its letters come from far away otherwise; every machine has a font of its own.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return re.sub(r"<!--.*?-->\s*", "", picture, flags=re.DOTALL)
