"""A user installs the plugin from its folder, works, asks ``/cleanup``, clears, disables the plugin, leaves."""

from __future__ import annotations

import re

from . import COMPLAINTS, Janitor, Setting, Story, Terminal, World, stays, until

PLUGIN = "process-janitor@process-janitor"


def _ran(world: World, *arguments: str) -> str:
    done = world.claude("plugin", *arguments)
    assert done.returncode == 0, (
        f"claude plugin {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def _without_digits(text: str) -> str:
    return re.sub(r"[\d\s]", "", text)


def play(story: Story, setting: Setting) -> None:
    """Play it in one terminal session."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    with story.step("the manifests are valid"):
        _ran(world, "validate", "--strict", str(world.repo))
        _ran(world, "validate", "--strict", str(world.repo / ".claude-plugin" / "plugin.json"))
    with story.step("the plugin installs from its own marketplace"):
        _ran(world, "marketplace", "add", str(world.repo))
        _ran(world, "install", PLUGIN, "--config", "detached=keep")
        assert "enabled" in _ran(world, "list")
    with story.step("an option given at the installation counts, also outside the client"):
        settings = world.home / ".claude" / "settings.json"
        detached = janitor.json("config")["values"]["detached"]
        assert detached == {"value": "keep", "source": f"{settings}, plugin options"}, detached
    session = Terminal(world, "user", world.mcp_config(good=["good"], stubborn=["stubborn"]))
    story.show(session.screen)
    good, stubborn = world.tagged("good"), world.tagged("stubborn")
    with story.step("the session is registered"):
        record = until(lambda: janitor.record_of(session.pid), 10, "a record of the session")
        assert record.parent.name == session.session_id()
    with story.step("nothing is shown when all is well"):
        shown = session.screen()
        assert not any(word in shown for word in (*COMPLAINTS, "says:", "janitor")), shown
    with story.step("/cleanup scan answers without a model call"):
        said = janitor.run("scan")
        assert said.returncode == 0, said.stderr
        before = len(world.model_calls())
        session.enter("/cleanup scan")
        shown = session.wait_screen("Original prompt: /process-janitor:cleanup scan")
        assert not any(complaint in shown for complaint in COMPLAINTS), shown
        # It opens as in a shell; numbers and passing processes may have moved on meanwhile.
        headline = _without_digits(said.stdout.strip().split(".")[0])
        assert headline in _without_digits(shown), (headline, shown)
        assert len(world.model_calls()) == before, world.model_calls()[before:]
    with story.step("/cleanup hands its words over literally"):
        session.enter("/cleanup scan; touch $HOME/run-by-a-shell")
        session.wait_screen("Original prompt: /process-janitor:cleanup scan; touch")
        assert not (world.home / "run-by-a-shell").exists()
    _clear(story, janitor, session, [good.pid, stubborn.pid])
    with story.step("/clear leaves the MCP servers alone"):
        stays(lambda: good.alive and stubborn.alive, 1, "both MCP servers live on after /clear")
    with story.step("disabling the plugin in mid-session leaves no watcher behind"):
        _ran(world, "disable", PLUGIN)
        session.leave()
        until(lambda: not janitor.watchers(), 30, "no watcher after the last session")
    with story.step("a clean exit needs no help with MCP servers"):
        until(lambda: not good.alive and not stubborn.alive, 10, "the MCP servers are gone")


def _clear(story: Story, janitor: Janitor, session: Terminal, servers: list[int]) -> None:
    with story.step("/clear moves the record to the new session id"):
        session.ask("say something before the clearing")
        old = session.session_id()
        session.enter("/clear")
        until(lambda: session.session_id() not in ("", old), 10, "the client has a new session id")
        new = session.session_id()

        def moved() -> bool:
            record = janitor.record_of(session.pid)
            return record is not None and record.parent.name == new

        until(moved, 10, f"the record is under {new}")
    with story.step("/clear keeps the old session id as an alias"):
        sessions = [
            entry for entry in janitor.json("scan")["sessions"] if entry["pid"] == session.pid
        ]
        assert [(entry["session_id"], old in entry["aliases"]) for entry in sessions] == [
            (new, True)
        ], sessions
    with story.step("the MCP servers of a cleared session are not findings"):
        found = [f for f in janitor.json("scan")["findings"] if f["pid"] in servers]
        assert all(finding["verdict"] == "keep" for finding in found), found
