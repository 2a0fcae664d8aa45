"""`completion`: the script that teaches a shell to complete these commands."""

from __future__ import annotations

from process_janitor.faces.cli.context import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from process_janitor.faces.cli.context import Context
    from process_janitor.faces.grammar import Described, Word

ABOUT = (
    "Prints the script that completes process-janitor's commands and options in bash, zsh or fish."
)
EXAMPLES = (
    'eval "$(process-janitor completion bash)"                                         in ~/.bashrc',
    "process-janitor completion zsh > ~/.zfunc/_process-janitor                        a folder of $fpath",
    "process-janitor completion fish > ~/.config/fish/completions/process-janitor.fish",
)
SHELLS = ("bash", "zsh", "fish")
_NAME = "process-janitor"
_HEAD = f"# Completion of {_NAME}. Made by `{_NAME} completion`; make it again after an update.\n"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="for which shell")


def run(context: Context, words: argparse.Namespace) -> int:
    text = script(words.shell)
    if words.json:
        context.document(
            {
                "schema": "process-janitor.completion/1",
                "shell": words.shell,
                "script": text,
            }
        )
    elif context.wants_text:
        context.out.write(text)
    return DONE


def script(shell: str) -> str:
    """The completion script for one of SHELLS, from what the parsers take."""
    from process_janitor.faces.grammar import described

    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return _HEAD + write(list(described()))


def _flags(words: Iterable[Word]) -> list[str]:
    return [flag for word in words for flag in word.flags]


def _valued(commands: Sequence[Described]) -> list[tuple[str, Word]]:
    """(flag, option) of everything that takes a value; a flag means the same in every command that has it."""
    found = {
        flag: w for c in commands for w in (*c.words, *c.everywhere) if w.value for flag in w.flags
    }
    return sorted(found.items())


def _bash(commands: Sequence[Described]) -> str:
    names = " ".join(command.name for command in commands)
    of_command = []
    for command in commands:
        choices = [one for word in command.words if not word.flags for one in word.choices]
        offered = " ".join((*choices, *_flags(command.words), *_flags(command.everywhere)))
        of_command.append(f"        {command.name}) offered='{offered}' ;;\n")
    values = []
    for flag, word in _valued(commands):
        if word.file:
            values.append(f'        {flag}) COMPREPLY=($(compgen -f -- "$current")); return ;;\n')
        else:
            said = " ".join(word.choices)
            values.append(
                f"""        {flag}) COMPREPLY=($(compgen -W '{said}' -- "$current")); return ;;\n"""
            )
    general = " ".join(_flags(commands[0].everywhere))
    return f"""\
_process_janitor() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} command='' word offered
    case ${{COMP_WORDS[COMP_CWORD - 1]}} in
{"".join(values)}    esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        case $word in -*) ;; *) command=$word; break ;; esac
    done
    case $command in
        '') offered='{names} {general}' ;;
{"".join(of_command)}        *) return ;;
    esac
    COMPREPLY=($(compgen -W "$offered" -- "$current"))
}}
complete -F _process_janitor {_NAME}
"""


def _zsh(commands: Sequence[Described]) -> str:
    def quoted(text: str) -> str:
        return text.replace("'", "’").replace("[", "(").replace("]", ")").replace(":", ";")

    def spec(word: Word) -> str:
        takes = ""
        if word.value:
            action = (
                "_files" if word.file else f"({' '.join(word.choices)})" if word.choices else ""
            )
            takes = f":{word.value}:{action}"
        if not word.flags:
            return f"'::{quoted(word.about or word.value)}:({' '.join(word.choices)})'"
        together = f"({' '.join(word.flags)})" if len(word.flags) > 1 else ""
        names = f"{{{','.join(word.flags)}}}" if len(word.flags) > 1 else word.flags[0]
        return f"'{together}'{names}'[{quoted(word.about)}]{takes}'"

    names = "\n".join(f"        '{c.name}:{quoted(c.about)}'" for c in commands)
    cases = ""
    for command in commands:
        specs = " ".join(map(spec, (*command.words, *command.everywhere)))
        cases += f"        {command.name}) _arguments {specs} ;;\n"
    return f"""\
#compdef {_NAME}
_process_janitor() {{
    local -a commands
    commands=(
{names}
    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    shift words
    ((CURRENT--))
    case $words[1] in
{cases}    esac
}}
compdef _process_janitor {_NAME}
"""


def _fish(commands: Sequence[Described]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def line(word: Word, when: str) -> str:
        parts = [f"complete -c {_NAME} -n {quoted(when)}"]
        parts += [
            f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in word.flags
        ]
        if word.value and word.flags:
            parts.append("-r" if word.file else "-x")
        if word.choices:
            parts.append(f"-a {quoted(' '.join(word.choices))}")
        return " ".join((*parts, f"-d {quoted(word.about)}")) + "\n"

    names = " ".join(command.name for command in commands)
    text = f"complete -c {_NAME} -f\n"
    for command in commands:
        none = f"not __fish_seen_subcommand_from {names}"
        text += (
            f"complete -c {_NAME} -n {quoted(none)} -a {command.name} -d {quoted(command.about)}\n"
        )
    for word in commands[0].everywhere:
        text += line(word, "true")
    for command in commands:
        for word in command.words:
            if word.flags or word.choices:
                text += line(word, f"__fish_seen_subcommand_from {command.name}")
    return text


__all__ = ["ABOUT", "EXAMPLES", "SHELLS", "add", "run", "script"]
