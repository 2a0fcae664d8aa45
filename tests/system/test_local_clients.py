"""Who uses a process through a unix socket: what the kernel's list says, whatever others put into it."""

from __future__ import annotations

import os
import socket

import pytest

from process_janitor.system import local_clients


@pytest.mark.skipif(not os.path.exists("/proc/net/unix"), reason="platform: needs Linux")
def test_any_name_of_anybodys_socket_can_be_read() -> None:
    """The kernel prints names as they are, a newline too; any user's socket stands in this list."""
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(f"\0x{os.getpid()}\na b c zz e f 1 h")
        one.listen()
        other.bind(f"\0y{os.getpid()}")
        other.listen()
        listening, _ = local_clients._table()
        assert f"@y{os.getpid()}".encode() in listening.values()
