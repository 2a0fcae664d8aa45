"""Each veto keeps what it is about, and only that: beside every kept process stands a twin that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from process_janitor.core.cgroups import service_unit
from process_janitor.core.model import Marks
from process_janitor.core.policy import KeepRule, Policy
from process_janitor.core.vetoes import VETOES
from tests.machine import BOOT, NAMESPACE, UID, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
case = pytest.mark.case
REAP = Policy(detached="reap")


def leftover(m: Machine, **fields: Any) -> int:
    """A server whose session is killed, with something special about it."""
    claude = m.claude(A)
    server = m.mcp(claude, A)
    for name, value in fields.items():
        if name in ("argv", "comm", "state", "uid", "tty", "marks"):
            setattr(m.rows[server], name, value)
        else:
            m.rows[server].detail[name] = value
    m.exit(claude)
    return server


def test_without_anything_special_the_twin_of_every_test_here_goes() -> None:
    m = Machine()
    assert m.verdict(leftover(m)) == ("reap", "leftover")


SPECIAL: dict[str, dict[str, Any]] = {
    "other-user": {"uid": UID + 1},
    "other-pid-namespace": {"pid_namespace": NAMESPACE + 1},
    "unreadable": {"unreadable": ("cmdline",)},
    "managed-unit": {
        "cgroup": "/user.slice/user-1000.slice/user@1000.service/app.slice/my.service"
    },
    "build-daemon": {"comm": "watchman"},
    "serving-clients": {"serving": "yes"},
    "stdin-live-peer": {"stdin_peer": "yes"},
    "kept-by-mark": {"marks": Marks(session_id=A, keep=True)},
    "stopped": {"state": "T", "tty": 34816},
    "multiplexer": {"comm": "tmux: server"},
    "claude-session": {"comm": "node", "argv": ("node", "/x/@anthropic-ai/claude-code/cli.js")},
}


@pytest.mark.case("G7", "root asks: another user's sessions", "keep")
@pytest.mark.case("U81", "a process that may not be read or signalled", "keep")
@case("B9", "another user's process with our marks", "keep")
@case("F3", "an MCP server whose stdin somebody still holds", "keep")
@case("U76", "a unit of a service manager", "keep")
@case("C3", "a server with connected clients", "keep")
@case("D2", "stopped on a living terminal or by a debugger", "keep")
@case("K2", "PROCESS_JANITOR_KEEP=1", "keep")
@pytest.mark.parametrize("code", SPECIAL)
def test_a_veto_keeps_a_leftover_that_would_go_otherwise(code: str) -> None:
    m = Machine()
    if code == "stopped":
        m.rows[m.shell].tty = 34816
    server = leftover(m, **SPECIAL[code])
    decision = m.decide().get(server)
    assert decision is None or decision.verdict == "keep"
    if decision is not None:
        assert code in decision.vetoes
    if code == "other-user":
        assert decision is None, "its environment is not even asked for"


@case("G2", "the caller, and everything above it", "keep")
def test_the_janitor_and_what_it_was_started_from_are_kept() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    m.rows[m.janitor].ppid = shell
    m.rows[m.janitor].marks = m.rows[shell].marks
    twin = m.bash(claude, A)
    m.exit(claude)
    m.rows[m.janitor].start = m.now
    assert "self" in m.decide()[m.janitor].vetoes
    assert "ancestor-of-self" in m.decide()[shell].vetoes
    assert m.verdict(twin) == ("reap", "leftover")


@case("B7", "pid 1 with a session's marks (a container's first process)", "keep")
def test_the_first_process_is_never_a_leftover() -> None:
    m = Machine()
    claude = m.claude(A)
    m.rows[1].marks = Marks(session_id=A, claude_pid=claude)
    m.rows[1].uid = UID
    m.exit(claude)
    decision = m.decide().get(1)
    assert decision is None or decision.verdict == "keep"


@case("A5", "a tmux server first started in a Bash call, and its panes", "keep")
@pytest.mark.parametrize("comm", ["tmux: server", "screen", "SCREEN", "zellij", "dtach"])
def test_a_multiplexer_and_its_panes_are_kept_whatever_marks_they_inherited(comm: str) -> None:
    m = Machine()
    claude = m.claude(A)
    server = m.detached(claude, A, setsid=True, comm=comm)
    pane = m.spawn(server, comm="bash", setsid=True, tty=34820)
    editor = m.spawn(pane, comm="vim")
    twin = m.detached(claude, A, setsid=True)
    m.exit(claude)
    for pid in (server, pane, editor):
        assert m.verdict(pid, REAP)[0] == "keep"
    assert m.verdict(twin, REAP) == ("reap", "detached")


@case(
    "U56",
    "build daemons: gradle, nx, turbo, esbuild, watchman, bazel, ssh, gpg-agent, adb, what runs containers",
    "keep",
)
@pytest.mark.parametrize(
    ("comm", "argv"),
    [
        ("java", ("java", "-Xmx1g", "org.gradle.launcher.daemon.bootstrap.GradleDaemon", "8.5")),
        ("java", ("java", "org.jetbrains.kotlin.daemon.KotlinCompileDaemon")),
        ("node", ("node", "/p/node_modules/nx/src/daemon/server/start.js")),
        ("turbo", ("turbo", "daemon")),
        (
            "esbuild",
            ("/p/node_modules/@esbuild/linux-x64/bin/esbuild", "--service=0.21.5", "--ping"),
        ),
        ("watchman", ("watchman",)),
        ("java", ("bazel(project)", "-XX:+HeapDumpOnOutOfMemoryError")),
        ("ssh", ("ssh: /home/u/.ssh/cm-x [mux]",)),
        ("ssh", ("ssh", "-o", "ControlMaster=auto", "host")),
        ("gpg-agent", ("gpg-agent", "--daemon")),
        ("adb", ("adb", "-L", "tcp:5037", "fork-server", "server")),
        ("dockerd", ("/usr/bin/dockerd",)),
        ("containerd-shim", ("/usr/bin/containerd-shim-runc-v2", "-id", "x")),
        ("conmon", ("/usr/bin/conmon", "--api-version", "1")),
        ("podman", ("podman", "pause")),
        ("podman", ("/usr/bin/podman", "system", "service")),
    ],
)
def test_a_build_daemon_is_kept_with_its_workers(comm: str, argv: tuple[str, ...]) -> None:
    m = Machine()
    claude = m.claude(A)
    daemon = m.detached(claude, A, setsid=True, comm=comm)
    m.rows[daemon].argv = argv
    worker = m.spawn(daemon, comm="java")
    twin = m.detached(claude, A, setsid=True, comm="java")
    m.exit(claude)
    assert "build-daemon" in m.decide(REAP)[daemon].vetoes
    assert m.verdict(worker, REAP)[0] == "keep"
    assert m.verdict(twin, REAP) == ("reap", "detached")


@case("K1", "the user's keep rules, by process and by command", "keep")
def test_a_keep_rule_protects_a_process_and_what_it_starts() -> None:
    m = Machine()
    claude = m.claude(A)
    kept, twin = m.mcp(claude, A), m.mcp(claude, A)
    below = m.spawn(kept, comm="node")
    m.rows[kept].argv = ("node", "/srv/precious.js")
    m.exit(claude)
    start = m.rows[kept].start
    rules: list[tuple[KeepRule, bool]] = [
        (KeepRule(kept, start, BOOT), True),
        (KeepRule(kept, start + 1, BOOT), False),
        (KeepRule(kept, start, "boot-before"), False),
        (KeepRule(command=r"precious\.js$"), True),
        (KeepRule(command="no such thing"), False),
    ]
    for rule, protects in rules:
        policy = Policy(keep_rules=(rule,))
        assert (m.verdict(kept, policy)[0] == "keep") is protects
        assert (m.verdict(below, policy)[0] == "keep") is protects
        assert m.verdict(twin, policy) == ("reap", "leftover")


@case("W1", "the janitor's own watcher", "keep")
def test_the_watcher_is_never_a_leftover_also_with_marks() -> None:
    m = Machine()
    claude = m.claude(A)
    watcher, twin = m.mcp(claude, A, comm="python3"), m.mcp(claude, A, comm="python3")
    m.exit(claude)
    policy = Policy(own=frozenset({(watcher, m.rows[watcher].start)}))
    assert m.verdict(watcher, policy)[0] == "keep"
    assert m.verdict(twin, policy) == ("reap", "leftover")


@case("A11", "sessions of another CLAUDE_CONFIG_DIR", "keep")
def test_an_unregistered_session_of_another_configuration_is_not_ours() -> None:
    m = Machine()
    claude = m.claude(A, source="")
    shell, twin = m.bash(claude, A), m.bash(claude, A)
    marks = m.rows[shell].marks
    assert marks is not None
    m.rows[shell].marks = marks._replace(config_dir="/home/u/other")
    m.exit(claude)
    m.tick(60)
    policy = Policy(config_dir="/home/u/.claude")
    assert "other-config-dir" in m.decide(policy)[shell].vetoes
    assert m.verdict(twin, policy) == ("reap", "leftover")


@case("U76b", "a session that itself runs in a unit (cron, a desktop's terminal service)", "reap")
def test_the_unit_a_session_ran_in_does_not_protect_its_leftovers() -> None:
    unit = "/system.slice/cron.service"
    m = Machine()
    server = leftover(m, cgroup=unit)
    assert "managed-unit" in m.decide()[server].vetoes
    m.sessions = {key: one._replace(cgroup=unit) for key, one in m.sessions.items()}
    assert m.verdict(server) == ("reap", "leftover")


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/dev.service", "dev.service"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", ""),
        ("/user.slice/user-1000.slice/session-3.scope", ""),
        ("/user.slice/user-1000.slice/user@1000.service", ""),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope", ""),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.kde.konsole-7.scope", ""),
        ("/system.slice/nginx.service/workers/1", "nginx.service"),
        # Containers: docker, podman, cri-o, containerd, with systemd's and with plain paths.
        ("/docker/9f2c", ""),
        ("/system.slice/docker-9f2c.scope", ""),
        ("/system.slice/docker-9f2c.scope/system.slice/nginx.service", "nginx.service"),
        ("/machine.slice/libpod-9f2c.scope/container", ""),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-9f2c.scope/container",
            "",
        ),
        ("/system.slice/my-pod.service/libpod-payload-9f2c", ""),
        ("/system.slice/my-pod.service/runtime", "my-pod.service"),
        ("/kubepods.slice/kubepods-pod1.slice/crio-9f2c.scope", ""),
        ("/kubepods/besteffort/pod1/9f2c", ""),
        ("/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:9f2c", ""),
        ("/system.slice/containerd.service", "containerd.service"),
        # Slurm's jobs, on cgroup v2 and v1.
        ("/system.slice/slurmstepd.scope/job_7/step_0/user/task_0", ""),
        ("/slurm/uid_1000/job_7/step_batch/task_0", ""),
        ("/system.slice/slurmd.service", "slurmd.service"),
        ("/", ""),
        ("", ""),
    ],
)
def test_only_a_service_of_its_own_is_a_managed_unit(cgroup: str, unit: str) -> None:
    assert service_unit(cgroup) == unit


def test_every_veto_has_words_and_a_code_of_its_own() -> None:
    assert len({veto.code for veto in VETOES}) == len(VETOES)
    assert all(veto.words and not veto.words.endswith(".") for veto in VETOES)


@pytest.mark.parametrize("break_it", ["details", "marks"])
def test_what_could_not_be_read_is_kept(break_it: str) -> None:
    m = Machine()
    server = leftover(m)
    hide: Callable[[], dict[str, Any]] = lambda: {break_it: {}}  # noqa: E731  # read after the deed
    m.look()
    decision = m.decide(**hide()).get(server)
    assert decision is None or decision.verdict == "keep"


def test_a_snapshot_without_the_caller_decides_nothing() -> None:
    m = Machine()
    leftover(m)
    assert m.decide(self_pid=99_999) == {}


@case("M35", "what runs below a process whose environment cannot be read", "keep")
def test_below_something_unreadable_nothing_is_known() -> None:
    """It may carry a mark that keeps it, or another session's; what it started goes by both."""
    m = Machine()
    claude = m.claude(A)
    server, twin = m.mcp(claude, A), m.mcp(claude, A)
    worker, twins = m.spawn(server, comm="node"), m.spawn(twin, comm="node")
    m.look()
    m.exit(claude)
    m.rows[server].marks = None
    assert "unreadable" in m.decide()[worker].vetoes
    assert m.verdict(server)[0] == m.verdict(worker)[0] == "keep"
    assert m.verdict(twin) == m.verdict(twins) == ("reap", "leftover")


