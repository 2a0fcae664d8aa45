"""``stop --session``: a real idle client ends with its MCP server, its conversation is whole, its neighbour goes on."""

from __future__ import annotations

import json

from . import Janitor, Setting, Story, Terminal, World, until


def play(story: Story, setting: Setting) -> None:
    """Play two terminal sessions side by side and stop one."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    sessions = {
        name: Terminal(world, name, [*janitor.load(), *world.mcp_config(good=[name])])
        for name in ("stopped", "spared")
    }
    servers = {name: world.tagged(name) for name in sessions}
    for session in sessions.values():
        story.show(session.screen)
        until(lambda session=session: janitor.record_of(session.pid), 10, "a record")  # type: ignore[misc]
        session.ask("hello there")
    stopped, spared = sessions["stopped"], sessions["spared"]
    session_id = stopped.session_id()
    with story.step("the plan alone ends nothing"):
        planned = janitor.json("stop", "--session", session_id)
        assert [one["pid"] for one in planned["targets"]] == [stopped.pid], planned
        assert stopped.alive
    with story.step("the session and its MCP server are gone"):
        done = janitor.json("stop", "--session", session_id, "--yes")
        by_pid = {one["pid"]: one for one in done["ended"]}
        assert by_pid[stopped.pid]["outcome"] == "gone", done
        assert by_pid[stopped.pid]["signals"] == ["SIGTERM"], "it was not killed"
        assert by_pid[servers["stopped"].pid]["outcome"] == "gone", done
        stopped.wait_gone(1)
        assert not servers["stopped"].alive
    with story.step("its transcript is whole"):
        (transcript,) = (world.home / ".claude" / "projects").glob(f"*/{session_id}.jsonl")
        text = transcript.read_text()
        assert text.endswith("\n")
        lines = [json.loads(line) for line in text.splitlines()]
        assert any("hello there" in json.dumps(line) for line in lines)
    with story.step("the other session goes on"):
        assert spared.alive
        assert servers["spared"].alive
        spared.ask("still there")
