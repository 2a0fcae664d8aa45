"""The page of `report --html` in a real browser: what a person sees there, and that it asks nobody for anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Page, needed
from tests.namespaced import namespaced
from tests.serving import configure, serving
from tests.world import World

_BOX = "((one) => { const r = one.getBoundingClientRect(); return [r.width, r.height]; })"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def browser() -> None:
    needed()


class Scene:
    """Two sessions with named servers, one of them killed, and the page about them."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.living, self.dead = self.world.session(), self.world.session()
        self.small = serving(self.living, "small")
        self.large = serving(self.dead, "large", megabytes=60)
        self.detached = self.dead.detached()
        configure(folder, **{"small-server": self.small.argv, "large-server": self.large.argv})
        self.dead.kill()
        self.path = folder / "report.html"
        assert self.world.cli("report", "--html", str(self.path)).code == 0


def sizes(selector: str) -> str:
    return f"[...document.querySelectorAll({selector!r})].map({_BOX})"


def seen(page: Page) -> str:
    text: str = page.get("document.body.innerText")
    return " ".join(text.split())


@namespaced
def test_what_a_person_looks_for_is_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Page(tmp_path) as page:
        page.see()
        page.open(scene.path)
        text = seen(page)
        for word in (
            scene.living.session_id, scene.dead.session_id, "small-server", "large-server", "reap", "report", "keep",
            "live", "crashed", "leftover", "detached", str(scene.small.port), str(scene.large.port),
            "left over by a session that is gone", "1 session runs of 2 known", "1 process is left over and is safe to end.",
            "put in the background on purpose", "process-janitor run",
        ):  # fmt: skip
            assert word in text, word
        assert f"process-janitor run --pid {scene.detached.pid}" in text, "what ends it"
        # Every process has a row of its own.
        pids = page.get(
            "[...document.querySelectorAll('.session tr td:first-child')].map((one) => one.innerText)"
        )
        wanted = {
            scene.living.pid,
            scene.small.child.pid,
            scene.large.child.pid,
            scene.detached.pid,
        }
        assert wanted == set(map(int, pids))
        assert page.screenshot().startswith(b"\x89PNG")


@namespaced
def test_bars_are_as_long_as_what_they_stand_for(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Page(tmp_path) as page:
        page.see()
        page.open(scene.path)
        labels = page.get(
            "[...document.querySelectorAll('#memory .bars svg')].map((one) => one.ariaLabel)"
        )
        assert [label.split(": ")[0].split(" · ")[-1] for label in labels] == [
            scene.dead.session_id[:8],
            scene.living.session_id[:8],
        ], "the heavier one first"
        lengths = page.get(
            "[...document.querySelectorAll('#memory .bars svg')].map((one) =>"
            " [...one.querySelectorAll('rect')].reduce((sum, part) => sum + part.getBoundingClientRect().width, 0))"
        )
        (track, _), _ = page.get(sizes("#memory .bars svg"))
        assert track > 100
        assert lengths[0] == pytest.approx(track, rel=0.02)
        assert 0.02 * track < lengths[1] < 0.6 * track
        ages = page.get(sizes("#age .bars svg rect"))
        assert len(ages) == 4
        assert max(width for width, _ in ages) > 0.9 * track
        fills = page.get(
            "[...document.querySelectorAll('rect')].map((one) => getComputedStyle(one).fill)"
        )
        assert "rgb(0, 0, 0)" not in fills, "every part has a colour"


@namespaced
def test_nothing_is_asked_of_anybody_and_nothing_complains(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Page(tmp_path) as page:
        page.open(scene.path)
        seen(page)
        urls = [one["request"]["url"] for one in page.said("Network.requestWillBeSent")]
        assert urls == [scene.path.as_uri()]
        complaints = page.said(
            "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"
        )
        assert complaints == []
        assert page.get("document.scripts.length") == 0
        # The policy of the page holds: what is put in from outside loads nothing and runs nothing.
        page.get(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"file:///nowhere.png\">')"
        )
        blocked = [one["entry"]["text"] for one in wait_for(page, "Log.entryAdded")]
        assert any("Content Security Policy" in text for text in blocked), blocked


def wait_for(page: Page, method: str) -> list[dict[str, Any]]:
    for _ in range(100):
        if page.said(method):
            break
        page.get("1")
    return page.said(method)


def colours(page: Page) -> tuple[str, str]:
    ground, text = page.get(
        "((style) => [style.backgroundColor, style.color])(getComputedStyle(document.body))"
    )
    return ground, text


@namespaced
def test_light_dark_and_narrow(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Page(tmp_path) as page:
        page.open(scene.path)
        page.see(prefers_color_scheme="light")
        light = colours(page)
        page.see(prefers_color_scheme="dark")
        dark = colours(page)
        assert light[0] != dark[0]
        assert light[1] != dark[1]
        for width in (360, 700, 1600):
            page.see(width=width)
            assert page.get("document.documentElement.scrollWidth") <= width, (
                "no sideways scrolling"
            )


@namespaced
def test_trees_fold_and_are_all_open_on_paper(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    shown = "[...document.querySelectorAll('.session .wide')].map((one) => one.checkVisibility())"
    with Page(tmp_path) as page:
        page.see()
        page.open(scene.path)
        assert page.get(shown) == [True, True]
        page.get("document.querySelectorAll('.session > summary').forEach((one) => one.click())")
        assert page.get(shown) == [False, False]
        assert scene.living.session_id in seen(page)
        page.see(media="print")
        assert page.get(shown) == [True, True]
