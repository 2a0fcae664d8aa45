"""The heartbeat: one small process per user that outlives every session."""
