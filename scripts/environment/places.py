"""Where the environment may live, and whether one is ready. Imports nothing that costs: a hook asks this."""

from __future__ import annotations

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ID_FILE = "process-janitor.id"


class Failure(Exception):
    """The environment cannot be built: one line that says what is wrong and what to do."""


def places(root: str = ROOT, environ: os._Environ[str] | dict[str, str] = os.environ) -> list[str]:
    """Where the environment may live, best first. The launcher looks in the same places."""
    chosen = environ.get("PROCESS_JANITOR_VENV")
    if chosen:
        return [os.path.abspath(chosen)]
    found = []
    data = environ.get("CLAUDE_PLUGIN_DATA", "")
    if os.path.isabs(data) and os.path.basename(data).startswith("process-janitor"):
        found.append(os.path.join(data, "venv"))
    plugin, version = os.path.split(root)
    market, name = os.path.split(plugin)
    cache, market_name = os.path.split(market)
    if version and cache.endswith("/plugins/cache"):
        safe = "".join(
            c if c.isascii() and (c.isalnum() or c in "_-") else "-"
            for c in f"{name}-{market_name}"
        )
        found.append(os.path.join(os.path.dirname(cache), "data", safe, "venv"))
    else:
        found.append(os.path.join(root, ".venv"))
    home = environ.get("HOME")
    caches = environ.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else "")
    if caches:
        # Named after the pins, not after the tree: two read-only trees with the same pins share one.
        short = wanted_id(root)[len("# id: ") :][:12]
        found.append(os.path.join(caches, "process-janitor", "venv-" + short))
    return found


def wanted_id(root: str = ROOT, lock: str = "requirements.lock") -> str:
    """The first line of a lock file: a checksum of the rest."""
    try:
        with open(os.path.join(root, lock), encoding="utf-8") as file:
            return file.readline().strip()
    except OSError as error:
        raise Failure(
            f"cannot read {error.filename} ({error.strerror}); install the plugin again"
        ) from error


def is_ready(venv: str, wanted: str) -> bool:
    """Whether an environment can be used as it is. A dangling interpreter counts as none."""
    try:
        with open(os.path.join(venv, ID_FILE), encoding="utf-8") as file:
            return file.readline().strip() == wanted and os.access(
                os.path.join(venv, "bin/python"), os.X_OK
            )
    except OSError:
        return False


def ready_place(root: str = ROOT) -> str | None:
    """The first environment that can be used as it is."""
    wanted = wanted_id(root)
    return next((venv for venv in places(root) if is_ready(venv, wanted)), None)


def building_place(candidates: list[str]) -> str:
    """The first place that may be written and does not hold somebody else's environment."""
    problems = []
    for venv in candidates:
        if os.path.lexists(venv) and not os.path.lexists(os.path.join(venv, ID_FILE)):
            problems.append(f"{venv} was not made by process-janitor")
            continue
        try:
            os.makedirs(os.path.dirname(venv), mode=0o700, exist_ok=True)
        except OSError as error:
            problems.append(f"{venv}: {error.strerror}")
            continue
        if os.access(os.path.dirname(venv), os.W_OK | os.X_OK):
            return venv
        problems.append(f"{venv}: not writable")
    raise Failure(
        f"no place for its environment ({'; '.join(problems)}); set PROCESS_JANITOR_VENV to a path that may be written",
    )


def state_root() -> str:
    """Where process-janitor keeps its records and logs (see the project's list of files)."""
    root = os.environ.get("PROCESS_JANITOR_HOME")
    if not root:
        config = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
        root = os.path.join(config, "process-janitor")
    return os.path.abspath(root)


def leave_note(state: str, wanted: str, venv: str) -> None:
    """Note which environment is ready, so that a hook need not search: the id of the pins, and where."""
    note, text = os.path.join(state, "environment"), f"{wanted}\n{venv}\n"
    try:
        with open(note, encoding="utf-8") as file:
            if file.read() == text:
                return
    except (OSError, ValueError):
        pass
    try:
        os.makedirs(state, mode=0o700, exist_ok=True)
        new = f"{note}.{os.getpid()}"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, note)
    except OSError:
        pass  # without the note a hook asks the builder again, which finds the environment ready
