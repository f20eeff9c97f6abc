"""Log lines with a stable ``action``: as JSON for machines, as text for people.

A line is made by the standard library: ``log.info("…", extra={"action": "delivery.tried", …})``.
What is known of the request that a line belongs to is added to it, also in other threads, and
nothing that looks like a secret leaves.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

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
    *("status", "duration_ms", "webhook_id", "event_id", "sink", "error"),
)
"""What a line may say beside its message, in this order."""

# Tokens, secrets of webhooks, and whatever was sent as a credential.
_SECRETS = re.compile(r"(?i)(pdg_|whsec_)[\w+/=-]+|(\b(?:bearer|basic) )[\w.~+/=-]+")
_KNOWN: ContextVar[Callable[[], Mapping[str, object]]] = ContextVar("pedigree_log", default=dict)


def tell(fields: Callable[[], Mapping[str, object]]) -> None:
    """Let every line of this task say these fields too; they are asked for when there is a line."""
    _KNOWN.set(fields)


class JsonFormatter(logging.Formatter):
    """Writes a line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object, with the action first behind when and how grave."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **_fields(record),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            said["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Writes a line for a person who watches."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and what it says beside its message behind it."""
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{when} {record.levelname.lower()} {fields} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return without_secrets(line)


def without_secrets(text: str) -> str:
    """Return a text with its secrets starred.

    >>> without_secrets("Authorization: Bearer eyJ.x, pdg_abc123, postgresql://ann:pw@db/r")
    'Authorization: Bearer ***, pdg_***, postgresql://ann:***@db/r'
    """
    return redact_url(_SECRETS.sub(lambda found: f"{found[1] or found[2]}***", text))


def log_config(settings: Settings) -> dict[str, Any]:
    """Return how a service logs, for ``logging.config``: to stderr, each line in one form."""
    is_json = settings.log_format == "json" or (
        settings.log_format is None and not sys.stderr.isatty()
    )
    form = JsonFormatter if is_json else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{form.__module__}.{form.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"pedigree": {"level": settings.log_level.upper()}},
    }


def _fields(record: logging.LogRecord) -> dict[str, object]:
    said = {**_KNOWN.get()(), **record.__dict__}
    said.setdefault("action", "log")
    found = {name: said.get(name) for name in FIELDS}
    return {
        name: without_secrets(value) if isinstance(value, str) else value
        for name, value in found.items()
        if value is not None
    }
