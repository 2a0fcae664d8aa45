"""Build an environment all or nothing: under a lock, in a temporary sibling, renamed into place."""

from __future__ import annotations

import os

from environment.install import explain, install, run
from environment.places import ID_FILE, ROOT, Failure, building_place, is_ready, wanted_id

# True while a type checker reads, without importing typing (11 ms) in a hook.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARIES = ("filelock", "jinja2", "jsonschema", "orjson", "psutil", "rich")
LOG_BYTES = 128 * 1024
WAIT_SECONDS = 600


def finish(env: str, output: str, lock_fd: int) -> None:
    """Prove that the libraries load, drop what would not work after the rename, compile this tree's own code."""
    code = "import " + ", ".join(LIBRARIES)
    if not run([f"{env}/bin/python", "-I", "-c", code], output, lock_fd):
        raise Failure(f"the libraries do not load: {explain(output)}")
    for name in os.listdir(f"{env}/bin"):
        if not name.startswith("python"):  # scripts with the temporary path in their first line
            os.unlink(f"{env}/bin/{name}")
    # A read-only tree stays uncompiled and works all the same.
    run([f"{env}/bin/python", "-I", "-m", "compileall", "-q", f"{ROOT}/src"], output, lock_fd)


def build(venv: str, wanted: str, lock: str, lock_fd: int, log: str) -> None:
    """Build beside the target and rename. The caller holds the lock, so any sibling found here is a dead build's."""
    import glob
    import shutil
    import signal
    import tempfile
    import time

    began = time.monotonic()
    for stale in glob.glob(glob.escape(venv) + ".tmp-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = tempfile.mkdtemp(prefix=os.path.basename(venv) + ".tmp-", dir=os.path.dirname(venv))
    env, output = f"{work}/env", f"{work}/output"
    result = "stopped"
    try:
        with open(output, "xb"):
            pass
        installer = install(env, os.path.join(ROOT, lock), output, lock_fd)
        if lock == "requirements.lock":
            finish(env, output, lock_fd)
        with open(f"{env}/{ID_FILE}", "w", encoding="utf-8") as file:
            file.write(wanted + "\n")
        if os.path.lexists(venv):
            os.rename(venv, f"{work}/old")
        os.rename(env, venv)
        result = f"done with {installer} in {time.monotonic() - began:.1f} s"
    except Failure as failure:
        result = f"failed: {failure}"
        raise Failure(f"cannot build its environment: {failure} (details: {log})") from failure
    except OSError as error:
        result = f"failed: {error}"
        raise Failure(
            f"cannot build its environment: {error.strerror or error} ({error.filename or venv});"
            " make room or give rights there and run this again",
        ) from error
    finally:
        # A signal that arrives now waits until nothing is left behind.
        signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        write_log(
            log, output, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {venv}: {result}"
        )
        shutil.rmtree(work, ignore_errors=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def write_log(log: str, output: str, line: str) -> None:
    """Append what the steps printed and one line of result; keep only the end of a log that has grown."""
    try:
        # Its mode is for the last folder alone; the ones above are the user's own affairs as well.
        before = os.umask(0o077)
        try:
            os.makedirs(os.path.dirname(log), exist_ok=True)
        finally:
            os.umask(before)
        pieces = []
        for path in (log, output):
            if os.path.exists(path):
                with open(path, "rb") as file:
                    pieces.append(file.read())
        whole = b"".join([*pieces, line.encode("utf-8", "replace"), b"\n"])[-LOG_BYTES:]
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(whole)
    except OSError:
        pass  # the log is a courtesy: a build does not fail for it


def acquire(path: str, on_wait: Callable[[], None] | None) -> int | None:
    """A descriptor that holds the lock; None if another holds it and there is nobody to tell that we wait."""
    import fcntl
    import time

    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    began = time.monotonic()
    told = False
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is None:
                    os.close(fd)
                    return None
                if not told:
                    on_wait()
                    told = True
                if time.monotonic() - began > WAIT_SECONDS:
                    raise Failure(
                        f"another build still holds {path}; end it and run this again"
                    ) from None
                time.sleep(0.1)
            else:
                return fd
    except BaseException:
        os.close(fd)
        raise


def ensure(
    candidates: list[str],
    lock: str = "requirements.lock",
    *,
    rebuild: bool = False,
    say: Callable[[str], None] | None,
    state: str,
) -> str | None:
    """The path of a ready environment, built now if need be. Without `say`, None if another process is building it."""
    import time

    wanted = wanted_id(ROOT, lock)
    if not rebuild:
        for venv in candidates:
            if is_ready(venv, wanted):
                return venv
    venv = building_place(candidates)
    began = time.monotonic()
    waited = []

    def wait() -> None:
        waited.append(1)
        if say is not None:
            say("another first use is at it, waiting for its environment …")

    try:
        lock_fd = acquire(venv + ".lock", wait if say is not None else None)
        if lock_fd is None:
            return None
        try:
            if is_ready(venv, wanted) and (waited or not rebuild):
                return venv  # the other one did it
            if say is not None:
                say("building its environment (once, 10 to 30 s) …")
            build(venv, wanted, lock, lock_fd, os.path.join(state, "logs", "bootstrap.log"))
            if say is not None:
                say(f"done in {time.monotonic() - began:.0f} s")
            return venv
        finally:
            os.close(lock_fd)
    except OSError as error:
        raise Failure(
            f"{error.strerror} ({error.filename or venv}); check the rights there and run this again"
        ) from error
