"""The hooks exactly as hooks/hooks.json declares them, from outside: whatever happens, no session is hurt by one.

Every test runs in a PID namespace of its own with pretend sessions; a watcher that a hook starts dies with it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from process_janitor.core.record import new_record, valid_session_id
from process_janitor.faces import pretend
from process_janitor.system import clock, identity, lease, procfs, worlds
from process_janitor.system.marks import marks_of
from process_janitor.system.registry import Registry
from tests.namespaced import namespaced
from tests.world import Child, Pretend, World, wait_until

ROOT = Path(__file__).resolve().parents[2]
# What a hook may take on an idle machine; what it takes with nothing to do is added, for machines that are not idle.
SECONDS = 2.0
DECLARED = json.loads((ROOT / "hooks" / "hooks.json").read_text())["hooks"]
EVENTS = tuple(DECLARED)
# By name where PATH has it, and where pyenv puts what it builds.
WANTED_PYTHONS = ("3.9", "3.13")


def _interpreter(version: str) -> str:
    candidates = [shutil.which(f"python{version}") or ""]
    candidates += map(
        str, sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python{version}"))
    )
    for one in candidates:
        if one:
            done = subprocess.run(
                [one, "-I", "-S", "-c", "import sys; print(sys.executable)"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return os.path.realpath(done.stdout.strip())
    return ""


PYTHONS = [
    pytest.param(
        (found := _interpreter(version)),
        id=version,
        marks=pytest.mark.skipif(
            not found, reason=f"platform: no Python {version} on this machine"
        ),
    )
    for version in WANTED_PYTHONS
]


def commands(event: str, plugin: Path = ROOT) -> Iterator[list[str]]:
    """What the client starts for an event: every command with its arguments, the plugin's place filled in."""
    for group in json.loads((plugin / "hooks" / "hooks.json").read_text())["hooks"][event]:
        for hook in group["hooks"]:
            words = [hook["command"], *hook.get("args", [])]
            yield [word.replace("${CLAUDE_PLUGIN_ROOT}", str(plugin)) for word in words]


@dataclass(frozen=True)
class Done:
    """How one hook ended, and what it said."""

    event: str
    code: int
    out: bytes
    err: bytes
    seconds: float

    @property
    def said(self) -> dict[str, Any]:
        """What it says to the client; {} for nothing. Fails on anything the client would not understand."""
        if not self.out:
            return {}
        said = json.loads(self.out)
        assert isinstance(said, dict), self.out
        assert set(said) <= {"systemMessage", "decision", "reason"}, said
        assert all(isinstance(value, str) and value for value in said.values()), said
        assert said.get("decision", "block") == "block"
        assert ("decision" in said) == ("reason" in said)
        assert self.out.count(b"\n") == 1, "one line"
        assert self.out.endswith(b"\n")
        return said

    def harmless(self) -> Done:
        assert (self.code, self.err) == (0, b""), self
        assert self.event in ("SessionStart", "UserPromptExpansion") or not self.out, self
        assert self.said is not None
        return self


