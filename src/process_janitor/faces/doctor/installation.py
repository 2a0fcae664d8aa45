"""What runs: the interpreter of the hooks, the environment of the command line, the libraries in it, the versions."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from process_janitor.faces import start
from process_janitor.faces.cli import version
from process_janitor.faces.doctor import Check
from process_janitor.system import built, files, lease, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.faces.doctor import Ward

# Library -> what it is for.
NEEDED = {
    "psutil": "the process table where there is no /proc",
    "filelock": "changes to your own files",
    "orjson": "JSON in and out",
    "jsonschema": "checks of records and settings",
    "rich": "pages on a terminal",
    "jinja2": "report --html",
}
# Library -> what is missing without it.
OPTIONAL = {"libtmux": "tmux windows", "jeepney": "desktop notifications", "textual": "watch"}
_ANSWER_SECONDS = 10


def interpreter(ward: Ward) -> Iterator[Check]:
    """The one that runs this, and the one that the hooks remember."""
    yield Check("interpreter", "ok", f"Python {platform.python_version()}, {sys.executable}")
    note = os.path.join(ward.root, "python")
    try:
        remembered = files.read_text(note, 4096).strip()
    except FileNotFoundError:
        return  # no hook has run yet

    def forget() -> str:
        files.remove(note)
        return "forgot it; the next hook looks for one that works"

    found = _version_of(remembered)
    if found >= (3, 9):
        yield Check("hooks' interpreter", "ok", f"Python {'.'.join(map(str, found))}, {remembered}")
    else:
        yield Check(
            "hooks' interpreter", "broken", f"{remembered or 'nothing'} does not run as Python 3.9 or newer",
            "process-janitor doctor --fix makes the hooks look for another one", forget,
        )  # fmt: skip


def _version_of(program: str) -> tuple[int, ...]:
    """(major, minor) of a Python, () for what is none."""
    if not os.path.isabs(program):
        return ()
    ask = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        done = subprocess.run(
            [program, "-I", "-S", "-c", ask], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_ANSWER_SECONDS, check=True,
        )  # fmt: skip
        return tuple(int(word) for word in done.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()


def libraries(ward: Ward) -> Iterator[Check]:
    del ward
    from importlib import metadata

    have: dict[str, str] = {}
    for name in (*NEEDED, *OPTIONAL):
        try:
            have[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    missing = [f"{name} (for {what})" for name, what in NEEDED.items() if name not in have]
    if missing:
        yield Check(
            "libraries", "broken", f"missing: {', '.join(missing)}",
            "run scripts/process-janitor, which builds its environment, or install the package again",
        )  # fmt: skip
    else:
        yield Check("libraries", "ok", ", ".join(f"{name} {have[name]}" for name in have))
    without = [f"{name} (for {what})" for name, what in OPTIONAL.items() if name not in have]
    if without:
        yield Check("optional libraries", "ok", f"not installed: {', '.join(without)}")


def environment(ward: Ward) -> Iterator[Check]:
    """The environment that /cleanup uses is the one that the last build noted."""
    plugin = paths.plugin_root()
    if not plugin:
        yield Check("environment", "ok", f"an installed package, {sys.prefix}")
        return

    def build() -> str:
        start.build_environment(ward.root, now=True)
        return "started to build it; see logs/bootstrap.log"

    try:
        noted, wanted = built.read(ward.root), built.wanted(plugin)
    except FileNotFoundError:
        yield Check("environment", "ok", f"{sys.prefix}; no session has asked for one yet")
        return
    if noted.libraries != wanted:
        yield Check(
            "environment", "warning", "the one that was built last is of another version of the plugin",
            "the next session builds a new one; process-janitor doctor --fix does so now", build,
        )  # fmt: skip
    elif not os.path.exists(noted.python):
        yield Check(
            "environment", "broken", f"{noted.place} is gone, so /cleanup has nothing to run on",
            "the next session builds it; process-janitor doctor --fix does so now", build,
        )  # fmt: skip
    else:
        yield Check("environment", "ok", noted.place)


def versions(ward: Ward) -> Iterator[Check]:
    ours = version()
    watcher = lease.watching(ward.root)
    running = watcher.version if watcher is not None else ""
    if running and running != ours:
        yield Check(
            "version", "warning", f"{ours}; the watcher that runs is {running}",
            "it steps down for a newer one at the next session's start; of an older checkout: ignore this",
        )  # fmt: skip
    else:
        yield Check("version", "ok", f"{ours}, {paths.plugin_root() or 'an installed package'}")


QUESTIONS = (interpreter, environment, libraries, versions)

__all__ = ["NEEDED", "OPTIONAL", "QUESTIONS"]
