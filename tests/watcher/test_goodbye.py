"""A goodbye that is noted late: on a busy machine Python needs a second and more to start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from process_janitor.core.tree import Tree
from process_janitor.faces import pretend
from process_janitor.system import procfs, seen
from process_janitor.system.registry import Registry
from process_janitor.watcher import cleaning
from process_janitor.watcher.sightings import sighted
from tests.namespaced import ROOT, namespaced
from tests.world import World, wait_until

LATE_SECONDS = 1.5


@pytest.mark.case("L5c", "a hook at work after a goodbye that our own hook notes late", "report")
@pytest.mark.parametrize("said", ["late", "never"])
@namespaced
def test_a_hook_at_work_is_left_also_when_our_own_is_slow_to_note_the_goodbye(
    said: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    session = world.session()
    hook = session.hook()
    key = session.identity.key
    seen.store(str(world.root), *key, sighted(Tree(procfs.table()), session.identity, {}))
    marks = pretend.hook_marks(session.session_id, session.pid, str(ROOT))
    payload = {"session_id": session.session_id, "reason": "prompt_input_exit"}
    with subprocess.Popen(
        ["/bin/sh", str(ROOT / "hooks" / "run"), "SessionEnd"],
        env={**world.env, **marks}, stdin=subprocess.PIPE, start_new_session=True,
    ) as ours:  # fmt: skip
        os.kill(ours.pid, signal.SIGSTOP)
        assert ours.stdin is not None
        ours.stdin.write(json.dumps(payload).encode())
        ours.stdin.close()
        session.kill()  # as it ends on /exit: asynchronous SessionEnd hooks go on
        wait_until(
            lambda: (row := procfs.process(hook.pid)) is None or row.ppid != session.pid,
            what="the hook is adopted",
        )
        if said == "never":
            ours.kill()
            ours.wait()
        entry = Registry(str(world.root)).find(*key)
        assert entry is not None
        assert not entry.record.get("ended"), "nothing is said yet"
        late = threading.Timer(LATE_SECONDS, os.kill, (ours.pid, signal.SIGCONT))
        if said == "late":
            late.start()
        cleaning.clean(str(world.root), {key: session.session_id}, {})
        late.cancel()
        assert hook.alive is (said == "late")