class Hooks:
    """A session and the hooks its client would run, in a home where nothing is built and nothing is downloaded."""

    def __init__(self, folder: Path, plugin: Path = ROOT) -> None:
        self.world = World(folder)
        self.plugin = plugin
        self.session = self.world.session(registered=False)
        self.project = folder / "project"
        self.project.mkdir()
        # An environment that counts as ready, whose command line is not there: no build, the hook answers itself.
        venv = folder / "venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").write_text("#!/bin/sh\nexit 75\n")
        (venv / "bin" / "python").chmod(0o755)
        shutil.copy(ROOT / "requirements.lock", venv / "process-janitor.id")
        self.base = {
            **self.world.env,
            "PROCESS_JANITOR_VENV": str(venv),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def root(self) -> Path:
        return self.world.root

    def env(self, session: Pretend | None = None, **extra: str) -> dict[str, str]:
        one = session or self.session
        return {
            **self.base,
            **pretend.hook_marks(one.session_id, one.pid, str(self.plugin)),
            **extra,
        }

    def payload(self, event: str, **extra: Any) -> bytes:
        facts = {
            "session_id": self.session.session_id,
            "cwd": str(self.project),
            "hook_event_name": event,
        }
        more = {"SessionStart": {"source": "startup"}, "SessionEnd": {"reason": "other"}}.get(
            event, {}
        )
        if event == "UserPromptExpansion":
            more = {"command_name": "process-janitor:cleanup"}
        return json.dumps({**facts, **more, **extra}).encode()

    def run(
        self,
        event: str,
        stdin: bytes | int = b"",
        env: dict[str, str] | None = None,
        *,
        before: tuple[str, ...] = (),
        seconds: float = 25.0,
    ) -> Done:
        """The declared command of one event. The pipes must end with them: nothing it leaves may hold one open."""
        (command,) = commands(event, self.plugin)
        start = time.monotonic()
        with subprocess.Popen(
            [*before, *command], env=self.env() if env is None else env, cwd=self.project,
            stdin=stdin if isinstance(stdin, int) else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                given = None if isinstance(stdin, int) else stdin
                out, err = process.communicate(given, timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Done(event, process.returncode, out, err, time.monotonic() - start)

    def below(
        self, session: Pretend, event: str, payload: dict[str, Any] | None = None, **env: str
    ) -> dict[str, Any]:
        """As the client itself starts it: a child of its process, JSON on a pipe."""
        (command,) = commands(event, self.plugin)
        asked = {"session_id": session.session_id, "hook_event_name": event, **(payload or {})}
        return session._order("hook", argv=command, env=self.env(session, **env), payload=asked)

    def start(self, session: Pretend, **payload: Any) -> str:
        """Registers a session; returns what the hook said."""
        answer = self.below(session, "SessionStart", {"source": "startup", **payload})
        assert answer["code"] == 0
        return str(answer["said"])

    def records(self) -> list[dict[str, Any]]:
        return [entry.record for entry in Registry(str(self.root)).entries()]

    def record(self, session: Pretend) -> dict[str, Any]:
        entry = Registry(str(self.root)).find(session.pid, session.identity.start)
        assert entry is not None, "not registered"
        return entry.record

    @property
    def place(self) -> Path:
        """What this world has of its own in the state directory."""
        return Path(worlds.directory(str(self.root)))

    def watcher(self) -> Child:
        """The living watcher."""
        wait_until(lambda: lease.watching(str(self.root)), 15, "the watcher lives")
        found = lease.watching(str(self.root))
        assert found is not None
        return Child(found.key[0])


def outside(folder: Path, but: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time, except the state directory and bytecode."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [
            one for one in folders if os.path.join(place, one) != str(but) and one != "__pycache__"
        ]
        for name in (*names, *folders):
            path = os.path.join(place, name)
            info = os.lstat(path)
            if path != str(but):
                found[path] = (info.st_size, 0 if stat.S_ISDIR(info.st_mode) else info.st_mtime_ns)
    return found


def assert_same(now: dict[str, tuple[int, int]], before: dict[str, tuple[int, int]]) -> None:
    touched = sorted(path for path in {*now, *before} if now.get(path) != before.get(path))
    assert touched == [], f"written outside the state directory: {touched}"


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"TMUX": "/tmp/tmux-0/default,4242,0", "TMUX_PANE": "%3"},
            {"socket": "/tmp/tmux-0/default", "server": 4242, "id": "%3"},
        ),
        ({"TMUX": "x" * 100_000, "TMUX_PANE": "%3"}, {}),
        ({}, {}),
    ],
    ids=["in a pane", "nonsense", "outside"],
)
@namespaced
def test_a_session_is_registered_with_its_tmux_pane(
    variables: dict[str, str], expected: dict[str, Any], tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    hooks.run(
        "SessionStart", hooks.payload("SessionStart"), {**hooks.env(), **variables}
    ).harmless()
    assert hooks.record(hooks.session)["pane"] == expected


# Standard input


def _bytes(kind: str, hooks: Hooks, event: str) -> bytes:
    made: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "garbage": lambda: b"not json at all {{{ \x00\xff\xfe",
        "half": lambda: hooks.payload(event)[:-7],
        "list": lambda: b"[1, 2, 3]",
        "number": lambda: b"9" * 6000,
        "wrong types": lambda: (
            b'{"session_id": 7, "cwd": [], "source": {}, "reason": 1, "command_name": null}'
        ),
        "surrogate": lambda: hooks.payload(event, cwd="\ud800", transcript_path="\udfff\x00\n"),
        "1 MB": lambda: hooks.payload(event, tool_input="x" * (1 << 20)),
        "9 MB": lambda: hooks.payload(event, tool_input="x" * (9 << 20)),
        "deep": lambda: b"[" * 200_000,
        "deep and closed": lambda: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    }
    return made[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "garbage",
        "half",
        "list",
        "number",
        "wrong types",
        "surrogate",
        "1 MB",
        "9 MB",
        "deep",
        "deep and closed",
    ],
)
@namespaced
def test_a_hook_bears_any_standard_input(kind: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.run("SessionStart", hooks.payload("SessionStart")).harmless()
    before = outside(tmp_path, hooks.root)
    for event in EVENTS:
        hooks.run(event, _bytes(kind, hooks, event)).harmless()
    assert_same(outside(tmp_path, hooks.root), before)
    assert [record["pid"] for record in hooks.records()] == [hooks.session.pid]


@pytest.mark.parametrize(
    "kind",
    ["closed", "/dev/null", "a pipe nobody closes", "a pipe that drips", "a socket", "a directory"],
)
@namespaced
def test_a_hook_is_back_in_two_seconds_whatever_its_standard_input_is(
    kind: str, tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    hooks.run("SessionStart", hooks.payload("SessionStart")).harmless()
    hooks.watcher()
    before = outside(tmp_path, hooks.root)
    late = []
    for event in EVENTS:
        usual = hooks.run(event, hooks.payload(event)).harmless().seconds
        reading, writing = os.pipe()
        ours, theirs = socket.socketpair()
        dripping = subprocess.Popen(
            [sys.executable, "-I", "-c", "import time\nwhile True: print(' ', end='', flush=True); time.sleep(0.1)"],
            stdout=writing, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) if kind == "a pipe that drips" else None  # fmt: skip
        folder = os.open(tmp_path, os.O_RDONLY)
        stdin = {
            "a pipe nobody closes": reading,
            "a pipe that drips": reading,
            "a socket": theirs.fileno(),
            "a directory": folder,
        }
        closed = ("/bin/sh", "-c", 'exec "$@" <&-', "sh") if kind == "closed" else ()
        try:
            done = hooks.run(
                event, stdin.get(kind, subprocess.DEVNULL), before=closed, seconds=8.0
            ).harmless()
            if done.seconds > SECONDS + usual:
                late.append((event, round(done.seconds, 1)))
        except subprocess.TimeoutExpired:
            late.append((event, 8.0))
        finally:
            if dripping is not None:
                dripping.kill()
                dripping.wait()
            for fd in (reading, writing, folder):
                os.close(fd)
            ours.close()
            theirs.close()
    assert not late, late
    assert_same(outside(tmp_path, hooks.root), before)


@namespaced
def test_a_hook_bears_closed_outputs(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    for event in EVENTS:
        closed = ("/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh")
        done = hooks.run(event, hooks.payload(event), before=closed)
        assert (done.code, done.out, done.err) == (0, b"", b"")
    assert len(hooks.records()) == 1


# The environment


@pytest.mark.parametrize("missing", ["HOME", "CLAUDE", "both"])
@namespaced
def test_a_hook_bears_missing_variables_and_writes_where_it_always_does(
    missing: str, tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.session().kill()  # makes the state directory
    # Whatever looks the home up elsewhere finds an empty one of ours.
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    mount("-t", "tmpfs", "-o", "size=4m", "none", home)
    strange = Path("/.claude")
    there = strange.exists()
    before = outside(tmp_path, hooks.root)
    try:
        for event in EVENTS:
            env = {
                name: value
                for name, value in hooks.env().items()
                if not (name == "HOME" and missing in ("HOME", "both"))
                and not (name.startswith("CLAUDE") and missing in ("CLAUDE", "both"))
            }
            hooks.run(event, hooks.payload(event), env).harmless()
        assert_same(outside(tmp_path, hooks.root), before)
        written = set(os.listdir(home))
        assert written <= ({".claude"} if missing != "CLAUDE" else set()), written
        assert there or not strange.exists(), (
            "the shell and Python look for the home in different places"
        )
    finally:
        if strange.exists() and not there:
            shutil.rmtree(strange)


@namespaced
def test_an_empty_environment_does_not_hurt(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    mount("-t", "tmpfs", "-o", "size=4m", "none", home)
    there = Path("/.claude").exists()
    for event in EVENTS:
        hooks.run(event, b"", {}).harmless()
    assert not os.listdir(home)
    made = Path("/.claude").exists() and not there
    if made:
        shutil.rmtree("/.claude")
    assert not made, "wrote /.claude although no home is known"


@namespaced
def test_the_state_follows_claude_config_dir(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    elsewhere = tmp_path / "other place" / 'it\'s "here"'
    before = outside(tmp_path / ".claude", hooks.root)
    for event in EVENTS:
        hooks.run(
            event, hooks.payload(event), hooks.env(CLAUDE_CONFIG_DIR=str(elsewhere))
        ).harmless()
    assert len(list(Registry(str(elsewhere / "process-janitor")).entries())) == 1
    assert os.listdir(elsewhere) == ["process-janitor"]
    assert_same(outside(tmp_path / ".claude", hooks.root), before)
    assert not hooks.root.exists()


@namespaced
def test_a_relative_claude_config_dir_means_one_place_for_hook_and_watcher(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    name = f"janitor-test-relative-{os.getpid()}-{time.monotonic_ns()}"
    root = str(hooks.project / name / "process-janitor")
    try:
        hooks.run(
            "SessionStart", hooks.payload("SessionStart"), hooks.env(CLAUDE_CONFIG_DIR=name)
        ).harmless()
        assert len(list(Registry(root).entries())) == 1
        wait_until(
            lambda: lease.watching(root),
            10,
            "the watcher holds the lease of that place",
        )
    finally:
        shutil.rmtree(f"/{name}", ignore_errors=True)


@namespaced
def test_python_missing_from_the_path_costs_at_most_a_message(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    (tmp_path / "bin").mkdir()
    for event in EVENTS:
        done = hooks.run(
            event, hooks.payload(event), hooks.env(PATH=str(tmp_path / "bin"))
        ).harmless()
        # Found in one of its usual places, or said so; never an unexplained silence.
        assert (
            event != "SessionStart" or hooks.records() or "no Python" in done.said["systemMessage"]
        )


@pytest.mark.parametrize("path", PYTHONS)
@namespaced
def test_a_hook_and_its_watcher_run_on(path: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.root.mkdir(parents=True)
    (hooks.root / "python").write_text(f"{path}\n")
    for event in EVENTS:
        hooks.run(event, hooks.payload(event)).harmless()
    assert hooks.record(hooks.session)["ended"]["reason"] == "other"
    hooks.run("Stop", hooks.payload("Stop")).harmless()
    assert "ended" not in hooks.record(hooks.session)
    assert procfs.link(hooks.watcher().pid, "exe") == path
    server = hooks.session.mcp()
    noted = hooks.root / "trees" / f"{hooks.session.pid}-{hooks.session.identity.start}"
    wait_until(
        lambda: noted.exists() and str(server.pid) in noted.read_text(), 15, "the server is seen"
    )
    hooks.session.kill()
    server.gone(20)
    logs = (
        [file.read_text() for file in (hooks.root / "logs").glob("*")]
        if (hooks.root / "logs").exists()
        else []
    )
    assert logs == []


@pytest.mark.parametrize(
    "note", ["", "garbage\n", "/\n", "/nonexistent/python3\n", "/bin/false\n", "x" * 5000]
)
@namespaced
def test_a_damaged_note_of_the_interpreter_heals(note: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.root.mkdir(parents=True)
    (hooks.root / "python").write_text(note)
    for _ in range(2):
        hooks.run("SessionStart", hooks.payload("SessionStart")).harmless()
    assert len(hooks.records()) == 1, "still not registered the second time"


@namespaced
def test_a_plugin_whose_path_holds_blanks_quotes_and_a_command_works(tmp_path: Path) -> None:
    plugin = tmp_path / 'a plug\'in "two" $(touch pwned) `touch pwned`' / "1.0;0"
    for part in ("hooks", "src", "scripts", ".claude-plugin"):
        shutil.copytree(
            ROOT / part, plugin / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "requirements.lock", plugin)
    hooks = Hooks(tmp_path, plugin)
    before = outside(tmp_path, hooks.root)
    for event in EVENTS:
        hooks.run(event, hooks.payload(event)).harmless()
    hooks.watcher()
    assert len(hooks.records()) == 1
    assert_same(outside(tmp_path, hooks.root), before)


# The state directory


def _spoil(kind: str, hooks: Hooks) -> None:
    root = hooks.root
    target = hooks.world.home / "target"
    if kind == "file":
        root.write_text("mine")
    elif kind == "symlink":
        target.mkdir()
        (target / "mine").write_text("mine")
        root.symlink_to(target)
    elif kind == "dangling symlink":
        root.symlink_to(target)
    elif kind == "fifo":
        os.mkfifo(root)
    elif kind == "read-only":
        root.mkdir()
        mount("-t", "tmpfs", "-o", "ro", "none", str(root))
    elif kind in ("full", "full later"):
        root.mkdir()
        mount("-t", "tmpfs", "-o", "size=64k", "none", str(root))
        if kind == "full later":
            hooks.run("SessionStart", hooks.payload("SessionStart")).harmless()
            assert hooks.records()
        fill(root)
    elif kind == "no inodes":
        root.mkdir()
        mount("-t", "tmpfs", "-o", "size=64k,nr_inodes=2", "none", str(root))
    elif kind == "sessions is a file":
        root.mkdir()
        (root / "sessions").write_text("mine")
    elif kind == "everything is a directory":
        for name in (
            "python",
            "registry.lock",
            "registry.changed",
            "watcher",
            "watcher.lock",
            "environment",
            "leftovers.json",
            "worlds",
        ):
            (root / name / "full").mkdir(parents=True)
    elif kind == "everything is a symlink":
        target.mkdir()
        root.mkdir()
        for name in (
            "sessions",
            "registry.lock",
            "registry.changed",
            "watcher",
            "watcher.lock",
            "logs",
            "trees",
            "journal.jsonl",
            "worlds",
        ):
            (root / name).symlink_to(target / name)
    else:
        raise AssertionError(kind)


def fill(folder: Path) -> None:
    """Not a byte is left on this file system."""
    with open(folder / "filler", "ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@pytest.mark.parametrize(
    "kind",
    [
        "file", "dangling symlink", "fifo", "read-only", "full", "full later", "no inodes", "sessions is a file",
        "everything is a directory", "everything is a symlink",
    ],
)  # fmt: skip
@namespaced
def test_a_hook_bears_any_state_directory(kind: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    _spoil(kind, hooks)
    before = outside(tmp_path, hooks.root)
    for event in EVENTS:
        done = hooks.run(event, hooks.payload(event)).harmless()
        assert done.seconds < 10
    assert_same(outside(tmp_path, hooks.root), before)
    if os.path.ismount(hooks.root):
        subprocess.run(["umount", "-l", str(hooks.root)], check=True)


@namespaced
def test_a_state_directory_that_its_user_linked_to_is_used(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    _spoil("symlink", hooks)
    target = hooks.root.resolve()
    for event in EVENTS:
        hooks.run(event, hooks.payload(event)).harmless()
    assert list(target.glob("sessions/*/*.json"))


@namespaced
def test_state_is_private_whatever_the_umask(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    os.umask(0)
    for event in (*EVENTS, *EVENTS):
        hooks.run(event, hooks.payload(event)).harmless()
    hooks.watcher()
    wait_until(lambda: list(hooks.root.glob("sessions/*/heartbeat")), 10, "a heartbeat")
    paths = [hooks.root, *hooks.root.rglob("*")]
    assert len(paths) > 6
    open_ones = {
        str(path): oct(path.stat().st_mode & 0o777)
        for path in paths
        if not path.name.endswith(".tmp") and path.exists() and path.stat().st_mode & 0o077
    }
    assert open_ones == {}


CONFIGS = (
    "", "not json", "[]", "7", '{"hung_grace_seconds": "soon"}', '{"hung_grace_seconds": -1, "auto_limit": 1e9}',
    '{"auto_cleanup_on_start": "yes"}', '{"unknown": 1}', '{"detached": null, "cleanup_mode": 3}', "{" * 5000,
    '{"heartbeat_interval_seconds": 99999999999999999999999}', "\x00" * 100,
)  # fmt: skip


@namespaced
def test_an_invalid_configuration_costs_nothing_but_its_values(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    config = hooks.world.config_dir / "process-janitor-config.json"
    for text in CONFIGS:
        config.write_text(text)
        for event in EVENTS:
            hooks.run(event, hooks.payload(event)).harmless()
        assert config.read_text() == text
    assert len(hooks.records()) == 1


@namespaced
def test_a_broken_configuration_is_told_at_each_start_and_logged_once_a_change(
    tmp_path: Path,
) -> None:
    hooks = Hooks(tmp_path)
    one = hooks.session
    log = hooks.root / "logs" / "hooks.log"

    def logged() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split("is used: ")[1] for line in lines if "is used: " in line]

    hooks.world.configure(cleanup_on_exit=True, unknown_key=1)
    assert hooks.start(one) == ""
    hooks.world.configure(cleanup_on_exit="no")
    for _ in range(3):
        said = json.loads(hooks.start(one))["systemMessage"]
        assert "config check" in said
        assert "\n" not in said
        hooks.below(one, "UserPromptSubmit")
        hooks.below(one, "Stop")
    assert len(logged()) == 1
    assert "cleanup_on_exit: 'no' is not allowed" in logged()[0]
    hooks.world.configure(cleanup_on_exit=False)
    assert hooks.start(one) == ""
    hooks.world.configure(cleanup_on_exit="no", detached="Reap\n")
    hooks.start(one)
    assert len(logged()) == 3, "it was in order in between"
    hooks.world.configure()
    answer = hooks.below(
        one, "SessionStart", {"source": "startup"}, PROCESS_JANITOR_AUTO_LIMIT="many"
    )
    assert "config check" in answer["said"]
    assert "PROCESS_JANITOR_AUTO_LIMIT" in logged()[-1]


@namespaced
def test_a_log_that_cannot_be_written_does_not_keep_the_user_from_being_told(
    tmp_path: Path,
) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit="no")
    (hooks.root / "config.problems" / "full").mkdir(parents=True)
    (hooks.root / "logs").write_text("not a directory")
    assert "config check" in hooks.start(hooks.session)


@pytest.mark.parametrize("name", ["python", "watcher"])
@pytest.mark.parametrize("kind", ["fifo", "endless", "directory"])
@namespaced
def test_what_the_shell_reads_is_not_waited_for(name: str, kind: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    hooks.watcher()
    path = (hooks.root if name == "python" else hooks.place) / name
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    for event in EVENTS:
        hooks.run(event, hooks.payload(event), seconds=8).harmless()
    assert len(hooks.records()) == 1


@pytest.mark.parametrize("kind", ["directory", "fifo", "symlink loop", "huge", "no permission"])
@namespaced
def test_an_unreadable_configuration_costs_nothing(kind: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    config = hooks.world.config_dir / "process-janitor-config.json"
    if kind == "directory":
        config.mkdir()
    elif kind == "fifo":
        os.mkfifo(config)
    elif kind == "symlink loop":
        config.symlink_to(config)
    elif kind == "huge":
        config.write_text(" " * (3 << 20) + "{}")
    else:
        config.write_text("{}")
        config.chmod(0)
        hooks.world.config_dir.chmod(0o500)
        hooks.root.parent.chmod(0o700)
    for event in EVENTS:
        hooks.run(event, hooks.payload(event)).harmless()
    assert len(hooks.records()) == 1


@namespaced
def test_bad_values_in_the_environment_cost_nothing(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    bad: dict[str, Any] = {
        "PROCESS_JANITOR_AUTO_LIMIT": "many",
        "PROCESS_JANITOR_AUTO_CLEANUP_ON_START": "\udcff",
        "PROCESS_JANITOR_": "x",
    }
    for event in EVENTS:
        hooks.run(event, hooks.payload(event), hooks.env(**bad)).harmless()
    assert len(hooks.records()) == 1


# Session ids

HOSTILE = (
    "../x", "a/b", "a\nb", "quo\"te'", "x" * 5000, "$(touch x)", "`touch x`", "", ".", "..", "-rf", "_x", "a b", "ä", "x" * 129,
    "%s%n", "a;touch x", "*", "\x7f", "a\\b", "../../../../tmp/x",
)  # fmt: skip


@pytest.mark.parametrize("where", ["payload", "environment", "both"])
@namespaced
def test_a_hostile_session_id_makes_no_file(where: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.run("SessionStart", hooks.payload("SessionStart")).harmless()
    before = outside(tmp_path, hooks.root)
    good = hooks.session.session_id
    for bad in HOSTILE:
        for event in ("SessionStart", "Stop", "SessionEnd"):
            stdin = hooks.payload(event, session_id=bad if where != "environment" else good)
            env = hooks.env(CLAUDE_CODE_SESSION_ID=bad if where != "payload" else good)
            hooks.run(event, stdin, env).harmless()
    assert [one.name for one in (hooks.root / "sessions").iterdir()] == [good]
    assert valid_session_id(good)
    assert_same(outside(tmp_path, hooks.root), before)


# Registration


@pytest.mark.case("A8", "a hook whose parent is a shell: the client is registered", "keep")
@pytest.mark.parametrize("wrap", [0, 1, 3])
@namespaced
def test_the_registered_process_is_the_client_not_the_hook_nor_a_shell(
    wrap: int, tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    (command,) = commands("SessionStart")
    for _ in range(wrap):
        command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", *command]
    for told in (
        str(hooks.session.pid),
        "",
        "1",
        "-1",
        "0",
        "garbage",
        "99999999999",
        str(os.getpid()),
    ):
        env = {**hooks.env(), "CLAUDE_PID": told}
        payload = {"session_id": hooks.session.session_id, "source": "startup"}
        answer = hooks.session._order("hook", argv=command, env=env, payload=payload)
        assert (answer["code"], answer["said"]) == (0, "")
        (record,) = hooks.records()
        assert (record["pid"], record["start_ticks"]) == hooks.session.identity.key
        assert record["boot_id"] == identity.boot_id()
        assert record["pid_namespace"] == identity.pid_namespace()
        assert record["recognised"] is True


@pytest.mark.case(
    "B5", "a client with the numbers of one that an earlier life of the machine had", "keep"
)
@pytest.mark.parametrize("known", ["crashed", "ended", "open, of an earlier boot"])
@namespaced
def test_a_record_of_a_process_that_is_gone_is_not_this_ones(known: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    registry = Registry(str(hooks.root))
    registry.prepare()
    mine = hooks.session.identity
    before = mine._replace(boot_id="earlier") if "boot" in known else mine
    record = new_record("the-last-time", before, host=identity.host_name(), recognised=True)
    if before == mine:
        # A machine that is resumed from a memory snapshot lives its boot again; this directory remembers the last time.
        record["closed"] = {"at": clock.utc(), "state": known}
    if known == "ended":
        monotonic = max(0.0, clock.monotonic() - 500)
        record["ended"] = {"reason": "other", "boot_id": mine.boot_id, "monotonic": monotonic}
    registry.write(record)
    # Before any hook has run, too: a goodbye of then is not said by who has its numbers now.
    assert hooks.world.cli("auto").code == 0
    assert hooks.session.alive
    assert hooks.start(hooks.session) == ""
    own = registry.of_session(hooks.session.session_id)
    assert [one.owner for one in own] == [mine]
    assert not {"closed", "ended"} & set(own[0].record)
    assert len(registry.of_session("the-last-time")) == ("boot" in known)
    left, neighbour = hooks.session.mcp(), hooks.world.session()
    spared = neighbour.mcp()
    hooks.watcher()
    assert hooks.world.cli("auto").code == 0
    assert hooks.session.alive
    hooks.session.kill()
    left.gone(20)
    assert spared.alive


@pytest.mark.parametrize("source", ["resume", "startup"])
@namespaced
def test_a_closed_record_under_the_same_id_is_taken_back_to_life(
    source: str, tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    registry = Registry(str(hooks.root))
    record = hooks.record(hooks.session)
    registry.write({**record, "closed": {"at": clock.utc(), "state": "crashed"}})
    hooks.start(hooks.session, source=source)
    assert hooks.record(hooks.session) == record


@namespaced
def test_claude_pid_alone_registers_what_it_names_as_not_recognised(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    ready = tmp_path / "ready"
    with subprocess.Popen(pretend.child_command(str(ready)), env=hooks.base) as other:
        wait_until(ready.exists)
        hooks.run(
            "SessionStart", hooks.payload("SessionStart"), hooks.env(CLAUDE_PID=str(other.pid))
        ).harmless()
        (record,) = hooks.records()
        assert (record["pid"], record["recognised"]) == (other.pid, False)
        other.kill()


@pytest.mark.case("A8", "a hook without a client above it", "keep")
@pytest.mark.parametrize(
    "told", ["0", "1", "-1", "2147483647", "4194305", "x", "", "1e3", " 12", "٣"]
)
@namespaced
def test_without_a_client_above_nothing_is_registered_on_a_guess(told: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    for event in EVENTS:
        hooks.run(event, hooks.payload(event), hooks.env(CLAUDE_PID=told)).harmless()
    assert hooks.records() == []


@namespaced
def test_a_client_that_is_dead_already_is_not_registered(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    gone = hooks.world.session(registered=False)
    gone.kill()
    hooks.run("SessionStart", hooks.payload("SessionStart"), hooks.env(gone)).harmless()
    assert hooks.records() == []


@namespaced
def test_a_claude_inside_a_claude_registers_itself(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    inner = hooks.world.session(registered=False, below=hooks.session)
    # An old client leaves the outer one's variables as they are.
    told = {
        "CLAUDE_PID": str(hooks.session.pid),
        "CLAUDE_CODE_SESSION_ID": hooks.session.session_id,
    }
    assert hooks.below(inner, "SessionStart", {"source": "startup"}, **told)["code"] == 0
    assert hooks.record(inner)["session_id"] == inner.session_id
    assert hooks.record(hooks.session)["session_id"] == hooks.session.session_id
    assert len(hooks.records()) == 2


@pytest.mark.parametrize("source", ["clear", "resume"])
@namespaced
def test_a_new_conversation_keeps_the_process_and_remembers_the_old_id(
    source: str, tmp_path: Path
) -> None:
    hooks = Hooks(tmp_path)
    one = hooks.session
    old = one.session_id
    hooks.start(one)
    hooks.below(one, "SessionEnd", {"reason": source})
    assert "ended" not in hooks.record(one)
    one.session_id = f"{old}-next"
    hooks.start(one, source=source)
    (record,) = hooks.records()
    assert (record["pid"], record["session_id"], record["aliases"]) == (
        one.pid,
        one.session_id,
        [old],
    )
    assert [each.name for each in (hooks.root / "sessions").iterdir()] == [one.session_id]
    # And back again: the id in force is no alias of itself.
    one.session_id = old
    hooks.start(one, source="resume")
    (record,) = hooks.records()
    assert (record["session_id"], record["aliases"]) == (old, [f"{old}-next"])


@namespaced
def test_a_resumed_id_that_has_a_record_of_a_dead_process_keeps_that_record(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    dead = hooks.world.session()
    dead.kill()
    one = hooks.session
    hooks.start(one)
    one.session_id = dead.session_id
    assert hooks.start(one, source="resume") == ""
    assert sorted(record["pid"] for record in hooks.records()) == sorted((dead.pid, one.pid))
    assert {record["session_id"] for record in hooks.records()} == {dead.session_id}


@namespaced
def test_compacting_changes_nothing(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    before = hooks.record(hooks.session)
    assert hooks.start(hooks.session, source="compact") == ""
    assert hooks.records() == [before]


@pytest.mark.parametrize("form", ["transcript", "id"])
@namespaced
def test_a_fork_is_linked_to_where_it_came_from(form: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    one = hooks.session
    old = "11111111-2222-3333-4444-555555555555"
    named = f"/home/u/.claude/projects/-p/{old}.jsonl" if form == "transcript" else old
    worker = {
        "sessionId": one.session_id,
        "pid": one.pid,
        "procStart": str(one.identity.start),
        "dispatch": {"launch": {"sessionId": named}},
    }
    daemon = hooks.world.config_dir / "daemon"
    daemon.mkdir()
    (daemon / "roster.json").write_text(json.dumps({"workers": {"w": worker}}))
    hooks.start(one, source="fork")
    assert hooks.record(one)["forked_from"] == old
    other = hooks.world.session(registered=False)
    hooks.start(other, source="startup")
    assert hooks.record(other)["forked_from"] == ""


def _no_input(event: str) -> list[str]:
    (command,) = commands(event)
    return ["/bin/sh", "-c", '"$@" </dev/null', "sh", *command]


@namespaced
def test_a_goodbye_without_input_is_a_final_one(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    one, neighbour = hooks.session, hooks.world.session(registered=False)
    hooks.start(one)
    hooks.start(neighbour)
    answer = one._order("hook", argv=_no_input("SessionEnd"), env=hooks.env(one), payload={})
    assert answer["code"] == 0
    ended = hooks.record(one)["ended"]
    assert ended["boot_id"] == identity.boot_id()
    assert 0 <= time.monotonic() - ended["monotonic"] < 20
    assert "ended" not in hooks.record(neighbour)


@pytest.mark.parametrize(
    "reason",
    [
        "logout",
        "prompt_input_exit",
        "other",
        "bypass_permissions_disabled",
        "",
        None,
        7,
        "x" * 9000,
    ],
)
@namespaced
def test_any_other_reason_ends_the_session(reason: object, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    hooks.below(hooks.session, "SessionEnd", {"reason": reason})
    said = hooks.record(hooks.session)["ended"]["reason"]
    assert said == (reason[:64] if isinstance(reason, str) and reason else "other")


@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop", "SessionStart"])
@namespaced
def test_a_turn_after_a_goodbye_takes_it_back(event: str, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    hooks.watcher()
    hooks.below(hooks.session, "SessionEnd", {"reason": "other"})
    assert "ended" in hooks.record(hooks.session)
    hooks.below(hooks.session, event)
    assert "ended" not in hooks.record(hooks.session)
    assert list(hooks.root.glob("sessions/*/activity"))


@namespaced
def test_a_goodbye_that_comes_when_its_client_is_gone_still_counts(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit=False)
    one = hooks.session
    rival = hooks.world.session(one.session_id, registered=False)
    hooks.start(one)
    hooks.start(rival)
    hooks.watcher()
    one.kill()
    hooks.run("SessionEnd", hooks.payload("SessionEnd")).harmless()
    assert hooks.record(one)["ended"]["reason"] == "other"
    assert "ended" not in hooks.record(rival), "who lives under the same id has not said goodbye"


@namespaced
def test_a_turn_repairs_a_lost_registration(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    hooks.watcher()
    for event in ("UserPromptSubmit", "Stop"):
        shutil.rmtree(hooks.root / "sessions" / hooks.session.session_id)
        hooks.below(hooks.session, event)
        assert hooks.record(hooks.session)["pid"] == hooks.session.pid


@namespaced
def test_an_ordinary_turn_stamps_the_activity_and_nothing_else(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.start(hooks.session)
    hooks.watcher()
    hooks.below(hooks.session, "UserPromptSubmit")
    record = hooks.record(hooks.session)
    activity = hooks.root / "sessions" / hooks.session.session_id / "activity"
    os.utime(activity, (1, 1))
    changed = (hooks.root / "registry.changed").stat().st_mtime_ns
    hooks.below(hooks.session, "Stop")
    assert activity.stat().st_mtime > 1
    assert hooks.record(hooks.session) == record
    assert (hooks.root / "registry.changed").stat().st_mtime_ns == changed


@namespaced
def test_a_second_living_process_on_one_id_is_a_second_record_and_is_told(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    one = hooks.session
    rival = hooks.world.session(one.session_id, registered=False)
    assert hooks.start(one) == ""
    said = json.loads(hooks.start(rival))["systemMessage"]
    assert str(one.pid) in said
    assert "\n" not in said
    assert sorted(record["pid"] for record in hooks.records()) == sorted((one.pid, rival.pid))
    assert {record["session_id"] for record in hooks.records()} == {one.session_id}
    # Once the rival is gone there is nothing to tell.
    rival.kill()
    assert "also open" not in hooks.start(one)


# Leftovers at the start of a session


@pytest.mark.parametrize("watched", [False, True])
@namespaced
def test_leftovers_are_told_in_one_line_and_left_alone(watched: bool, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit=False)
    dead = hooks.world.session(registered=False)
    if watched:
        hooks.start(hooks.session)
        hooks.start(dead)
    else:
        hooks.world.register(hooks.session)
        hooks.world.register(dead)
    left = dead.mcp()
    spared = hooks.session.mcp()
    dead.kill()
    if watched:
        note = hooks.place / "leftovers.json"
        wait_until(
            lambda: note.exists() and str(left.pid) in note.read_text(), 20, "the watcher's note"
        )
    said = json.loads(hooks.start(hooks.world.session(registered=False)))
    assert list(said) == ["systemMessage"]
    assert "1 process of dead sessions" in said["systemMessage"]
    assert "\n" not in said["systemMessage"]
    assert left.alive
    assert spared.alive


@namespaced
def test_among_thousands_of_old_records_the_watcher_looks_and_the_next_session_is_told(
    tmp_path: Path,
) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit=False)
    dead, neighbour = hooks.world.session(), hooks.world.session()
    left, spared = dead.mcp(), neighbour.mcp()
    dead.kill()
    closed = {"closed": {"at": "2026-01-01T00:00:00Z", "state": "crashed"}}
    old = dead.identity._replace(boot_id="an-earlier-boot")
    for number in range(5000):
        folder = hooks.root / "sessions" / f"old-{number}"
        folder.mkdir()
        record = {**new_record(folder.name, old), **closed}
        (folder / f"{old.pid}-{old.start}.json").write_text(json.dumps(record))
    assert hooks.start(hooks.session) == ""
    note = hooks.place / "leftovers.json"
    wait_until(
        lambda: note.exists() and str(left.pid) in note.read_text(), 30, "the watcher's note"
    )
    assert len(os.listdir(hooks.root / "sessions")) < 1000
    assert "1 process of dead sessions" in hooks.start(hooks.world.session(registered=False))
    assert left.alive
    assert spared.alive


@pytest.mark.parametrize("closed", [False, True])
@namespaced
def test_what_the_watcher_is_about_to_end_is_not_told(closed: bool, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    dead, neighbour = hooks.world.session(), hooks.world.session()
    left, spared = dead.mcp(), neighbour.mcp()
    dead.kill()
    if closed:
        record = hooks.record(dead)
        Registry(str(hooks.root)).write({**record, "closed": {"at": "", "state": "crashed"}})
    said = hooks.start(hooks.session)
    if closed:
        assert "1 process of dead sessions" in said
        assert left.alive
    else:
        assert said == ""
        left.gone()
    assert spared.alive


@namespaced
def test_nothing_left_over_is_nothing_to_say(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    server = hooks.session.mcp()
    shell, task = hooks.session.bash()
    assert hooks.start(hooks.session) == ""
    assert hooks.start(hooks.world.session(registered=False)) == ""
    assert server.alive
    assert shell.alive
    assert task.alive


@pytest.mark.parametrize("wanted", [True, False])
@namespaced
def test_auto_cleanup_on_start_cleans_and_only_when_wanted(wanted: bool, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit=False, auto_cleanup_on_start=wanted)
    dead = hooks.world.session()
    left, detached = dead.mcp(), dead.detached("nohup")
    neighbour = hooks.world.session()
    spared = neighbour.mcp()
    dead.kill()
    said = hooks.start(hooks.session)
    if wanted:
        assert said == ""
        left.gone(20)
    else:
        assert "systemMessage" in said
        assert left.alive
    assert detached.alive
    assert spared.alive
    assert neighbour.alive


@pytest.mark.parametrize("wanted", [True, False])
@namespaced
def test_auto_cleanup_on_start_as_an_option_of_the_plugin(wanted: bool, tmp_path: Path) -> None:
    """As the client does it: the answer stands in its settings, and its variable is handed to the hook."""
    hooks = Hooks(tmp_path)
    world = hooks.world
    options = {"process-janitor@here": {"options": {"auto_cleanup_on_start": wanted}}}
    (world.config_dir / "settings.json").write_text(json.dumps({"pluginConfigs": options}))
    dead = world.session()
    left = dead.mcp()
    dead.kill()
    variable = {"CLAUDE_PLUGIN_OPTION_AUTO_CLEANUP_ON_START": str(wanted).lower()}
    # Nothing else ends it: a watcher would.
    variable["PROCESS_JANITOR_CLEANUP_ON_EXIT"] = "false"
    answer = hooks.below(hooks.session, "SessionStart", {"source": "startup"}, **variable)
    assert answer["code"] == 0
    if wanted:
        assert answer["said"] == ""
        left.gone(20)
    else:
        assert "systemMessage" in answer["said"]
        assert left.alive


# Many at once


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
@namespaced
def test_sessions_that_start_at_the_same_time_lose_no_record(count: int, tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    # A hundred sessions are told that they are too many; here nothing is to be said.
    hooks.world.configure(max_sessions_warning=1000)
    ready = tmp_path / "ready"
    ready.mkdir()
    # Named by CLAUDE_PID, so that a client is one small process.
    clients = [
        subprocess.Popen(["sleep", "300"], env=hooks.base, stdin=subprocess.DEVNULL)
        for _ in range(count)
    ]
    running = []
    for number, client in enumerate(clients):
        marks = pretend.hook_marks(f"session-{number}", client.pid, str(ROOT))
        (command,) = commands("SessionStart")
        running.append(
            subprocess.Popen(
                command,
                env={**hooks.base, **marks},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    for hook in running:
        assert hook.communicate(timeout=50) == (b"", b"")
        assert hook.returncode == 0
    assert sorted(record["pid"] for record in hooks.records()) == sorted(
        client.pid for client in clients
    )
    hooks.watcher()
    # The watcher writes about all of them by now: what counts is that no temporary file stays.
    wait_until(lambda: not list(hooks.root.rglob("*.tmp")), 10, "no temporary file is left")
    log = hooks.root / "logs" / "hooks.log"
    assert not log.exists(), log.read_text()


@namespaced
def test_one_process_whose_hooks_run_at_the_same_time_has_one_record(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    running = []
    for number in range(20):
        (command,) = commands("SessionStart")
        said = tmp_path / f"said-{number}"
        said.write_text(json.dumps({"session_id": f"conversation-{number}", "source": "clear"}))
        with said.open("rb") as stdin:
            running.append(
                subprocess.Popen(
                    command,
                    env=hooks.env(),
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
    for hook in running:
        hook.communicate(timeout=50)
    (record,) = hooks.records()
    ids = {record["session_id"], *record["aliases"]}
    assert ids == {f"conversation-{number}" for number in range(20)}


# What a hook leaves running


@namespaced
def test_the_watcher_of_a_hook_has_nothing_of_the_session(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    reading, writing = os.pipe()
    high = 300
    os.dup2(writing, high)
    env = hooks.env(ANTHROPIC_API_KEY="secret", PROCESS_JANITOR_KEEP="1", MY_TOKEN="secret")
    (command,) = commands("SessionStart")
    subprocess.run(
        command, env=env, input=hooks.payload("SessionStart"), capture_output=True, pass_fds=(writing, high),
        start_new_session=True, check=True, timeout=25,
    )  # fmt: skip
    watcher = hooks.watcher()
    row = procfs.process(watcher.pid)
    assert row is not None
    assert row.ppid == 1
    assert row.sid == row.pgid
    assert row.tty == 0
    assert row.sid != os.getsid(0)
    words = (procfs.read(f"/proc/{watcher.pid}/environ", 1 << 20) or b"").decode().split("\0")
    names = {word.partition("=")[0] for word in words if word}
    assert not {
        name
        for name in names
        if name.startswith("CLAUDE") or name in ("ANTHROPIC_API_KEY", "MY_TOKEN")
    }
    assert "PROCESS_JANITOR_KEEP" not in names
    assert marks_of(watcher.pid) == marks_of(1)
    assert procfs.link(watcher.pid, "cwd") == "/"
    assert [procfs.link(watcher.pid, f"fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3
    os.close(writing)
    os.close(high)
    held = [
        fd
        for fd in os.listdir(f"/proc/{watcher.pid}/fd")
        if procfs.link(watcher.pid, f"fd/{fd}") == os.readlink(f"/proc/self/fd/{reading}")
    ]
    assert held == [], "holds a descriptor of the client"


# More sessions than the machine carries


def _machine(folder: Path, load: float) -> None:
    """In this namespace the machine has this load for each core, enough memory, and whatever waits for a core."""
    total = load * (os.cpu_count() or 1)
    stalls = "some avg10=90.00 avg60=90.00 avg300=90.00 total=1\n" if load > 1 else ""
    given = {
        "loadavg": f"{total:.2f} {total:.2f} {total:.2f} 1/100 {os.getpid()}\n",
        "meminfo": "MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "pressure/cpu": stalls,
        "pressure/memory": "",
        "pressure/io": "",
    }
    for name, text in given.items():
        fixture = folder / f"proc-{name.replace('/', '-')}"
        fixture.write_text(text)
        if os.path.exists(f"/proc/{name}"):
            mount("--bind", str(fixture), f"/proc/{name}")


def _noted(hooks: Hooks, *sessions: Pretend) -> None:
    """The watcher has written down that these sessions live."""
    note = hooks.place / "leftovers.json"
    wanted = {one.pid for one in sessions}

    def there() -> bool:
        noted = json.loads(note.read_text()) if note.exists() else {"sessions": []}
        return wanted <= {pid for pid, _ in noted["sessions"]}

    wait_until(there, 20, "the watcher's note of the sessions")


@namespaced
def test_too_many_sessions_are_told_at_most_once_an_hour(tmp_path: Path) -> None:
    _machine(tmp_path, 0.1)
    hooks = Hooks(tmp_path)
    three = [hooks.session, *(hooks.world.session(registered=False) for _ in range(2))]
    assert [hooks.start(one) for one in three] == ["", "", ""]
    _noted(hooks, *three)
    fourth = hooks.world.session(registered=False)
    said = hooks.start(fourth)
    assert said.count("\n") == 1
    told = json.loads(said)
    assert list(told) == ["systemMessage"]
    assert "4 sessions run here, more than 3; /cleanup scan" in told["systemMessage"]
    assert hooks.start(hooks.world.session(registered=False)) == ""
    _noted(hooks, *three, fourth)
    stamp = hooks.root / "overload.warned"
    assert stamp.stat().st_mode & 0o777 == 0o600
    boot, at = stamp.read_text().split()
    # An hour later, after a boot, and from a damaged stamp it is told again.
    for text in (
        f"{boot} {float(at) - 3601}",
        f"another-boot {at}",
        "\x00",
        f"{boot} {float(at) + 9e9}",
    ):
        stamp.write_text(text)
        assert "more than 3" in hooks.start(three[0]), text
        assert hooks.start(three[0]) == ""


@namespaced
def test_sessions_that_are_gone_do_not_count_and_a_higher_limit_is_kept_to(tmp_path: Path) -> None:
    _machine(tmp_path, 0.1)
    hooks = Hooks(tmp_path)
    three = [hooks.session, *(hooks.world.session(registered=False) for _ in range(2))]
    for one in three:
        hooks.start(one)
    _noted(hooks, *three)
    note = (hooks.place / "leftovers.json").read_text()
    three[2].kill()
    (hooks.place / "leftovers.json").write_text(note)
    fourth = hooks.world.session(registered=False)
    assert hooks.start(fourth) == ""
    _noted(hooks, *three[:2], fourth)
    hooks.world.configure(max_sessions_warning=4)
    assert hooks.start(hooks.world.session(registered=False)) == ""
    hooks.world.configure(max_sessions_warning=1)
    assert "more than 1" in hooks.start(hooks.session)


@pytest.mark.parametrize(("load", "others"), [(4.2, 1), (4.2, 0), (1.5, 1)])
@namespaced
def test_a_busy_machine_is_told_where_sessions_share_it(
    load: float, others: int, tmp_path: Path
) -> None:
    _machine(tmp_path, load)
    hooks = Hooks(tmp_path)
    running = [hooks.world.session(registered=False) for _ in range(others)]
    for one in (hooks.session, *running):
        hooks.start(one)
    _noted(hooks, hooks.session, *running)
    said = hooks.start(hooks.session)
    if load > 2 and others:
        assert "2 sessions run here: load 4.2 per core; /cleanup scan" in said
    else:
        assert said == ""


@namespaced
def test_an_overload_and_leftovers_are_one_line(tmp_path: Path) -> None:
    _machine(tmp_path, 4.2)
    hooks = Hooks(tmp_path)
    hooks.world.configure(cleanup_on_exit=False)
    dead = hooks.world.session(registered=False)
    for one in (hooks.session, dead):
        hooks.start(one)
    left = dead.mcp()
    dead.kill()
    note = hooks.place / "leftovers.json"

    def noted() -> bool:
        found = json.loads(note.read_text())["found"] if note.exists() else []
        return left.pid in [pid for pid, _ in found]

    wait_until(noted, 20, "the watcher's note")
    said = hooks.start(hooks.world.session(registered=False))
    assert said.count("\n") == 1
    told = json.loads(said)["systemMessage"]
    assert "of dead sessions" in told
    assert "2 sessions run here" in told
    assert left.alive
