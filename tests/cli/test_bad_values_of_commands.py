"""Bad values through the commands: typed errors, exit code 2, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pedigree.audit.event_types import READS
from tests.cli.bad_lines import Line, bad_lines, commands_with_values, spoiled_parameter
from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]

BAD_VALUES = 2_000
_PARTS = 3
_PIECE = 50

pytestmark = pytest.mark.system

_READS = sql.SQL("(SELECT id FROM pedigree.event WHERE type = ANY ({}))").format([*READS])
_WITHOUT_READS = {
    name: sql.SQL("WHERE t.id NOT IN {}").format(_READS)
    for name in ("event", "feed", "unsequenced")
}


def fingerprint(url: str, home: Path) -> dict[str, object]:
    """The content of every table, and the files of the store; a read that is noted is no change."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'pedigree'"
            " AND table_type = 'BASE TABLE' AND table_name <> 'noted_read'"
        ).fetchall()
        content = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {}, count(*), sum(hashtextextended(t::text, 0)) FROM pedigree.{} t {}"
            ).format(sql.Literal(name), sql.Identifier(name), _WITHOUT_READS.get(name, sql.SQL("")))
            for (name,) in names
        )
        tables = {name: tuple(rest) for name, *rest in connection.execute(content)}
    files = {str(each): each.stat().st_size for each in (home / "objects").rglob("*")}
    return {**tables, **files}


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
        said = json.loads(answer.err)["error"]
        if not (said["type"] and said["message"] and said["field"] and said["remedy"]):
            return f"says {said}"[:300]
    return None


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(1, _PARTS + 1))
def test_bad_values_are_refused_by_typed_errors_and_nothing_is_written(
    part: int,
    cli: Cli,
    register: Register,
    database_url: str,
    home: Path,
    tmp_path: Path,
    required: list[object],
) -> None:
    assert register().code == 0
    lines = bad_lines(tmp_path, required)
    assert {command for command, _ in map(spoiled_parameter, lines)} == commands_with_values()
    assert len(lines) >= BAD_VALUES
    chosen, wrong = lines[part - 1 : BAD_VALUES : _PARTS], []
    cli("events")  # gives the events of the registration their places
    before = fingerprint(database_url, home)
    for start in range(0, len(chosen), _PIECE):
        piece = chosen[start : start + _PIECE]
        for number, line in enumerate(piece):
            if problem := problem_of(line, cli, as_json=number % 2 == 0):
                shown = " ".join(ascii(word)[:40] for word in line)
                wrong.append(f"{spoiled_parameter(line)} {shown}: {problem}")
        after = fingerprint(database_url, home)
        if after != before:
            changed = [
                key for key in after.keys() | before.keys() if after.get(key) != before.get(key)
            ]
            wrong.append(f"lines {start} to {start + _PIECE} of the part changed {changed}")
            before = after
    assert not wrong, "\n".join([f"{len(wrong)} problems", *wrong])
