"""The configuration: which keys there are, what each may be, and what happens to a value that is not."""

from __future__ import annotations

from process_janitor.core import overload
from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_DAY = 86_400
_SHOWN_MAX = 80


class Key(NamedTuple):
    """One configuration key. `allowed` is a range for numbers, the words for texts, () for switches."""

    name: str
    default: bool | int | str
    allowed: tuple[Any, ...]
    about: str


KEYS: tuple[Key, ...] = (
    Key(
        "auto_cleanup_on_start",
        False,
        (),
        "run `auto`, detached, when a session starts; off: only tell what is there",
    ),
    Key(
        "cleanup_on_exit",
        True,
        (),
        "the watcher cleans when a session's process is gone, however it went",
    ),
    Key(
        "min_session_age_minutes",
        10,
        (0, 1440),
        "a younger session is not judged by heartbeat or idleness",
    ),
    Key("heartbeat_interval_seconds", 60, (1, 3600), "how often the watcher stamps each session"),
    Key(
        "stale_heartbeat_threshold_minutes",
        5,
        (1, 1440),
        "an older heartbeat means the watcher is lost",
    ),
    Key("cleanup_mode", "interactive", ("interactive", "auto"), "auto: `run` does not ask"),
    Key(
        "notification_enabled",
        True,
        (),
        "desktop notification after an automatic cleanup, and of what a session leaves running",
    ),
    Key("dry_run_default", True, (), "`run` without a terminal only plans"),
    Key("idle_threshold_minutes", 30, (1, 100_000), "an idle session is shown as such after this"),
    Key(
        "hung_grace_seconds",
        90,
        (1, _DAY),
        "a process still there so long after its goodbye is ended",
    ),
    Key(
        "detached",
        "report",
        ("keep", "report", "reap"),
        "what to do with deliberately detached children",
    ),
    Key("term_grace_seconds", 5, (1, 300), "SIGTERM to SIGKILL, waited for in parallel"),
    Key(
        "auto_limit",
        200,
        (1, 100_000),
        "more leftovers than this in one automatic run: nothing is signalled",
    ),
    Key(
        "retention_days",
        30,
        (1, 3650),
        "records of ended sessions and rotated journals are kept so long",
    ),
    Key(
        "max_sessions_warning",
        overload.SESSIONS_MAX,
        (1, 1000),
        "more live sessions than this: one warning line an hour",
    ),
    Key(
        "slash_command_mode",
        "direct",
        ("direct", "model"),
        "model: /cleanup hands its output to Claude",
    ),
)
BY_NAME = {key.name: key for key in KEYS}
ENVIRONMENT_PREFIX = "PROCESS_JANITOR_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class BadValue(ValueError):
    """A configuration value that is not allowed; the text names the key, the value and what is."""


class Settings(NamedTuple):
    """Every key's value and where it came from (`default`, a file's path, or an environment variable's name)."""

    values: Mapping[str, Any]
    sources: Mapping[str, str]
    # What was wrong and replaced by the default, one sentence each.
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def value(self, name: str) -> Any:
        """The value of a known key, of the type its default has."""
        return self.values[name]


def _shown(value: object) -> str:
    """A value as a message quotes it: what is wrong with it is seen at its beginning."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…"


def value_for(key: Key, value: object) -> bool | int | str:
    """The value if the key allows it. Raises BadValue."""
    if isinstance(key.default, bool):
        if isinstance(value, bool):
            return value
        raise BadValue(f"{key.name}: {_shown(value)} is not allowed; use true or false")
    if isinstance(key.default, int):
        low, high = key.allowed
        if type(value) is int and low <= value <= high:
            return value
        raise BadValue(
            f"{key.name}: {_shown(value)} is not allowed; use a whole number from {low} to {high}"
        )
    if isinstance(value, str) and value in key.allowed:
        return value
    raise BadValue(
        f"{key.name}: {_shown(value)} is not allowed; use one of {', '.join(key.allowed)}"
    )


def from_text(key: Key, text: str) -> bool | int | str:
    """The value written as a word, in an environment variable or on a command line. Raises BadValue."""
    if isinstance(key.default, bool):
        low = text.strip().lower()
        return value_for(key, True if low in _TRUE else False if low in _FALSE else text)
    if isinstance(key.default, int):
        digits = text.strip()
        return value_for(
            key,
            int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 9 else text,
        )
    return value_for(key, text.strip())


class Source(NamedTuple):
    """A document of values by key, and what `config show` and complaints call it. `remedy`: how it is mended, if that is not plain."""

    document: Mapping[Any, Any]
    name: str
    remedy: str = ""


def settings(
    document: object,
    path: str,
    environment: Iterable[tuple[str, str]],
    below: Source | None = None,
) -> Settings:
    """Defaults, overlaid by what was answered elsewhere (`below`), by the configuration file's document (None: no file)
    and by PROCESS_JANITOR_<KEY>, in this order.
    """
    values: dict[str, Any] = {key.name: key.default for key in KEYS}
    sources = {key.name: "default" for key in KEYS}
    problems: list[str] = []
    warnings: list[str] = []
    if document is not None and not isinstance(document, dict):
        problems.append(f"{path}: must hold one JSON object")
        document = None
    layers = (below, Source(document, path) if isinstance(document, dict) else None)
    for said, source, remedy in filter(None, layers):
        for name, value in said.items():
            key = BY_NAME.get(name)
            if key is None:
                warnings.append(f"{source}: unknown key {name!r} is ignored")
                continue
            try:
                values[name] = value_for(key, value)
                sources[name] = source
            except BadValue as error:
                problems.append(f"{source}: {error}{remedy}")
    for variable, text in environment:
        key = BY_NAME.get(variable[len(ENVIRONMENT_PREFIX) :].lower())
        if (
            not variable.startswith(ENVIRONMENT_PREFIX)
            or key is None
            or variable != variable.upper()
        ):
            continue
        try:
            values[key.name] = from_text(key, text)
            sources[key.name] = variable
        except BadValue as error:
            problems.append(f"${variable}: {error}")
    return Settings(values, sources, tuple(problems), tuple(warnings))


__all__ = [
    "BY_NAME",
    "KEYS",
    "BadValue",
    "Key",
    "Settings",
    "Source",
    "from_text",
    "settings",
    "value_for",
]
