"""Every command refuses a bad value with exit code 2, prints no traceback, and writes nothing."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.bad_lines import argument_places, command_of
from tests.cli.conftest import Answer, Cli
from tests.cli.test_contract import OF_THIS_MACHINE, every_command, script

Register = Callable[..., Answer]
Line = tuple[str, ...]

# Bytes of a Latin-1 terminal, as Python passes them on, and a text beyond its bound.
BAD = ("caf\udce9", "x" * 70_000)
# A file may have a name of any bytes; nothing reads these two unless another option is given.
NO_TEXTS = {"destination", "output", "purpose", "trust"}
# A JSON value may be longer than a text.
JSON = {"params", "detail"}


def bad_lines(valid: list[Line]) -> Iterator[Line]:
    """Each valid line with one bad word: an argument, or an option that takes a text."""
    for line in valid:
        command, count = command_of(line)
        if " ".join(line[:count]) in OF_THIS_MACHINE:
            continue
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        places = argument_places(line, count, command)
        for value in BAD:
            for place, argument in zip(places, arguments, strict=False):
                if takes_text(argument):
                    yield (*line[:place], value, *line[place + 1 :])
            for option in command.params:
                if option.name in JSON and len(value) > 65_536:
                    continue
                if option.param_type_name == "option" and takes_text(option):
                    word = f"k={value}" if "=" in (option.metavar or "") else value
                    yield (*line, option.opts[0], word)


def takes_text(parameter: Any) -> bool:
    return not getattr(parameter, "is_flag", False) and parameter.name not in NO_TEXTS


def valid_lines(folder: Path, required: list[object]) -> list[Line]:
    lines = script(folder, required, "https://example.com/hook")
    return [tuple(map(str, line)) for line in lines]


def refuse_all(cli: Cli, lines: list[Line]) -> None:
    before = cli("events", "--json").json
    wrong = []
    for line in lines:
        answer = cli(*line)
        shown = " ".join(ascii(word)[:40] for word in line)
        if answer.code != 2 or "Traceback" in answer.err:
            wrong.append(f"{shown}: {answer.code} {answer.out[:200]} {answer.err[-300:]}")
    assert wrong == []
    assert cli("events", "--json").json == before


@pytest.fixture
def lines(register: Register, tmp_path: Path, required: list[object]) -> list[Line]:
    """Lines with a bad word, of all commands, in a random order."""
    assert register().code == 0
    found = list(bad_lines(valid_lines(tmp_path, required)))
    random.Random(14).shuffle(found)
    return found


def test_commands_refuse_bad_values_and_write_nothing(cli: Cli, lines: list[Line]) -> None:
    refuse_all(cli, lines[:40])


@pytest.mark.system
@pytest.mark.timeout(300)
def test_every_command_refuses_bad_values_and_writes_nothing(cli: Cli, lines: list[Line]) -> None:
    assert len(lines) > 400
    refuse_all(cli, lines)


def test_the_lines_have_every_command_that_takes_a_text(
    tmp_path: Path, required: list[object]
) -> None:
    valid = valid_lines(tmp_path, required)
    named = {" ".join(line[: command_of(line)[1]]) for line in valid}
    assert every_command() - OF_THIS_MACHINE - named <= {
        "webhook deliveries", "webhook delivery", "webhook redeliver", "webhook rotate",
        "webhook update", "webhook delete",
    }  # fmt: skip


@pytest.mark.system
def test_a_latin_1_terminal_and_environment_get_typed_errors(process: Cli, model: Path) -> None:
    """What is no UTF-8 comes from a real shell as bytes, in words and in variables."""
    assert process("model", "create", b"caf\xe9", "--json").error["field"] == "name"
    answer = process("model", "create", "fresh", "--description", b"caf\xe9", "--json")
    assert (answer.code, answer.error["field"]) == (2, "description")
    answer = process("model", "create", "fresh", "--json", PEDIGREE_ACTOR=b"caf\xe9")
    assert (answer.code, answer.error["field"]) == (2, "PEDIGREE_ACTOR")
    assert process("models", "--json").json["items"] == []


@pytest.mark.system
def test_a_terminal_without_a_character_shows_its_escape(process: Cli) -> None:
    encoding = "latin-1"
    made = process("model", "create", "fresh", "--description", "caf\u00e9 \u2192 \u6f22")
    assert made.code == 0
    shown = process("model", "show", "fresh", PYTHONIOENCODING=encoding)
    assert shown.code == 0
    assert r"\u2192 \u6f22" in shown.out
    as_json = process("model", "show", "fresh", "--json", PYTHONIOENCODING=encoding)
    assert as_json.json["description"] == "caf\u00e9 \u2192 \u6f22"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '{"b": NaN}'])
def test_a_param_that_is_not_finite_is_refused_by_its_key(value: str, register: Register) -> None:
    answer = register("weights", "--param", f"a={value}")
    assert answer.code == 2
    assert answer.error["field"].startswith("params.a")
    assert answer.error["message"] == "is not a finite number"


@pytest.mark.parametrize("levels", [65, 500, 50_000])
def test_a_param_that_is_nested_too_deep_is_refused(levels: int, register: Register) -> None:
    answer = register("weights", "--param", f"a={'[' * levels}{']' * levels}")
    assert answer.code == 2
    assert "nested" in answer.error["message"]


HOSTILE = "\x1b[2J\x1b]0;owned\x07red\r\x9b31m\u202e"


def test_control_characters_of_stored_text_are_shown_and_do_nothing(
    cli: Cli, register: Register, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.json"
    register("weights", "--description", HOSTILE, "--tag", f"a={HOSTILE}", "--owner", HOSTILE)
    cli("update", "churn/1", "--description", HOSTILE)
    cli("alias", "set", "churn", "best", 1, "--reason", f"{HOSTILE}\nforged line")
    cli("model", "update", "churn", "--description", HOSTILE)
    notes.write_text(json.dumps({"license": HOSTILE}))
    assert cli("card", "churn/1", "--notes", notes).code == 0
    for words in SHOWING:
        answer = cli(*words)
        assert answer.code == 0, words
        assert not any(mark in answer.out for mark in HOSTILE if not mark.isprintable()), words
    assert r"\x1b[2J" in cli("show", "churn/1").out
    assert cli("versions", "churn", "--json").items[0]["description"] == HOSTILE


SHOWING = (
    *(("show", "churn/1"), ("models",), ("versions", "churn"), ("model", "show", "churn")),
    *(
        ("timeline", "churn"),
        ("events",),
        ("card", "churn/1"),
        ("search",),
        ("trainings", "churn/1"),
    ),
)


def test_control_characters_in_an_error_are_shown(cli: Cli) -> None:
    answer = cli("show", "\x1b[2Jnobody/1")
    assert answer.code == 2
    assert "\x1b[2J" not in answer.err
