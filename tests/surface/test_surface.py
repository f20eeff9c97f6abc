"""What others build on stays as it is: the public surfaces equal these committed files.

A change that is meant is refreshed, reviewed as a diff, and named in CHANGELOG.md::

    REFRESH=1 make test ARGS=tests/surface

The files keep wording apart from structure where they can: a corrected description changes
``openapi-texts.txt`` and leaves ``openapi.yaml`` alone. The tables of the database are held by
``tests/postgres/test_schema.py``.
"""

import inspect
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import Enum
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from types import NoneType
from typing import Any, Unpack, get_args, get_origin

import pytest
import yaml

from tests.committed import check

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# So wide that no line of a help text is wrapped: a changed word changes one line.
WIDTH = 1000
BORDERS = "╭╮╰╯│─ "
WORDING = ("summary", "description")


def check_lines(name: str, lines: Iterable[str]) -> None:
    check(HERE / name, "".join(f"{line}\n" for line in sorted(set(lines))))


# --- HTTP


@pytest.fixture(scope="module")
def application() -> Any:
    from pedigree.server.app import create_app

    return create_app()


@pytest.fixture(scope="module")
def document(application: Any) -> dict[str, Any]:
    """The OpenAPI document without the version of the distribution, which each release changes."""
    made = application.openapi()
    return {**made, "info": {**made["info"], "version": ""}}


class _Dumper(yaml.SafeDumper):
    """Write each value where it stands, without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def without_wording(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: without_wording(value)
            for key, value in node.items()
            if not (key in WORDING and isinstance(value, str))
        }
    return [without_wording(each) for each in node] if isinstance(node, list) else node


def texts(node: Any, label: str) -> Iterator[str]:
    """Yield the summaries and descriptions below a node, one line each, under a short label."""
    if isinstance(node, list):
        for each in node:
            yield from texts(each, label)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in WORDING and isinstance(value, str):
            yield f"{label} | {' '.join(value.split())}"
        elif key in ("schema", "content", "items", "anyOf", "oneOf", "properties"):
            yield from texts(value, label)
        elif key == "parameters" and isinstance(value, list):
            for each in value:
                yield from texts(each, f"parameter {each['name']}")
        elif key == "responses" and isinstance(value, dict):
            for status, each in value.items():
                yield from texts(each, f"response {status}")
        else:
            yield from texts(value, f"{label} {key}")


def test_the_openapi_document_keeps_its_structure(document: dict[str, Any]) -> None:
    check(
        HERE / "openapi.yaml",
        yaml.dump(without_wording(document), Dumper=_Dumper, width=10**6, allow_unicode=True),
    )


def test_the_openapi_document_keeps_its_wording(document: dict[str, Any]) -> None:
    parts = (document["paths"], document["components"]["schemas"], {"info": document["info"]})
    check_lines("openapi-texts.txt", (text.strip() for part in parts for text in texts(part, "")))


def test_the_routes_stay(application: Any) -> None:
    check_lines(
        "routes.txt",
        (f"{route.path} {method}" for route in application.routes for method in route.methods),
    )


# --- the command line


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for word, each in sorted(getattr(command, "commands", {}).items()):
        yield from commands(each, (*path, word))


def plain(printed: str) -> Iterator[str]:
    """Yield the lines of a help text without its panels' borders and padding."""
    for line in printed.splitlines():
        words = " ".join(line.strip(BORDERS).split())
        if words:
            yield words


def test_the_help_of_every_command_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer
    from typer import rich_utils

    from pedigree.cli.main import app

    monkeypatch.setattr(rich_utils, "MAX_WIDTH", WIDTH)
    monkeypatch.setattr(rich_utils, "COLOR_SYSTEM", None)
    monkeypatch.setattr(rich_utils, "FORCE_TERMINAL", None)
    root = typer.main.get_command(app)
    shown = []
    for path in commands(root):
        words = ("pedigree", *path)
        root.main([*path, "--help"], words[0], standalone_mode=False, terminal_width=WIDTH)
        shown.append("\n".join([f"$ {' '.join(words)}", *plain(capsys.readouterr().out)]))
    check(HERE / "help.txt", "\n\n".join(shown) + "\n")


