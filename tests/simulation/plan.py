"""What a simulated machine consists of: sessions, the trees they start, strangers; and the truth about each process.

The truth is what a clean exit of the session would have done: servers are signalled alone and take along what shares
their POSIX session, Bash calls and hooks are stopped with their whole tree, what has let go stays.
"""

from __future__ import annotations

import marshal
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from process_janitor.faces import pretend

ACTOR = Path(__file__).with_name("actor.py")
# What a clean exit does to a process: `ends` it, `spares` it; `either`: a rule of the product, not of the client, decides.
Fate = Literal["ends", "spares", "either"]


@dataclass
class Node:
    """One process, or several of one name in a row (a launcher that starts its child again)."""

    name: str
    shape: str
    session: int
    fate: Fate
    # Nothing but having been seen alive below its session can tie it: its environment is cleared, or it is a hook.
    needs_sight: bool = False
    # Ends by itself, as planned: never a false kill.
    fleeting: bool = False
    stop: bool = False
    wipe: bool = False
    bash: bool = False
    server: bool = False
    # Spared by the janitor alone: a client that exits cleanly would end it.
    held: bool = False
    # The shell it was started from: as long as that runs, a clean exit would end both, and it may end at any moment.
    while_not: str = ""
    # Started when nobody could have seen it any more.
    late: bool = False
    pids: list[tuple[int, int]] = field(default_factory=list)
    # Set when its session ends while the process runs.
    due: bool = False
    before: set[tuple[int, int]] = field(default_factory=set)
    # Those of its pids that the watcher had seen when the session ended.
    sighted: set[tuple[int, int]] = field(default_factory=set)


@dataclass
class Plan:
    """One pretend session."""

    index: int
    kind: Literal["terminal", "print", "sdk", "nested"]
    known: Literal["hook", "client", "nobody"]
    session_id: str
    # What its children carry, where that is another id (`--continue`).
    startup_id: str
    env: dict[str, str]
    outer: int = -1
    pid: int = 0
    start: int = 0
    alive: bool = True
    hung: bool = False
    left_cleanly: bool = False
    said_goodbye: bool = False
    # The Bash call a nested client runs in.
    wrapper: str = ""
    old_ids: list[str] = field(default_factory=list)
    # The conversation went on in another process before anybody could clean.
    resumed: bool = False

    def __post_init__(self) -> None:
        # Its first children carry an id that no register knows.
        self.continued = self.startup_id != self.session_id


class Builder:
    """Writes roles and remembers what everybody is."""

    def __init__(self, folder: Path, config_dir: Path, rng: random.Random) -> None:
        self.folder = folder
        self.config_dir = config_dir
        self.rng = rng
        self.nodes: dict[str, Node] = {}
        self._count = 0
        self.bin = folder / "bin"

    def name(self, session: int, shape: str) -> str:
        self._count += 1
        return f"{'x' if session < 0 else f's{session}'}.{self._count}.{shape}"

    def node(self, session: int, shape: str, fate: Fate, part: str = "", **truth: Any) -> Node:
        node = Node(self.name(session, shape + part), shape, session, fate, **truth)
        self.nodes[node.name] = node
        return node

    def argv(self, program: str, node: Node, *words: str, **role: Any) -> list[str]:
        """The command of a process that plays a role; `program` is the name it shows."""
        path = self.folder / f"role-{node.name}"
        path.write_bytes(marshal.dumps({"name": node.name, **role}))
        return [str(self.bin / program), "-I", "-S", str(ACTOR), str(path), *words]

    def line(self, program: str, node: Node, *words: str, **role: Any) -> str:
        return " ".join(self.argv(program, node, *words, **role))

    def spinner(self, node: Node) -> str:
        return f"( echo {node.name} $BASHPID >> {self.folder}/births; while :; do :; done ) &"

    def call(self, node: Node, command: str) -> list[str]:
        """A Bash call; its shell reports as `node`."""
        told = f"echo {node.name} $$ >> {self.folder}/births; {command}"
        argv = pretend.bash_call(told, str(self.config_dir))
        return ["/bin/bash", *argv[1:]]


