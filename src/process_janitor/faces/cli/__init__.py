"""The command line: `main` finds the command, gives it its context, and turns whatever happens into an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

from process_janitor.core.visible import visible
from process_janitor.system import flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Never raises, never shows a traceback without --verbose."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--answer-slash-command"]:
        from process_janitor.faces import slash

        return slash.main()
    out, err = _stream(sys.stdout), _stream(sys.stderr)
    code = 0
    try:
        code = perform(arguments, os.environ, out, err)
        out.flush()
    except BrokenPipeError:
        # Whoever read us (head, less) has seen enough. What is still buffered must not fail again at exit. What was done
        # came out as it did all the same.
        _drop_output()
    except OSError as error:
        if code != 1:  # whoever failed has said why, and that may be this
            with suppress(OSError):
                err.write(f"process-janitor: {visible(in_words(error))}\n")
        _drop_output()
        return code or 1
    return code


def _stream(stream: TextIO | None) -> TextIO:
    """A stream that takes every character; a closed one swallows them all."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # it lives as long as we do
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def _drop_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def perform(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    *,
    client: bool = False,
) -> int:
    """One command line, answered on `out` and `err`. Raises BrokenPipeError when nobody reads any more."""
    if "--version" in arguments:
        out.write(f"process-janitor {version()}\n")
        return 0
    from process_janitor.faces.cli import context, parser

    verbose = "--verbose" in arguments or "-v" in arguments
    try:
        if "--help" in arguments or "-h" in arguments or list(arguments[:1]) == ["help"]:
            out.write(parser.help_for([word for word in arguments if word != "help"]))
            return context.DONE
        parsed = parser.parse(arguments)
        given = context.open_context(
            parsed.words, environment, out, err, client=client, lenient=parsed.command.lenient
        )
        return parsed.run(given, parsed.words)
    except context.Failure as failure:
        err.write(f"process-janitor: {visible(str(failure))}\n")
        return failure.code
    except KeyboardInterrupt:
        err.write("process-janitor: interrupted\n")
        return context.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # the edge: a user gets one line, a bug report --verbose
        if verbose:
            import traceback

            traceback.print_exc(file=err)
        err.write(f"process-janitor: {visible(in_words(error))}\n")
        # What a look says where this system's /proc cannot be used.
        unseen = isinstance(error, OSError) and error.errno == errno.ENOSYS
        unseen = unseen and not isinstance(error, flock.NoLocks)
        return context.NOTHING_EXAMINED if unseen else context.FAILED


def version() -> str:
    """The plugin's version; for an installed package that of its metadata."""
    from process_janitor.system import paths

    found = paths.plugin_version()
    if found:
        return found
    from importlib import metadata

    try:
        return metadata.version("process-janitor")
    except metadata.PackageNotFoundError:
        return "unknown"


def in_words(error: Exception) -> str:
    """One line for whatever went wrong without being a Failure."""
    if isinstance(error, flock.NoLocks):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        if error.errno == errno.ENOSYS:
            return f"{where}{error.strerror}"
        return f"{where}{error.strerror}; check that it is there and yours"
    if isinstance(error, ModuleNotFoundError):
        return f"the module {error.name} is missing; run scripts/process-janitor, which builds its environment"
    text = " ".join(str(error).split())[:300]
    return f"unexpected {type(error).__name__}: {text}; --verbose shows where"


__all__ = ["in_words", "main", "perform", "version"]
