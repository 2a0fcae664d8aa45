"""What the live view shows, made of the documents of `report`: their history, and rows in the order they are shown."""

from __future__ import annotations

from process_janitor.core.namedtuples import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    Document = dict[str, Any]

SAMPLES = 60
SORTS = ("memory", "cpu", "age")
_RUNNING = ("live", "idle", "hung")
_OTHERS = "others"


class Track(NamedTuple):
    """What one process or session has used, oldest first: bytes, and percent of one core. `age` is in seconds."""

    age: float = 0.0
    memory: tuple[int, ...] = ()
    cpu: tuple[float, ...] = ()

    def added(self, memory: int, cpu: float, age: float = 0.0) -> Track:
        """With one sample more, and the oldest forgotten."""
        return Track(age, (*self.memory, memory)[-SAMPLES:], (*self.cpu, cpu)[-SAMPLES:])


class Shown(NamedTuple):
    """What the user has chosen to see. `closed` holds the keys of rows whose children are hidden."""

    sort: str = SORTS[0]
    needle: str = ""
    closed: frozenset[str] = frozenset()


class Row(NamedTuple):
    """One line. `kind` is `session`, `process`, `finding` (no process, or one of no session) or `group`.

    `word` is a session's state or a process's verdict; memory and CPU are its own, of a session those of all of it.
    `below` counts the rows under it, `leftovers` the processes among them that are proven left over.
    """

    key: str
    kind: str
    depth: int
    label: str
    word: str
    pid: int | None
    session_id: str
    memory: int
    cpu: float
    age: float | None
    track: Track
    below: int
    leftovers: int
    open: bool
    document: Document


class _Node(NamedTuple):
    row: Row
    children: list[_Node]


