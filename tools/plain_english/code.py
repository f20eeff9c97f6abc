"""The texts that the package shows to users: of commands, fields, the service, and errors."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperGroup

from pedigree.cli.main import app
from pedigree.server.app import create_app
from tools.plain_english.prose import generated_parts
from tools.plain_english.texts import Text
from tools.reference.cli import commands

_PACKAGE = "pedigree"
_KEYWORDS = frozenset({"help", "description", "summary", "epilog"})


def shown_texts(root: Path) -> Iterator[Text]:
    """Yield every text that the package shows to users, each once, with its place in the code."""
    sources = dict(_sources(root))
    places = {
        _normal(each.text): each
        for file, tree in sources.items()
        for each in _docstrings(file, tree)
    }
    seen: set[str] = set()
    for text in (
        *(each for file, tree in sources.items() for each in module_texts(file, tree)),
        *command_texts(),
        *service_texts(),
        *generated_parts(root),
    ):
        if (normal := _normal(text.text)) not in seen:
            seen.add(normal)
            yield places.get(normal, text)


def _normal(text: str) -> str:
    return " ".join(text.split())


def _sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for file in sorted((root / _PACKAGE).rglob("*.py")):
        yield file.relative_to(root).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def _docstrings(file: str, tree: ast.Module) -> Iterator[Text]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if text := ast.get_docstring(node):
            yield Text(file=file, line=node.body[0].lineno, text=text, breaks=True)


def module_texts(file: str, tree: ast.Module) -> Iterator[Text]:
    """Yield the help and descriptions in a module, its error messages, and what its errors mean."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(arg), value=value) if arg in _KEYWORDS:
                yield from _literals(file, value)
            case ast.Call() if _callee(node).endswith("Error"):
                yield from _literals(file, node)
            case ast.Raise(exc=ast.expr() as raised):
                yield from _literals(file, raised)
            case ast.ClassDef(name=name) if name.endswith("Error"):
                yield Text(file=file, line=node.lineno, text=ast.get_docstring(node) or "")


def _literals(file: str, node: ast.expr) -> Iterator[Text]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield Text(file=file, line=each.lineno, text=each.value)


def _callee(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def command_texts() -> Iterator[Text]:
    """Yield the help of every command and parameter, as the application has it."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for words, _, command in commands(group):
        shown = (command.help, *(getattr(each, "help", None) for each in command.params))
        yield from (Text(file=f"`{words}`", line=1, text=each) for each in shown if each)


def service_texts() -> Iterator[Text]:
    """Yield the summaries and descriptions of the OpenAPI document, as the service has it."""
    document = create_app().openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _described(f"{method.upper()} {path}", operation)
    for name, schema in document["components"]["schemas"].items():
        yield from _described(f"schema {name}", schema)


def _described(place: str, part: Any) -> Iterator[Text]:
    if isinstance(part, Mapping):
        for key in ("summary", "description"):
            if isinstance(text := part.get(key), str):
                yield Text(file=place, line=1, text=text)
        for each in part.values():
            yield from _described(place, each)
    elif isinstance(part, list):
        for each in part:
            yield from _described(place, each)