@case(
    "M54",
    "a call whose line says PROCESS_JANITOR_KEEP=1, of what overwrites its environment",
    "keep",
)
@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("PROCESS_JANITOR_KEEP=1 nginx -g daemon_off", True),
        ("export PROCESS_JANITOR_KEEP=1; gunicorn app", True),
        ("env PROCESS_JANITOR_KEEP=yes postgres -D data", True),
        ("PROCESS_JANITOR_KEEP=0 nginx", False),
        ("PROCESS_JANITOR_KEEP= nginx", False),
        ("nginx -g daemon_off", False),
    ],
)
def test_a_mark_that_was_overwritten_still_stands_in_the_calls_line(line: str, kept: bool) -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    source, _, _ = m.rows[shell].argv[2].partition("eval")
    m.rows[shell].argv = (
        "/bin/bash",
        "-c",
        f"{source}eval '{line}' && pwd -P >| /tmp/claude-1-cwd",
    )
    titled = m.spawn(shell, comm="nginx", marks=Marks(blank=True))
    m.look()
    m.exit(claude)
    assert m.verdict(titled)[0] == m.verdict(shell)[0] == ("keep" if kept else "reap")


@case("M55", "a client of tmux in a running call (tmux wait-for)", "reap")
def test_a_client_of_tmux_holds_nobodys_windows() -> None:
    m = Machine()
    claude = m.claude(A)
    shell = m.bash(claude, A)
    waits = m.spawn(shell, comm="tmux: client", argv=("tmux", "wait-for", "done"))
    holds = m.spawn(shell, comm="tmux: server", argv=("tmux", "new", "-d"), setsid=True)
    m.exit(claude)
    assert m.verdict(waits) == ("reap", "leftover")
    assert m.verdict(holds)[0] == "keep"
