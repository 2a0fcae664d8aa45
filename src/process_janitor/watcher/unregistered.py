"""Which living sessions no hook registered: they began before the plugin, and only Claude Code's own files name them."""

from __future__ import annotations

from process_janitor.system import claude_process, client_files, paths, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from process_janitor.core.model import Identity


class Unregistered:
    """What the client's files name in this boot and pid namespace; nothing as long as they have not changed."""

    def __init__(self, boot_id: str, pid_namespace: int) -> None:
        self._here = (boot_id, pid_namespace)
        self._config = paths.config_dir()
        self._version = -1
        self._again = False

    def owners(self) -> Iterator[Identity]:
        """Registered ones and dead ones among them. A file that is just being written is read again the next time."""
        version = client_files.version(self._config)
        changed = version != self._version
        if changed or self._again:
            self._version, self._again = version, changed
            for session in client_files.sessions(self._config, *self._here):
                owner = session.owner
                if (owner.boot_id, owner.pid_namespace) == self._here and _is_client(owner):
                    yield owner


def _is_client(owner: Identity) -> bool:
    """Not somebody else's program by the number of a file: what it starts would be ended with it. A dead one is nobody's."""
    row = procfs.process(owner.pid)
    return row is None or row.start != owner.start or claude_process.is_claude(row)


__all__ = ["Unregistered"]
