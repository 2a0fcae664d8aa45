"""End-to-end tests: the real Claude Code client, offline, in private namespaces, with this plugin loaded."""
