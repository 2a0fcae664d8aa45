"""One round inside its namespace: build a random machine, let sessions die, wait until all is quiet, compare with the truth."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from process_janitor.core.plausible import PID_MAX
from process_janitor.faces import pretend
from process_janitor.sweep import look
from process_janitor.system import config, identity, procfs, seen, worlds
from process_janitor.system.marks import marks_of
from process_janitor.system.registry import Registry
from tests.simulation.plan import Builder, Node, Plan, Trees, strangers
from tests.world import children

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "claude", "node", "npm", "npx", "uvx", "nodemon", "sh", "bash", "gunicorn", "daemon", "indexer", "chrome", "pytest",
    "make", "cc1", "tail", "grep", "vite", "esbuild-x", "redis-server", "tmux", "htop", "watchman", "notify", "vim",
    "less", "ssh", "gopls", "build.sh", "systemd", "gnome-shell", "agent-host", "postgres",
)  # fmt: skip
_BIRTH_SECONDS = 20.0
_SIGHT_SECONDS = 12.0
_QUIET_SECONDS = 30.0
# Longer than `hung_grace_seconds` of a round, and a heartbeat.
_HOOK_SECONDS = 13.0
_SETTLE_SECONDS = 0.25
_YOUNG_SECONDS = 10.5
_POLL_SECONDS = 0.01


class Stuck(Exception):
    """The simulated machine itself did not come up, or a deadline of the simulation passed."""


class Round:
    """Everything of one round; `play` gives its result."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311  # to be repeated, not to be unguessable
        self.folder = folder
        self.config_dir = folder / ".claude"
        self.root = self.config_dir / "process-janitor"
        self.build = Builder(folder, self.config_dir, self.rng)
        self.sessions: list[Plan] = []
        self.story: list[str] = []
        self.problems: list[str] = []
        self.began = time.monotonic()
        self.births_read = 0
        self.born: dict[str, int] = {}
        self.ended_by_us: set[tuple[int, int]] = set()
        self.tags = 0
        self.clean = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }
        self.orders: dict[int, int] = {}
        self.waited_young = False

    # -- helpers --------------------------------------------------------------------------------

    def tell(self, text: str) -> None:
        self.story.append(f"{time.monotonic() - self.began:6.2f} {text}")

    def until(self, what: str, done: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                self.tell(f"not within {seconds:g} s: {what}")
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def read_births(self) -> None:
        path = self.folder / "births"
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        for line in data[self.births_read : whole].decode().splitlines():
            name, number = line.rsplit(" ", 1)
            self.born[name] = int(number)
            node = self.build.nodes.get(name.rstrip("+"))
            row = procfs.process(int(number)) if node is not None else None
            if node is not None and row is not None:
                node.pids.append(row.key)
        self.births_read = whole

    def wait_born(self, names: Iterable[str]) -> None:
        wanted = set(names)

        def there() -> bool:
            self.read_births()
            return wanted <= self.born.keys()

        if not self.until("births", there, _BIRTH_SECONDS):
            raise Stuck(f"never started: {sorted(wanted - self.born.keys())}")

    @staticmethod
    def runs(key: tuple[int, int]) -> bool:
        row = procfs.process(key[0])
        return row is not None and row.start == key[1] and row.state not in "ZX"

    def alive(self, node: Node) -> list[tuple[int, int]]:
        return [key for key in node.pids if self.runs(key)]

    def end(self, key: tuple[int, int]) -> None:
        """SIGKILL for exactly this process."""
        try:
            fd = os.pidfd_open(key[0])
        except OSError:
            return
        row = procfs.process(key[0])
        if row is not None and row.start == key[1]:
            self.ended_by_us.add(key)
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)

    # -- building the machine -------------------------------------------------------------------

    def prepare(self) -> None:
        for path in (self.root, self.config_dir / "sessions", self.build.bin):
            path.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        python = os.path.realpath(sys.executable)
        for name in PROGRAMS:
            (self.build.bin / name).symlink_to(python)
        (self.config_dir / "process-janitor-config.json").write_text(
            json.dumps({"term_grace_seconds": 1, "hung_grace_seconds": 10, "heartbeat_interval_seconds": 2})
        )  # fmt: skip
        (self.root / "python").write_text(python + "\n")
        # The command line's environment stands already: nothing is built during a round.
        (self.folder / "env" / "bin").mkdir(parents=True)
        (self.folder / "env" / "bin" / "python").symlink_to(python)
        with (ROOT / "requirements.lock").open(encoding="ascii") as lock:
            (self.root / "environment").write_text(
                f"{lock.readline().strip()}\n{self.folder}/env\n"
            )
        for name in [*os.environ]:
            if name.startswith(("CLAUDE", "PROCESS_JANITOR_")):
                del os.environ[name]
        os.environ["HOME"] = str(self.folder)

    def plan_session(self, index: int) -> Plan:
        rng = self.rng
        tops = [one for one in self.sessions if one.kind != "nested" and one.known == "hook"]
        kind = rng.choices(
            ["terminal", "print", "sdk", "nested"], [5, 2, 2, 3 if tops else 0]
        )[0]  # fmt: skip
        known = rng.choices(["hook", "client", "nobody"], [8, 1, 1])[0]
        session_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        startup = (
            session_id
            if rng.random() < 0.85
            else str(uuid.UUID(int=rng.getrandbits(128), version=4))
        )
        made = Plan(index, kind, known, session_id, startup, dict(self.clean))  # type: ignore[arg-type]
        if kind == "nested":
            made.outer = rng.choice(tops).index
        return made

    def start_session(self, one: Plan, extra: list[dict[str, Any]] | None = None) -> None:
        """Its host first: a terminal's shell, a script, an SDK program, maybe below a subreaper."""
        fifo = self.folder / f"fifo-{one.index}"
        os.mkfifo(fifo)
        # Held open, so that nothing is lost before the other side opens it.
        self.orders[one.index] = os.open(fifo, os.O_RDWR | os.O_CLOEXEC)
        node = self.build.node(one.index, "session", "spares")
        role: dict[str, Any] = {"fifo": str(fifo)}
        if one.kind == "terminal":
            role["setpgid"] = True
        elif one.kind == "sdk":
            role["setsid"] = True
        argv = self.build.argv("claude", node, **role)
        names = [node.name]
        self.sessions.append(one)
        if one.kind == "nested":
            outer = self.sessions[one.outer]
            wrapper = self.build.node(outer.index, "nested-wrapper", "ends", bash=True)
            one.env = {**outer.env, **pretend.tool_marks(outer.startup_id, outer.pid)}
            if self.rng.random() < 0.5:
                del one.env["CLAUDE_CODE_CHILD_SESSION"]
            env = {**outer.env, **pretend.tool_marks(outer.startup_id, outer.pid)}
            order = {"do": "spawn", "how": "call", "argv": self.build.call(wrapper, " ".join(argv)), "env": env}  # fmt: skip
            self.order(outer, order)
            one.wrapper = wrapper.name
            names.append(wrapper.name)
        else:
            program = {"terminal": "bash", "print": "build.sh", "sdk": "agent-host"}[one.kind]
            host = self.build.node(-1, f"host-{one.kind}", "spares")
            reaps = self.rng.random() < 0.9
            hosting = self.build.argv(
                program, host, setsid=True, reap=reaps, children=[{"argv": argv, "env": one.env}, *(extra or [])]
            )  # fmt: skip
            names.append(host.name)
            if self.rng.random() < 0.35:
                above = self.build.node(-1, "host-subreaper", "spares")
                hosting = self.build.argv(
                    self.rng.choice(["systemd", "gnome-shell"]), above, setsid=True, subreaper=True,
                    children=[{"argv": hosting}],
                )  # fmt: skip
                names.append(above.name)
            if os.fork() == 0:
                os.execve(hosting[0], hosting, self.clean)
        self.wait_born([*names, *(n.name for n in self.build.nodes.values() if n.session < 0)])
        one.pid, one.start = node.pids[0]
        place = f" below s{one.outer}" if one.outer >= 0 else ""
        self.tell(
            f"s{one.index}: {one.kind}{place}, known to {one.known}, pid {one.pid}, id {one.session_id}"
            + (f", started as {one.startup_id}" if one.startup_id != one.session_id else "")
        )
        self.register(one, "resume" if one.startup_id != one.session_id else "startup")

    def register(self, one: Plan, source: str) -> None:
        if one.known == "client" or (one.known == "hook" and self.rng.random() < 0.6):
            self.write_client_file(one)
        if one.known == "hook":
            self.hook(one, "SessionStart", one.session_id, source=source)

    def write_client_file(self, one: Plan) -> None:
        namespace = procfs.namespace(os.getpid())
        document = {
            "pid": one.pid, "sessionId": one.session_id, "cwd": str(self.folder), "procStart": str(one.start),
            "kind": "interactive", "entrypoint": "cli", "pidDomain": f"linux:{identity.machine_id()}:pid:[{namespace}]",
        }  # fmt: skip
        (self.config_dir / "sessions" / f"{one.pid}.json").write_text(json.dumps(document))

    def order(self, one: Plan, order: dict[str, Any]) -> None:
        os.write(self.orders[one.index], json.dumps(order).encode() + b"\n")

    def hook(
        self, one: Plan, event: str, session_id: str, *, wait: bool = True, **payload: str
    ) -> None:
        self.tags += 1
        tag = f"hook-{self.tags}-{event}"
        env = {
            **one.env, **pretend.hook_marks(session_id, one.pid, str(ROOT)),
            "CLAUDE_PLUGIN_DATA": str(self.config_dir / "plugins/data/process-janitor-inline"),
        }  # fmt: skip
        document = {
            "session_id": session_id, "hook_event_name": event, "cwd": str(self.folder), **payload,
        }  # fmt: skip
        argv = ["/bin/sh", str(ROOT / "hooks" / "run"), event]
        self.order(one, {"do": "hook", "argv": argv, "env": env, "payload": json.dumps(document), "tag": tag})  # fmt: skip
        if wait:
            self.wait_born([tag])
            if self.born[tag]:
                self.problems.append(f"{tag}: exit status {self.born[tag]}")

    def grow(self, one: Plan, count: int, *, late: bool = False) -> list[str]:
        trees = Trees(self.build, one, self.clean)
        before = set(self.build.nodes)
        shapes = self.rng.choices(trees.all(), k=count)
        self.tell(f"s{one.index} starts{' late' if late else ''}: {', '.join(shapes)}")
        for shape in shapes:
            self.order(one, getattr(trees, shape)())
        names = [name for name in self.build.nodes if name not in before]
        for name in names:
            self.build.nodes[name].late = late
        return names

    # -- looking --------------------------------------------------------------------------------

    def seen_by_watcher(self, one: Plan) -> set[tuple[int, int]]:
        return set(seen.load(str(self.root), one.pid, one.start))

    def wait_sighted(self) -> None:
        wanted = {
            one.index: {
                key
                for node in self.build.nodes.values()
                if node.session == one.index and node.needs_sight
                for key in self.alive(node)
            }
            for one in self.sessions
            if one.alive and one.known == "hook"
        }

        def sighted() -> bool:
            return all(
                keys <= self.seen_by_watcher(self.sessions[index]) for index, keys in wanted.items()
            )

        if not self.until("sighting", sighted, _SIGHT_SECONDS):
            missing = {
                i: keys - self.seen_by_watcher(self.sessions[i]) for i, keys in wanted.items()
            }
            self.problems.append(f"the watcher did not see within {_SIGHT_SECONDS:g} s: {missing}")

    def touch_up(self) -> None:
        """Stop and wipe those that are to be, once they have been seen where that is due."""
        for node in self.build.nodes.values():
            for key in self.alive(node):
                if node.stop:
                    os.kill(key[0], signal.SIGSTOP)
                if node.wipe:
                    os.kill(key[0], signal.SIGUSR1)
                    self.until("wiping", lambda k=key: not _named(k[0]), 5)  # type: ignore[misc]

    # -- the story ------------------------------------------------------------------------------

    def play(self) -> dict[str, Any]:
        self.prepare()
        count = self.rng.choices([1, 2, 3, 4], [3, 4, 2, 1])[0]
        plans: list[Plan] = []
        for index in range(count):
            one = self.plan_session(index)
            plans.append(one)
            ids = [p.session_id for p in plans]
            nested = one.kind == "nested"
            self.start_session(one, [] if nested else strangers(self.build, ids, self.clean))
        names: list[str] = []
        for one in plans:
            names += self.grow(one, self.rng.randint(1, 4))
        self.wait_born(names)
        for one in plans:
            if one.known == "hook" and self.rng.random() < 0.15:
                self.clear(one)
        hasty = self.rng.random() < 0.2
        if not hasty:
            self.wait_sighted()
        self.touch_up()
        if self.rng.random() < 0.3:
            one = self.rng.choice(plans)
            self.wait_born(self.grow(one, self.rng.randint(1, 2), late=True))
        self.check_started()
        self.deaths(plans)
        self.quiet()
        self.automatic()
        return self.judge()

    def clear(self, one: Plan) -> None:
        """`/clear` and `/resume` in the client: a new conversation in the same process, its servers stay."""
        reason = self.rng.choice(["clear", "resume"])
        self.hook(one, "SessionEnd", one.session_id, reason=reason)
        one.old_ids.append(one.session_id)
        one.session_id = one.startup_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        self.hook(one, "SessionStart", one.session_id, source=reason)
        self.tell(f"s{one.index}: /{reason}, now {one.session_id}")
        if self.rng.random() < 0.5:
            self.wait_born(self.grow(one, 1))

    def check_started(self) -> None:
        self.read_births()
        for node in self.build.nodes.values():
            if not node.fleeting and not self.alive(node):
                self.problems.append(f"{node.name} is gone before anybody died")

    def deaths(self, plans: list[Plan]) -> None:
        rng = self.rng
        dying = rng.sample(plans, rng.randint(1, len(plans)))
        with_watcher = rng.choices(["alone", "before", "during"], [60, 20, 20])[0]
        if with_watcher == "before":
            self.end_watcher(with_child=True)
        hanging = []
        for one in dying:
            how = rng.choices(["kill", "exit", "hang"], [75, 17, 8])[0]
            if how == "hang" and one.known != "hook":
                how = "kill"
            # A nested client goes down with the call that a clean exit stops, and protects a client that hangs.
            if how != "kill" and any(o.outer == one.index for o in self.sessions):
                how = "kill"
            one.left_cleanly = how == "exit"
            self.condemn(one, clean=one.left_cleanly)
            self.tell(f"s{one.index}: {how}")
            if how == "kill":
                self.end((one.pid, one.start))
                one.alive = False
            elif how == "exit":
                if one.known == "hook":
                    one.said_goodbye = True
                    self.hook(one, "SessionEnd", one.session_id, reason="prompt_input_exit", wait=rng.random() < 0.5)  # fmt: skip
                self.order(one, {"do": "exit"})
                one.alive = False
            else:
                self.hook(one, "SessionEnd", one.session_id, reason="prompt_input_exit")
                one.hung = one.said_goodbye = True
                hanging.append(one)
        if with_watcher == "during":
            time.sleep(rng.random() * 0.25)
            self.end_watcher(with_child=rng.random() < 0.5)
        gone = [one for one in dying if not one.alive]
        if gone and rng.random() < 0.3:
            self.reuse(rng.choice(gone))
        if with_watcher != "alone":
            self.heal(plans)
        for one in hanging:
            self.wait_gone(one)
            one.alive = False

    def wait_gone(self, one: Plan) -> None:
        """A session that hangs is ended after its grace, and not as long as a hook of its own runs."""
        running = [
            key
            for node in self.build.nodes.values()
            if node.session == one.index and node.shape == "hook-running"
            for key in self.alive(node)
        ]
        if running:
            if self.until("nothing: its hook runs", lambda: not self.runs((one.pid, one.start)), _HOOK_SECONDS):  # fmt: skip
                self.problems.append(f"s{one.index} was ended while its own hook ran")
            for key in running:
                self.end(key)
        self.until("a hung session ends", lambda: not self.runs((one.pid, one.start)), 30)

    def condemn(self, one: Plan, *, clean: bool) -> None:
        sighted = self.seen_by_watcher(one)
        self.read_births()
        for node in self.build.nodes.values():
            if node.session != one.index:
                continue
            node.sighted = sighted.intersection(node.pids)
            node.before = set(node.pids)
            if node.shape == "session":
                node.due = True
                if one.wrapper:
                    # The call it ran in ends with it.
                    self.build.nodes[one.wrapper].fleeting = True
            elif node.fate == "ends" and (self.alive(node) or not node.pids):
                node.due = True
            elif (node.held and clean) or (node.while_not and self.alive(self.build.nodes[node.while_not])):  # fmt: skip
                node.fate = "either"

    def end_watcher(self, *, with_child: bool) -> None:
        key = self.watcher()
        if not self.runs(key):
            return
        below = children(key[0])
        self.tell(f"the watcher {key[0]} is killed" + (f" with {below}" if with_child else ""))
        victims = [row.key for row in map(procfs.process, below) if row is not None]
        self.end(key)
        for victim in victims if with_child else []:
            self.end(victim)
        # A hook that looks while it is going down takes it for alive; the next one does not.
        self.until("the watcher is gone", lambda: procfs.process(key[0]) is None, 3)

    def reuse(self, one: Plan) -> None:
        """A stranger gets the dead session's pid."""
        if not self.until("its pid is free", lambda: procfs.process(one.pid) is None, 3):
            return
        node = self.build.node(-1, "stranger-reused-pid", "spares")
        program = self.rng.choice(["vim", "postgres", "node"])
        hosting = self.build.argv(program, node, setsid=self.rng.random() < 0.5)
        try:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(one.pid - 1))
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
                del self.build.nodes[node.name]
                return
            raise
        pid = os.fork()
        if pid == 0:
            os.execve(hosting[0], hosting, self.clean)
        self.wait_born([node.name])
        self.tell(f"pid {pid} is given to {program}" + (", reused" if pid == one.pid else ""))
        assert pid <= PID_MAX

    def heal(self, plans: list[Plan]) -> None:
        """The next hook of anybody starts another watcher."""
        living = [one for one in plans if one.alive and one.known == "hook" and not one.hung]
        if living and self.rng.random() < 0.6:
            one = self.rng.choice(living)
            event = self.rng.choice(["UserPromptSubmit", "Stop"])
            self.tell(f"s{one.index}: {event}")
            self.hook(one, event, one.session_id)
            return
        one = self.plan_session(len(self.sessions))
        one.kind, one.known, one.outer = "terminal", "hook", -1
        gone = [old for old in plans if not old.alive and old.known == "hook"]
        if gone and self.rng.random() < 0.4:
            old = self.rng.choice(gone)
            old.resumed = True
            one.session_id = old.session_id
            self.tell(f"s{one.index} resumes the conversation of s{old.index}")
        self.start_session(one)

    # -- afterwards -----------------------------------------------------------------------------

    def left(self) -> list[Node]:
        self.read_births()
        return [node for node in self.build.nodes.values() if node.due and self.alive(node)]

    def watcher(self) -> tuple[int, int]:
        """Who announced itself as the watcher last; (0, 0) before the first one."""
        try:
            words = Path(worlds.directory(str(self.root)), "watcher").read_text().split()
        except FileNotFoundError:
            return (0, 0)
        return (int(words[0]), int(words[1]))

    def cleaners(self) -> list[int]:
        """The watcher's working children, with or without their watcher."""
        watcher = self.watcher()
        return [
            row.pid
            for row in procfs.table().values()
            if not row.dead
            and any(
                word.endswith("process_janitor/watcher/__main__.py")
                for word in procfs.argv(row.pid) or ()
            )
            and (row.key != watcher or children(row.pid))
        ]

    def quiet(self) -> None:
        """Until every record of a dead session is closed and nobody is at work any more."""
        registry = Registry(str(self.root))
        over = [one for one in self.sessions if not one.alive and one.known == "hook"]

        def closed() -> bool:
            entries = [registry.find(one.pid, one.start) for one in over]
            return all(e is not None and e.record.get("closed") for e in entries)

        if not self.until("the records are closed", closed, _QUIET_SECONDS):
            self.problems.append("a dead session's record was not closed")
        self.until("the watcher's child is done", lambda: not self.cleaners(), _QUIET_SECONDS)
        self.until("the dead are gone", lambda: not self.expected(), 1.0)
        time.sleep(_SETTLE_SECONDS)
        for node in self.expected():
            if self.sessions[node.session].known == "hook":
                node_late = f"{node.name} outlived the watcher's cleaning"
                self.tell(node_late)

    def automatic(self) -> None:
        """`auto`, as a timer runs it: it also ends what sessions left that no hook ever told of."""
        unknown = [one for one in self.sessions if not one.alive and one.known == "nobody"]
        if unknown and self.left() and self.rng.random() < 0.25:
            self.waited_young = True
            time.sleep(_YOUNG_SECONDS)
        script = ROOT / "src" / "process_janitor" / "watcher" / "__main__.py"
        pid = os.fork()
        if pid == 0:
            argv = [os.path.realpath(sys.executable), "-I", "-S", str(script), "--auto"]
            os.execve(argv[0], argv, self.clean)
        _, status = os.waitpid(pid, 0)
        self.tell("auto")
        if status:
            self.problems.append(f"auto ended with {status}")
        time.sleep(_SETTLE_SECONDS)

    def expected(self) -> list[Node]:
        """What should be gone and is not, without an excuse."""
        return [node for node in self.left() if not self.excuse(node)]

    def excuse(self, node: Node) -> str:
        one = self.sessions[node.session]
        nameless = any(s.alive and s.known == "nobody" for s in self.sessions)
        # What was forked or started again after the death has not been seen either.
        unseen = not node.sighted.issuperset(self.alive(node))
        if unseen and (node.needs_sight or (one.left_cleanly and "clean" in node.shape)):
            return "never seen"
        if unseen and node.server and one.continued:
            return "other id, never seen"
        if unseen and one.left_cleanly and any(key not in node.before for key in self.alive(node)):
            return "forked at a clean exit"  # which leaves it as well
        if one.said_goodbye and node.shape == "hook-running":
            return "goodbye said"
        if one.known != "hook" and node.shape == "hook-running":
            return "unregistered"  # nobody would have noted a goodbye
        if one.known == "nobody" and not node.bash:
            return "unregistered"
        if one.known == "nobody" and not self.waited_young:
            return "too young"
        in_group = one.kind in ("terminal", "sdk") and "own-group" not in node.shape
        if one.known == "client" and node.server and not in_group:
            return (
                "unregistered"  # the client's file tells neither its process group nor its session
            )
        if one.known != "hook" and one.outer >= 0:
            return "unregistered"  # its outer session was seen with it, and speaks for it
        if node.bash and one.resumed:
            return "handed over"
        if nameless and (node.bash or unseen):
            return "nameless client"
        if node.shape == "nested-wrapper" and any(
            s.alive and s.outer == one.index for s in self.sessions
        ):
            return "living below"
        return ""

    def judge(self) -> dict[str, Any]:
        table: dict[str, dict[str, int]] = {}
        details = []
        journal = self.journal()
        for node in self.build.nodes.values():
            row = table.setdefault(
                node.shape,
                {"started": 0, "should": 0, "died": 0, "false": 0, "missed": 0, "excused": 0},
            )
            alive = self.alive(node)
            row["started"] += 1
            row["should"] += node.due
            row["died"] += node.due and not alive
            if node.due and alive:
                excuse = self.excuse(node)
                row["excused" if excuse else "missed"] += 1
                if not excuse:
                    details.append(f"MISSED {node.name}: {self.explain(alive)}")
            elif not node.due and not node.fleeting and node.fate != "either":
                dead = [k for k in node.pids if k not in alive and k not in self.ended_by_us]
                if dead and (node.shape != "mcp-respawn" or not alive):
                    row["false"] += 1
                    details.append(
                        f"FALSE KILL {node.name} {dead}: {[journal.get(k[0]) for k in dead]}"
                    )
        self.check_files()
        return {
            "seed": self.seed, "table": table, "details": details, "problems": self.problems, "story": self.story,
            "seconds": round(time.monotonic() - self.began, 2),
        }  # fmt: skip

    def explain(self, keys: list[tuple[int, int]]) -> list[str]:
        options = config.load_settings(str(self.config_dir / "process-janitor-config.json"))
        judged = look(str(self.root), config.policy(str(self.root), options))
        pids = {key[0] for key in keys}
        said = [
            f"{d.process.pid} ({d.process.comm}, ppid {d.process.ppid}, pgid {d.process.pgid}, sid {d.process.sid}): "
            f"{d.verdict} {d.finding} {d.session_id} {list(d.evidence)} {list(d.vetoes)}"
            for d in judged.decisions
            if d.process.pid in pids
        ]
        return said or [f"{pid}: not mentioned" for pid in pids]

    def journal(self) -> dict[int, str]:
        try:
            lines = (self.root / "journal.jsonl").read_text().splitlines()
        except OSError:
            return {}
        return {
            line[
                "pid"
            ]: f"{line.get('trigger')} {line.get('class')} {line.get('evidence')} {line.get('signals')}"
            for line in map(json.loads, lines)
            if line.get("event") == "action"
        }

    def check_files(self) -> None:
        """Crashes of the janitor end in its logs; a hook says nothing, or one line of JSON."""
        for log in sorted((self.root / "logs").glob("*")):
            self.problems += [f"{log.name}: {line}" for line in log.read_text().splitlines()[:5]]
        for said in sorted(self.folder.glob("said-*")):
            text = said.read_text()
            try:
                fine = not text or set(json.loads(text)) == {"systemMessage"}
            except ValueError:
                fine = False
            if not fine:
                self.problems.append(f"{said.name}: {text[:200]}")
        if (self.root / "quarantine").exists():
            self.problems.append("a record was malformed")


def _named(pid: int) -> bool:
    marks = marks_of(pid)
    return marks is not None and marks.names_session


def main(seed: str, folder: str) -> int:
    """PID 1 of the namespace: the round in a child, every orphan waited for until it is done."""
    player = os.fork()
    if player == 0:
        os.setsid()
        one = Round(int(seed), Path(folder))
        try:
            result = one.play()
        except BaseException:  # noqa: BLE001  # whatever it was belongs into the result
            one.problems.append("the simulation broke: " + traceback.format_exc())
            result = {
                "seed": int(seed), "table": {}, "details": [], "problems": one.problems, "story": one.story,
                "seconds": round(time.monotonic() - one.began, 2),
            }  # fmt: skip
        (Path(folder) / "result.json").write_text(json.dumps(result))
        os._exit(0)
    while True:
        pid, _ = os.wait()
        if pid == player:
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
