"""Shows one notice on the desktop: a process of its own, in the command line's environment, gone within five seconds.

Started by `actions.news.show` and by nobody else. A notice that nobody could show stays for the next session.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from process_janitor.core.notices import body, title
from process_janitor.system import log, notices, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from process_janitor.core.notices import Notice

# The kernel ends us then, whatever a service does or does not: nobody waits for us, so nobody would.
LIFE_SECONDS = 5
_ANSWER_SECONDS = 2.0
_NAME = "process-janitor"
_SERVICE = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications")
_URGENCY_NORMAL = 1
# The texts are arguments, no part of the script.
_APPLESCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


class Unshown(Exception):
    """There is a bus, and nobody on it who shows anything."""


def main(arguments: Sequence[str]) -> int:
    """Show the notice in the file named. Never raises, always returns 0: nobody looks."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIFE_SECONDS)
    path = arguments[0] if arguments else ""
    notice = notices.read(path)
    if notice is None or not notice.worth_telling:
        return 0
    try:
        if sys.platform == "darwin":
            _mac(notice)
        else:
            _freedesktop(notice)
    except Exception as error:  # noqa: BLE001  # a desktop's faults are nobody's: the notice stays for the next session
        log.write(paths.root(), "notify", f"no notification: {type(error).__name__}: {error}")
        return 0
    notices.told(path)
    return 0


def _freedesktop(notice: Notice) -> None:
    """Raises whatever goes wrong on the bus."""
    from jeepney import DBusAddress, MessageFlag, MessageType, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    place, name = _SERVICE
    address = DBusAddress(place, bus_name=name, interface=name)
    # A user's bus is also there without a screen (ssh, lingering): a service started for it would only fail, and stay.
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    with open_dbus_connection(notices.bus(os.environ), auth_timeout=_ANSWER_SECONDS) as bus:

        def ask(method: str, signature: str | None = None, values: tuple[Any, ...] = ()) -> Any:
            message = new_method_call(address, method, signature, values)
            if not screen:
                message.header.flags |= MessageFlag.no_auto_start
            reply = bus.send_and_get_reply(message, timeout=_ANSWER_SECONDS)
            if reply.header.message_type is not MessageType.method_return:
                raise Unshown(" ".join(map(str, reply.body)))
            return reply.body[0]

        text = body(notice)
        if "body-markup" in ask("GetCapabilities"):
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        hints = {"urgency": ("y", _URGENCY_NORMAL)}
        ask("Notify", "susssasa{sv}i", (_NAME, 0, "", title(notice), text, [], hints, -1))


def _mac(notice: Notice) -> None:
    script = [word for line in _APPLESCRIPT for word in ("-e", line)]
    subprocess.run(
        ["/usr/bin/osascript", *script, title(notice), body(notice)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_ANSWER_SECONDS,
        check=True,
    )  # fmt: skip


__all__ = ["LIFE_SECONDS", "main"]
