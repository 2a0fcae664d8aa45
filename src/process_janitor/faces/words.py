"""The decision's codes in a user's words: evidence, classes, states, and what would change a verdict.

The vetoes bring their own words (`core.vetoes.WORDS`). A test holds that every code the core can utter is in here.
"""

from __future__ import annotations

from process_janitor.core.locks import WORDS as LOCK_WORDS
from process_janitor.core.old_records import WORDS as RECORD_WORDS
from process_janitor.core.units import age
from process_janitor.core.vetoes import WORDS as VETO_WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVIDENCE = {
    "owner-gone": "the Claude process it belongs to is gone: no process of that number and start time runs in this boot",
    "recorded-descendant": "it was seen below that Claude process while the session lived",
    "marker:claude-pid": "its environment names that Claude process (CLAUDE_PID)",
    "marker:session-id": "its environment names the session (CLAUDE_CODE_SESSION_ID)",
    "marker:launched-by": "its environment names the session that launched it",
    "tree-member": "it runs below a process that belongs to the session",
    "tool-shell": "it is, or runs in, the shell of a Bash call, which a clean exit stops",
    "seen-child": "it was a direct child of the session: a clean exit stops it",
    "seen-below-server": "it was seen below one of the session's servers, whose launcher has ended since",
    "seen-detached": "it had let go of the session while that was still alive",
    "owner-process-group": "it is in the session's own process group, as its servers are",
    "owner-group": "it is in the process group that the session's process led, which no other can have led since",
    "condemned": "a cleanup of this session's leftovers had begun to end it, or the call it is part of",
    "stdin-peer-gone": "nobody holds the other end of its standard input any more",
    "stdout-peer-gone": "nobody reads its standard output any more",
    "private-profile": "it is a browser with a profile of its own, as automation starts it",
    "marker:claudecode": "its environment says that some Claude session started it (CLAUDECODE)",
    "group-leader-gone": "the leader of its process group is gone, as a session's process would be",
    "spinning": "it keeps a processor core busy",
    "parent-gone": "the process that had started it is gone",
    "childless-subshell": "it is a shell without a child: there is nothing for it to do",
    "may-be-ending": "hooks go on after a session that ends by itself, and it is not clear that this one crashed",
    "unmarked": "the session gave it none of the marks its helpers get: something opened for the user, most likely",
    "on-terminal": "its input is a terminal that is still open: opened for whoever sits there, most likely",
    "background-session": "a background session started it, or took it over: stopping one leaves its commands running",
    "no-channel": "a server put it into the background: nothing connects it to the session, so it survives a clean exit",
    "let-go": "a Bash call put it in the background on purpose (&, nohup, setsid): it survives a clean exit as well",
    "vetoes-unheard": "this system does not tell who uses it (its input, its connections, its service): only you can know",
    "own-session": "it made a terminal session of its own (setsid): it survives a clean exit as well",
    "zombie": "it has ended and only waits for its parent to notice; it holds no memory and cannot be signalled",
    "said-goodbye": "the session said that it ends (SessionEnd)",
    "still-running": "its process is still there",
    "hook-at-work": "a hook of its own still runs, or what may be one: it is waiting for that",
    "grace-over": "it has been there for longer than hung_grace_seconds since",
    "terminal-hung-up": "the terminal it was started in is closed",
    "pane-closed": "that was a tmux pane, which does not exist any more",
    "pane-recorded": "a session that is gone was registered in this tmux pane",
    "pane-terminal": "a session that is gone was registered on the terminal of this pane, whose shell is older than it",
    "pane-marked": "the environment of this pane's shell names a session that is gone, and the tmux server's does not",
    "pane-started-claude": "the command this pane was opened with runs Claude Code",
    "pane-idle": "nothing runs in the pane but the shell that waits in it",
    "pane-dead": "its program has ended and tmux keeps the pane open (remain-on-exit)",
    "no-control-peer": "nothing living holds the other end of any of its sockets",
    "the-younger": "of the processes on this conversation it is the younger one",
    "the-older": "of the processes on this conversation it is the older one",
    "holder-gone": "the process that holds it is gone: none of its number and start time runs in this boot",
    "pid-reused": "another process has its holder's number now",
    "before-boot": "it was last touched before this machine was started",
    "long-untouched": "nobody has touched it for ten minutes, which no holder would let pass",
    "no-session-here": "no Claude process that uses this configuration directory is running",
    "no-git-at-work": "the session is over, and no git and no other session is at work in its directory",
    "malformed": "it is not what such a record must be, so nothing is believed of it",
    "memory-pressure": "memory is short: processes wait for it, or next to none is left",
    "swap": "the swap is full, and little memory is left beside it",
    "io-pressure": "everything waits for the disk a good part of the time",
    "transcript-unchanged": "its transcript has not changed since",
    "no-cpu-used": "its watcher has seen it use next to no processor time since",
    "asked-to-stop": "you asked for its end",
    "owner-not-recognised": "only CLAUDE_PID says that it is a Claude process; it was never recognised as one",
}
# Codes that carry a number: `also-pid:4242`.
EVIDENCE_PREFIXES = {
    "also-pid": "process {} is on the same conversation",
    "parent": "its parent is process {}",
    "sessions": "{} sessions are running, more than max_sessions_warning",
    "load-per-core": "{} processes for each core want to run, and have for minutes",
    "connections": "one session holds {} connections to other machines",
    "quiet": "nothing has happened in it for {}",
}

