"""Debian's chromium without a window and without a network, spoken to through a pair of pipes (DevTools protocol)."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import platform
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_SECONDS = 40.0
# Nothing of these is about the page: a first start, and what a browser fetches for itself.
_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip


def program() -> str:
    """The browser's name, "" where there is none. What a hosted machine has beside Debian's will do as well."""
    return next((name for name in ("chromium", "google-chrome") if shutil.which(name)), "")


def needed() -> None:
    """Skip where there is no browser; in CI, which installs one, that is a failure."""
    if program():
        return
    if os.environ.get("CI") and platform.system() == "Linux":
        pytest.fail("there is no chromium; .ci/run installs it")
    pytest.skip("platform: needs Debian's chromium")


class Page:
    """One page in a browser of its own. `events` is what the browser said unasked, oldest first."""

    def __init__(self, folder: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._count = 0
        self._session = ""
        self._rest = b""
        reading, orders = os.pipe()
        self._answers, writing = os.pipe()
        self._orders = orders
        # The browser reads from 3 and writes to 4; out of the way first, or one would be closed by the other's move.
        far = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (reading, writing)]
        moves = [
            (os.POSIX_SPAWN_DUP2, far[0], 3),
            (os.POSIX_SPAWN_DUP2, far[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        command = [
            "unshare",
            "--net",
            program(),
            *_SWITCHES,
            f"--user-data-dir={folder / 'profile'}",
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self._pid = os.posix_spawnp("unshare", command, environment, file_actions=moves)
        for fd in (reading, writing, *far):
            os.close(fd)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = ""
        self.ask("Browser.close")
        os.close(self._orders)
        os.close(self._answers)
        os.waitpid(self._pid, 0)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one order."""
        self._count += 1
        order: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._count:
                assert "error" not in said, (method, said)
                answer: dict[str, Any] = said["result"]
                return answer
            self.events.append(said)

    def _next(self) -> dict[str, Any]:
        import select

        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], deadline - time.monotonic())
            assert ready, "chromium does not answer"
            more = os.read(self._answers, 1 << 20)
            assert more, "chromium has ended"
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        said: dict[str, Any] = json.loads(first)
        return said

    def open(self, path: Path) -> None:
        self.ask("Page.navigate", url=path.as_uri())
        while not any(one.get("method") == "Page.loadEventFired" for one in self.events):
            self.events.append(self._next())

    def see(self, *, width: int = 1280, height: int = 900, **media: str) -> None:
        """The window's size, and preferences such as `prefers_color_scheme="dark"`, or `media="print"`."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)  # fmt: skip
        kind = media.pop("media", "")
        features = [
            {"name": name.replace("_", "-"), "value": value} for name, value in media.items()
        ]
        self.ask("Emulation.setEmulatedMedia", media=kind, features=features)

    def get(self, expression: str) -> Any:
        """The value of an expression, asked of the page from outside: the page itself runs no script."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def said(self, *methods: str) -> list[dict[str, Any]]:
        return [one["params"] for one in self.events if one.get("method") in methods]


__all__ = ["Page", "needed"]
