"""What hooks and the watcher may import: start-up time and memory are promises, and each module costs some of both.

An allow-list, not a deny-list: whatever is new has to be measured and then written down here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.namespaced import namespaced

ROOT = Path(__file__).resolve().parents[2]
SESSION = "imports-session"

# Beyond what a bare `python3 -I -S` has loaded already.
EVERYWHERE = frozenset({
    "__future__", "_collections", "_collections_abc", "_json", "_stat", "genericpath", "errno", "os", "os.path", "posixpath",
    "select", "stat",
})  # fmt: skip
LOCKING = frozenset({"fcntl"})
# Only what decides may ask for far ends and ports: a first SessionStart, and the watcher's short-lived child, for which
# the watcher has it loaded (0.5 MB, 4 ms less between a death and its cleanup).
DECIDING = frozenset({"_socket", "_struct", "struct"})

PROBE = """
import sys
before = set(sys.modules)
sys.path.insert(0, {source!r})
{code}
print("MODULES", *sorted(m for m in set(sys.modules) - before if m.split(".")[0] != "process_janitor"))
"""


def modules(
    code: str, stdin: str = "", environment: dict[str, str] | None = None
) -> frozenset[str]:
    """What running `code` under `python -I -S` leaves in sys.modules, without our own package."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROBE.format(source=str(ROOT / "src"), code=code)],
        input=stdin,
        env=environment if environment is not None else {},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return frozenset(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("name", ["process_janitor.faces.hook", "process_janitor.faces.start"])
def test_importing_the_hooks(name: str) -> None:
    assert modules(f"import {name}") <= EVERYWHERE


def test_importing_the_watcher() -> None:
    assert modules("import process_janitor.watcher.run") <= EVERYWHERE | DECIDING


def test_importing_what_the_watcher_s_child_needs() -> None:
    assert modules("import process_janitor.watcher.cleaning") <= EVERYWHERE | DECIDING


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"])
@namespaced
def test_an_event_of_a_registered_session(tmp_path: Path, event: str) -> None:
    """The event itself, with what it imports on the way: the second one, when a watcher runs already."""
    Path("/proc/self/comm").write_text("claude")
    environment = {"HOME": str(tmp_path), "PROCESS_JANITOR_HOME": str(tmp_path / "state")}
    note_environment(tmp_path / "state")
    payload = json.dumps({"session_id": SESSION, "source": "startup", "reason": "other"})

    def play(name: str) -> frozenset[str]:
        code = f"from process_janitor.faces.hook import main\nmain([{name!r}])"
        return modules(code, payload, environment)

    first, second = play("SessionStart"), play(event)
    assert not first - EVERYWHERE - LOCKING - DECIDING
    assert not second - EVERYWHERE - LOCKING
    log = tmp_path / "state" / "logs" / "hooks.log"
    assert not log.exists(), log.read_text()
    assert list((tmp_path / "state" / "sessions" / SESSION).glob("*.json"))


def note_environment(state: Path) -> None:
    """An environment is ready, so no hook has one built."""
    pins = (ROOT / "requirements.lock").read_text().splitlines()[0]
    venv = state.parent / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    state.mkdir(mode=0o700)
    (state / "environment").write_text(f"{pins}\n{venv}\n")
