"""Load, memory and stalls, as the kernel writes them and as it never should; and connections to elsewhere."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from process_janitor.core.overload import Pressure
from process_janitor.system import ports, pressure

MEMINFO = """MemTotal:       16000000 kB
MemFree:          100000 kB
MemAvailable:    4000000 kB
HugePages_Total:       0
SwapTotal:       8000000 kB
SwapFree:        2000000 kB
"""
STALLS = """some avg10=1.00 avg60={some} avg300=3.00 total=12345
full avg10=0.10 avg60={full} avg300=0.30 total=1234
"""
NAMES = ("loadavg", "meminfo", "pressure/cpu", "pressure/memory", "pressure/io")


def tree(folder: Path, **texts: str) -> str:
    (folder / "pressure").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("_", "/")).write_text(text)
    return str(folder)


def test_everything_is_read(tmp_path: Path) -> None:
    proc = tree(
        tmp_path,
        loadavg="5.50 4.25 1.00 3/321 4711\n",
        meminfo=MEMINFO,
        pressure_cpu=STALLS.format(some="42.50", full="0.00"),
        pressure_memory=STALLS.format(some="12.00", full="6.25"),
        pressure_io=STALLS.format(some="50.00", full="31.00"),
    )
    assert pressure.read(proc) == Pressure(
        os.cpu_count() or 1, (5.5, 4.25, 1.0), 16000000 * 1024, 4000000 * 1024, 8000000 * 1024, 2000000 * 1024,
        42.5, 12.0, 6.25, 31.0,
    )  # fmt: skip


def test_a_load_that_is_over_and_one_that_has_just_begun_are_low(tmp_path: Path) -> None:
    assert pressure.read(tree(tmp_path, loadavg="0.10 9.00 9.00 1/1 1\n")).load == 0.1
    assert pressure.read(tree(tmp_path, loadavg="9.00 0.20 0.10 1/1 1\n")).load == 0.2


def test_an_old_kernel_without_psi_and_a_machine_without_swap(tmp_path: Path) -> None:
    meminfo = "MemTotal: 1000 kB\nMemAvailable: 10 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
    (tmp_path / "meminfo").write_text(meminfo)
    found = pressure.read(str(tmp_path))
    assert (found.cpu_some, found.memory_some, found.memory_full, found.io_full) == (None,) * 4
    assert (found.memory_available, found.swap_total, found.load) == (10240, 0, None)


def test_nothing_at_all_is_nothing_known(tmp_path: Path) -> None:
    assert pressure.read(str(tmp_path / "none")) == Pressure(os.cpu_count() or 1)
    for name in NAMES:
        (tmp_path / name).mkdir(parents=True)
    assert pressure.read(str(tmp_path)) == Pressure(os.cpu_count() or 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([
    b"nan inf -1 1/1 1", b"some avg60=nan total=1", b"full avg60=-3", b"some", b"MemTotal: -5 kB", b"MemTotal: 1e9 kB",
    "MemTotal: ² kB".encode(), b"MemTotal: " + b"9" * 400 + b" kB", b"1.2.3 . 1", b"some avg60=",
])), min_size=5, max_size=5))  # fmt: skip
def test_garbage_is_nothing_known_or_a_number(tmp_path: Path, texts: list[bytes]) -> None:
    tree(tmp_path)
    for name, text in zip(NAMES, texts, strict=True):
        (tmp_path / name).write_bytes(text)
    found = pressure.read(str(tmp_path))
    single = [value for value in found if not isinstance(value, tuple)]
    assert all(value is None or value >= 0 for value in single)
    assert found.averages is None or all(value >= 0 for value in found.averages)


def test_the_real_kernel() -> None:
    if not os.path.exists("/proc/loadavg"):
        pytest.skip("platform: needs Linux")
    found = pressure.read()
    assert found.load is not None
    assert found.memory_total is not None
    assert found.memory_available is not None
    assert 0 < found.memory_available <= found.memory_total
    assert found.swap_total is not None
    try:
        counted = Path("/proc/pressure/cpu").read_text().startswith("some ")
    except OSError:
        counted = False
    assert (found.cpu_some is not None) == counted
    assert (found.memory_full is not None) == counted


@pytest.mark.parametrize(
    ("remote", "far"),
    [
        ("0100007F:1F90", False),
        ("0100007F:01BB", True),
        ("22D8B85D:01BB", True),
        ("0A00000A:1F90", True),
        ("00000000000000000000000001000000:1F90", False),
        ("00000000000000000000000001000000:01BB", True),
        ("0000000000000000FFFF00000100007F:1F90", False),
        ("0000000000000000FFFF000022D8B85D:01BB", True),
        ("B80D01200000000000000000010000FF:01BB", True),
    ],
)
def test_where_a_connection_leads(remote: str, far: bool) -> None:
    assert ports._is_far(ports._mapped(remote)) is far


def test_a_local_connection_is_none_to_the_api_and_unix_sockets_are_none_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours, theirs = socket.socketpair()
        with ours, theirs, socket.create_connection(server.getsockname()[:2]):
            assert ports.outgoing([os.getpid()])[os.getpid()] == 0
    assert ports.outgoing([]) == {}
