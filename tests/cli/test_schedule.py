"""`schedule` with pretend systemctl, launchctl and crontab: their state is in files, and each can be told to fail."""

from __future__ import annotations

import io
import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core import schedule as texts
from process_janitor.core.schedule import Job
from process_janitor.faces import cli, schemas
from tests.world import Answer

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")

# Every pretend tool writes down what it is told and fails where a file says so.
COMMON = """#!{python}
import os, pathlib, shutil, sys
here = pathlib.Path({state!r})
words = sys.argv[1:]
with open(here / "calls", "a") as calls:
    print({name!r}, *words, file=calls)
for line in (here / "fail").read_text().splitlines() if (here / "fail").exists() else []:
    if line in " ".join(words):
        sys.exit({name!r} + ": no such luck")
"""
SYSTEMCTL = """
units = pathlib.Path({units!r})
link, active = units / "timers.target.wants" / "process-janitor.timer", here / "active"
_, do, *rest = words
if do == "enable":
    assert (units / "process-janitor.timer").exists() and (units / "process-janitor.service").exists()
    link.parent.mkdir(exist_ok=True)
    link.is_symlink() or link.symlink_to(units / "process-janitor.timer")
    active.touch()
elif do in ("disable", "stop"):
    if do == "disable":
        link.unlink(missing_ok=True)
    if do == "stop" or "--now" in rest:
        active.unlink(missing_ok=True)
elif do == "is-enabled":
    sys.exit(not link.is_symlink())
elif do == "is-active":
    sys.exit(not active.exists())
elif do == "list-timers":
    print('[{{"next": 1795248000000000, "unit": "process-janitor.timer"}}]')
"""
LAUNCHCTL = """
loaded = here / "loaded"
if words[0] == "bootstrap":
    assert not loaded.exists()
    shutil.copy(words[2], loaded)
elif words[0] == "bootout":
    loaded.unlink()
elif words[0] == "print":
    sys.exit(not loaded.exists())
"""
CRONTAB = """
table = here / "table"
if words == ["-l"]:
    if not table.exists():
        sys.exit("no crontab for me")
    sys.stdout.buffer.write(table.read_bytes())
elif words == ["-"]:
    table.write_bytes(sys.stdin.buffer.read())
elif words == ["-r"]:
    table.unlink()
"""
BODIES = {"systemctl": SYSTEMCTL, "launchctl": LAUNCHCTL, "crontab": CRONTAB}


