"""`history` over a damaged journal, and its days as a plot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from process_janitor.actions.journal import Journal
from process_janitor.faces import schemas
from process_janitor.faces.slash import answer
from process_janitor.system import clock

ROOT = Path(__file__).resolve().parents[2]


def state(home: Path) -> Path:
    return home / ".claude" / "process-janitor"


def journal(home: Path, *lines: dict[str, Any], number: int = 0) -> Path:
    state(home).mkdir(parents=True, exist_ok=True)
    path = state(home) / ("journal.jsonl" + (f".{number}" if number else ""))
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return path


def ended(
    at: str, pid: int = 4711, freed: int = 50_000_000, outcome: str = "gone"
) -> dict[str, Any]:
    return {
        "schema": "process-janitor.journal/1", "at": at, "event": "action", "trigger": "watcher", "pid": pid,
        "identity": f"{pid}-99@boot/7", "class": "leftover", "verdict": "reap", "kind": "mcp-server", "session_id": "s",
        "evidence": ["owner-gone"], "vetoes": [], "command": "node server.js", "signals": ["SIGTERM"],
        "outcome": outcome, "freed_bytes": freed,
    }  # fmt: skip


def over(at: str, how: str) -> dict[str, Any]:
    return {
        "schema": "process-janitor.journal/1", "at": at, "event": "session", "session_id": "s", "pid": 12,
        "identity": "12-3@boot/7", "state": how, "reason": "", "cwd": "/w",
    }  # fmt: skip


def cli(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "scripts" / "start.py"), "history", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "80", **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def series(home: Path, *words: str, **environment: str) -> dict[str, Any]:
    done = cli(home, "--trend", "--json", *words, **environment)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert schemas.complaints("trend", document) == []
    return document


def test_the_series_has_every_day_up_to_today_and_adds_up(tmp_path: Path) -> None:
    now = clock.utc()
    journal(tmp_path, ended(now), ended(now, 4712), ended(now, 4713, 0, "survived"))
    journal(tmp_path, over(now, "crashed"), over(now, "hung"), over(now, "ended"))
    document = series(tmp_path, "--days", "3", TZ="UTC")
    today = now[:10]
    first = datetime.fromisoformat(today)
    assert [one["day"] for one in document["days"]] == [
        (first - timedelta(days=ago)).date().isoformat() for ago in (2, 1, 0)
    ]
    counted = {"leftovers": 3, "ended": 2, "freed_bytes": 100_000_000, "crashed": 1, "hung": 1}
    assert document["days"][-1] == {"day": today, **counted}
    assert document["totals"] == counted
    assert len(series(tmp_path)["days"]) == 14


@pytest.mark.parametrize(("zone", "hours"), [("UTC-14", 14), ("UTC+11", -11)])
def test_days_are_those_of_the_users_own_clock(zone: str, hours: int, tmp_path: Path) -> None:
    now = datetime.fromisoformat(clock.utc())
    journal(tmp_path, ended(clock.utc()), ended(clock.utc(now.timestamp() - 86400), 4712))
    there = (now + timedelta(hours=hours)).date()
    found = {one["day"]: one["ended"] for one in series(tmp_path, "--days", "2", TZ=zone)["days"]}
    assert found == {(there - timedelta(days=1)).isoformat(): 1, there.isoformat(): 1}


@pytest.mark.parametrize("how", ["80 columns", "NO_COLOR", "client", "pipe"])
def test_the_plot_can_be_read_without_colour_and_fits(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.utc()
    journal(tmp_path, *(ended(now, pid) for pid in range(1000, 1020)), over(now, "crashed"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("PROCESS_JANITOR_HOME", raising=False)
    if how == "client":
        text = answer("history --trend", {"HOME": str(tmp_path)})
    else:
        more = {"NO_COLOR": {"NO_COLOR": "1"}, "pipe": {"COLUMNS": ""}}.get(how, {})
        text = cli(tmp_path, "--trend", TZ="UTC", **more).stdout
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= (76 if how == "client" else 80)
    rows = [line for line in text.splitlines() if re.match(r"\d{4}-\d\d-\d\d ", line)]
    assert len(rows) == 14
    assert re.search(r"20 █{21} +1\.0 GB █{21}$", rows[-1])
    assert all("█" not in row and row.split()[1:] == ["-", "-"] for row in rows[:-1])
    assert "20 processes left over, 1.0 GB freed in 14 days; 1 session crashed, 0 hung." in text


def test_a_small_day_beside_a_large_one_still_shows(tmp_path: Path) -> None:
    now = datetime.fromisoformat(clock.utc())
    many = [ended(clock.utc(), pid, 10**10) for pid in range(1000, 2000)]
    journal(tmp_path, ended(clock.utc(now.timestamp() - 86400), 7, 1000), *many)
    small = cli(tmp_path, "--trend", "--days", "2", TZ="UTC").stdout.splitlines()[1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d +1 \S +1 kB \S", small), small


def test_nothing_on_record_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    done = cli(tmp_path, "--trend")
    assert "Nothing was left over in the last 14 days" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert series(tmp_path)["totals"]["leftovers"] == 0


def test_abnormal_shows_crashes_and_hangs_only(tmp_path: Path) -> None:
    now = clock.utc()
    journal(tmp_path, over(now, "ended"), over(now, "crashed"), ended(now), over(now, "hung"))
    entries = json.loads(cli(tmp_path, "--abnormal", "--json").stdout)["entries"]
    assert [one["state"] for one in entries] == ["crashed", "hung"]


@pytest.mark.parametrize(
    "words",
    [
        ("--days", "3"), ("--trend", "--days", "0"), ("--trend", "--days", "-1"), ("--trend", "--days", "4000"),
        ("--trend", "--days", "x"), ("--trend", "--limit", "3"), ("--trend", "--abnormal"),
    ],
)  # fmt: skip
def test_words_that_do_not_go_together_are_refused_in_one_line(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    done = cli(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


DAMAGE = {
    "torn last line": b'{"schema": "process-janitor.journal/1", "at": "2026-11-21T08',
    "binary": bytes(range(256)) * 50 + b"\n",
    "no line end": b"\x00" * 70_000,
    "foreign": b'{"event": "action", "freed_bytes": "much", "at": 7}\n[1]\n"x"\n{}\n',
    "a field of another type": b'{"event": "action", "signals": 5, "pid": 7}\n{"event": "lock", "pid": 8, "path": 7}\n',
    "half a surrogate pair": b'{"event": "session", "cwd": "/x\\udcff", "later": {"\\ud800": ["\\udcff"]}}\n',
    "a deep line": b'{"event": "x", "later": ' + b"[" * 300 + b"]" * 300 + b"}\n",
    "10 MB line": b'{"event": "action", "command": "' + b"x" * (10 << 20) + b'"}\n',
    "10 MB without an end": b"y" * (10 << 20),
    "deep": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_costs_only_itself_and_writing_goes_on(kind: str, tmp_path: Path) -> None:
    now = clock.utc()
    journal(tmp_path, ended(now, 1001), number=2)
    path = journal(tmp_path, ended(now, 1002), number=1)
    with path.open("ab") as file:
        file.write(DAMAGE[kind])
    path = journal(tmp_path, ended(now, 1003))
    with path.open("ab") as file:
        file.write(DAMAGE[kind])
    Journal(str(state(tmp_path))).note("note", "after")
    document = series(tmp_path, "--days", "2")
    assert (document["totals"]["ended"], document["totals"]["freed_bytes"]) == (3, 150_000_000)
    done = cli(tmp_path, "--json", "--limit", "0")
    entries = [one for one in json.loads(done.stdout)["entries"] if one.get("pid") or "text" in one]
    assert [one.get("pid") or one["text"] for one in entries] == [1001, 1002, 1003, "after"]
    assert cli(tmp_path).returncode == cli(tmp_path, "--trend").returncode == 0


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_shown(tmp_path: Path) -> None:
    journal(tmp_path, ended(clock.utc(), 1001), number=1)
    (state(tmp_path) / "journal.jsonl").mkdir()
    done = cli(tmp_path, "--trend", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["totals"]["ended"] == 1
    assert done.stderr.count("\n") == 1
    assert "journal.jsonl" in done.stderr
    assert cli(tmp_path, "--trend", "--quiet").stderr == ""


def test_without_permission_it_is_said(tmp_path: Path) -> None:
    path = journal(tmp_path, ended(clock.utc()))
    path.chmod(0)
    # As nobody we could not even come by pytest's private folders: so we are in there first.
    code = (
        "import os, sys\nsys.path.insert(0, sys.argv[1])\n"
        "from process_janitor.actions.journal import Journal\n"
        "os.chdir(sys.argv[2])\nif os.geteuid() == 0: os.seteuid(65534)\n"
        "book = Journal('.')\nprint(list(book.lines()), book.problems)\n"
    )
    state(tmp_path).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT / "src"), str(state(tmp_path))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[] ['./journal.jsonl: Permission denied']\n"


def test_what_its_user_has_stopped_was_not_left_over(tmp_path: Path) -> None:
    now = clock.utc()
    journal(tmp_path, ended(now), {**ended(now, 4712), "trigger": "stop"})
    assert series(tmp_path)["totals"]["leftovers"] == 1


UUID = "5f0c1a52-7c0e-4a53-9d0a-0d6a3c1b8e11"


def test_at_80_columns_nothing_that_matters_is_cut(tmp_path: Path) -> None:
    now = clock.utc()
    killed = {**ended(now, 4194303), "signals": ["SIGTERM", "SIGKILL"], "trigger": "auto-on-start"}
    stopped = {
        **ended(now, 4712),
        "class": "",
        "trigger": "stop",
        "kind": "claude",
        "command": "claude",
    }
    refused = {**ended(now, 4713, 0, "refused"), "signals": [], "why": "it has changed"}
    went = {**over(now, "crashed"), "session_id": UUID, "cwd": "/home/ada/shop"}
    lock = {"event": "lock", "at": now, "trigger": "run", "path": "/home/ada/.claude/ide/48213.lock", "class": "stale-lock", "outcome": "refused", "why": "a process has it open"}  # fmt: skip
    note = {
        "event": "refused",
        "at": now,
        "text": "201 leftovers are more than auto_limit (200): nothing was ended",
    }
    journal(tmp_path, killed, stopped, refused, went, lock, note)
    for columns in ("80", "139", "140", "200"):
        out = cli(tmp_path, COLUMNS=columns).stdout
        assert max(map(len, out.splitlines())) <= int(columns)
        said = " ".join(out.split())
        for text in (
            "node server.js", "leftover, SIGTERM+SIGKILL, freed 50 MB, by the cleanup of a starting session",
            "you asked for its end, SIGTERM, freed 50 MB, by stop", "leftover, no signal, by the watcher, it has changed",
            f"session {UUID}", "/home/ada/shop", "stale-lock, by run, a process has it open",
            "/home/ada/.claude/ide/48213.lock", note["text"],
        ):  # fmt: skip
            assert text in said, (columns, text, out)
    assert cli(tmp_path, COLUMNS="").stdout.count("\n") == 4 + 6, (
        "a line each for whoever searches them"
    )
