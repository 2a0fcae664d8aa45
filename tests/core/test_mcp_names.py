"""Which configured server a command line is; and that a doubt gives no name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from process_janitor.core.mcp_names import Server, server_name, server_names
from process_janitor.core.model import Process

FILES = Server("files", "npx", ("-y", "@modelcontextprotocol/server-filesystem", "/home/u"))
FETCH = Server("fetch", "uvx", ("mcp-server-fetch", "--ignore-robots-txt"))
OWN = Server("own", "./tools/server.py", ("--port", "7"))
NODE = Server("node", "node", ("/srv/a/index.js",))
OTHER = Server("other", "node", ("/srv/b/index.js",))
FILLED = Server("filled", "/opt/x/run", ("--root", "${HOME:-/root}/data", "--key=${KEY}"))
PLUGIN = Server("plugin:p:s", "node", ("${CLAUDE_PLUGIN_ROOT}/server.js",), "/c/p/1.0")
DOCKER = Server("docker", "docker", ("run", "-i", "--rm", "mcp/github"))
ALL = (FILES, FETCH, OWN, NODE, OTHER, FILLED, PLUGIN, DOCKER)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("node", "/srv/a/index.js"), "node"),
        (("/usr/bin/node", "/srv/b/index.js"), "other"),
        (("node", "/srv/c/index.js"), ""),
        (("node", "/srv/a/index.js", "more"), ""),
        (("npm exec @modelcontextprotocol/server-filesystem /home/u",), "files"),
        (("npm exec @modelcontextprotocol/server-filesystem /home/other",), ""),
        (("npx", "-y", "@modelcontextprotocol/server-filesystem", "/home/u"), "files"),
        (("node", "/usr/bin/npx", "-y", "@modelcontextprotocol/server-filesystem", "/home/u"), "files"),
        (
            ("node", "/home/u/.npm/_npx/1/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", "/home/u"),
            "files",
        ),
        (("node", "/home/u/.npm/_npx/1/node_modules/.bin/server-filesystem", "/home/u"), "files"),
        (("/usr/bin/uv", "tool", "uvx", "mcp-server-fetch", "--ignore-robots-txt"), "fetch"),
        (("/c/uv/bin/python", "/c/uv/bin/mcp-server-fetch", "--ignore-robots-txt"), "fetch"),
        (("/c/uv/bin/python", "/c/uv/bin/mcp-server-fetch"), ""),
        (("/usr/bin/env", "python3", "./tools/server.py", "--port", "7"), "own"),
        (("python3.11", "./tools/server.py", "--port", "7"), "own"),
        (("vim", "./tools/server.py", "--port", "7"), ""),
        (("/opt/x/run", "--root", "/home/u/data", "--key=secret"), "filled"),
        (("/opt/x/run", "--root", "/home/u/elsewhere", "--key=secret"), ""),
        (("node", "/c/p/1.0/server.js"), "plugin:p:s"),
        (("node", "/home/u/src/p/server.js"), "plugin:p:s"),
        (("docker", "run", "-i", "--rm", "mcp/github"), "docker"),
        ((), ""),
        (("",), ""),
    ],
)  # fmt: skip
def test_a_command_line_is_named(argv: tuple[str, ...], name: str) -> None:
    assert server_name(argv, ALL) == name


def test_a_command_that_two_servers_share_has_no_name_and_one_in_two_scopes_has() -> None:
    twin = NODE._replace(name="twin")
    assert server_name(("node", "/srv/a/index.js"), (NODE, twin)) == ""
    assert server_name(("node", "/srv/a/index.js"), (NODE, NODE)) == "node"


def test_the_exact_one_of_two_plugins_wins() -> None:
    other = PLUGIN._replace(name="plugin:q:s", plugin_root="/c/q/1.0")
    assert server_name(("node", "/c/q/1.0/server.js"), (PLUGIN, other)) == "plugin:q:s"
    assert server_name(("node", "/elsewhere/server.js"), (PLUGIN, other)) == ""


def process(pid: int, parent: int) -> Process:
    return Process(pid, parent, 10, 10, 0, pid, "S", "x", 1000)


def test_a_launcher_s_children_bear_its_name_and_a_bash_call_never_does() -> None:
    argv = {
        10: ("claude",),
        11: ("npm exec @modelcontextprotocol/server-filesystem /home/u",),
        12: ("sh", "-c", "server-filesystem /home/u"),
        13: ("/opt/chrome/chrome", "--headless"),
        14: ("node", "/srv/a/index.js"),
        15: ("node", "/srv/a/index.js"),
        16: ("node", "unknown.js"),
    }
    members = [process(pid, 10 if pid in (11, 14, 15, 16) else pid - 1) for pid in argv]
    kinds = dict.fromkeys(argv, "mcp-server") | {10: "claude", 13: "browser", 15: "bash-task"}
    names = server_names(members, kinds, lambda pid: argv[pid], ALL)
    assert names == {11: "files", 12: "files", 13: "files", 14: "node"}


words = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["npx", "uvx", "npm", "exec", "-y", "node", "--", "${A}", "${", "}", "a/b@1", "@", "uv", "tool", "run"]),
)  # fmt: skip
servers = st.builds(Server, st.sampled_from("abc"), words, st.lists(words, max_size=5).map(tuple))


@given(st.lists(words, max_size=7), st.lists(servers, max_size=4))
def test_any_words_give_a_configured_name_or_none(argv: list[str], known: list[Server]) -> None:
    assert server_name(argv, known) in {"", *(one.name for one in known)}


@given(servers.filter(lambda one: one.command), st.lists(servers, max_size=3))
@example(Server("b", "0"), [Server("a", "0", (), plugin_root="/cache")])
def test_what_was_configured_is_known_by_its_own_words(one: Server, others: list[Server]) -> None:
    rivals = [other for other in others if other.name != one.name]
    name = server_name(one.words, (one, *rivals))
    assert name in ("", one.name) or "$" in "".join(one.words)
    if not rivals:
        assert name == one.name
