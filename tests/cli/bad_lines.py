"""Command lines with one bad value each, for every argument and option of every command."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from pedigree.cli.main import app
from tests.cli.test_contract import OF_THE_LOG, OF_THIS_MACHINE, every_command, script

Line = tuple[str, ...]

# Half of a character, NUL, bytes of a Latin-1 terminal, as Python passes them on, and texts beyond
# any bound of characters or bytes.
TEXTS = (
    *(
        "caf\udce9",
        "\ud800",
        "a\0b",
        "x" * 70_000,
        "é" * 40_000,
        "\0",
        "\udcff\udcfe",
        "b\udfff@v1",
    ),
)
NO_INTEGERS = (
    *("x", "", "1.5", "NaN", "0x1", "1e3", "1_0", "٣", "+3", " 3", "caf\udce9", "a\0b"),
    "9" * 5_000,
)
NO_NUMBERS = ("k=NaN", "k=inf", "k=1e999", "k=x", "k=", "k", "=1", "k=٣", "k=1_0", "\udce9=1")
NO_JSON = (
    *("k=NaN", "k=Infinity", "k=1e999", 'k={"b": [NaN]}', "k=caf\udce9", "k=a\0b", "\ud800=1"),
    *('k="\\ud800"', 'k="\\u0000"', '{"a"', f"k={'[' * 65}{']' * 65}", f"k={'[' * 50_000}"),
    *(f'k="{"x" * 300_000}"', f"k={'9' * 5_000}"),
)
JSON = {"params", "detail"}
# A file may have a name of any bytes; nothing reads these two unless another option is given.
# A login asks the service before it reads its provider and its audience.
NO_TEXTS = {"purpose", "trust", "provider", "audience"}
# Commands of this machine whose texts are judged before anything starts.
JUDGED_FIRST = {
    *OF_THE_LOG,
    *("login", "logout", "witness", "access recover"),
    *("export registry", "export mlflow", "import registry", "import mlflow"),
}
# Of a file that exists, a path that is written to or whose bytes are not read.
UNREAD = {"destination", "output", "path"}
# What has no bad content but bytes that are no text.
LISTS = {"environment", "sample", "keep", "data"}
# Commands that need what the lines before them made: they take the same values as others.
MORE: tuple[Line, ...] = (
    *(("webhook", word, "1") for word in ("deliveries", "rotate", "update", "delete", "show")),
    *(("webhook", word, "1", "1") for word in ("delivery", "redeliver")),
    *(("drift", word, "1") for word in ("show", "report", "alert")),
    *(("database", "roles"), ("access", "recover", "ann")),
    *(("serve",), ("up",), ("witness", "--state", "s"), ("login", "url"), ("logout", "url")),
    *(("audit", word) for word in ("rotate-key", "tail", "verify")),
    *(("audit", word, "1") for word in ("show", "prove")),
    *(("audit", "consistency", "1", "2"), ("audit", "export", "folder")),
    *(("export", word, "folder") for word in ("registry", "mlflow")),
    *(("import", "registry", "folder"), ("import", "mlflow", "https://mlflow.example")),
)


def bad_lines(folder: Path, required: list[object]) -> list[Line]:
    """Lines that each have one bad value, in an order that is random and always the same."""
    files = _bad_files(folder)
    found: dict[Line, None] = {}
    for line in (*valid_lines(folder, required), *MORE):
        found.update(dict.fromkeys(_spoiled(line, files)))
    lines = [*found]
    random.Random(14).shuffle(lines)
    return lines


def valid_lines(folder: Path, required: list[object]) -> list[Line]:
    """A line of every command that works, as far as its subject exists."""
    lines = script(folder, required, "https://example.com/hook")
    return [tuple(map(str, line)) for line in lines]


def parameters(words: str) -> list[Any]:
    """The arguments and options of a command, except flags."""
    group: Any = typer.main.get_command(app)
    for word in words.split():
        group = group.commands[word]
    return [each for each in group.params if not getattr(each, "is_flag", False)]


def spoiled_parameter(line: Line) -> tuple[str, str]:
    """The command of a line, and its parameter that has a bad value."""
    return _SPOILED[line]


_SPOILED: dict[Line, tuple[str, str]] = {}


def command_of(line: Line) -> tuple[Any, int]:
    """The command of a line, and how many of its words name it."""
    group: Any = typer.main.get_command(app)
    count = 0
    while hasattr(group, "commands"):
        group, count = group.commands[line[count]], count + 1
    return group, count


def argument_places(line: Line, count: int, command: Any) -> list[int]:
    """The places of the words that are arguments, not options or their values."""
    flags = {
        name for each in command.params if getattr(each, "is_flag", False) for name in each.opts
    }
    places, place = [], count
    while place < len(line):
        if line[place].startswith("--"):
            place += 1 if line[place] in flags else 2
        else:
            places.append(place)
            place += 1
    return places


def _spoiled(line: Line, files: dict[str, list[str]]) -> Iterator[Line]:
    command, count = command_of(line)
    name = " ".join(line[:count])
    places = argument_places(line, count, command)
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    for argument, place in zip(arguments, places, strict=False):
        for value in _values(name, argument, files):
            # A number below zero, and only that, would be read as an option.
            yield _noted((*line[:place], value, *line[place + 1 :]), name, argument)
    for option in command.params:
        if option.param_type_name == "option" and not getattr(option, "is_flag", False):
            for value in _values(name, option, files):
                yield _noted((*line, option.opts[0], value), name, option)


def _noted(line: Line, name: str, parameter: Any) -> Line:
    _SPOILED[line] = (name, parameter.name)
    return line


def _values(name: str, parameter: Any, files: dict[str, list[str]]) -> tuple[str, ...]:
    kind, key = parameter.type_descriptor.annotation, parameter.name
    if kind is int:
        return NO_INTEGERS
    if name in OF_THIS_MACHINE - JUDGED_FIRST or key in NO_TEXTS:
        return ()
    if kind is Path:
        return tuple(files["names"] if key in UNREAD else [*files["names"], *_contents(key, files)])
    if key in JSON or key == "metrics":
        return NO_JSON if key in JSON else NO_NUMBERS
    is_pair = "=" in (parameter.metavar or "")
    return _pairs() if is_pair else TEXTS


def _pairs() -> tuple[str, ...]:
    return (*(f"k={text}" for text in TEXTS), *(f"{text}=v" for text in TEXTS), "k", "=v")


def _contents(key: str, files: dict[str, list[str]]) -> list[str]:
    if key in LISTS:
        return files["binary"]
    # In YAML, NaN may be the name of a model.
    is_name = "not_finite" if key == "rename" else "\0"
    return [*files["binary"], *(each for each in files["json"] if is_name not in each)]


def _bad_files(folder: Path) -> dict[str, list[str]]:
    """Names of files that cannot be read, and files that are no JSON, or hostile JSON."""
    made = folder / "bad"
    made.mkdir()
    contents = {
        "deep": "[" * 50_000,
        "deep_object": '{"a":' * 500 + "1" + "}" * 500,
        "not_finite": '{"a": NaN}',
        "half": '{"license": "\\ud800"}',
        "empty": "",
        "list": "[1]",
    }
    json_files = []
    for stem, text in contents.items():
        file = made / f"{stem}.json"
        file.write_text(text)
        json_files.append(str(file))
    binary = []
    for suffix in ("json", "csv", "parquet"):
        file = made / f"binary.{suffix}"
        file.write_bytes(b"\xff\xfe\x00caf\xe9\n" * 9)
        binary.append(str(file))
    names = [f"{made}/a\0b", f"{made}/{'x' * 300}", f"{made}/{'x/' * 5_000}", f"{made}/\ud800"]
    return {"names": names, "binary": binary, "json": json_files}


def commands_with_values() -> set[str]:
    """The commands that take a value."""
    return {name for name in every_command() if parameters(name)}
