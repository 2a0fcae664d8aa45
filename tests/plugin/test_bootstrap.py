"""First use: the launcher and the build of its environment, on copies of the tree with a stub of the command line.

The builds are real and use the index that the user's pip or uv is set up for. There are three.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from environment import build, places

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 100
# Tells which package and libraries answer; `wait` imports a library only after its standard input has closed.
STUB = """
import os, sys

def main():
    if sys.argv[1:] == ["wait"]:
        print("waiting", flush=True)
        sys.stdin.read()
    import psutil, rich.table
    print(repr(sys.argv[1:]), os.getcwd(), __file__, sys.prefix, psutil.__file__, sep="\\n")
    return 7 if sys.argv[1:] == ["seven"] else 0
"""
FAKE_PYTHON = '#!/bin/sh\necho "$0"\n'


@dataclass
class Tree:
    """A copy of what first use needs."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(
            ROOT / "scripts", self.path / "scripts", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / "requirements.lock", self.path)
        package = self.path / "src" / "process_janitor" / "faces"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        (package / "cli.py").write_text(STUB)

    @property
    def launcher(self) -> Path:
        return self.path / "scripts" / "process-janitor"

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.launcher, *arguments],
            env=self.environment | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.launcher, *arguments],
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )

    def unfinished(self) -> list[str]:
        return sorted(path.name for path in self.path.glob(".venv.tmp-*"))

    def wait_for_unfinished(self) -> None:
        deadline = time.monotonic() + 20
        while not list(self.path.glob(".venv.tmp-*/env/bin/python")):
            assert time.monotonic() < deadline, "no build began"
            time.sleep(0.02)


