"""How a command answers: one function for programs and for people."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.cli import _output
from pedigree.cli._output import Raw, respond


def test_a_program_gets_the_value_and_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    def view() -> object:
        raise AssertionError("nobody sees it")

    respond({"a": (1, 2)}, as_json=True, view=view)
    respond(lambda: [None], as_json=True, view=view)
    first, _, second = capsys.readouterr().out.partition("}\n")
    assert json.loads(first + "}") == {"a": [1, 2]}
    assert json.loads(second) == [None]


def test_people_see_each_part_of_the_view_as_it_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_output, "out", _output.Console(width=20))

    def view() -> Iterator[object]:
        yield "[bold] is no markup here, and a long line stays one"
        yield Raw("raw [bold]")
        yield None

    respond("value", as_json=False, view=view)
    assert capsys.readouterr().out == (
        "[bold] is no markup here, and a long line stays one\nraw [bold]\n"
    )


def test_no_command_asks_by_itself_how_to_answer() -> None:
    folder = Path(_output.__file__).parent
    asking = {path.stem for path in folder.glob("*.py") if " if as_json:" in path.read_text()}
    # The plan of a collection may not fit into memory, and an error is no answer.
    assert asking == {"_output", "gc", "main"}