Order = dict[str, Any]


class Trees:
    """The shapes that a session starts. Each method gives the order for the session's process."""

    def __init__(self, build: Builder, session: Plan, clean: dict[str, str]) -> None:
        self.build = build
        self.rng = build.rng
        self.session = session
        self.clean = clean
        self.index = session.index

    def node(self, shape: str, fate: Fate, part: str = "", **truth: Any) -> Node:
        return self.build.node(self.index, shape, fate, part, **truth)

    def _marks(self, how: str) -> dict[str, str]:
        one = self.session
        if how == "server":
            return {**one.env, **pretend.server_marks(one.startup_id)}
        if how == "call":
            return {**one.env, **pretend.tool_marks(one.startup_id, one.pid)}
        return {**one.env, **pretend.hook_marks(one.startup_id, one.pid)}

    def _order(self, how: str, argv: list[str], **extra: str) -> Order:
        return {"do": "spawn", "how": how, "argv": argv, "env": {**self._marks(how), **extra}}

    def _server(self, argv: list[str], **extra: str) -> Order:
        return self._order("server", argv, **extra)

    def _call(self, node: Node, command: str, **extra: str) -> Order:
        return self._order("call", self.build.call(node, command), **extra)

    # -- servers --------------------------------------------------------------------------------

    def mcp_polite(self) -> Order:
        return self._server(
            self.build.argv("node", self.node("mcp-polite", "ends", server=True), "/srv/index.js")
        )

    def mcp_stubborn(self) -> Order:
        node = self.node("mcp-stubborn", "ends", server=True)
        return self._server(self.build.argv("node", node, stubborn=True))

    def mcp_eof(self) -> Order:
        node = self.node("mcp-eof", "ends", server=True)
        return self._server(self.build.argv("uvx", node, eof=True))

    def mcp_lingers(self) -> Order:
        node = self.node("mcp-lingers", "ends", server=True)
        return self._server(self.build.argv("node", node, on_term="linger"))

    def mcp_forks_dying(self) -> Order:
        node = self.node("mcp-forks-dying", "ends", server=True)
        return self._server(self.build.argv("node", node, on_term="fork"))

    def mcp_stopped(self) -> Order:
        node = self.node("mcp-stopped", "ends", server=True, stop=True)
        return self._server(self.build.argv("node", node))

    def mcp_keep(self) -> Order:
        node = self.node("mcp-keep", "spares", held=True)
        below = self.node("mcp-keep", "spares", "-child", held=True)
        child = {"argv": self.build.argv("node", below), "env": dict(self.clean)}
        return self._server(
            self.build.argv("node", node, children=[child]), PROCESS_JANITOR_KEEP="1"
        )

    def mcp_chain(self) -> Order:
        """`npm exec` starts `sh`, which starts `node`."""
        shape = "mcp-chain"
        node, sh, npm = (
            self.node(shape, "ends", part, server=True) for part in ("-node", "-sh", "-npm")
        )
        last = self.build.argv("node", node, stubborn=self.rng.random() < 0.5)
        middle = self.build.argv("sh", sh, children=[{"argv": last}])
        return self._server(
            self.build.argv(
                "npm",
                npm,
                children=[{"argv": middle}],
                on_term=self.rng.choice(["forward", "", "linger"]),
            )
        )

    def mcp_respawn(self) -> Order:
        shape = "mcp-respawn"
        node, top = (
            self.node(shape, "ends", server=True),
            self.node(shape, "ends", "-top", server=True),
        )
        child = {"argv": self.build.argv("node", node), "respawn": True}
        return self._server(
            self.build.argv("nodemon", top, children=[child], on_term=self.rng.choice(["", "linger"]))
        )  # fmt: skip

    def mcp_orphan(self) -> Order:
        """The launcher ends at once; the server stays in the client's group."""
        shape = "mcp-launcher-gone"
        node, top = (
            self.node(shape, "ends", server=True),
            self.node(shape, "ends", "-npx", fleeting=True),
        )
        child = {"argv": self.build.argv("node", node, stubborn=self.rng.random() < 0.3)}
        return self._server(
            self.build.argv("npx", top, children=[child], exit_after=self.rng.choice([0.0, 0.5]))
        )  # fmt: skip

    def mcp_own_group(self) -> Order:
        node = self.node("mcp-own-group", "ends", server=True)
        return self._server(self.build.argv("node", node, setpgid=True))

    def mcp_own_session(self) -> Order:
        """The server itself calls setsid(): the client signals it all the same, it is its direct child."""
        node = self.node("mcp-own-session", "ends", needs_sight=True, server=True)
        return self._server(self.build.argv("node", node, setsid=True))

    def mcp_daemon_below(self) -> Order:
        """A child that made a session of its own survives a clean exit, whether it stays connected or not."""
        shape = "mcp-daemon-below"
        node, daemon = self.node(shape, "ends", server=True), self.node(shape, "spares", "-own")
        double = self.rng.random() < 0.5
        child = {"argv": self.build.argv("indexer", daemon, setsid=True), "double": double, "setsid": True, "null": True}  # fmt: skip
        return self._server(self.build.argv("node", node, children=[child]))

    def mcp_clean(self) -> Order:
        """`env -i SERVER`: nothing but its place says whose it is."""
        node = self.node("mcp-clean-env", "ends", needs_sight=True, server=True)
        order = self._server(self.build.argv("node", node))
        return {**order, "env": dict(self.clean)}

    def mcp_clean_below(self) -> Order:
        shape = "mcp-clean-below"
        node, top = (
            self.node(shape, "ends", server=True),
            self.node(shape, "ends", "-top", server=True),
        )
        child = {"argv": self.build.argv("node", node), "env": dict(self.clean)}
        return self._server(self.build.argv("npx", top, children=[child]))

    def mcp_wiped(self) -> Order:
        node = self.node("mcp-wiped-later", "ends", needs_sight=True, wipe=True, server=True)
        return self._server(self.build.argv("gunicorn", node))

    def mcp_wiped_early(self) -> Order:
        node = self.node("mcp-wiped-at-once", "ends", needs_sight=True, server=True)
        return self._server(self.build.argv("gunicorn", node, wipe=True))

    def mcp_double_clean(self) -> Order:
        """Let go with a cleared environment: impossible to find, and a clean exit leaves it."""
        shape = "mcp-double-fork-clean"
        node, daemon = self.node(shape, "ends", server=True), self.node(shape, "spares", "-own")
        child = {"argv": self.build.argv("daemon", daemon, setsid=True), "env": dict(self.clean), "double": True, "setsid": True, "null": True}  # fmt: skip
        return self._server(self.build.argv("node", node, children=[child]))

    def mcp_browser(self) -> Order:
        shape = "mcp-browser"
        node, chrome = self.node(shape, "ends", server=True), self.node(shape, "either", "-chrome")
        words = ("--headless", "--user-data-dir=/tmp/puppeteer_dev_profile-x")
        child = {"argv": self.build.argv("chrome", chrome, *words, setsid=True)}
        return self._server(self.build.argv("node", node, children=[child]))

    # -- Bash calls -----------------------------------------------------------------------------

    def bash_running(self) -> Order:
        shape = "bash-running"
        wrapper, node = (
            self.node(shape, "ends", bash=True),
            self.node(shape, "ends", "-job", bash=True),
        )
        return self._call(wrapper, self.build.line("pytest", node))

    def bash_stubborn(self) -> Order:
        shape = "bash-stubborn-job"
        wrapper, node = (
            self.node(shape, "ends", "-sh", bash=True),
            self.node(shape, "ends", bash=True),
        )
        return self._call(wrapper, self.build.line("pytest", node, stubborn=True))

    def bash_lingers(self) -> Order:
        """The shell is gone at once, its job takes a while: it must still be ended when it does not hurry."""
        shape = "bash-deep"
        wrapper = self.node(shape, "ends", "-sh", bash=True)
        node, deep = (
            self.node(shape, "ends", "-make", bash=True),
            self.node(shape, "ends", bash=True),
        )
        child = {"argv": self.build.argv("cc1", deep, stubborn=self.rng.random() < 0.3)}
        return self._call(
            wrapper, self.build.line("make", node, children=[child], on_term=self.rng.choice(["", "linger", "fork"]))
        )  # fmt: skip

    def bash_pipe(self) -> Order:
        shape = "bash-pipe"
        wrapper = self.node(shape, "ends", "-sh", bash=True)
        one, two = self.node(shape, "ends", bash=True), self.node(shape, "ends", "-2", bash=True)
        return self._call(
            wrapper, f"{self.build.line('tail', one)} | {self.build.line('grep', two)}"
        )

    def bash_background_inside(self) -> Order:
        """`x &`, `nohup x &`, `setsid x &` in a call that still runs: connected, so stopped with it."""
        shape = "bash-background-inside"
        wrapper = self.node(shape, "ends", "-sh", bash=True)
        parts = []
        for prefix in self.rng.sample(["", "nohup ", "setsid "], self.rng.randint(1, 3)):
            node = self.node(shape, "ends", "-" + (prefix.strip() or "amp"), bash=True)
            parts.append(
                f"{prefix}{self.build.line('vite', node, stubborn=self.rng.random() < 0.2)} >/dev/null 2>&1 </dev/null &"
            )
        return self._call(wrapper, " ".join(parts) + " wait")

    def bash_daemon_inside(self) -> Order:
        shape = "bash-daemon-inside"
        wrapper, node = self.node(shape, "ends", "-sh", bash=True), self.node(shape, "spares")
        job = self.node(shape, "ends", "-job", bash=True)
        daemon = {"argv": self.build.argv("redis-server", node), "double": True, "setsid": True, "null": True}  # fmt: skip
        return self._call(wrapper, self.build.line("make", job, children=[daemon]))

    def bash_spinner(self) -> Order:
        shape = "bash-spinner-inside"
        wrapper, node = (
            self.node(shape, "ends", "-sh", bash=True),
            self.node(shape, "ends", bash=True),
        )
        return self._call(wrapper, f"{self.build.spinner(node)} wait")

    def bash_clean_below(self) -> Order:
        shape = "bash-clean-below"
        wrapper, node = (
            self.node(shape, "ends", "-sh", bash=True),
            self.node(shape, "ends", bash=True),
        )
        return self._call(wrapper, f"env -i {self.build.line('make', node)}")

    def bash_stopped(self) -> Order:
        shape = "bash-stopped"
        wrapper, node = (
            self.node(shape, "ends", "-sh", bash=True),
            self.node(shape, "ends", bash=True, stop=True),
        )
        return self._call(wrapper, self.build.line("pytest", node))

    def bash_keep(self) -> Order:
        """The call that runs what its user keeps stands and falls with it."""
        shape = "bash-keep"
        wrapper, node = (self.node(shape, "spares", part, held=True) for part in ("-sh", ""))
        return self._call(wrapper, f"PROCESS_JANITOR_KEEP=1 {self.build.line('vite', node)}")

    def bash_finished(self) -> Order:
        """What a finished call left in the background survives a clean exit."""
        shape = "bash-finished"
        wrapper = self.node(shape, "spares", "-sh", fleeting=True)
        parts = []
        for prefix in self.rng.sample(["", "nohup ", "setsid ", "env -i "], self.rng.randint(1, 4)):
            part = "-" + (prefix.split() or ["amp"])[0]
            node = self.node(shape, "spares", part, while_not=wrapper.name)
            below = self.node(shape, "spares", part + "-child", while_not=wrapper.name)
            child = {"argv": self.build.argv("esbuild-x", below)}
            parts.append(
                f"{prefix}{self.build.line('vite', node, children=[child])} >/dev/null 2>&1 </dev/null &"
            )
        return self._call(wrapper, " ".join(parts))

    def bash_finishes_later(self) -> Order:
        """Seen below its shell while that ran; the shell has ended since."""
        shape = "bash-finishes-later"
        wrapper = self.node(shape, "spares", "-sh", fleeting=True)
        front = self.node(shape, "spares", "-job", fleeting=True)
        node = self.node(shape, "spares", while_not=wrapper.name)
        prefix = self.rng.choice(["", "nohup ", "setsid ", "env -i "])
        return self._call(
            wrapper,
            f"{prefix}{self.build.line('vite', node)} >/dev/null 2>&1 </dev/null & {self.build.line('make', front, exit_after=self.rng.choice([0.2, 1.3]))}",
        )

    def bash_spinner_left(self) -> Order:
        shape = "bash-spinner-left"
        wrapper, node = self.node(shape, "spares", "-sh", fleeting=True), self.node(shape, "either")
        return self._call(wrapper, f"{self.build.spinner(node)} :")

    def bash_tmux(self) -> Order:
        """A multiplexer server first started from a call: what is in it is its user's."""
        shape = "bash-tmux"
        wrapper = self.node(shape, "spares", "-sh", fleeting=True)
        server, pane, top = (self.node(shape, "spares", part) for part in ("", "-pane", "-top"))
        inner = {"argv": self.build.argv("htop", top)}
        panes = {"argv": self.build.argv("bash", pane, setsid=True, children=[inner])}
        daemon = {"argv": self.build.argv("tmux", server, comm="tmux: server", children=[panes]), "double": True, "setsid": True, "null": True}  # fmt: skip
        starter = self.node(shape, "spares", "-client", fleeting=True)
        return self._call(
            wrapper, self.build.line("tmux", starter, children=[daemon], exit_after=0.0)
        )

    def bash_build_daemon(self) -> Order:
        shape = "bash-build-daemon"
        wrapper, job = (
            self.node(shape, "ends", "-sh", bash=True),
            self.node(shape, "ends", "-job", bash=True),
        )
        double = self.rng.random() < 0.5
        node = self.node(shape, "spares", held=not double)
        daemon = {"argv": self.build.argv("watchman", node, setsid=True), "double": double, "setsid": True, "null": True}  # fmt: skip
        return self._call(wrapper, self.build.line("make", job, children=[daemon]))

    # -- hooks ----------------------------------------------------------------------------------

    def hook_running(self) -> Order:
        shape = "hook-running"
        sh = self.node(shape, "ends", "-sh", needs_sight=True)
        node = self.node(shape, "ends", needs_sight=True)
        told = (
            f"echo {sh.name} $$ >> {self.build.folder}/births; {self.build.line('notify', node)}; :"
        )
        return self._order("hook", ["/bin/sh", "-c", told])

    def all(self) -> list[str]:
        return sorted(n for n in dir(self) if n.startswith(("mcp_", "bash_", "hook_")))


