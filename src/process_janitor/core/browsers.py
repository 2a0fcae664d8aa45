"""Whether a browser was started for automation: no window of the user's can then depend on it."""

from __future__ import annotations

from process_janitor.core.shapes import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TEMPORARY = "/tmp/"  # noqa: S108  # where automation keeps profiles; nothing is written there
_AUTOMATION_PROFILES = (
    "ms-playwright", "playwright_", "playwright-", "puppeteer", ".chrome-devtools-mcp", "chrome-devtools-mcp", "org.chromium.Chromium.",
    "rust_mozprofile", "scoped_dir", "agent-browser", "mcp-chrome", "browser-use",
)  # fmt: skip
# Nobody sees it, or a program steers it over a channel that only its parent has. A debugging port is none: one's own
# browser may be started with it, for an automation that comes and goes.
_AUTOMATION_WORDS = frozenset({
    "--headless", "-headless", "--remote-debugging-pipe", "--enable-automation", "--marionette", "-marionette",
    "-juggler", "-juggler-pipe", "--inspector-pipe",
})  # fmt: skip
_PROFILE_WORDS = ("--user-data-dir", "--profile", "-profile")


def is_private_browser(comm: str, argv: Sequence[str]) -> bool:
    """A browser started for automation: steered by a program, or with a profile that automation made."""
    if kind_of(comm, argv) != "browser":
        return False
    if any(word.split("=", 1)[0] in _AUTOMATION_WORDS for word in argv[1:]):
        return True
    profile = _profile(argv)
    return profile.startswith(_TEMPORARY) or any(name in profile for name in _AUTOMATION_PROFILES)


def is_browsers_helper(argv: Sequence[str]) -> bool:
    """A process that a browser started for itself: it shows nothing, and ends with it.

    Chromium's write their whole command line over the first word.
    """
    return any(
        word.startswith("--type=") or word == "-contentproc" or " --type=" in word for word in argv
    )


def _profile(argv: Sequence[str]) -> str:
    """The directory that `--user-data-dir=DIR` or `-profile DIR` names; "" for the user's own."""
    for word, following in zip(argv[1:], (*argv[2:], ""), strict=False):
        name, given, value = word.partition("=")
        if name in _PROFILE_WORDS:
            return value if given else following
    return ""


__all__ = ["is_browsers_helper", "is_private_browser"]
