"""The figures of the structure count what they say they count."""

import threading
from pathlib import Path

import psycopg

from benchmarks._source import LISTED, code_lines_of, lists_of, places_of, signatures_of
from benchmarks._trace import traced
from pedigree.registry import Registry
from tests.factories import register


def test_a_trace_numbers_the_transactions_of_the_statements(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection, traced() as seen:
        for statement in ("SELECT 1", "BEGIN", "SELECT 2", "COMMIT", "BEGIN", "SELECT 3"):
            connection.execute(statement)
    assert seen.executed == [
        *((None, "SELECT 1"), (1, "BEGIN"), (1, "SELECT 2"), (1, "COMMIT")),
        *((2, "BEGIN"), (2, "SELECT 3")),
    ]
    assert (seen.statements, seen.transactions) == (["SELECT 1", "SELECT 2", "SELECT 3"], 2)
    assert (seen.functions, seen.moves) == (set(), 0)


def test_a_trace_leaves_out_the_statements_of_threads_that_ran_before_it(
    database_url: str,
) -> None:
    begin, ended = threading.Event(), threading.Event()

    def work() -> None:
        begin.wait()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SELECT 'another'")
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    with psycopg.connect(database_url, autocommit=True) as connection, traced() as seen:
        begin.set()
        ended.wait()
        connection.execute("SELECT 1")
    thread.join()
    assert seen.statements == ["SELECT 1"]


def test_a_trace_sees_the_modules_that_a_verb_passes(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path)
    with traced() as seen:
        registry.get(reference)
    assert len(seen.statements) == 1
    assert seen.transactions == 0
    assert len(seen.modules) > 1
    assert len(seen.modules) - 1 <= seen.moves < len(seen.functions)
    registry.get(reference)
    assert len(seen.statements) == 1, "the trace goes on after its block"


def test_code_lines_leave_out_what_runs_nothing() -> None:
    text = '"""Doc.\n\nMore.\n"""\n\n# Why\ndef f():\n    """Doc."""\n    return """a\nb"""  # c\n'
    assert code_lines_of(text) == 3


def test_a_signature_is_a_function_of_the_verb_s_name_that_takes_its_parameters(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").write_text("class A:\n    def get(self, reference): ...\n")
    (tmp_path / "b.py").write_text("def get(path): ...\nasync def get(*, reference): ...\n")
    assert signatures_of({"get": ["self", "reference"], "hold": ["self"]}, tmp_path) == {
        "get": 2,
        "hold": 0,
    }


def test_a_list_of_fields_is_a_definition_that_names_many(tmp_path: Path) -> None:
    fields = {f"field_{number}" for number in range(LISTED)}
    most = sorted(fields)
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "a.py").write_text(
        f"NAMES = {most!r}\n\n\ndef few():\n    return {most[1:]!r}\n\n\n"
        f"class Record:\n    {' = '.join(most)} = 1\n\n    def one(self): return self.field_0\n"
    )
    (folder / "queries.sql").write_text(f"-- name: all\n-- All.\nSELECT {', '.join(most)}\n")
    lists = lists_of(fields, folder)
    assert sorted(lists) == [
        "package/a.py:Record",
        "package/a.py:line 1",
        "package/queries.sql:all",
    ]
    assert places_of(lists, fields) == 3
