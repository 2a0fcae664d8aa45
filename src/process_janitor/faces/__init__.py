"""What people and Claude Code talk to: hooks, command line, rendering."""