def plain(text: str) -> str:
    """The text on one line and without what a terminal would take for an order: a directory may have any name."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def remember(history: Mapping[str, Track], document: Document) -> dict[str, Track]:
    """The history with this document's figures added. What is not in the document is forgotten, and a process that is
    younger than it was is another one.
    """
    found = {}
    for node in _all(_nodes(document, {})):
        row = node.row
        old = history.get(row.key, Track())
        age = row.age or 0.0
        if age < old.age:
            old = Track()
        found[row.key] = old.added(row.memory, row.cpu, age)
    return found


def rows(document: Document, history: Mapping[str, Track], shown: Shown) -> list[Row]:
    """The lines from top to bottom. With a filter, what it finds is shown with what stands above and below it."""
    nodes = _nodes(document, history)
    needles = shown.needle.casefold().split()
    if needles:
        nodes = _filtered(nodes, needles)
    return list(_flat(nodes, shown, unfold=bool(needles)))


def _nodes(document: Document, history: Mapping[str, Track]) -> list[_Node]:
    nodes = [
        _session(one, history)
        for one in document["sessions"]
        if one["tree"] or one["state"] in _RUNNING
    ]
    listed = {row["pid"] for one in document["sessions"] for row in one["tree"]}
    others = [
        _finding(one, number, history)
        for number, one in enumerate(document["findings"])
        if one["pid"] is None or one["pid"] not in listed
    ]
    if others:
        memory, cpu = sum(n.row.memory for n in others), sum(n.row.cpu for n in others)
        nodes.append(
            _Node(
                Row(
                    _OTHERS, "group", 0, "other findings", "", None, "", memory, cpu, None,
                    history.get(_OTHERS, Track()), len(others), _leftovers(others), True, {},
                ),
                others,
            )
        )  # fmt: skip
    return nodes


def _session(one: Document, history: Mapping[str, Track]) -> _Node:
    children = _tree(one["tree"], history)
    key = f"session {one['session_id']} {one['pid']}"
    ages = (row["age_seconds"] for row in one["tree"])
    age = one["age_seconds"] if one["age_seconds"] is not None else max(ages, default=None)
    name = one["cwd"].rstrip("/").rsplit("/", 1)[-1] or one["cwd"] or "session"
    label = f"{plain(name)} {one['session_id'][:8]}".rstrip()
    return _Node(
        Row(
            key, "session", 0, label, one["state"], one["pid"], one["session_id"], one["totals"]["memory_bytes"],
            one["totals"]["cpu_percent"], age, history.get(key, Track()), len(one["tree"]), _leftovers(children), True,
            one,
        ),
        children,
    )  # fmt: skip


def _tree(tree: Sequence[Document], history: Mapping[str, Track]) -> list[_Node]:
    """The rows of a session, which come parents first with their depth, as nodes."""
    top: list[_Node] = []
    above: list[_Node] = []
    for one in tree:
        del above[one["depth"] :]
        key = f"process {one['pid']}"
        server = plain(one["mcp_server"])
        what = f"{server} ({one['kind']})" if server else one["kind"]
        label = f"{one['pid']} {what}"
        row = Row(
            key, "process", one["depth"] + 1, label, one["verdict"], one["pid"], "", one["memory_bytes"],
            one["cpu_percent"], one["age_seconds"], history.get(key, Track()), 0, 0, True, one,
        )  # fmt: skip
        node = _Node(row, [])
        (above[-1].children if above else top).append(node)
        above.append(node)
    return [_counted(node) for node in top]


def _counted(node: _Node) -> _Node:
    children = [_counted(child) for child in node.children]
    below = sum(1 + child.row.below for child in children)
    return _Node(node.row._replace(below=below, leftovers=_leftovers(children)), children)


def _finding(one: Document, number: int, history: Mapping[str, Track]) -> _Node:
    key = f"process {one['pid']}" if one["pid"] else f"finding {one['class']} {one['command']}"
    label = (
        f"{one['pid']} {one['kind']}"
        if one["pid"]
        else f"{one['class']} {plain(one['command'])}".rstrip()
    )
    if not one["pid"] and not one["command"]:
        key += f" {number}"
    row = Row(
        key, "finding", 1, label, one["verdict"], one["pid"], one["session_id"], one["memory_bytes"],
        one["cpu_percent"], one["age_seconds"], history.get(key, Track()), 0, 0, True, one,
    )  # fmt: skip
    return _Node(row, [])


def _leftovers(nodes: Iterable[_Node]) -> int:
    return sum((node.row.word == "reap") + node.row.leftovers for node in nodes)


def _all(nodes: Iterable[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _all(node.children)


def _filtered(nodes: Iterable[_Node], needles: Sequence[str]) -> list[_Node]:
    found = []
    for node in nodes:
        if _matches(node.row, needles):
            found.append(node)
            continue
        children = _filtered(node.children, needles)
        if children:
            found.append(_Node(node.row, children))
    return found


def _matches(row: Row, needles: Sequence[str]) -> bool:
    one = row.document
    told = (
        row.label,
        row.word,
        row.session_id,
        *(str(one.get(name) or "") for name in ("command", "cwd", "class", "about", "pid")),
        *map(str, one.get("ports", ())),
    )
    text = " ".join(told).casefold()
    return all(needle in text for needle in needles)


def _flat(nodes: Sequence[_Node], shown: Shown, *, unfold: bool) -> Iterator[Row]:
    for node in sorted(nodes, key=lambda one: _place(one, shown.sort)):
        is_open = unfold or node.row.key not in shown.closed
        yield node.row._replace(open=is_open, below=sum(1 for _ in _all(node.children)))
        if is_open:
            yield from _flat(node.children, shown, unfold=unfold)


def _place(node: _Node, sort: str) -> tuple[bool, float, int]:
    """The most first, a process with all that runs below it; what belongs to no session stays at the end."""
    row = node.row
    last = row.kind == "group"
    if sort == "age":
        return last, -(row.age or 0.0), row.pid or 0
    # A session's figures are those of all of it already.
    mine = [node] if row.kind in ("session", "group") else [*_all([node])]
    total = sum(one.row.memory if sort == "memory" else one.row.cpu for one in mine)
    return last, -total, row.pid or 0


__all__ = ["SAMPLES", "SORTS", "Row", "Shown", "Track", "plain", "remember", "rows"]
