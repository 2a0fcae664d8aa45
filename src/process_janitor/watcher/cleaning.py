"""The cleaning itself, in a child of the watcher: everything in here decides, and may signal."""

from __future__ import annotations

from process_janitor.actions.journal import Journal
from process_janitor.core.owners import presence
from process_janitor.sweep import look, proven, sweep
from process_janitor.system import clock, identity, leftovers
from process_janitor.system.config import Unsafe, load_settings, policy
from process_janitor.system.registry import Registry
from process_janitor.system.retention import prune
from process_janitor.watcher.closing import close, mark_hung, settled
from process_janitor.watcher.goodbye import said_goodbye

# What holds for as long as somebody uses a leftover: worth coming back for. Nobody else would.
_PASSING = frozenset({
    "serving-clients", "stdin-live-peer", "handed-over", "live-session-below", "stopped",
})  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from process_janitor.actions.terminate import Action
    from process_janitor.core.model import Decision


def clean(
    root: str, gone: Mapping[tuple[int, int], str], hung: Mapping[tuple[int, int], str]
) -> None:
    """Do for these dead sessions what `auto` would, end the hung ones, and note what is left over. Each is given with the
    id it had; "" for one that nobody registered.

    Raises config.Unsafe when the user's keep rules cannot be read, OSError when the state directory cannot be used.
    """
    noticed = clock.utc()
    options = load_settings()
    limit = options.value("auto_limit")

    registry = Registry(root)
    crashed = _Crashed(registry)

    def belongs(decision: Decision) -> bool:
        owner = decision.owner
        return (
            proven(decision) and owner is not None and (owner.key in gone or owner.key in crashed)
        )

    def hangs(decision: Decision) -> bool:
        return proven(decision) and decision.process.key in hung

    done: list[Action] = []
    problem = ""
    cleans = bool(gone) and options.value("cleanup_on_exit")
    held: set[tuple[int, int]] = set()
    if cleans:
        swept = sweep(root, options, "watcher", belongs, limit)
        if swept.busy:
            raise RuntimeError(swept.problem)
        held = set() if swept.problem else _held_for_now(swept.first.decisions)
        cleans, problem = not swept.problem, swept.problem
        done += swept.actions
    if hung:
        swept = sweep(root, options, "watcher", hangs, limit)
        done += swept.actions
        for action in swept.actions:
            key = action.decision.process.key
            if action.signals:
                mark_hung(registry, key, hung[key])
    goodbye = said_goodbye(registry, gone)
    untold = set()
    for key, session_id in gone.items():
        entry = registry.find(*key, session_id)
        if entry is None or not entry.record.get("closed"):
            untold.add(key)  # else it is come back to, and what it left was told the first time
        if entry is not None and not settled(entry.record) and not identity.runs(*key):
            close(registry, entry, noticed, cleaned=key not in held)
    if cleans and not goodbye:
        # Now that it is known to have been a crash, hooks that it cut off can be told from hooks at work.
        done += sweep(root, options, "watcher", belongs, limit).actions
    prune(registry, options.value("retention_days"))
    Journal(root).prune(options.value("retention_days"))
    judged = look(root, policy(root, options))
    snapshot = judged.observation.snapshot
    living = [one.owner for one in judged.observation.sessions if presence(one, snapshot) == "live"]
    resting = leftovers.resting(judged.decisions, registry, options)
    leftovers.store(root, [one.identity for one in resting], list(dict.fromkeys(living)))
    if gone or done:
        # With every heartbeat there is none, and a watcher that waits need not have it in its memory.
        from process_janitor.actions import news

        left = news.left_running(snapshot, judged.decisions, untold)
        news.tell(root, options, done, problem, left)


def _held_for_now(decisions: Iterable[Decision]) -> set[tuple[int, int]]:
    """The sessions with leftovers that are kept by nothing but what may be over in a moment: a page that is open in a
    browser, a client that is at work below them. Who is only `needed` by another follows that one, which may be kept by
    the user for ever.
    """
    return {
        one.owner.key
        for one in decisions
        if one.owner is not None
        and one.verdict == "keep"
        and one.finding in ("leftover", "runaway")
        and {*one.vetoes} - {"needed"}
        and _PASSING.issuperset({*one.vetoes} - {"needed"})
    }


class _Crashed:
    """Sessions without a goodbye that nobody has cleaned up after yet: one that dies while we wait out another one's
    grace need not wait for it. What is alive among them is never decided `reap`.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._version = -1
        self._keys: set[tuple[int, int]] = set()

    def __contains__(self, key: tuple[int, int]) -> bool:
        version = self._registry.version()
        if version != self._version:
            self._version = version
            self._keys = {
                entry.owner.key
                for entry in self._registry.entries()
                if not settled(entry.record) and not entry.record.get("ended")
            }
        return key in self._keys


def tell_failure(root: str, error: Exception) -> None:
    """Tell why nothing is cleaned: a rule that cannot be read, a file that belongs to somebody else. Without this it would
    stay so for ever, and nobody would look into a log. Raises nothing.
    """
    from process_janitor.actions import news

    reason = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    news.tell(root, load_settings(), (), f"what a dead session left cannot be cleaned up: {reason}")


def clean_all(root: str) -> None:
    """What `process-janitor auto` does, at the start of a session. Raises config.Unsafe, OSError."""
    options = load_settings()
    from process_janitor.actions import news

    try:
        swept = sweep(root, options, "auto-on-start", proven, options.value("auto_limit"))
    except (Unsafe, OSError) as error:
        tell_failure(root, error)
        raise
    news.tell(root, options, swept.actions, "" if swept.busy else swept.problem)
    clean(root, {}, {})


__all__ = ["clean", "clean_all", "tell_failure"]
