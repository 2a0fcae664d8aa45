"""Which paths lie on a file system that other hosts can write to: nothing in there is proven by our process table."""

from __future__ import annotations

import os

from process_janitor.system import procfs

_SHARED = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "drvfs", "ceph", "glusterfs", "lustre", "gpfs", "afs", "ocfs2", "gfs2",
    "vboxsf", "prl_fs", "fakeowner", "beegfs",
})  # fmt: skip
_MOUNTS_MAX = 4 << 20


class Mounts:
    """The mount table of one moment; asking it touches no file, so a server that is away hangs nobody."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        data = procfs.read(f"{procfs.PROC}/self/mountinfo", _MOUNTS_MAX) or b""
        for line in data.decode("utf-8", "surrogateescape").splitlines():
            left, _, right = line.partition(" - ")
            words = left.split(" ")
            if len(words) > 4 and right:
                self._kinds[_unescaped(words[4])] = right.split(" ", 1)[0]

    def remote(self, path: str) -> bool:
        """Whether other hosts may use the file system that `path` is on; True where the table does not tell."""
        while path not in self._kinds:
            above = os.path.dirname(path)
            if above == path:
                return True
            path = above
        kind = self._kinds[path]
        # Every FUSE but the one for local disks may lead to another machine (sshfs, the sharing of a desktop's VM).
        return kind in _SHARED or (kind.startswith("fuse") and kind != "fuseblk")


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


__all__ = ["Mounts"]
