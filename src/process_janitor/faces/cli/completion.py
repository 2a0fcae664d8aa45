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
    return write(list(described()))


def _flags(words: Iterable[Word]) -> list[str]:
    return [flag for word in words for flag in word.flags]


def _valued(commands: Sequence[Described]) -> list[tuple[str, Word]]:
    """(flag, option) of everything that takes a value; a flag means the same in every command that has it."""
    found = {
        flag: w for c in commands for w in (*c.words, *c.everywhere) if w.value for flag in w.flags
    }
    return sorted(found.items())


def _arguments(command: Described) -> list[Word]:
    """What stands without a flag, in its order; nothing is offered where nothing can be known (a PID)."""
    return [word for word in command.words if not word.flags]


def _bash(commands: Sequence[Described]) -> str:
    names = " ".join(command.name for command in commands)
    of_command = []
    for command in commands:
        flags = " ".join(_flags((*command.words, *command.everywhere)))
        places = "".join(
            f" {position}:{word.after or '*'}) offered='{' '.join(word.choices)}' ;;"
            for position, word in enumerate(_arguments(command), 1)
            if word.choices
        )
        place = f"; case ${{#given[@]}}:${{given[1]-}} in{places} esac" if places else ""
        of_command.append(f"        {command.name}) flags='{flags}'{place} ;;\n")
    valued = _valued(commands)
    values = []
    for flag, word in valued:
        if word.file:
            values.append(
                f'        {flag}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;\n'
            )
        else:
            said = " ".join(word.choices)
            values.append(
                f"""        {flag}) mapfile -t COMPREPLY < <(compgen -W '{said}' -- "$current"); return ;;\n"""
            )
    general = " ".join(_flags(commands[0].everywhere))
    return f"""\
{_HEAD}_process_janitor() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} flags='' offered='' word value=''
    local -a given=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        if [[ $value ]]; then
            value=''
            continue
        fi
        case $word in
            {"|".join(flag for flag, _ in valued)}) value=$word ;;
            -*) ;;
            *) given+=("$word") ;;
        esac
    done
    COMPREPLY=()
    case $value in
{"".join(values)}    esac
    case ${{given[0]-}} in
        '') flags='{general}' offered='{names}' ;;
{"".join(of_command)}    esac
    [[ $current != -* ]] || offered=$flags
    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$current")
}}
complete -F _process_janitor {_NAME}
"""


def _zsh(commands: Sequence[Described]) -> str:
    def quoted(text: str) -> str:
        return text.replace("'", "’").replace("[", "(").replace("]", ")").replace(":", ";")

    def offer(word: Word) -> str:
        if word.file:
            return "_files"
        choices = " ".join(word.choices)
        if word.after:
            return f"{{[[ -n ${{words[(r){word.after}]}} ]] && compadd -- {choices}}}"
        return f"({choices})"

    def spec(word: Word) -> str:
        if not word.flags:
            return f"'::{quoted(word.about or word.value)}:{offer(word)}'"
        takes = f":{word.value}:{offer(word)}" if word.value else ""
        together = "*" if word.again else f"({' '.join(word.flags)})" if len(word.flags) > 1 else ""
        names = f"{{{','.join(word.flags)}}}" if len(word.flags) > 1 else word.flags[0]
        return f"'{together}'{names}'[{quoted(word.about)}]{takes}'"

    def specs(words: Iterable[Word]) -> str:
        return " ".join(map(spec, words))

    names = "\n".join(f"        '{c.name}:{quoted(c.about)}'" for c in commands)
    cases = "".join(
        f"        {command.name}) _arguments {specs((*command.words, *command.everywhere))} ;;\n"
        for command in commands
    )
    return f"""\
#compdef {_NAME}
{_HEAD}_process_janitor() {{
    local curcontext=$curcontext state line
    local -a commands
    commands=(
{names}
    )
    _arguments -C {specs(commands[0].everywhere)} '1: :->command' '*:: :->rest' && return
    case $state:$words[1] in
        command:*) _describe command commands ;;
{cases.replace("        ", "        rest:")}    esac
}}
# Found by way of $fpath this file is the function itself; evaluated it only defines it.
if [[ $funcstack[1] == _{_NAME} ]]; then
    _process_janitor "$@"
else
    compdef _process_janitor {_NAME}
fi
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
            parts.append("-r -F" if word.file else "-x")
        if word.choices:
            parts.append(f"-a {quoted(' '.join(word.choices))}")
        return " ".join((*parts, f"-d {quoted(word.about)}")) + "\n"

    def when(word: Word, command: str) -> str:
        seen = "__fish_seen_subcommand_from"
        said = f"{seen} {command}"
        said += f"; and {seen} {word.after}" if word.after else ""
        return said if word.flags else f"{said}; and not {seen} {' '.join(word.choices)}"

    names = " ".join(command.name for command in commands)
    text = f"{_HEAD}complete -c {_NAME} -f\n"
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
                text += line(word, when(word, command.name))
    return text


__all__ = ["ABOUT", "EXAMPLES", "SHELLS", "add", "run", "script"]