def strangers(
    build: Builder, session_ids: list[str], clean: dict[str, str]
) -> list[dict[str, Any]]:
    """The user's own processes, some of which talk about sessions in their arguments; children for a host's role."""
    rng = build.rng
    said = rng.choice(session_ids) if session_ids else "none"
    snapshot = f"{build.config_dir}/shell-snapshots/snapshot-bash-1700000000000-pretend.sh"
    words = {
        "vim": (snapshot,),
        "less": (f"{build.config_dir}/projects/-home/{said}.jsonl",),
        "grep": ("-r", said, "claude"),
        "node": ("/home/u/node_modules/@anthropic-ai/claude-code-helper/x.js", "--resume", said),
        "vite": ("--port", "5173"),
        "ssh": ("host", "tmux", "new-session", f"claude --resume {said}"),
        "bash": ("-c", f"source {snapshot} && eval 'x'"),
        "gopls": (),
        "chrome": ("--remote-debugging-port=9222",),
    }
    found = []
    for program in rng.sample(sorted(words), rng.randint(1, 4)):
        node = build.node(-1, f"stranger-{program}", "spares")
        role: dict[str, Any] = {rng.choice(["setsid", "setpgid", "plain"]): True}
        found.append({"argv": build.argv(program, node, *words[program], **role), "env": clean})
    return found


__all__ = ["ACTOR", "Builder", "Fate", "Node", "Order", "Plan", "Trees", "strangers"]
