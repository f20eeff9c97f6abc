"""A log line is one line: text of others forges no other, and controls no terminal."""

import json
import logging

import pytest

from pedigree.logs import JsonFormatter, TextFormatter

HOSTILE = "churn\n12:00:00 info action=forged by=admin\r\x1b[2J\x9b31m\u202e \ud800"


def record_of(message: str, *arguments: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("pedigree", logging.INFO, __file__, 1, message, arguments, None)
    made.__dict__.update(fields)
    return made


def lines(text: str) -> list[str]:
    assert text.replace("\n", "").isprintable()
    text.encode()
    return text.splitlines()


@pytest.mark.parametrize("field", ["model", "actor", "reference", "route", "error"])
def test_a_field_with_a_newline_forges_no_line(field: str) -> None:
    (line,) = lines(TextFormatter().format(record_of("registered", **{field: HOSTILE})))
    assert rf"{field}=churn\n12:00:00 info action=forged by=admin\r\x1b[2J" in line


def test_a_message_with_a_newline_forges_no_line() -> None:
    (line,) = lines(TextFormatter().format(record_of("of %s", HOSTILE)))
    assert r"of churn\n12:00:00" in line


def test_the_lines_of_an_exception_are_indented() -> None:
    record = record_of("it failed")
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    first, *further = lines(TextFormatter().format(record))
    assert "it failed" in first
    assert further
    assert all(line.startswith("  ") for line in further)


def test_json_keeps_the_characters_and_can_be_written() -> None:
    line = JsonFormatter().format(record_of("registered", model=HOSTILE))
    assert "\n" not in line
    assert json.loads(line.encode())["model"] == HOSTILE