class Place:
    """A home with some of the tools, and no other program on PATH."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.state = home / "state"
        self.tools = home / "bin"
        self.units = home / ".config" / "systemd" / "user"
        self.agent = home / "Library" / "LaunchAgents" / "process-janitor.auto.plist"
        self.table = self.state / "table"
        for folder in (self.state, self.tools):
            folder.mkdir()
        for name in [*os.environ]:
            if name.startswith(("CLAUDE", "PROCESS_JANITOR_", "XDG_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("PATH", str(self.tools))

    def tool(self, *names: str) -> Place:
        for name in names:
            text = (COMMON + BODIES[name]).format(
                python=sys.executable, state=str(self.state), name=name, units=str(self.units)
            )
            path = self.tools / name
            path.write_text(text)
            path.chmod(0o755)
        return self

    def fail(self, *commands: str) -> None:
        (self.state / "fail").write_text("\n".join(commands) + "\n" if commands else "")

    def calls(self) -> list[str]:
        """What the tools were told since the last time, without what only asks."""
        path = self.state / "calls"
        told = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        asked = re.compile(r" (-l|print|show|is-enabled|is-active|list-timers)\b")
        return [line for line in told if not asked.search(line)]

    def files(self) -> dict[str, bytes]:
        """Everything the schedulers keep, links as where they lead."""
        found = {}
        for path in sorted(self.home.rglob("*")):
            if path.name not in ("calls", "fail") and path.is_symlink():
                found[str(path)] = os.readlink(path).encode()
            elif path.name not in ("calls", "fail") and path.is_file():
                found[str(path)] = path.read_bytes()
        return found


def call(*words: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    code = cli.perform(["schedule", *words], os.environ, out, err)
    return Answer(code, out.getvalue(), err.getvalue())


def sound(*words: str) -> dict[str, object]:
    answer = call(*words, "--json")
    assert (answer.code, answer.err) == (0, "")
    document: dict[str, object] = answer.json
    assert schemas.complaints("schedule", document) == []
    return document


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


WAYS = [("systemd", "systemctl"), ("launchd", "launchctl"), ("cron", "crontab")]


@pytest.mark.parametrize(("name", "tool"), WAYS)
def test_installed_once_changed_by_another_interval_and_removed_cleanly(
    name: str, tool: str, place: Place
) -> None:
    place.tool(tool)
    before = place.files()
    assert sound("show")["installed"] is False
    assert place.files() == before
    first = sound("install")
    assert (first["changed"], first["by"], first["every_minutes"]) == (True, name, 15)
    assert first["command"] == [str(ROOT / "scripts" / "process-janitor"), "auto", "--quiet"]
    installed = place.files()
    assert installed != before
    place.calls()

    again = sound("install", "--every", "15")
    assert (again["changed"], place.files(), place.calls()) == (False, installed, [])
    assert "as before" in call("install").out
    shown = sound("show")
    assert (shown["installed"], shown["by"], shown["every_minutes"]) == (True, name, 15)

    other = sound("install", "--every", "60")
    assert (other["changed"], other["every_minutes"]) == (True, 60)
    assert "from now on" in call("install", "--every", "30").out
    assert sound("show")["every_minutes"] == 30

    assert sound("remove")["changed"] is True
    assert place.files() == before
    assert sound("remove")["changed"] is False
    assert call("remove").out.startswith("Nothing is scheduled.")


def test_the_first_that_works_is_taken_and_only_that_one(place: Place) -> None:
    place.tool("systemctl", "launchctl", "crontab")
    assert sound("install")["by"] == "systemd"
    assert sound("remove")["changed"] is True
    place.fail("show --property")  # no manager for this user
    assert sound("install")["by"] == "launchd"
    place.fail()
    assert sound("install", "--every", "30")["by"] == "launchd", "where it is, it stays"
    assert not place.units.exists() or not list(place.units.glob("*.timer"))


def test_what_moved_to_another_scheduler_is_not_left_in_the_old_one(place: Place) -> None:
    place.tool("systemctl", "crontab")
    assert sound("install")["by"] == "systemd"
    place.fail("show --property")
    assert sound("install")["by"] == "cron"
    assert not list(place.units.rglob("process-janitor*"))


def test_without_any_scheduler_it_says_what_to_do(place: Place) -> None:
    answer = call("install")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "auto --quiet" in answer.err
    assert sound("show")["installed"] is False
    assert sound("remove")["changed"] is False
    assert place.files() == {}


@pytest.mark.parametrize(
    ("tool", "failing"),
    [
        ("systemctl", "daemon-reload"), ("systemctl", "enable"), ("launchctl", "bootstrap"), ("crontab", "-"),
    ],
)  # fmt: skip
def test_a_scheduler_that_fails_leaves_nothing_half_installed(
    tool: str, failing: str, place: Place
) -> None:
    place.tool(tool)
    if tool == "crontab":
        place.table.write_bytes(b"0 5 * * * mine\n")
        # It says that all is well and writes nothing, as on a full disk.
        lying = (place.tools / tool).read_text().replace("table.write_bytes", "len")
        (place.tools / tool).write_text(lying)
    else:
        place.fail(failing)
    before = place.files()
    answer = call("install")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert failing in answer.err
    assert place.files() == before


@pytest.mark.parametrize(("tool", "failing"), [("systemctl", "restart"), ("launchctl", "bootout")])
def test_a_change_that_fails_leaves_the_old_interval(tool: str, failing: str, place: Place) -> None:
    place.tool(tool)
    sound("install")
    before = place.files()
    place.fail(failing)
    answer = call("install", "--every", "60")
    assert answer.code == 1
    assert "no such luck" in answer.err
    place.fail()
    assert place.files() == before
    assert sound("show")["every_minutes"] == 15


def test_a_unit_that_is_somebody_elses_stays(place: Place) -> None:
    place.tool("systemctl")
    place.units.mkdir(parents=True)
    unit = place.units / "process-janitor.timer"
    for make in (lambda: unit.write_text("[Timer]\n"), lambda: unit.symlink_to("/dev/null")):
        make()
        before = place.files()
        for words in (["install"], ["remove"]):
            answer = call(*words)
            assert (answer.code, str(unit) in answer.err) == (1, True)
        assert place.files() == before
        unit.unlink()


CRONTABS = [
    b"",
    b"# mine\n\nMAILTO=me\n0 5 * * *\tbackup %d\n",
    b"0 5 * * * last line without an end",
    b"\xff\xfe not utf-8\r\n0 0 * * * x\r\n",
    b"#*/15 * * * * x auto --quiet # process-janitor schedule\n",
    b"0 0 * * * echo '# process-janitor schedule' # other\n",
]


@pytest.mark.parametrize("table", CRONTABS)
def test_every_other_line_of_a_crontab_stays_as_it_is(table: bytes, place: Place) -> None:
    place.tool("crontab")
    place.table.write_bytes(table)
    sound("install")
    after = place.table.read_bytes()
    assert after.startswith(table)
    assert after.count(b"\n") == table.count(b"\n") + (2 if table.endswith(b"end") else 1)
    place.table.write_bytes(after + b"1 1 * * * later\n")
    sound("install", "--every", "20")
    assert place.table.read_bytes().endswith(b"1 1 * * * later\n")
    sound("remove")
    ended = table + b"\n" if table.endswith(b"end") else table
    assert place.table.read_bytes() == ended + b"1 1 * * * later\n"


def test_a_crontab_that_cannot_be_read_is_not_written_over(place: Place) -> None:
    place.tool("crontab")
    place.table.write_bytes(b"0 5 * * * mine\n")
    place.fail("-l")
    assert call("install").code == 1
    assert call("remove").code == 1
    assert place.table.read_bytes() == b"0 5 * * * mine\n"


def test_who_may_not_use_cron_has_other_ways(place: Place) -> None:
    place.tool("crontab", "systemctl")
    path = place.tools / "crontab"
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('You (x) are not allowed to use this program (crontab)')\n")  # fmt: skip
    assert sound("install")["by"] == "systemd"
    assert sound("remove")["changed"] is True


@pytest.mark.parametrize("every", ["7", "45", "90", "1000"])
def test_an_interval_cron_cannot_keep_is_refused(every: str, place: Place) -> None:
    place.tool("crontab")
    answer = call("install", "--every", every)
    assert (answer.code, place.table.exists()) == (1, False)
    assert f"every {every} minutes" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["install", "--every", "0"], ["install", "--every", "-5"], ["install", "--every", "1441"], ["install", "--every", "x"],
        ["install", "--every", "1.5"], ["show", "--every", "5"], ["remove", "--every", "5"], ["sometimes"],
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error(words: list[str], place: Place) -> None:
    place.tool("systemctl")
    before = place.files()
    assert call(*words).code == 2
    assert place.files() == before


def test_the_job_gets_the_directories_and_the_configuration_that_are_set(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tool("launchctl")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(place.home / "my claude"))
    monkeypatch.setenv("PROCESS_JANITOR_HOME", "relative")
    monkeypatch.chdir(place.home)
    mine = place.home / "my config.json"
    mine.write_text("{}")
    sound("install", "--config", str(mine))
    agent = plistlib.loads(place.agent.read_bytes())
    assert agent["ProgramArguments"][-2:] == ["--config", str(mine)]
    assert agent["EnvironmentVariables"] == {
        "CLAUDE_CONFIG_DIR": str(place.home / "my claude"),
        "PROCESS_JANITOR_HOME": str(place.home / "relative"),
    }


def test_an_installed_plugin_is_found_again_after_its_update(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tool("systemctl")
    versions = place.home / "plugins" / "cache" / "the market" / "process-janitor"
    for number, version in enumerate(("9.0.0", "10.0.0")):
        launcher = versions / version / "scripts" / "process-janitor"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(f'#!/bin/sh\necho {version} "$@"\n')
        launcher.chmod(0o755)
        os.utime(launcher, (1_700_000_000 + number, 1_700_000_000 + number))
    from process_janitor.system import paths

    monkeypatch.setattr(paths, "plugin_root", lambda: str(versions / "9.0.0"))
    command = sound("install")["command"]
    assert isinstance(command, list)
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    assert done.stdout == b"10.0.0 auto --quiet\n"
    shutil.rmtree(versions)
    gone = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert (gone.returncode, gone.stdout, gone.stderr) == (0, b"", b""), "the plugin is uninstalled"


ODD = [
    "/opt/a b/x",
    'a"b',
    "a'b",
    "50%",
    "$HOME",
    "back\\slash",
    "%h",
    "${X}",
    "é",
    "a;b|c",
    "# no comment",
]


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units_whatever_the_paths_hold(tmp_path: Path) -> None:
    program = tmp_path / "a b%h" / "run $me"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    job = Job((str(program), *ODD, "auto"), 15, (("CLAUDE_CONFIG_DIR", "/x/" + " ".join(ODD)),))
    (tmp_path / "process-janitor.service").write_text(texts.service_unit(job))
    (tmp_path / "process-janitor.timer").write_text(texts.timer_unit(job))
    assert '"$$HOME"' in texts.service_unit(job)
    assert '"$${X}"' in texts.service_unit(job)
    units = [str(tmp_path / f"process-janitor.{kind}") for kind in ("timer", "service")]
    done = subprocess.run(
        [str(SYSTEMD_ANALYZE), "--user", "--man=no", "verify", *units],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "process-janitor" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units_in_the_documentation(tmp_path: Path) -> None:
    blocks = re.findall(r"```ini\n(.*?)```", (ROOT / "docs" / "schedule.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    for kind, text in zip(("service", "timer"), blocks, strict=True):
        here = text.replace("/opt/process-janitor", str(ROOT)).replace("User=%i", "User=root")
        (tmp_path / f"process-janitor@me.{kind}").write_text(here)
    done = subprocess.run(
        [str(SYSTEMD_ANALYZE), "--man=no", "verify", *map(str, tmp_path.iterdir())],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "process-janitor" in line]
    assert (done.returncode, ours) == (0, [])


PRINTABLE = st.text(max_size=12).filter(str.isprintable)


@given(st.lists(PRINTABLE, min_size=1, max_size=4), PRINTABLE)
def test_a_shell_reads_a_cron_line_back_word_by_word(words: list[str], value: str) -> None:
    import shlex

    line = texts.cron_line(Job(("/bin/x", *words), 15, (("NAME", value),)))
    assert texts.is_cron_line(line)
    assert texts.cron_minutes(line) == 15
    assert not re.search(r"(?<!\\)%", line)
    command = line.split(None, 5)[5].replace("\\%", "%")
    assert shlex.split(command, comments=True) == [f"NAME={value}", "/bin/x", *words]


@pytest.mark.parametrize("minutes", [1, 2, 5, 15, 30, 60, 120, 720, 1440])
def test_every_interval_cron_can_keep_is_read_back(minutes: int) -> None:
    job = Job(("/bin/x",), minutes)
    assert texts.cron_minutes(texts.cron_line(job)) == minutes
    assert texts.timer_minutes(texts.timer_unit(job)) == minutes


def test_a_path_with_a_line_feed_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.tool("systemctl", "crontab")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/x\nExecStart=/bin/evil")
    before = place.files()
    assert call("install").code == 1
    assert place.files() == before


def test_the_next_run_is_told_where_the_scheduler_knows_it(place: Place) -> None:
    place.tool("systemctl")
    sound("install")
    assert sound("show")["next_run"] == "2026-11-21T08:00:00Z"
    assert "It runs next at" in call("show").out
    text = (place.tools / "systemctl").read_text()
    (place.tools / "systemctl").write_text(text.replace('"next": 1795248000000000', '"old": 1'))
    assert sound("show")["next_run"] == ""


def test_quiet_says_nothing(place: Place) -> None:
    place.tool("systemctl")
    for words in (["install"], ["show"], ["remove"]):
        assert call(*words, "--quiet") == Answer(0, "", "")
    assert json.loads(call("show", "--json").out)["installed"] is False
