"""The live view under its own pilot, with made-up documents: every key, and what goes wrong."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from process_janitor.core.model import Identity
from process_janitor.faces import cli
from process_janitor.faces.cli.context import Failure
from process_janitor.faces.cli.planning import Question
from process_janitor.faces.watching import screens
from process_janitor.faces.watching.app import Watch
from process_janitor.faces.watching.screens import Asking, Reading
from process_janitor.faces.watching.table import Rows
from tests.watched import Fake, document, usual

Play = Callable[["Desk"], Awaitable[None]]


class Desk:
    """Somebody in front of the view."""

    def __init__(self, app: Watch, pilot: Any, fake: Fake) -> None:
        self.app, self.pilot, self.fake = app, pilot, fake

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def current(self) -> str:
        """The first word of the row under the cursor."""
        row = self.app.screen_stack[0].query_one(Rows).current
        return row.label.split(" ")[0] if row is not None else ""

    async def until(self, predicate: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not predicate():
            assert time.monotonic() < deadline, self.text
            await self.pilot.pause(0.01)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def go_to(self, label: str) -> None:
        for _ in range(30):
            if self.current == label:
                return
            await self.press("down")
        raise AssertionError(self.text)


def play(
    body: Play, fake: Fake | None = None, *, size: tuple[int, int] = (100, 30), interval: float = 60.0
) -> Fake:  # fmt: skip
    """Run the view, and the body once the first look is drawn. `interval` is long: looks come when a key asks for them."""
    shown = fake or Fake()

    async def run() -> None:
        app = Watch(shown, interval)
        async with app.run_test(size=size) as pilot:
            desk = Desk(app, pilot, shown)
            await desk.until(lambda: shown.looks and not app._looking)
            await pilot.pause()
            await body(desk)

    asyncio.run(run())
    return shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
def test_sessions_trees_and_leftovers_are_on_the_screen(size: tuple[int, int]) -> None:
    async def body(desk: Desk) -> None:
        assert "1 session, 6 processes" in desk.text
        assert "would free: 20 MB" in desk.text
        assert all(len(line) == size[0] for line in desk.lines)
        if size[0] >= 80:
            (crashed,) = (line for line in desk.lines if "blog" in line)
            (left,) = (line for line in desk.lines if "200 mcp-server" in line)
            assert "reap" in left
            assert "2 reap" in crashed
            assert "crashed" in crashed
            for key in ("explain", "keep", "clean", "refresh", "sort", "filter", "help", "quit"):
                assert key in desk.lines[-1], "the footer names every key"

    play(body, size=size)


def test_explain_shows_the_page_of_the_row_and_closes() -> None:
    async def body(desk: Desk) -> None:
        await desk.go_to("201")
        await desk.press("e")
        await desk.until(lambda: isinstance(desk.app.screen, Reading))
        await desk.pilot.pause()
        assert "verdict on 201" in desk.text
        await desk.press("escape")
        assert not isinstance(desk.app.screen, Reading)
        assert desk.current == "201"

    assert play(body).asked == [("explain", 201)]


@pytest.mark.parametrize(("key", "what"), [("k", "keep"), ("c", "clean")])
@pytest.mark.parametrize("answer", ["y", "n", "escape", "enter", "q", "ctrl+c"])
def test_nothing_but_y_is_a_yes(key: str, what: str, answer: str) -> None:
    async def body(desk: Desk) -> None:
        await desk.go_to("200")
        await desk.press(key)
        await desk.until(lambda: isinstance(desk.app.screen, Asking))
        await desk.pilot.pause()
        assert "plan for 200" in desk.text
        assert f"{what} it?" in desk.text
        looks = desk.fake.looks
        await desk.press(answer)
        if answer == "y":
            await desk.until(lambda: isinstance(desk.app.screen, Reading))
            await desk.pilot.pause()
            assert f"{what} done" in desk.text
            await desk.until(lambda: desk.fake.looks > looks)
            await desk.press("escape")
        await desk.until(lambda: len(desk.app.screen_stack) == 1 and not desk.app._errands.busy)

    done = [(what, 200, 1)] if answer == "y" else []
    assert play(body).asked == [(f"propose {what}", 200), *done]


def test_each_question_is_answered_by_itself() -> None:
    fake = Fake()
    fake.questions = (
        Question("End these 2 processes?", frozenset((Identity(200, 1, "b", 1),))),
        Question("End it?", frozenset((Identity(100, 1, "b", 1),)), about="Session A: quiet."),
    )

    async def body(desk: Desk) -> None:
        await desk.go_to("100")
        await desk.press("c")
        await desk.until(lambda: "End these 2 processes?" in desk.text)
        await desk.press("y")
        await desk.until(lambda: "Session A: quiet." in desk.text)
        await desk.press("n")
        await desk.until(lambda: isinstance(desk.app.screen, Reading))

    assert play(body, fake).asked[-1] == ("clean", 100, 1)


def test_silence_about_a_living_session_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "ANSWER_SECONDS", 1.0)
    fake = Fake()
    fake.questions = (Question("End it?", about="Session A: quiet."),)

    async def body(desk: Desk) -> None:
        await desk.press("c")
        await desk.until(lambda: isinstance(desk.app.screen, Asking))
        await desk.until(lambda: len(desk.app.screen_stack) == 1)

    assert [one[0] for one in play(body, fake).asked] == ["propose clean"]


def test_what_cannot_be_done_is_read_and_not_asked() -> None:
    fake = Fake()
    fake.questions = ()

    async def body(desk: Desk) -> None:
        await desk.go_to("101")
        await desk.press("c")
        await desk.until(lambda: isinstance(desk.app.screen, Reading))
        await desk.press("y")

    assert play(body, fake).asked == [("propose clean", 101)]


def test_a_failure_while_acting_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()

    def fail(_: object) -> Any:
        raise Failure("there is no process 100")

    monkeypatch.setattr(fake, "cleaning", fail)

    async def body(desk: Desk) -> None:
        await desk.press("c")
        await desk.until(lambda: isinstance(desk.app.screen, Reading))
        await desk.pilot.pause()
        assert "there is no process 100" in desk.text

    play(body, fake)


def test_the_filter_takes_every_letter_and_no_key_of_the_view() -> None:
    async def body(desk: Desk) -> None:
        await desk.press("slash", *"ckq")
        assert "Nothing matches" in desk.text
        await desk.press("backspace", "backspace", "backspace", *"vite")
        assert "103" in desk.text
        assert "blog" not in desk.text
        await desk.press("enter")
        assert "filter: vite" in desk.text
        await desk.press("escape")
        assert "blog" in desk.text

    assert play(body).asked == []


def test_the_cursor_stays_on_its_row_whatever_the_order() -> None:
    async def body(desk: Desk) -> None:
        await desk.go_to("200")
        for column in ("CPU↓", "AGE↓", "MEMORY↓"):
            await desk.press("s")
            assert column in desk.text
            assert desk.current == "200"
        desk.fake.document = document(usual()["sessions"][1])
        await desk.press("r")
        await desk.until(lambda: "shop" not in desk.text)
        assert desk.current == "200"
        desk.fake.document = document()
        await desk.press("r")
        await desk.until(lambda: "nothing is left over" in desk.text)
        for key in ("down", "enter", "left", "e", "k", "c"):
            await desk.press(key)

    assert play(body).asked == []


def test_rows_close_and_open() -> None:
    async def body(desk: Desk) -> None:
        await desk.press("enter")
        assert "+4" in desk.text
        assert "101 files" not in desk.text
        await desk.press("right")
        assert "101 files" in desk.text
        await desk.go_to("103")
        await desk.press("left")
        assert desk.current == "102"
        await desk.press("left", "end")
        assert "103 bash-task" not in desk.text
        assert desk.current == "stale-lock"
        await desk.press("home", "pagedown", "pageup")
        assert desk.current == "shop"

    play(body)


def test_a_small_window_scrolls_with_the_cursor_and_grows_again() -> None:
    async def body(desk: Desk) -> None:
        await desk.press("end")
        assert "stale-lock" in desk.text
        assert "shop aaaaaaaa" not in desk.text
        await desk.pilot.resize_terminal(120, 40)
        await desk.until(lambda: "shop aaaaaaaa" in desk.text)
        assert all(len(line) == 120 for line in desk.lines)
        await desk.pilot.resize_terminal(20, 5)
        await desk.press("question_mark")
        await desk.press("escape", "down", "e")
        await desk.until(lambda: isinstance(desk.app.screen, Reading))

    play(body, size=(80, 14))


def test_a_look_that_fails_is_a_line_and_the_next_one_mends_it() -> None:
    async def body(desk: Desk) -> None:
        desk.fake.failing = Failure("the process table cannot be read here")
        await desk.press("r")
        await desk.until(lambda: "The last look failed: the process table" in desk.text)
        assert "blog" in desk.text, "what was seen before stays"
        desk.fake.failing = RuntimeError("boom")
        await desk.press("r")
        await desk.until(lambda: "unexpected RuntimeError: boom" in desk.text)
        desk.fake.failing = None
        await desk.press("r")
        await desk.until(lambda: "look failed" not in desk.text)

    play(body)


def test_it_looks_again_by_itself() -> None:
    async def body(desk: Desk) -> None:
        await desk.until(lambda: desk.fake.looks >= 4)

    play(body, interval=0.05)


def test_keys_work_while_a_look_takes_long_and_looks_do_not_pile_up() -> None:
    fake = Fake()
    go_on = threading.Event()
    quick = fake.look

    def slow() -> Any:
        found = quick()
        if fake.looks > 1:
            go_on.wait(20)
        return found

    fake.look = slow  # type: ignore[method-assign]

    async def body(desk: Desk) -> None:
        try:
            await desk.press("r", "r", "r")
            await desk.go_to("200")
            await desk.press("e")
            await desk.until(lambda: isinstance(desk.app.screen, Reading))
            assert desk.fake.looks == 2
        finally:
            go_on.set()

    play(body, fake)


def test_leaving_waits_for_what_is_being_ended() -> None:
    fake = Fake()
    fake.may_act.clear()

    async def body(desk: Desk) -> None:
        try:
            await desk.press("c")
            await desk.until(lambda: isinstance(desk.app.screen, Asking))
            await desk.press("y")
            await desk.until(lambda: "at work" in desk.text)
            await desk.press("c", "k", "q")
            await desk.until(lambda: "closes after that" in desk.text)
            assert desk.app.is_running
        finally:
            fake.may_act.set()
        await desk.until(lambda: desk.app._exit)

    assert [one[0] for one in play(body, fake).asked] == ["propose clean", "clean"]


def test_a_look_that_ends_with_the_view_is_no_failure() -> None:
    async def run() -> None:
        app = Watch(Fake(), 60.0)
        async with app.run_test():
            pass
        app._document = usual()
        app._draw()
        app._tick()
        app._errands.say("at work")

    asyncio.run(run())


def test_leaving_while_a_question_is_open_is_a_no() -> None:
    async def body(desk: Desk) -> None:
        await desk.press("c")
        await desk.until(lambda: isinstance(desk.app.screen, Asking))
        await desk.press("ctrl+q")
        await desk.until(lambda: desk.app._exit)

    assert [one[0] for one in play(body).asked] == ["propose clean"]


@pytest.mark.parametrize("verbose", [False, True])
def test_what_breaks_the_view_is_told_with_a_traceback_only_where_asked_for(
    verbose: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = Fake()
    fake.document = {"sessions": "nonsense"}
    app = Watch(fake, 60.0, verbose=verbose)
    app.run(headless=True)
    assert app.return_code == 1
    assert ("TypeError" in capfd.readouterr().err) is verbose


def test_without_colours_the_cursor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def body(desk: Desk) -> None:
        table = desk.app.query_one(Rows)
        styles = [next(iter(table.render_line(y))).style for y in (0, 1)]
        assert [style.reverse for style in styles if style] == [True, None]
        assert desk.app.no_color

    play(body)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *words: str, **more: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "stdin", Terminal())
    err = Terminal()
    code = cli.perform(["watch", *words], {"TERM": "xterm", **more}, Terminal(), err)
    return code, err.getvalue()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json"], "report --json"),
        (["--quiet"], "leave out --quiet"),
        (["--interval", "0.5"], "interval of 1 to 60 seconds"),
        (["--interval", "61"], "interval of 1 to 60 seconds"),
        (["--interval", "nan"], "interval of 1 to 60 seconds"),
        (["--interval", "soon"], "interval of 1 to 60 seconds"),
    ],
)
def test_what_makes_no_view_is_refused(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, err = at_a_terminal(monkeypatch, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err


def test_without_a_terminal_it_says_what_shows_the_same() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert cli.perform(["watch"], {"TERM": "xterm"}, out, err) == 2
    assert err.getvalue().count("\n") == 1
    assert "process-janitor report" in err.getvalue()
    assert cli.perform(["watch"], {}, out, err, client=True) == 2
    assert out.getvalue() == ""


def test_a_terminal_that_can_do_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    code, err = at_a_terminal(monkeypatch, TERM="dumb")
    assert (code, err.count("\n")) == (2, 1)
    assert "(TERM)" in err


def test_without_textual_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "textual" or "faces.watching." in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    code, err = at_a_terminal(monkeypatch)
    assert (code, err.count("\n")) == (1, 1)
    assert "textual" in err
    assert "process-janitor[watch]" in err
