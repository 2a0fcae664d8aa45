"""`config`: shows, checks and changes the configuration file."""

from __future__ import annotations

from process_janitor.core.settings import BY_NAME, BadValue, from_text
from process_janitor.faces import documents, owned_files
from process_janitor.faces.cli.context import DONE, FAILED, USAGE, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from process_janitor.faces.cli.context import Context

ABOUT = "Shows each setting with its source, checks the file, or changes one value in it."
EXAMPLES = (
    "process-janitor config                            the same as config show",
    "process-janitor config set detached reap",
    "process-janitor config check                      1 when something in it cannot be used",
    'process-janitor config path                       "$EDITOR" "$(process-janitor config path)"',
)
# For completion, by argument: behind which word, and what.
OFFERED = {"key": ("set", tuple(BY_NAME))}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", default="show", choices=("show", "path", "check", "set")
    )
    parser.add_argument("key", nargs="?", metavar="KEY", help="with set")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="with set")


def run(context: Context, words: argparse.Namespace) -> int:
    if words.action != "set" and words.key is not None:
        raise Failure(
            f"config {words.action} takes nothing more; see process-janitor config --help", USAGE
        )
    if words.action == "set":
        return _set(context, words)
    document = documents.config(context.options, context.config_path)
    if words.action == "check":
        return _check(context, document)
    if words.json:
        context.document(document)
    elif words.action == "path":
        context.say(context.config_path)
    elif context.wants_text:
        from process_janitor.faces.render import show
        from process_janitor.faces.render.records import config_page

        show(context, config_page(document, context.type_this))
    return DONE


def _check(context: Context, document: documents.Document) -> int:
    """The file's problems are told again with the line each is in; those from elsewhere as they were found."""
    from process_janitor.faces import config_file

    path = context.config_path
    found = config_file.examine(path)

    def elsewhere(texts: list[str]) -> list[str]:
        return [text for text in texts if not text.startswith(f"{path}: ")]

    document["problems"] = [*found.problems, *elsewhere(document["problems"])]
    document["warnings"] = [*found.warnings, *elsewhere(document["warnings"])]
    problems = document["problems"]
    if context.words.json:
        context.document(document)
    else:
        for problem in problems:
            context.complain(problem)
        for warning in document["warnings"]:
            context.warn(warning)
        if not problems:
            there = (
                "is in order"
                if document["exists"]
                else "does not exist; every setting has its default"
            )
            context.say(f"{path} {there}")
    return FAILED if problems else DONE


def _set(context: Context, words: argparse.Namespace) -> int:
    if words.key is None or words.value is None:
        raise Failure(
            "config set needs a KEY and a VALUE; process-janitor config show lists the keys", USAGE
        )
    key = BY_NAME.get(words.key)
    if key is None:
        from process_janitor.faces.config_file import hint

        meant = hint(words.key) or "; process-janitor config show lists them"
        raise Failure(f"there is no key {words.key[:60]!r}{meant}", USAGE)
    try:
        value = from_text(key, words.value)
    except BadValue as error:
        raise Failure(str(error), USAGE) from None
    from process_janitor.faces.schemas import complaints

    for complaint in complaints("config", {key.name: value}):
        raise Failure(complaint, USAGE)
    try:
        owned_files.change(
            context.root,
            context.config_path,
            {},
            lambda document: document.update({key.name: value}),
            mode=owned_files.mode_of(context.config_path),
        )
    except owned_files.Unusable as error:
        raise Failure(str(error)) from None
    from process_janitor.system.config import load_settings

    options = load_settings(context.config_path)
    source = options.sources[key.name]
    if words.json:
        context.document(documents.config(options, context.config_path))
    else:
        context.say(f"{key.name} is {documents.value_text(value)} now, in {context.config_path}")
    if source != context.config_path:
        context.warn(f"${source} is set and goes before the file")
    return DONE


__all__ = ["ABOUT", "EXAMPLES", "OFFERED", "add", "run"]
