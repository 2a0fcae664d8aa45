"""News that waits until somebody has been told: by the desktop at once, else by the next session that starts, once."""

from __future__ import annotations

import os
import stat
import time

from process_janitor.core import jsontext, notices
from process_janitor.core.plausible import natural
from process_janitor.system import files, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from process_janitor.core.notices import Notice

DIRECTORY = "notices"
# Nobody reads more than that at once, and without any session nobody reads them at all.
_KEPT_MAX = 20
_NOTICE_MAX = 64 * 1024
_AT_DIGITS = 20
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def post(root: str, notice: Notice) -> str:
    """Write the notice down; returns its file. Raises OSError."""
    folder = os.path.join(root, DIRECTORY)
    # Named so that they sort by age, whichever process wrote them.
    path = os.path.join(folder, f"{time.time_ns():0{_AT_DIGITS}}-{os.getpid()}.json")
    text = jsontext.dumps({"boot_id": identity.boot_id(), **notices.document(notice)}) + "\n"
    try:
        files.make_directory(folder)
        files.write_text(path, text)
    except FileNotFoundError:
        # Whoever told the last one has just removed the empty folder.
        files.make_directory(folder)
        files.write_text(path, text)
    for old in _waiting(folder)[:-_KEPT_MAX]:
        _remove(folder, old)
    return path


def read(path: str) -> Notice | None:
    """The notice in a file; None when it is gone or damaged. What it left running is of its own boot only."""
    try:
        value = jsontext.loads(files.read_text(path, _NOTICE_MAX))
    except (OSError, ValueError):
        return None
    found = notices.notice_of(value)
    if found is not None and value.get("boot_id") != identity.boot_id():
        return found._replace(left=())
    return found


def take(root: str) -> list[Notice]:
    """Everything that nobody has been told yet; from now on it counts as told. Raises nothing."""
    found = []
    folder = os.path.join(root, DIRECTORY)
    for name in _waiting(folder)[-_KEPT_MAX:]:
        path = os.path.join(folder, name)
        notice = read(path)
        # Of two sessions that start at once, the one that removes the file tells it. One that cannot be read is left.
        if notice is not None and told(path):
            found.append(notice)
    return found


def told(path: str) -> bool:
    """The notice need not be told any more; False when that was so already."""
    if not _remove(*os.path.split(path)):
        return False
    try:
        # While the folder is not there, a session that starts need not even look into it.
        os.rmdir(os.path.dirname(path))
    except OSError:
        return True
    return True


def _waiting(folder: str) -> list[str]:
    """The names of ours in it, the oldest first. A link in its place leads to what is somebody else's."""
    try:
        fd = os.open(folder, _AS_FOLDER)
    except OSError:
        return []
    try:
        return sorted(name for name in os.listdir(fd) if _is_ours(name))
    finally:
        os.close(fd)


def _remove(folder: str, name: str) -> bool:
    """Whether a notice was there and is gone now; nothing that a link leads to, and nothing with another name."""
    if not _is_ours(name):
        return False
    try:
        fd = os.open(folder, _AS_FOLDER)
    except OSError:
        return False
    try:
        os.unlink(name, dir_fd=fd)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _is_ours(name: str) -> bool:
    at, _, pid = name.removesuffix(".json").partition("-")
    return (
        name.endswith(".json") and len(at) == _AT_DIGITS and None not in (natural(at), natural(pid))
    )


def bus(environment: Mapping[str, str]) -> str:
    """The address of the user's session bus, "" where there is none."""
    address = environment.get("DBUS_SESSION_BUS_ADDRESS", "")
    if address:
        return address
    for folder in (environment.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        path = os.path.join(folder, "bus")
        try:
            if os.path.isabs(path) and stat.S_ISSOCK(os.stat(path).st_mode):
                return f"unix:path={path}"
        except OSError:
            continue
    return ""


__all__ = ["DIRECTORY", "bus", "post", "read", "take", "told"]