CLASSES = {
    "leftover": "left over by a session that is gone",
    "hung-session": "a session that said goodbye and is still running",
    "orphaned-session": "a session whose terminal is closed",
    "duplicate-session": "one of several processes on the same conversation",
    "idle-session": "a session without activity",
    "detached": "put in the background on purpose by a session that is gone",
    "runaway": "left over and busy",
    "suspect": "looks left over, but that cannot be proven",
    "zombie": "ended, not waited for by its parent",
    "stale-lock": "a lock whose holder is gone",
    "stale-record": "a record whose session is gone",
    "orphan-window": "a window without its session",
    "overload": "more than this machine should have",
}

STATES = {
    "live": "running",
    "idle": "running, no activity",
    "ended": "ended properly",
    "crashed": "gone without a goodbye",
    "hung": "said goodbye, still there",
    "elsewhere": "another host, boot or container",
    "unknown": "not registered",
}

RUNS_ON = "it is a session that runs"
NO_EVIDENCE = "nothing ties it to a Claude session that is gone"

# What the user can do about a veto, where anything can be done.
_CHANGES = {
    "kept-by-rule": "It would change if you removed your rule: process-janitor keep --list, then keep --remove N.",
    "kept-by-mark": "It would change only in processes started without PROCESS_JANITOR_KEEP=1.",
    "live-owner": "It would change when that session ends.",
    "live-session-below": "It would change when the session below it ends.",
    "stdin-live-peer": "It would change when the process at the other end is gone.",
    "serving-clients": "It would change when its last client disconnects.",
    "handed-over": "It would change when that conversation ends.",
    "too-young": "Look again in a few seconds.",
    "stopped": "It would change when it is continued, or its terminal closes.",
    "other-config-dir": "Ask again with that CLAUDE_CONFIG_DIR set.",
    "unreadable": "Ask as the user it belongs to.",
    "other-user": "Only that user can decide about it.",
    "no-evidence": "It would change only if it carried a session's mark or had been seen below one.",
}


def evidence(code: str) -> str:
    """A sentence for an evidence code; the bare code for one of a future version."""
    prefix, _, rest = code.partition(":")
    if prefix in EVIDENCE_PREFIXES:
        told = age(float(rest)) if prefix == "quiet" and rest.isdecimal() else rest
        return EVIDENCE_PREFIXES[prefix].format(told)
    return EVIDENCE.get(code, code)


def quiet(code: str) -> str:
    """How long nothing has happened, for the code that says so; "" for every other."""
    return evidence(code) if code.startswith("quiet:") else ""


def veto(code: str) -> str:
    if code == "no-evidence":
        return NO_EVIDENCE
    return {**LOCK_WORDS, **RECORD_WORDS, **VETO_WORDS}.get(code, code)


_BY = {"watcher": "the watcher", "auto-on-start": "the cleanup of a starting session"}


def by(trigger: object) -> str:
    """Who did what a line of the journal tells of."""
    return _BY.get(str(trigger), str(trigger or "?"))


def reason_of(line: Mapping[str, object]) -> str:
    """The class that a line of the journal names; what `stop` ended is of none, because nothing was wrong with it."""
    asked = "you asked for its end" if line.get("trigger") == "stop" else ""
    return str(line.get("class") or "") or asked


_UNENDED = {
    "zombie": "it has ended already",
    "duplicate-session": "name the one to end with --pid, the other keeps the conversation",
}


def runs_on(finding: Mapping[str, object]) -> bool:
    """Whether it is a client that nothing is wrong with: "its session is alive" would say that it is somebody else's."""
    return finding["kind"] == "claude" and not finding["class"]


def refusal(finding: str, vetoes: Iterable[str]) -> str:
    """Why what was asked for is not ended."""
    against = "; ".join(f"{veto(code)} [{code}]" for code in vetoes)
    return against or _UNENDED.get(finding, "the other options leave it out")


# What `run` may end all the same when its user names it, and what `stop` may.
_NO_BAR = frozenset({"live-owner"})
_NO_BAR_TO_STOP = frozenset({"live-owner", "ancestor-of-self", "live-session-below", "stopped"})


def deals_with(verdict: str, finding: str, vetoes: Iterable[str], pid: int) -> str:
    """The command that ends this one process, as it is typed; "" where nothing here does."""
    if verdict == "keep" or finding == "zombie":
        return ""
    # Whoever may come back to it is told how it saves: by its own gentle end.
    gently = finding in ("idle-session", "hung-session") and verdict == "report"
    if set(vetoes) - (_NO_BAR_TO_STOP if gently else _NO_BAR):
        return ""
    return f"process-janitor {'stop --session' if gently else 'run --pid'} {pid}"


def change(verdict: str, finding: str, vetoes: Sequence[str], pid: int) -> str:
    """What would make the verdict another one, in a sentence."""
    if verdict == "reap":
        return f"To keep it: process-janitor keep {pid}"
    if finding == "zombie":
        return "It disappears when its parent ends or waits for it; no signal reaches it."
    ends = deals_with(verdict, finding, vetoes, pid)
    if ends and finding == "idle-session":
        return f"It changes with the next turn. To end it: {ends}"
    if ends and finding == "hung-session":
        return (
            "If its goodbye was final, the watcher ends it hung_grace_seconds after that, once no hook of its own runs "
            f"any more. At once: {ends}    To keep it: process-janitor keep {pid}"
        )
    if ends and finding == "duplicate-session":
        return f"Nobody chooses for you. To end this one: {ends}"
    if ends:
        return f"It is ended only if you say so: {ends}"
    # One veto is enough: where nobody can do anything about one of them, the others need not be told.
    if vetoes and all(code in _CHANGES for code in vetoes):
        return _CHANGES[vetoes[0]]
    return "Nothing you can set would change that."


__all__ = [
    "CLASSES",
    "EVIDENCE",
    "EVIDENCE_PREFIXES",
    "STATES",
    "by",
    "change",
    "deals_with",
    "evidence",
    "reason_of",
    "refusal",
    "runs_on",
    "veto",
]
