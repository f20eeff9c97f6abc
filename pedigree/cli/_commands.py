"""The commands, each of which is loaded on demand.

``commands.tsv`` lists them as ``pedigree --help`` does, so the top-level help loads none of them.
Its order is that of the help. A new command needs a line in it. A test compares the list with the
modules, and ``UPDATE_DOCS=1`` writes the other columns.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from pedigree.cli._integers import read_only_digits

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


class Listed(NamedTuple):
    """The entry of a command in the top-level help, and the module that defines it."""

    module: str
    panel: str
    summary: str


@cache
def listed() -> dict[str, Listed]:
    """Return the commands by name, in the order of the help."""
    text = Path(__file__).with_name("commands.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {name: Listed(*row) for name, *row in rows}


def load(module: str) -> "Mapping[str, Command]":
    """Return the commands of a module by name."""
    app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
    import_module(f"pedigree.cli.{module}").add_to(app)
    commands = typer.main.get_group(app).commands
    for command in commands.values():
        read_only_digits(command)
    return commands


class LazyCommands(TyperGroup):
    """The group of all commands, which loads the module of a command when it is used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Commands()})

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002
        """Return the names, without loading the commands."""
        return list(self.commands)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the help from the list."""
        TyperGroup(
            name=self.name,
            help=self.help,
            params=self.params,
            commands={
                name: TyperCommand(name, help=each.summary, rich_help_panel=each.panel)
                for name, each in listed().items()
            },
            rich_markup_mode=self.rich_markup_mode,
        ).format_help(ctx, formatter)


class _Commands(Mapping[str, "Command"]):
    """The commands by name; a module is loaded with the first of its commands."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> "Command":
        if name not in self._loaded:
            self._loaded.update(load(listed()[name].module))
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(listed())

    def __len__(self) -> int:
        return len(listed())
