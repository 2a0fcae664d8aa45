"""A session is killed with SIGKILL while others work: its leftovers go, everything else stays, and it is explained."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import time

from . import (
    Headless,
    Janitor,
    Session,
    Setting,
    Story,
    Tagged,
    Terminal,
    TimedOut,
    World,
    mentions,
    procs,
    stays,
    until,
)

DETACHED = ("nohup", "ampersand", "setsid")
CLEAN_SECONDS = 10.0


def detach_prompt(world: World, prefix: str = "") -> str:
    """A prompt for three Bash calls that deliberately leave a child each: nohup, ``&`` and setsid."""
    quiet = ">/dev/null 2>&1"
    nohup, ampersand, setsid = (world.child_command(prefix + tag) for tag in DETACHED)
    return (
        f"[[bash nohup {nohup} {quiet} &]] [[bash {ampersand} {quiet} &]] "
        f"[[bash (setsid {setsid} </dev/null {quiet} &)]]"
    )


def play(story: Story, setting: Setting) -> None:
    """Play it with a terminal session that dies and a headless neighbour that lives."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    unrelated = subprocess.Popen(["sleep", "600"], start_new_session=True)
    neighbour = Headless(
        world,
        "neighbour",
        f"[[bash {world.child_command('neighbour-child')}]]",
        [*janitor.load(), *world.mcp_config(good=["neighbour-server"])],
    )
    victim = Terminal(
        world, "victim", [*janitor.load(), *world.mcp_config(good=["good"], stubborn=["stubborn"])]
    )
    story.show(victim.screen)
    untouched = [world.tagged("neighbour-child"), world.tagged("neighbour-server")]
    with story.step("the session is registered"):
        until(lambda: janitor.record_of(victim.pid), 10, "a record of the session")
    _watcher_comes_back(story, janitor, victim)
    victim.ask(detach_prompt(world))
    victim.ask(f"[[background {world.child_command('background')}]]")
    victim.ask(f"[[background env PROCESS_JANITOR_KEEP=1 {world.child_command('kept')}]]")
    server = f"tmux -S {world.root}/inner.tmux -f /dev/null"
    victim.ask(f"[[bash {server} new-session -d {shlex.quote(world.child_command('pane'))}]]")
    in_call = f"{world.child_command('beside')} & {world.child_command('foreground')}"
    victim.enter(f"[[bash {in_call}]]")
    leftovers = [world.tagged(tag) for tag in ("stubborn", "good", "background", "foreground")]
    beside = world.tagged("beside")
    shells = [_shell_of(child) for child in leftovers if child.tag in ("background", "foreground")]
    detached = [world.tagged(tag) for tag in DETACHED]
    kept, pane = world.tagged("kept"), world.tagged("pane")
    session_id = victim.session_id()

    victim.kill(signal.SIGKILL)
    died = time.monotonic()
    victim.wait_gone()
    _cleaned(story, [*leftovers, beside, *shells], died)
    with story.step("deliberately detached children stay"):
        stays(
            lambda: all(process.alive for process in detached),
            2,
            "nohup, & and setsid children live",
        )
    with story.step("a child marked to be kept stays"):
        assert kept.alive
    with story.step("a tmux server started in a Bash call stays, with its panes"):
        assert pane.alive
    with story.step("a neighbour session and an unrelated process stay"):
        assert neighbour.alive
        assert all(process.alive for process in untouched)
        assert unrelated.poll() is None
    _told(story, janitor, session_id, detached)
    with story.step("explain says keep for a live neighbour's child"):
        explained = janitor.json("explain", str(untouched[0].pid))
        assert explained["verdict"] == "keep", explained
    with story.step("history tells what was ended and why"):
        history = janitor.json("history")
        for process in leftovers:
            if process.tag != "good":
                entries = list(mentions(history, process.pid))
                assert any(entry.get("evidence") for entry in entries), (process, history)


def _watcher_comes_back(story: Story, janitor: Janitor, victim: Terminal) -> None:
    with story.step("a killed watcher is back at the next prompt"):
        before = until(janitor.watchers, 10, "a watcher runs")
        for watcher in before:
            assert procs.alive(watcher.pid, watcher.start)
            Session(janitor.world, watcher.pid).kill(signal.SIGKILL)
        until(
            lambda: not any(procs.alive(w.pid, w.start) for w in before), 5, "the watcher is dead"
        )
        victim.ask("anything, so that the hooks run")
        until(janitor.watchers, 5, "a watcher runs again")


def _cleaned(story: Story, leftovers: list[Tagged], died: float) -> None:
    gone: dict[str, float] = {}

    def all_gone() -> bool:
        for process in leftovers:
            if process.tag not in gone and not process.alive:
                gone[process.tag] = time.monotonic() - died
        return len(gone) == len(leftovers)

    with contextlib.suppress(TimedOut):
        until(all_gone, died + CLEAN_SECONDS - time.monotonic(), "all leftovers are gone")
    for process in leftovers:
        with story.step(f"gone within ten seconds: {process.tag}"):
            assert process.tag in gone, process
            story.measured(process.tag, gone[process.tag])


def _shell_of(child: Tagged) -> Tagged:
    shell = procs.read(child.ppid)
    assert shell is not None, child
    tag = f"shell of {child.tag}"
    return Tagged(tag=tag, pid=shell.pid, start=shell.start, ppid=shell.ppid, sid=shell.sid)


def _told(story: Story, janitor: Janitor, session_id: str, detached: list[Tagged]) -> None:
    with story.step("scan reports detached children and would not end them"):
        for process in detached:
            finding = janitor.finding(process)
            said = {key: finding.get(key) for key in ("class", "verdict", "session_id")}
            assert said == {"class": "detached", "verdict": "report", "session_id": session_id}, (
                process,
                finding,
            )
    with story.step("explain says the same, with evidence"):
        for process in detached:
            explained = janitor.json("explain", str(process.pid))
            said = {key: explained.get(key) for key in ("class", "verdict", "session_id")}
            assert said == {"class": "detached", "verdict": "report", "session_id": session_id}, (
                explained
            )
            assert explained["evidence"], explained