# --- Python


_TYPED = (NoneType, bool, int, float, str, tuple, timedelta)


class _Shown:
    """A default as a caller types it; ``...`` stands for one that the call makes."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        if isinstance(self.value, Enum):
            return f"{type(self.value).__name__}.{self.value.name}"
        if self.value is None or isinstance(
            self.value, bool | int | float | str | tuple | timedelta
        ):
            return repr(self.value)
        return "..."


def bare(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """Yield a parameter without its type, or the options of the TypedDict that it unpacks."""
    if parameter.kind is parameter.VAR_KEYWORD and get_origin(parameter.annotation) is Unpack:
        for name in get_args(parameter.annotation)[0].__annotations__:
            yield parameter.replace(
                name=name,
                kind=parameter.KEYWORD_ONLY,
                annotation=parameter.empty,
                default=_Shown(...),
            )
    else:
        required = parameter.default is parameter.empty
        default = parameter.empty if required else _Shown(parameter.default)
        yield parameter.replace(annotation=parameter.empty, default=default)


def signed(name: str, called: object) -> str:
    """Write what a caller passes: the parameters' order, names, kinds and defaults."""
    if not callable(called):
        return name
    parameters = [
        each
        for parameter in inspect.signature(called).parameters.values()
        if not parameter.name.startswith("_")  # pydantic-settings' own
        for each in bare(parameter)
    ]
    return f"{name}{inspect.Signature(parameters)}"


def packages() -> Iterator[str]:
    """Yield the packages that list public names."""
    for file in (ROOT / "pedigree").rglob("__init__.py"):
        if re.search(r"^__all__ =", file.read_text(), re.MULTILINE):
            yield ".".join(file.parent.relative_to(ROOT).parts)


def test_the_exported_names_and_their_parameters_stay() -> None:
    check_lines(
        "exports.txt",
        (
            signed(f"{package}.{name}", getattr(import_module(package), name))
            for package in packages()
            for name in import_module(package).__all__
        ),
    )


def test_the_verbs_of_the_registry_and_their_parameters_stay() -> None:
    from pedigree import Registry
    from pedigree.client.remote import ServiceRegistry

    served = {name for name in dir(ServiceRegistry) if not name.startswith("_")}
    names = served | {"acting_as", "actor", "connect"}
    check_lines("verbs.txt", (signed(name, getattr(Registry, name)) for name in names))


def test_the_errors_and_their_codes_stay() -> None:
    from pedigree import errors
    from pedigree.server.http.problems import status_of

    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    check_lines(
        "errors.txt",
        (
            f"{kind.__name__}({kind.__base__.__name__}): status {status_of(kind.__new__(kind))},"
            f" exit code {kind.exit_code}"
            for kind in kinds
            if issubclass(kind, errors.PedigreeError)
        ),
    )


def test_the_event_types_stay() -> None:
    from pedigree.audit.event_types import EventType

    check_lines("events.txt", (each.value for each in EventType))


def test_the_settings_and_their_defaults_stay() -> None:
    from pedigree import Settings

    prefix = Settings.model_config["env_prefix"]
    check_lines(
        "settings.txt",
        (
            f"{prefix}{name.upper()} = {field.get_default(call_default_factory=True)}"
            for name, field in Settings.model_fields.items()
        ),
    )


# --- the distribution


@pytest.fixture(scope="module")
def entry_points() -> list[EntryPoint]:
    """The entry points as pyproject.toml has them, also before it is installed again."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    return [
        EntryPoint(name, target, group)
        for group, points in groups.items()
        for name, target in points.items()
    ]


def test_the_entry_points_stay_and_load(entry_points: list[EntryPoint]) -> None:
    # Their targets may move: who extends Pedigree knows a group and a name.
    assert all(each.load() for each in entry_points)
    check_lines("entry-points.txt", (f"{each.group} {each.name}" for each in entry_points))
