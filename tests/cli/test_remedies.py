"""Every command and option that a message, a help text or a page names exists."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import pedigree
from pedigree.cli.main import app
from pedigree.cli.transfer import FolderGroup
from pedigree.settings import Settings

PACKAGE = Path(pedigree.__file__).parent
ROOT = PACKAGE.parent
# The reference is generated from the commands.
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
# What a placeholder stands for: a word of the caller.
HOLE = "HOLE"


@cache
def tree() -> Any:
    return typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for word, command in group.commands.items():
        yield (*path, word), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, word))


def options_of(command: Any) -> set[str]:
    named = {
        option
        for param in command.params
        if param.param_type_name == "option"
        for option in (*param.opts, *param.secondary_opts)
    }
    return named | {"--help", "-h"}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of a module, with a word in place of each expression."""
    return texts_of(parsed(path))


def texts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values
            )


@cache
def groups() -> set[str]:
    return {word for word, command in tree().commands.items() if hasattr(command, "commands")}


def named_commands(text: str) -> Iterator[str]:
    """Yield what follows ``pedigree`` as a command, and backticked commands of a group."""
    for found in re.finditer(r"(?<![\w/.-])(?<!from )pedigree ((?:--)?[a-z][^`\n]*)", text):
        yield re.split(r"\[/|[.,;:](?:\s|$)| \(", found[1])[0]
    for code in re.findall(r"`+([^`\n]+)`+", text):
        first, _, rest = code.partition(" ")
        if first in groups() and rest:
            yield code


def fault_of(words: str, root: Any) -> str | None:
    """Return what does not exist of a command line, or None."""
    try:
        parts = shlex.split(re.sub(r"\[|\]|…|\.\.\.", " ", words), comments=True)
    except ValueError:
        parts = words.split()
    command, path, given = root, ["pedigree"], 0
    while parts and (part := re.split(r"[|;]", parts.pop(0))[0]):
        option = part.partition("=")[0].rstrip(".,;:)")
        if option.strip("-") and option.startswith("-"):
            if option not in options_of(command):
                return f"{' '.join(path)} has no option {option}"
            if "=" not in part and parts and takes_value(command, option):
                parts.pop(0)
        elif part != HOLE and part in getattr(command, "commands", {}):
            command = command.commands[part]
            path.append(part)
        elif isinstance(command, FolderGroup) and part.isupper():  # `pedigree export FOLDER`
            command = command.commands["registry"]
            given += 1
        elif hasattr(command, "commands"):
            return f"{' '.join(path)} has no command {part}"
        else:
            given += part != "--"
    most = sum(argument.nargs for argument in arguments_of(command))
    if given > most and all(argument.nargs > 0 for argument in arguments_of(command)):
        return f"{' '.join(path)} takes {most} arguments"
    return None


def takes_value(command: Any, option: str) -> bool:
    found = [param for param in command.params if option in (*param.opts, *param.secondary_opts)]
    return any(not param.is_flag for param in found)


def arguments_of(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def assert_exist(named: list[tuple[Path, str]], at_least: int) -> None:
    root = tree()
    assert len(named) >= at_least, "the search for commands finds them"
    faults = {
        (path.relative_to(ROOT).as_posix(), words): fault
        for path, words in named
        if (fault := fault_of(words, root))
    }
    assert faults == {}


def test_the_commands_that_messages_and_help_texts_name_exist() -> None:
    named = [
        (path, words)
        for path in PACKAGE.rglob("*.py")
        for text in texts(path)
        for words in named_commands(text)
    ]
    assert_exist(named, 40)


def test_the_commands_that_the_pages_name_exist() -> None:
    code = re.compile(r"(?:^|(?<=`))pedigree ([^`\n]+?)(?:\\?$|(?=`))", re.MULTILINE)
    named = [(path, words) for path in PAGES for words in code.findall(path.read_text())]
    assert_exist(named, 100)


def test_the_commands_that_the_templates_of_the_web_page_name_exist() -> None:
    code = re.compile(r"<(?:code|pre)\b[^>]*>pedigree ([^<\n]+)")
    named = [
        (path, words)
        for path in (PACKAGE / "server" / "web" / "templates").rglob("*.html")
        for words in code.findall(re.sub(r"\{\{.*?\}\}", HOLE, path.read_text()))
    ]
    assert_exist(named, 40)


def test_the_options_that_remedies_name_exist() -> None:
    every = {option for _, command in commands(tree()) for option in options_of(command)}
    every |= options_of(tree())
    unknown = {
        (path.relative_to(ROOT).as_posix(), option)
        for path in PACKAGE.rglob("*.py")
        for text in remedies(path)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)
        if option not in every
    }
    assert unknown == set()


def remedies(path: Path) -> Iterator[str]:
    """Yield the texts of a module's arguments ``remedy``."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.keyword) and node.arg == "remedy":
            yield from texts_of(node.value)


def test_the_settings_that_messages_name_exist() -> None:
    known = {f"PEDIGREE_{name.upper()}" for name in Settings.model_fields}
    unknown = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for text in remedies(path)
        for name in re.findall(r"\bPEDIGREE_[A-Z_]+\b", text)
        if name not in known
    }
    assert unknown == set()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("migrate", None),
        ("token create NAME --role reader", None),
        ("gc --apply --plan HOLE", None),
        ("show churn/3 --json | jq .", None),
        ("--url https://… show churn/3", None),
        ("nonsense", "pedigree has no command nonsense"),
        ("token make", "pedigree token has no command make"),
        ("datasheet set customers", "pedigree datasheet takes 1 arguments"),
        ("show churn/3 --format=json", "pedigree show has no option --format"),
    ],
)
def test_a_command_that_does_not_exist_is_found(words: str, fault: str | None) -> None:
    assert fault_of(words, tree()) == fault
