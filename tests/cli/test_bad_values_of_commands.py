"""Bad values through the commands: typed errors, exit code 2, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.cli.bad_lines import Line, bad_lines, commands_with_values, spoiled_parameter
from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]

BAD_VALUES = 160
_PIECE = 40

pytestmark = pytest.mark.system


def fingerprint(url: str) -> dict[str, int]:
    """The number of rows of every table, and the newest event."""
    with psycopg.connect(url) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'pedigree'"
                " AND table_type = 'BASE TABLE'"
            )
        ]
        counts = {}
        for name in names:
            count = sql.SQL("SELECT count(*) FROM pedigree.{}").format(sql.Identifier(name))
            counts[name] = connection.execute(count).fetchone()[0]  # type: ignore[index]
        newest = connection.execute("SELECT max(id) FROM pedigree.event").fetchone()
    return {**counts, "newest event": newest[0] if newest else 0}


def problem_of(line: Line, cli: Cli, *, as_json: bool) -> str | None:
    """What is wrong with the answer to a line with a bad value; None if nothing is."""
    words = (*line, "--json") if as_json else line
    try:
        answer = cli(*words)
    except Exception as error:  # what is tested
        return f"raised {error!r}"[:300]
    if answer.code != 2 or answer.out or "Traceback" in answer.err or not answer.err:
        return f"{answer.code} {answer.out[:200]!r} {answer.err[-300:]!r}"
    if as_json:
        error = json.loads(answer.err)["error"]
        if not (error["type"] and error["message"] and error["field"] and error["remedy"]):
            return f"says {error}"[:300]
    return None


@pytest.mark.timeout(600)
def test_bad_values_are_refused_by_typed_errors_and_nothing_is_written(
    cli: Cli, register: Register, database_url: str, tmp_path: Path, required: list[object]
) -> None:
    assert register().code == 0
    lines = bad_lines(tmp_path, required)
    assert {spoiled_parameter(line)[0] for line in lines} == commands_with_values()
    chosen, wrong = lines[:BAD_VALUES], []
    assert len(lines) > 2_000
    cli("events")  # gives the events of the registration their places
    before = fingerprint(database_url)
    for start in range(0, BAD_VALUES, _PIECE):
        piece = chosen[start : start + _PIECE]
        for number, line in enumerate(piece):
            if problem := problem_of(line, cli, as_json=number % 2 == 0):
                shown = " ".join(ascii(word)[:40] for word in line)
                wrong.append(f"{spoiled_parameter(line)} {shown}: {problem}")
        after = fingerprint(database_url)
        if after != before:
            wrong.append(
                f"lines {start} to {start + _PIECE} wrote {after.items() - before.items()}"
            )
            before = after
    assert not wrong, "\n".join([f"{len(wrong)} problems", *wrong])
