"""The client binaries under test: found in the environment, else in a cache, else installed into it from npm."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSIONS = ("2.1.197", "2.1.329")
GIVEN = "PROCESS_JANITOR_TEST_CLIENTS"
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
INSTALL_SECONDS = 300.0


class Unavailable(Exception):
    """The client cannot be had here; the text says why."""


def given() -> dict[str, Path]:
    """The binaries named by ``PROCESS_JANITOR_TEST_CLIENTS`` (paths with colons between), by version."""
    paths = [Path(part) for part in os.environ.get(GIVEN, "").split(":") if part]
    return {version(path): path for path in paths}


def version(binary: Path) -> str:
    """The version of a binary, from the package it lies in or the name the native installer gave it; never by running it."""
    manifest = binary.parent / "package.json"
    if manifest.is_file():
        return str(json.loads(manifest.read_text())["version"])
    if re.fullmatch(r"\d+\.\d+\.\d+", binary.name):
        return binary.name
    raise Unavailable(
        f"the version of {binary}, named by {GIVEN}, cannot be told: no package.json beside it"
    )


def wanted() -> list[str]:
    """The versions to test: those given, else the pinned ones."""
    try:
        return sorted(given()) or list(VERSIONS)
    except Unavailable:
        return list(VERSIONS)


@functools.cache
def binary(wanted_version: str) -> Path:
    """The native binary of this version, installed when it is not there yet; ``Unavailable`` when it cannot be."""
    named = given()
    if named:
        return named[wanted_version]
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(home, "process-janitor-tests", "clients", wanted_version)
    if not folder.is_dir():
        _install(wanted_version, folder)
    return folder / "node_modules" / _package() / "claude"


def _package() -> str:
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in ARCHITECTURES:
        raise Unavailable(f"platform: no known client for {platform.system()} on {machine}")
    return f"@anthropic-ai/claude-code-linux-{ARCHITECTURES[machine]}"


def _install(wanted_version: str, folder: Path) -> None:
    """Install beside ``folder`` and move it there in one step, so that a half-made one is never found."""
    if shutil.which("npm") is None:
        raise Unavailable(f"npm is not installed and {GIVEN} names no client")
    package = f"{_package()}@{wanted_version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{wanted_version}-", dir=folder.parent) as temporary:
        made = Path(temporary, "made")
        made.mkdir()
        command = ["npm", "install", "--prefix", str(made), "--no-save", "--force", package]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"npm install {package} took too long") from error
        if done.returncode:
            raise Unavailable(f"npm install {package} failed: {done.stderr.strip()[-500:]}")
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
