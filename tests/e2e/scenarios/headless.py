"""``-p`` with a background task: quiet is not finished, nothing is touched while the client waits."""

from __future__ import annotations

from . import Headless, Janitor, Setting, Story, World, stays, until

# The old client ends the background tasks of a finished -p run itself after 5 s.
QUIET_SECONDS = 3.5


def play(story: Story, setting: Setting) -> None:
    """Play one headless run whose background task outlives the last reply."""
    world = World(setting)
    janitor = Janitor(world)
    story.show(janitor.view)
    prompt = f"[[background {world.child_command('task')}]]"
    run = Headless(world, "run", prompt, janitor.load())
    story.show(run.output)
    task = world.tagged("task")
    with story.step("the run is registered"):
        until(lambda: janitor.record_of(run.pid), 10, "a record of the run")
    until(lambda: world.replies(prompt), 20, "the closing reply")
    with story.step("the task lives while the client waits for it"):
        stays(
            lambda: run.alive and task.alive,
            QUIET_SECONDS,
            "the client and its background task live",
        )
    world.release("task")
    with story.step("the task ends by itself"):
        until(lambda: world.ended_by("task"), 10, "the task has ended")
        assert world.ended_by("task") == "released", world.ended_by("task")
    with story.step("the run ends well"):
        assert run.finish(30) == 0, run.output()
    with story.step("no watcher stays when no session is left"):
        until(lambda: not janitor.watchers(), 30, "no watcher after the run")
