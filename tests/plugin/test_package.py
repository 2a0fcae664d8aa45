"""The package that pipx and uv install: what is in it is all that the command line needs, and it runs without the checkout.

Built and installed as a user does it, with the user's own package index.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from process_janitor.faces.cli.parser import COMMANDS
from tests import documents, namespaced

ROOT = Path(__file__).resolve().parents[2]
VERSION = json.loads((ROOT / ".claude-plugin/plugin.json").read_text(encoding="utf-8"))["version"]
SECONDS = 200
PAGE = "share/man/man1/process-janitor.1"

pytestmark = [pytest.mark.build, pytest.mark.slow, pytest.mark.timeout(2 * SECONDS)]


def environment(home: Path) -> dict[str, str]:
    """The user's, so that index settings count, without what marks a session, a project or this test; a home of its own."""
    foreign = ("CLAUDE", "PROCESS_JANITOR", "PYTHON", "VIRTUAL_ENV", "PYTEST", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "COLUMNS": "100", "PROCESS_JANITOR_HOME": str(home / "state")}


def done(*command: str | Path, home: Path, **settings: str) -> str:
    """What a command prints that is started in a home far from the checkout."""
    finished = subprocess.run(
        command, cwd=home, env=environment(home) | settings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, (command, finished.stdout[-3000:], finished.stderr[-3000:])
    return finished.stdout


@pytest.fixture(name="made", scope="module")
def fixture_made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist, built from this tree."""
    home = tmp_path_factory.mktemp("build")
    done(sys.executable, "-m", "venv", home / "venv", home=home)
    done(home / "venv/bin/pip", "install", "-q", "hatchling>=1.26", home=home)
    dist = home / "dist"
    program = "import sys, os; os.chdir(sys.argv[1]); from hatchling.cli import hatchling; sys.argv = ['hatchling', 'build', '-d', sys.argv[2]]; sys.exit(hatchling())"
    done(home / "venv/bin/python", "-I", "-c", program, ROOT, dist, home=home)
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": source}


Install = Callable[[Path], Path]


def by_pip(artefact: Path) -> Install:
    def install(home: Path) -> Path:
        done(sys.executable, "-m", "venv", home / "venv", home=home)
        done(home / "venv/bin/pip", "install", "-q", artefact, home=home)
        return home / "venv"

    return install


def by_uv(artefact: Path) -> Install:
    def install(home: Path) -> Path:
        places = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(home / "bin")}
        done(
            *("uv", "tool", "install", "-q", "--python", sys.executable, artefact),
            home=home, **places,
        )  # fmt: skip
        assert (home / "bin" / "process-janitor").is_symlink()
        return home / "tools" / "process-janitor"

    return install


# Where uv is there it is tried as well; the README names it, but nothing needs it.
WAYS = ["wheel", "sdist", *(["uv"] if shutil.which("uv") else [])]


@pytest.fixture(name="installed", scope="module", params=WAYS)
def fixture_installed(
    request: pytest.FixtureRequest,
    made: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An environment of its own with the package and its dependencies, installed in each way."""
    way: str = request.param
    install = by_uv(made["wheel"]) if way == "uv" else by_pip(made[way])
    return install(tmp_path_factory.mktemp(way))


@pytest.fixture(name="run")
def fixture_run(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs the installed command in another directory, another home and a PID namespace of its own."""
    reason = namespaced.missing()
    if reason:
        pytest.skip(reason)

    def run(*words: str) -> str:
        program = installed / "bin" / "process-janitor"
        return done(*namespaced.unshare(), program, *words, home=tmp_path, HOME=str(tmp_path))

    return run


def document(text: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(text)
    assert documents.complaints(said) == []
    return said


def test_the_wheel_holds_the_whole_package_and_nothing_else(made: dict[str, Path]) -> None:
    package = ROOT / "src" / "process_janitor"
    wanted = {
        f"process_janitor/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(made["wheel"]) as wheel:
        names = set(wheel.namelist())
        (page,) = (name for name in names if name.endswith(PAGE))
        assert wheel.read(page) == (ROOT / "docs/process-janitor.1").read_bytes()
    assert {name for name in names if name.startswith("process_janitor/")} == wanted
    folders = {name.split("/")[0] for name in names}
    start = f"process_janitor-{VERSION}"
    assert folders == {"process_janitor", f"{start}.dist-info", f"{start}.data"}


def test_the_sdist_holds_what_a_build_needs_and_nothing_private(made: dict[str, Path]) -> None:
    with tarfile.open(made["sdist"]) as source:
        names = {name.split("/", 1)[1] for name in source.getnames()}
    outside = {name for name in names if not name.startswith("src/process_janitor/")}
    assert outside == {
        ".claude-plugin/plugin.json", ".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md",
        "docs/process-janitor.1", "pyproject.toml",
    }  # fmt: skip
    assert not [name for name in names if "__pycache__" in name]


def test_what_runs_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    ask = "import process_janitor.faces.cli as it; print(it.__file__)"
    path = done(installed / "bin/python", "-c", ask, home=tmp_path).strip()
    assert Path(path).resolve().is_relative_to(installed.resolve())
    assert (installed / PAGE).is_file()


def test_the_version_is_the_plugins(run: Callable[..., str]) -> None:
    assert run("--version") == f"process-janitor {VERSION}\n"


def test_it_looks_and_says_what_it_is(run: Callable[..., str]) -> None:
    assert document(run("scan", "--json"))["findings"] == []
    assert "Nothing to clean" in run("scan")
    checks = document(run("doctor", "--json"))["checks"]
    (version,) = (one for one in checks if one["name"] == "version")
    assert version["says"] == f"{VERSION}, an installed package"
    assert not [one for one in checks if one["state"] != "ok"]


def test_its_pages_and_files_are_there(run: Callable[..., str], tmp_path: Path) -> None:
    """What is read from files beside the modules: schemas, templates, the parsers of every command."""
    for command in COMMANDS:
        assert "Examples:" in run(command.name, "--help")
    assert run("config", "set", "detached", "keep").startswith('detached is "keep" now')
    assert "_process_janitor" in run("completion", "bash")
    if any(command.name == "report" for command in COMMANDS):
        assert document(run("report", "--json"))
        run("report", "--html", str(tmp_path / "page.html"))
        assert "<html" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_demo_plays_to_its_end(run: Callable[..., str]) -> None:
    """Hooks, watcher and decision, all out of the installed package."""
    played = document(run("demo", "--json"))
    assert played["passed"] is True
