"""Fill an environment with the pinned libraries, with uv or with pip, and say in a few words why it failed."""

from __future__ import annotations

import os
import sys

from environment.interpreters import OLDEST, clean_environment, find_interpreter, find_uv, probe
from environment.places import Failure

# How pip and uv word it that an index did not answer.
UNREACHABLE = (
    "connection",
    "dns error",
    "failed to fetch",
    "from versions: none",
    "name resolution",
    "network is unreachable",
    "proxyerror",
    "resolve host",
    "sending request",
    "sslerror",
    "timed out",
)


def run(command: list[str], output: str, lock_fd: int) -> bool:
    """Run one step, its output appended to a file. On a signal the step's whole process group goes with us."""
    import signal
    import subprocess

    with open(output, "ab") as file:
        file.write(f"$ {' '.join(command)}\n".encode("utf-8", "replace"))
        file.flush()
        child = subprocess.Popen(
            command,
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            # The step holds the lock too: if this process is killed, nobody builds beside what it leaves running.
            pass_fds=(lock_fd,),
        )
        try:
            return child.wait() == 0
        except BaseException:
            # Our own child, not waited for yet: its number cannot belong to another process.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise


def install_with_uv(
    uv: str, python: str | None, env: str, lock: str, output: str, lock_fd: int
) -> bool:
    """Make and fill an environment with uv. Without an interpreter of our own, uv's choice (it may fetch one)."""
    version = python or ">={}.{}".format(*OLDEST)
    return run([uv, "venv", "--quiet", "--python", version, env], output, lock_fd) and run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            f"{env}/bin/python",
            "-r",
            lock,
        ],
        output,
        lock_fd,
    )


def install_with_pip(python: str, env: str, lock: str, output: str, lock_fd: int) -> bool:
    """Make and fill an environment with venv and pip.

    A pip beside the interpreter saves unpacking one into the environment, and works where Debian has split off
    ensurepip.
    """
    options = [
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--compile",
        "-r",
        lock,
    ]
    version = (probe([python, "-I", "-m", "pip", "--version"]) or "pip 0").split()[1].split(".")
    if [int(part) for part in version[:2] if part.isdigit()] >= [22, 3]:  # the first with --python
        return run([python, "-I", "-m", "venv", "--without-pip", env], output, lock_fd) and run(
            [python, "-I", "-m", "pip", "--python", f"{env}/bin/python", *options],
            output,
            lock_fd,
        )
    if probe([python, "-I", "-c", "import ensurepip, venv; print(1)"]) is None:
        raise Failure(
            f"{python} has neither pip nor ensurepip; install one (apt install python3-venv) or uv and run this again",
        )
    return run([python, "-I", "-m", "venv", env], output, lock_fd) and run(
        [f"{env}/bin/python", "-I", "-m", "pip", *options],
        output,
        lock_fd,
    )


def explain(output: str) -> str:
    """The reason of a failed step in a few words, from the end of what it printed."""
    with open(output, "rb") as file:
        file.seek(max(0, os.path.getsize(output) - 16384))
        text = file.read().decode("utf-8", "replace")
    # What the last step printed, without its own command line.
    text = ("\n" + text).rpartition("\n$ ")[2].partition("\n")[2]
    small = text.lower()
    if "no space left" in small or "quota exceeded" in small:
        return "the disk is full; free some space and run this again"
    check = (
        "check the network, the proxy and the index in pip's or uv's settings and run this again"
    )
    if any(word in small for word in UNREACHABLE):
        return f"the package index cannot be reached; {check}"
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    return f"{errors[-1][:200]}; {check}"


def install(env: str, lock: str, output: str, lock_fd: int) -> str:
    """Fill an environment, with uv where it is, else (or where uv's settings lead nowhere) with pip."""
    import shutil

    python, uv = find_interpreter(), find_uv()
    if python is None and uv is None:
        here = "{}.{} at {}".format(*sys.version_info[:2], sys.executable)
        raise Failure(
            f"needs Python 3.11 or newer, found {here}; install one (apt install python3.11, brew install python, or uv)"
            " and run this again",
        )
    if uv is not None and install_with_uv(uv, python, env, lock, output, lock_fd):
        return "uv"
    if python is not None:
        # uv does not read pip's settings: an index known only to pip is found here.
        shutil.rmtree(env, ignore_errors=True)
        if install_with_pip(python, env, lock, output, lock_fd):
            return "pip"
    raise Failure(explain(output))
