"""The page of commands, from the typer application."""

from collections.abc import Iterator

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from pedigree.cli.main import app
from tools.reference.markdown import code, page, table

_HELP = "--help"


def cli_page() -> str:
    """Return the page: every command by its panel, with its arguments and options."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    panels: dict[str, list[str]] = {}
    for words, panel, command in commands(root):
        panels.setdefault(panel, []).append(_section(words, command))
    blocks = ["Options of `pedigree` itself stand before the command.", _parameters(root, "")]
    for panel, sections in panels.items():
        blocks += [f"## {panel}", *sections]
    return page("Commands", *blocks)


def commands(
    group: TyperGroup, words: tuple[str, ...] = ("pedigree",), panel: str = ""
) -> Iterator[tuple[str, str, TyperCommand]]:
    """Yield each command of a group: its words, the panel of help that lists it, and itself."""
    for word, command in group.commands.items():
        inside = panel or str(getattr(command, "rich_help_panel", None) or "Other")
        if isinstance(command, TyperGroup):
            yield from commands(command, (*words, word), inside)
        else:
            assert isinstance(command, TyperCommand)
            yield " ".join((*words, word)), inside, command


def _section(words: str, command: TyperCommand) -> str:
    arguments = [
        parameter.metavar or (parameter.name or "").upper()
        for parameter in command.params
        if isinstance(parameter, TyperArgument)
    ]
    usage = " ".join((words, *arguments, "[OPTIONS]"))
    blocks = [f"### {words}", command.help or "", f"```sh\n{usage}\n```"]
    return "\n\n".join((*blocks, _parameters(command, words)))


def _parameters(command: TyperCommand | TyperGroup, words: str) -> str:
    context = command.context_class(command, info_name=words)
    rows = []
    for parameter in command.get_params(context):
        assert isinstance(parameter, TyperArgument | TyperOption)
        record = parameter.get_help_record(context)
        if record is not None and _HELP not in parameter.opts:
            rows.append((code(record[0]), record[1]))
    return table(("parameter", "meaning"), rows)
