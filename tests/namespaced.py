"""`@namespaced`: the test's body runs in a PID namespace of its own, with a PID 1 that reaps and a /proc that fits.

Inside, no process of the machine can be seen or signalled, and everything a test started dies with the namespace,
whatever the test did. A test may take `tmp_path` (made inside) and parameters that JSON can carry; no other fixture
crosses the border. Where no namespace can be made the test is skipped with the reason, and fails when CI is set.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60.0
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "CI", "COVERAGE_PROCESS_START")


def unshare() -> list[str]:
    """The command prefix that makes the namespace; as an ordinary user by way of a user namespace."""
    command = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


@functools.cache
def missing() -> str:
    """Why no namespace can be had here; empty when it can."""
    if platform.system() != "Linux":
        return "platform: PID namespaces need Linux"
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    done = subprocess.run(
        [*unshare(), "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return f"namespaces cannot be made: {done.stderr.strip()}" if done.returncode else ""


def namespaced(test: Callable[..., None]) -> Callable[..., None]:
    """Run the decorated test inside; outside it is one subprocess whose output is shown when it fails."""
    inside = inspect.signature(test)
    given = [one for name, one in inside.parameters.items() if name != "tmp_path"]

    def outside(**arguments: Any) -> None:
        reason = missing()
        if reason and os.environ.get("CI") and not reason.startswith("platform:"):
            pytest.fail(reason)
        if reason:
            pytest.skip(reason)
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
        name = f"{test.__module__}:{test.__qualname__}"
        # No `with`, no pipe: a process that outlives the body must not hold our reading end open.
        # The folder outlives the namespace: nothing in there can still be writing when it is removed.
        with (
            tempfile.TemporaryFile("w+") as said,
            tempfile.TemporaryDirectory(prefix="janitor-test-") as folder,
        ):
            environment["HOME"] = folder
            code = subprocess.run(
                [*unshare(), sys.executable, "-m", "tests.namespaced", name, json.dumps(arguments)],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=SECONDS,
                check=False,
            ).returncode  # fmt: skip
            if code:
                said.seek(0)
                pytest.fail(
                    f"inside the namespace, exit code {code}:\n{said.read()}", pytrace=False
                )

    outside.__name__ = test.__name__
    outside.__qualname__ = test.__qualname__
    outside.__module__ = test.__module__
    outside.__doc__ = test.__doc__
    outside.body = test  # type: ignore[attr-defined]
    outside.__signature__ = inside.replace(parameters=given)  # type: ignore[attr-defined]
    marked: Callable[..., None] = pytest.mark.namespace(outside)
    return marked


def _play(name: str, arguments: dict[str, Any]) -> None:
    module, _, function = name.partition(":")
    body = getattr(importlib.import_module(module), function).body
    if "tmp_path" in inspect.signature(body).parameters:
        arguments["tmp_path"] = Path(os.environ["HOME"]).resolve()
    body(**arguments)


def _calm() -> None:
    """Nothing waits for anything in here: a machine that is busy with other tests must not be reported by this one."""
    if os.path.isdir("/proc/pressure"):
        subprocess.run(
            ["mount", "--bind", str(ROOT / "tests" / "calm"), "/proc/pressure"],
            stdin=subprocess.DEVNULL, check=True,
        )  # fmt: skip


def main(name: str, arguments: str) -> int:
    """PID 1: the body in a child of its own, every orphan waited for until that child is done."""
    _calm()
    player = os.fork()
    if player == 0:
        code = 1
        try:
            os.setsid()
            _play(name, json.loads(arguments))
            code = 0
        except BaseException:  # noqa: BLE001  # whatever it was, PID 1 must hear of it by the exit code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    while True:
        pid, status = os.wait()
        if pid == player:
            return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
