"""Log lines with a stable ``action``: as JSON for machines, as text for people.

Code logs with the standard library: ``log.info("…", extra={"action": "delivery.tried", …})``.
Each line gets the fields of its request, also in other threads. Text that looks like a secret is
replaced.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

from pedigree._visible import in_one_line, visible
from pedigree.settings import Settings, redact_url

FIELDS = (
    *(
        "action",
        "request_id",
        "trace_id",
        "actor",
        "method",
        "route",
        "model",
        "version",
        "reference",
    ),
    *(
        "status",
        "duration_ms",
        "webhook_id",
        "event_id",
        "sink",
        "provider",
        "work",
        "member",
        "error",
    ),
)
"""The fields that a line can have in addition to its message, in this order."""

# Tokens, secrets of webhooks, and credentials of HTTP headers.
_SECRETS = re.compile(r"(?i)(pdg_|whsec_)[\w+/=-]+|(\b(?:bearer|basic) )[\w.~+/=-]+")
_REQUEST_FIELDS: ContextVar[Callable[[], Mapping[str, object]]] = ContextVar(
    "pedigree_log", default=dict
)


def bind_fields(fields: Callable[[], Mapping[str, object]]) -> None:
    """Add fields to every line that this task logs; ``fields`` is called for each line."""
    _REQUEST_FIELDS.set(fields)


class JsonFormatter(logging.Formatter):
    """A formatter that writes each line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: time and level, then the action and the other fields."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **_fields(record),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        text = json.dumps(line, ensure_ascii=False, default=str)
        return text.encode("utf-8", "backslashreplace").decode()  # halves of characters


class TextFormatter(logging.Formatter):
    """A formatter that writes each line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time and level, then the fields, then the message."""
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        # Text of others makes no line of its own, and controls no terminal.
        message = in_one_line(f"{fields} {record.getMessage()}")
        line = f"{when} {record.levelname.lower()} {message}"
        if record.exc_info:
            line += "\n" + indent(visible(self.formatException(record.exc_info)), "  ")
        return without_secrets(line)


def without_secrets(text: str) -> str:
    """Return a text with its secrets replaced by ``***``.

    >>> without_secrets("Authorization: Bearer eyJ.x, pdg_abc123, postgresql://ann:pw@db/r")
    'Authorization: Bearer ***, pdg_***, postgresql://ann:***@db/r'
    """
    return redact_url(_SECRETS.sub(lambda found: f"{found[1] or found[2]}***", text))


def log_config(settings: Settings) -> dict[str, Any]:
    """Return a service's configuration for ``logging.config``: to stderr, in one format."""
    is_json = settings.log_format == "json" or (
        settings.log_format is None and not sys.stderr.isatty()
    )
    formatter = JsonFormatter if is_json else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{formatter.__module__}.{formatter.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"pedigree": {"level": settings.log_level.upper()}},
    }


def _fields(record: logging.LogRecord) -> dict[str, object]:
    values = {**_REQUEST_FIELDS.get()(), **record.__dict__}
    values.setdefault("action", "log")
    fields = {name: values.get(name) for name in FIELDS}
    return {
        name: without_secrets(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None
    }
