"""Plans: what the user was shown and may now allow, by identity. Acting on one can only ever do less than it says.

A plan is one small file, `plans/<id>.json`. It lives ten minutes, is used once, and names processes so exactly that a
reused pid or another boot cannot slip into it.
"""

from __future__ import annotations

import os

from process_janitor.core import jsontext
from process_janitor.core.locks import Fingerprint
from process_janitor.core.model import Identity, compare
from process_janitor.core.namedtuples import NamedTuple
from process_janitor.core.plausible import usable_pid
from process_janitor.system import clock, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from process_janitor.core.locks import Stale
    from process_janitor.core.model import Decision

SCHEMA = "process-janitor.plan/1"
LIFETIME_SECONDS = 600.0
# Without 0, 1, i, l, o: it is read off a screen and typed.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LENGTH = 6


class NoPlan(Exception):
    """There is no such plan to execute; the text says why and what to do."""


class Member(NamedTuple):
    """One process of a plan. `selected` is True where the user named it: only then may a `report` be acted on."""

    identity: Identity
    selected: bool


class LockMember(NamedTuple):
    """One stale lock of a plan: which file, as it was when it was shown."""

    path: str
    mark: Fingerprint


class Plan(NamedTuple):
    id: str
    boot_id: str
    # Clock ticks since boot, suspend included: a plan made before a night's sleep is old in the morning.
    made: int
    members: tuple[Member, ...]
    locks: tuple[LockMember, ...] = ()

    def allows(self, decision: Decision) -> bool:
        """Whether the newest decision on a process is still one that this plan was made for."""
        for member in self.members:
            if compare(member.identity, decision.identity) == "same":
                return decision.verdict == "reap" or (
                    decision.verdict == "report" and member.selected
                )
        return False


def new(
    decisions: Iterable[Decision], boot_id: str, *, selected: bool, locks: Iterable[Stale] = ()
) -> Plan:
    """A plan for exactly these decisions and locks. `selected`: the user named them, by pid, session or class."""
    number = int.from_bytes(os.urandom(8), "big")
    letters = []
    for _ in range(_ID_LENGTH):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    members = tuple(Member(decision.identity, selected) for decision in decisions)
    stale = tuple(LockMember(one.lock.path, one.lock.mark) for one in locks)
    return Plan("".join(letters), boot_id, clock.ticks(), members, stale)


def _directory(root: str) -> str:
    return os.path.join(root, "plans")


def store(root: str, plan: Plan) -> None:
    """Write the plan down, 0600, and throw away the ones that have expired. Raises OSError."""
    directory = _directory(root)
    files.make_directory(directory)
    _forget_expired(directory, plan)
    members = [
        {
            "pid": member.identity.pid,
            "start_ticks": member.identity.start,
            "boot_id": member.identity.boot_id,
            "pid_namespace": member.identity.pid_namespace,
            "selected": member.selected,
        }
        for member in plan.members
    ]
    document = {
        "schema": SCHEMA,
        "id": plan.id,
        "boot_id": plan.boot_id,
        "made_ticks": plan.made,
        "members": members,
        "locks": [{"path": lock.path, **_mark_document(lock.mark)} for lock in plan.locks],
    }
    files.write_text(os.path.join(directory, f"{plan.id}.json"), jsontext.dumps(document) + "\n")


def _mark_document(mark: Fingerprint) -> dict[str, object]:
    return {
        "device": mark.device,
        "inode": mark.inode,
        "mtime_ns": mark.mtime_ns,
        "digest": mark.digest,
    }


def _forget_expired(directory: str, now: Plan) -> None:
    for name in os.listdir(directory):
        if name.endswith(".json") and valid_id(name[: -len(".json")]):
            path = os.path.join(directory, name)
            try:
                old = _parsed(jsontext.loads(files.read_text(path)))
            except (OSError, ValueError):
                continue
            if old.boot_id != now.boot_id or _expired(old, now.made):
                files.remove(path)


def valid_id(text: str) -> bool:
    """True for what may become a file name of a plan."""
    return len(text) == _ID_LENGTH and set(_LETTERS).issuperset(text)


def load(root: str, plan_id: str, boot_id: str) -> Plan:
    """The plan of that id, if it may still be executed. Raises NoPlan."""
    again = "run `process-janitor run` for a new one"
    if not valid_id(plan_id):
        raise NoPlan(f"{plan_id!r} is not the id of a plan; {again}")
    path = os.path.join(_directory(root), f"{plan_id}.json")
    try:
        plan = _parsed(jsontext.loads(files.read_text(path)))
    except FileNotFoundError:
        raise NoPlan(f"there is no plan {plan_id}, or it was executed already; {again}") from None
    except (OSError, ValueError) as error:
        raise NoPlan(f"plan {plan_id} cannot be read ({error}); {again}") from None
    if plan.id != plan_id or plan.boot_id != boot_id or _expired(plan, clock.ticks()):
        raise NoPlan(f"plan {plan_id} has expired; {again}")
    return plan


def discard(root: str, plan: Plan) -> None:
    """A plan is executed once. Raises OSError when its file cannot be removed."""
    files.remove(os.path.join(_directory(root), f"{plan.id}.json"))


def _expired(plan: Plan, now: int) -> bool:
    return not 0 <= now - plan.made <= LIFETIME_SECONDS * clock.ticks_per_second()


def _parsed(value: Any) -> Plan:
    """Raises ValueError for anything a plan must not be: it decides what may get a signal."""
    try:
        members = tuple(
            Member(
                Identity(one["pid"], one["start_ticks"], one["boot_id"], one["pid_namespace"]),
                one["selected"] is True,
            )
            for one in value["members"]
        )
        locks = tuple(
            LockMember(
                one["path"],
                Fingerprint(one["device"], one["inode"], one["mtime_ns"], one["digest"]),
            )
            for one in value["locks"]
        )
        plan = Plan(value["id"], value["boot_id"], value["made_ticks"], members, locks)
    except (KeyError, TypeError) as error:
        raise ValueError(f"malformed: {error}") from None
    # What the file says is anything until it has been looked at, whatever the types promise.
    counts: list[object] = [plan.made, *(m.identity.start for m in members)]
    counts += [m.identity.pid_namespace for m in members]
    counts += [number for one in locks for number in one.mark[:3]]
    texts: list[object] = [plan.id, plan.boot_id, *(m.identity.boot_id for m in members)]
    texts += [text for one in locks for text in (one.path, one.mark.digest)]
    if (
        not all(usable_pid(m.identity.pid) for m in members)
        or not all(type(one) is int for one in counts)
        or not all(isinstance(one, str) for one in texts)
        or not all(os.path.isabs(one.path) for one in locks)
    ):
        raise ValueError("malformed")
    return plan


__all__ = [
    "LIFETIME_SECONDS",
    "SCHEMA",
    "LockMember",
    "Member",
    "NoPlan",
    "Plan",
    "discard",
    "load",
    "new",
    "store",
    "valid_id",
]
