"""What Claude Code itself writes about its processes, for tests inside a namespace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from process_janitor.system import identity, procfs

if TYPE_CHECKING:
    from tests.world import World


def client_file(world: World, pid: int, session_id: str) -> None:
    """What Claude Code itself writes about one of its processes."""
    row = procfs.process(pid)
    assert row is not None
    folder = world.config_dir / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    domain = f"linux:{identity.machine_id()}:pid:[{procfs.namespace(pid)}]"
    document = {
        "pid": pid,
        "sessionId": session_id,
        "procStart": str(row.start),
        "pidDomain": domain,
    }
    (folder / f"{pid}.json").write_text(json.dumps(document))
