"""Cleans up what a dead Claude Code session left behind, on proof only."""