def environment(state: Path) -> dict[str, str]:
    """The user's, so that the index settings count, without what marks a session, a project or this test."""
    foreign = ("CLAUDE", "PROCESS_JANITOR", "PYTHON", "VIRTUAL_ENV", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PROCESS_JANITOR_HOME": str(state)}


def without_index(settings: dict[str, str]) -> dict[str, str]:
    """Settings under which every package index is a closed port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        index = f"http://127.0.0.1:{listener.getsockname()[1]}/simple"
    kept = {name: value for name, value in settings.items() if not name.startswith(("PIP_", "UV_"))}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index,
        "PIP_RETRIES": "0",
        "UV_DEFAULT_INDEX": index,
        "UV_HTTP_RETRIES": "0",
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture(name="tree")
def fixture_tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree", environment(tmp_path / "state"))


@dataclass
class Built:
    """A tree whose environment two first uses have built, and what each of them said."""

    tree: Tree
    link: Path
    said: list[tuple[int, str, str]]


@pytest.fixture(name="built", scope="module")
def fixture_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    tree = Tree(folder / 'it\'s a "tree" $HOME', environment(folder / "state"))
    link = folder / "bin" / "process-janitor"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(tree.launcher, link.parent))
    both = [tree.start("scan", "two words", "it's"), tree.start("scan", "two words", "it's")]
    said = [(*process.communicate(timeout=BUILD_SECONDS), process.returncode) for process in both]
    return Built(tree, link, [(code, out, err) for out, err, code in said])


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        found[str(path)] = (facts.st_mtime_ns, facts.st_size)
    return found


# --- building --------------------------------------------------------------------------------------------------------


@pytest.mark.build
def test_two_first_uses_at_once_build_one_environment(built: Built) -> None:
    assert [code for code, _, _ in built.said] == [0, 0], built.said
    errors = [err for _, _, err in built.said]
    assert sum("building its environment" in err for err in errors) == 1
    assert sum("waiting" in err for err in errors) == 1
    assert sum("done in" in err for err in errors) == 1
    assert sorted(len(err.splitlines()) for err in errors) == [1, 2]


@pytest.mark.build
def test_a_path_with_spaces_and_quotes_and_arguments_as_they_were(built: Built) -> None:
    for _, out, _ in built.said:
        arguments, folder, package, prefix, library = out.splitlines()
        assert arguments == repr(["scan", "two words", "it's"])
        assert folder == str(Path.cwd())
        assert package == f"{built.tree.path}/src/process_janitor/faces/cli.py"
        assert prefix == f"{built.tree.path}/.venv"
        assert library.startswith(prefix)


@pytest.mark.build
def test_nothing_but_the_environment_and_its_lock_is_left(built: Built) -> None:
    kept = sorted(path.name for path in built.tree.path.glob(".venv*"))
    assert kept == [".venv", ".venv.lock"]
    assert not [p for p in (built.tree.path / ".venv" / "bin").iterdir() if "python" not in p.name]


@pytest.mark.build
def test_a_note_tells_hooks_where_it_is(built: Built) -> None:
    note = built.tree.path.parent / "state" / "environment"
    assert note.read_text().splitlines()[1] == f"{built.tree.path}/.venv"


@pytest.mark.build
def test_a_warm_start_says_nothing_and_touches_nothing(built: Built) -> None:
    built.tree.run("scan")
    before = snapshot(built.tree.path.parent)
    done = built.tree.run("seven")
    assert done.returncode == 7
    assert done.stderr == ""
    assert snapshot(built.tree.path.parent) == before


@pytest.mark.build
def test_a_link_in_another_folder_and_any_working_directory(built: Built, tmp_path: Path) -> None:
    settings = built.tree.environment | {"PATH": f"{built.link.parent}:{os.environ['PATH']}"}
    for command in (["process-janitor"], [str(built.link)], ["sh", str(built.link)]):
        done = subprocess.run(
            command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[1] == str(tmp_path)
    scripts = built.tree.launcher.parent
    settings["CDPATH"] = "/"
    for place, name in (
        (scripts, "./process-janitor"),
        (scripts.parent, "scripts/process-janitor"),
    ):
        done = subprocess.run(
            ["sh", name], cwd=place, env=settings, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[1] == str(place)


@pytest.mark.build
def test_a_projects_own_environment_does_not_leak_in(built: Built, tmp_path: Path) -> None:
    (tmp_path / "psutil.py").write_text("raise SystemExit('the wrong psutil')")
    (tmp_path / "process_janitor.py").write_text("raise SystemExit('the wrong package')")
    done = subprocess.run(
        [built.tree.launcher],
        cwd=tmp_path,
        env=built.tree.environment
        | {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "VIRTUAL_ENV": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.build
def test_a_killed_build_then_success_then_a_vanished_interpreter(tree: Tree) -> None:
    killed = tree.start("scan")
    tree.wait_for_unfinished()
    killed.kill()
    killed.communicate()
    assert tree.unfinished()

    assert tree.run("scan").returncode == 0
    assert tree.unfinished() == []

    with tree.start("wait") as running:
        assert running.stdout
        assert running.stdout.readline() == "waiting\n"
        (tree.path / ".venv/bin/python").unlink()
        (tree.path / ".venv/bin/python").symlink_to("/nowhere/python3")
        again = tree.run("scan")
        assert again.returncode == 0
        assert "building its environment" in again.stderr
        # A command that was running all the time still finds what it imports only now.
        out, err = running.communicate(timeout=20)
        assert (running.returncode, err) == (0, ""), out
    assert tree.unfinished() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_told_to_stop_leaves_nothing(tree: Tree, number: signal.Signals) -> None:
    stopped = tree.start("scan")
    tree.wait_for_unfinished()
    stopped.send_signal(number)
    _, err = stopped.communicate(timeout=10)
    assert stopped.returncode == -number
    assert "Traceback" not in err
    assert [path.name for path in tree.path.glob(".venv*")] == [".venv.lock"]


def test_no_index_is_one_clear_line(tree: Tree, tmp_path: Path) -> None:
    tree.environment = without_index(tree.environment)
    done = tree.run("scan")
    assert done.returncode == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert "building" in first
    assert "index cannot be reached" in second
    assert "run this again" in second
    assert [path.name for path in tree.path.glob(".venv*")] == [".venv.lock"]
    log = tmp_path / "state" / "logs" / "bootstrap.log"
    assert str(log) in second
    assert "failed: " in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_quiet_says_only_what_failed(tree: Tree) -> None:
    tree.environment = without_index(tree.environment)
    assert len(tree.run("auto", "--quiet").stderr.splitlines()) == 1


# --- where it lives --------------------------------------------------------------------------------------------------


def make_fake(venv: Path, tree: Tree) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(FAKE_PYTHON)
    (venv / "bin" / "python").chmod(0o755)
    first = (tree.path / "requirements.lock").read_text().splitlines()[0]
    (venv / "process-janitor.id").write_text(first + "\n")


@pytest.mark.parametrize(
    ("where", "expected", "settings"),
    [
        ("tree", "tree/.venv", {}),
        ("tree", "elsewhere", {"PROCESS_JANITOR_VENV": "elsewhere"}),
        (
            "tree",
            "data/process-janitor-inline/venv",
            {"CLAUDE_PLUGIN_DATA": "data/process-janitor-inline"},
        ),
        ("tree", "tree/.venv", {"CLAUDE_PLUGIN_DATA": "process-janitor/data/another-plugin"}),
        (
            "plugins/cache/market/process-janitor/0.1.0",
            "plugins/data/process-janitor-market/venv",
            {},
        ),
        (
            "plugins/cache/my.market/process-janitor/0.1.0",
            "plugins/data/process-janitor-my-market/venv",
            {},
        ),
        ("tree", "caches/process-janitor/venv-{id}", {"XDG_CACHE_HOME": "caches"}),
        ("tree", "home/.cache/process-janitor/venv-{id}", {"HOME": "home", "XDG_CACHE_HOME": ""}),
    ],
)
def test_launcher_and_builder_look_in_the_same_places(
    tmp_path: Path,
    where: str,
    expected: str,
    settings: dict[str, str],
) -> None:
    tree = Tree(tmp_path / where, environment(tmp_path / "state"))
    lock_id = (tree.path / "requirements.lock").read_text()[len("# id: ") :][:12]
    venv = tmp_path / expected.format(id=lock_id)
    make_fake(venv, tree)
    absolute = {name: str(tmp_path / value) if value else "" for name, value in settings.items()}
    done = tree.run("scan", **absolute)
    assert (done.stdout, done.stderr) == (f"{venv}/bin/python\n", "")
    found = places.places(str(tree.path), tree.environment | absolute)
    assert str(venv) in found
    if "cache" not in expected:
        assert found[0] == str(venv)


def test_other_pins_are_not_ready(tree: Tree) -> None:
    make_fake(tree.path / ".venv", tree)
    wanted = places.wanted_id(str(tree.path))
    assert places.is_ready(str(tree.path / ".venv"), wanted)
    assert not places.is_ready(str(tree.path / ".venv"), wanted[:-1])
    (tree.path / ".venv/bin/python").unlink()
    (tree.path / ".venv/bin/python").symlink_to("/nowhere")
    assert not places.is_ready(str(tree.path / ".venv"), wanted)


def test_somebody_elses_folder_is_left_alone(tree: Tree, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "work.txt").write_text("dear")
    done = tree.run("scan", PROCESS_JANITOR_VENV=str(theirs))
    assert done.returncode == 1
    assert "was not made by process-janitor" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in theirs.iterdir()] == ["work.txt"]


def test_no_place_to_write_is_one_clear_line(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = tree.run("scan", PROCESS_JANITOR_VENV=str(tmp_path / "file" / "venv"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "set PROCESS_JANITOR_VENV" in done.stderr


def test_a_read_only_checkout_uses_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = str(tmp_path / "caches" / "venv")
    assert places.building_place([str(tmp_path / "file" / ".venv"), cache]) == cache


# --- old and missing interpreters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [ROOT / "scripts" / "bootstrap.py", *(ROOT / "scripts" / "environment").glob("*.py")],
    ids=lambda path: str(path.name),
)
def test_the_builder_is_written_for_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.fixture(name="python39")
def fixture_python39() -> Iterator[str]:
    found = [
        shutil.which("python3.9"),
        *map(str, Path("~/.pyenv/versions").expanduser().glob("3.9*/bin/python3.9")),
    ]
    for candidate in filter(None, found):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            yield candidate
            return
    pytest.skip("platform: no Python 3.9 here")


def test_under_python_3_9_a_newer_one_is_found_or_asked_for(python39: str, tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import bootstrap
from environment import background, build, install
print(install.find_interpreter())
install.find_interpreter = install.find_uv = lambda: None
sys.exit(bootstrap.main([]))
"""
    done = subprocess.run(
        [python39, "-I", "-S", "-c", code],
        env=environment(tmp_path / "state") | {"PROCESS_JANITOR_VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    newer = done.stdout.strip()
    assert newer == "None" or os.access(newer, os.X_OK)
    assert "needs Python 3.11 or newer, found 3.9" in done.stderr
    assert done.stderr.count("\n") == 2


def test_the_launcher_without_any_python_says_so(tree: Tree, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text(
        "#!/bin/sh\nexit 127\n"
    )  # a version manager's shim without a version
    (tools / "python3").chmod(0o755)
    script = (tree.path / "scripts" / "find-python.sh").read_text()
    (tree.path / "scripts" / "find-python.sh").write_text(
        script.replace("/bin/python", "/bin/nowhere")
    )
    done = tree.run("scan", PATH=str(tools), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("process-janitor: needs Python 3.11 or newer")
    assert len(done.stderr.splitlines()) == 1


# --- in the background -----------------------------------------------------------------------------------------------


def detach(tree: Tree, *words: str, **settings: str) -> float:
    """Start the background build as a hook does; the seconds until it let go of the pipes."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", tree.path / "scripts" / "bootstrap.py", "--detached", *words],
        env=tree.environment | settings,
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    return time.monotonic() - began


def test_a_detached_build_returns_at_once_and_carries_no_marks(tree: Tree, tmp_path: Path) -> None:
    # A uv that fails records what it was given, which is what the builder had.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(
        '#!/bin/sh\nsleep 1\nenv > "${0%/*}/env.tmp"\nmv "${0%/*}/env.tmp" "${0%/*}/env"\nexit 1\n'
    )
    (tools / "uv").chmod(0o755)
    tree.environment = without_index(tree.environment)
    marks = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": "5e55",
        "CLAUDE_PID": "1",
        "CLAUDE_PLUGIN_DATA": str(tmp_path / "process-janitor-x"),
        "ANTHROPIC_API_KEY": "secret",
        "PATH": f"{tools}:{os.environ['PATH']}",
        "https_proxy": "http://127.0.0.1:9",
    }
    assert detach(tree, **marks) < 0.9
    log = tmp_path / "state" / "logs" / "bootstrap.log"
    deadline = time.monotonic() + 30
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    names = {line.split("=", 1)[0] for line in (tools / "env").read_text().splitlines()}
    assert not [
        name for name in names if name.startswith(("CLAUDE", "ANTHROPIC", "PROCESS_JANITOR"))
    ]
    assert {"PATH", "HOME", "PIP_INDEX_URL", "https_proxy"} <= names
    assert "failed: " in log.read_text()

    # Sessions that start soon after do not try it again.
    before = log.stat().st_mtime_ns
    detach(tree, **marks)
    time.sleep(0.5)
    assert log.stat().st_mtime_ns == before

    # Somebody who asks for it does.
    detach(tree, "--now", **marks)
    deadline = time.monotonic() + 30
    while log.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not list((tmp_path / "process-janitor-x").glob("venv*tmp*"))


def test_a_detached_start_only_notes_what_is_ready(tree: Tree, tmp_path: Path) -> None:
    make_fake(tree.path / ".venv", tree)
    detach(tree)
    note = tmp_path / "state" / "environment"
    wanted = places.wanted_id(str(tree.path))
    assert note.read_text() == f"{wanted}\n{tree.path}/.venv\n"
    assert note.stat().st_mode & 0o777 == 0o600
    before = snapshot(tmp_path)
    detach(tree)
    time.sleep(0.3)
    assert snapshot(tmp_path) == before


def test_a_detached_build_gives_way_to_a_running_one(tree: Tree, tmp_path: Path) -> None:
    held = build.acquire(str(tree.path / ".venv.lock"), None)
    assert held is not None
    try:
        assert build.acquire(str(tree.path / ".venv.lock"), None) is None
        log = tmp_path / "log"
        done = subprocess.run(
            [
                *(sys.executable, "-I", "-S", tree.path / "scripts" / "bootstrap.py"),
                *("--background", log, tree.path / ".venv"),
            ],
            env=tree.environment,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert not log.exists()
    finally:
        os.close(held)


def test_the_log_keeps_only_its_end(tmp_path: Path) -> None:
    log, output = tmp_path / "logs" / "log", tmp_path / "output"
    output.write_bytes(b"x" * 100_000)
    for number in range(4):
        build.write_log(str(log), str(output), f"line {number}")
    assert log.stat().st_size == build.LOG_BYTES
    assert log.read_text().endswith("line 3\n")


def test_every_library_that_the_package_depends_on_is_tried_before_an_environment_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {one.partition(">")[0] for one in project["dependencies"]}
    assert needed == set(build.LIBRARIES)
