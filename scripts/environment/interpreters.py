"""Which programs build the environment, and what they may inherit from whoever started this."""

from __future__ import annotations

import os
import sys

OLDEST = (3, 11)

# Run by a candidate interpreter: prints the path to build with, if it is new enough. That is the name with the version
# (`python3.12`) where there is one: an upgrade of the system's Python then leaves a dangling link, which is noticed,
# and not an environment of another version, which is not. A patch release keeps the name.
DESCRIBE = f"""
import os, sys
base = sys._base_executable
named = os.path.join(os.path.dirname(base), "python%d.%d" % sys.version_info[:2])
if sys.version_info[:2] >= {OLDEST}:
    print(named if os.path.exists(named) and os.path.samefile(named, base) else base)
"""

# fmt: off
# What a project may have set for its own environment and what would misdirect this one.
DROPPED_NAMES = frozenset((
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_VERSION", "__PYVENV_LAUNCHER__",
    "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_CONSTRAINT", "PIP_REQUIREMENT",
    "PIP_EDITABLE", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_COMPILE", "PIP_NO_DEPS",
    "UV_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY",
    "UV_SYSTEM_PYTHON", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_NO_DEPS", "UV_VENV_SEED",
    "UV_VENV_RELOCATABLE",
))
# fmt: on


def clean_environment() -> dict[str, str]:
    """The user's own settings for indexes and proxies, without those of a project's environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED_NAMES and not name.startswith("PYTHON")
    }
    # pip's `user = true` cannot be meant for an environment of its own.
    return {**kept, "PIP_USER": "0"}


def probe(command: list[str]) -> str | None:
    """The first line a short command prints, or None. Run from / so that no project's files decide anything."""
    import subprocess

    try:
        done = subprocess.run(
            command,
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else None


def find_interpreter() -> str | None:
    """A Python of 3.11 or newer that is not itself part of some environment, or None."""
    import glob
    import shutil

    names = [f"python3.{minor}" for minor in (14, 13, 12, 11)] + ["python3", "python"]
    folders = [
        "/usr/local/bin",
        "/opt/homebrew/bin",
        os.path.expanduser("~/.local/bin"),
        "/usr/bin",
    ]
    candidates = [sys.executable, *filter(None, map(shutil.which, names))]
    candidates += [os.path.join(folder, name) for folder in folders for name in names]
    candidates += sorted(
        glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[1-9]*/bin/python3")), reverse=True
    )
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            found = probe([candidate, "-I", "-S", "-c", DESCRIBE])
            if found:
                return found
    return None


def find_uv() -> str | None:
    """The user's uv, also where a hook's short PATH does not reach."""
    import shutil

    path = os.pathsep.join(
        [
            os.environ.get("PATH", os.defpath),
            os.path.expanduser("~/.local/bin"),
            os.path.expanduser("~/.cargo/bin"),
            "/opt/homebrew/bin",
        ],
    )
    return shutil.which("uv", path=path)
