"""Where this process finds its registry: ``PEDIGREE_*`` variables and the home folder."""

import os
import re
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, FilePath, PlainSerializer, SecretStr, WithJsonSchema
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def read_duration(given: object) -> object:
    """Read ``30d``, ``12h``, ``45m``, ``10s`` or ``0``; leave what is no text as it is.

    >>> read_duration("30d")
    datetime.timedelta(days=30)

    Raises:
        ValueError: The text is none of these.
    """
    if not isinstance(given, str):
        return given
    if given.strip() == "0":
        return timedelta(0)
    found = re.fullmatch(r"\s*([0-9]{1,6})\s*([dhms])\s*", given)
    if found is None:
        raise ValueError("write a length of time as 30d, 12h, 45m, 10s or 0")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    Field(ge=timedelta(0)),
    # Seconds, not ISO 8601: its years have other lengths in Postgres than in Python.
    PlainSerializer(timedelta.total_seconds, return_type=float, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(0|[0-9]{1,6}[dhms])$"},
                {"type": "number", "minimum": 0, "maximum": 86_399_999_913_600},
            ],
            "description": "30d, 12h, 45m, 10s or 0; or seconds",
        },
        mode="validation",
    ),
    WithJsonSchema({"type": "number", "minimum": 0}, mode="serialization"),
]
"""A length of time, typed as ``30d``; in JSON a number of seconds."""


def _listed(given: object) -> object:
    """Read a list that was typed with commas; leave what is no text as it is."""
    if not isinstance(given, str):
        return given
    return [word.strip() for word in given.split(",") if word.strip()]


def _words(given: object) -> object:
    """Read words that were typed with spaces; leave what is no text as it is."""
    return given.split() if isinstance(given, str) else given


Network: TypeAlias = IPv4Network | IPv6Network
# NoDecode: a variable is read as a list of words, not as JSON.
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """The settings of one process; read from the environment when it is made, never at import.

    Raises:
        pydantic.ValidationError: A variable has a value outside its domain.
    """

    model_config = SettingsConfigDict(env_prefix="PEDIGREE_", frozen=True, extra="ignore")

    home: Path | None = Field(default=None, description="Where the embedded parts keep their data")
    database_url: str | None = Field(default=None, description="Postgres; embedded when unset")
    database_prepare: bool = Field(
        default=False,
        description="Prepare statements on the named Postgres; not behind PgBouncer or RDS Proxy",
    )
    database_connections: int = Field(
        default=10, ge=1, description="How many connections a process holds at most"
    )
    dagster_database_url: str | None = Field(
        default=None, description="Dagster's own storage; beside the registry's when unset"
    )
    store_url: str | None = Field(
        default=None, description="s3://bucket/prefix or file:///folder; a folder at home if unset"
    )
    store_sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        default=None, description="How S3 encrypts what is written; as the bucket says if unset"
    )
    store_sse_kms_key_id: str | None = Field(default=None, description="The key of aws:kms")
    store_class: str | None = Field(
        default=None, description="The storage class of new objects; the bucket's own if unset"
    )
    store_archive_class: str | None = Field(
        default=None, description="The storage class of archived versions, such as GLACIER_IR"
    )
    retention_window: Duration = Field(
        default=timedelta(days=30), description="How long a deleted version can be restored"
    )
    cache_bytes: int = Field(
        default=10 << 30, ge=0, description="How much of what was loaded or pulled stays at home"
    )
    verify_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=5),
        description="How long a new process may load and ask a model before it is registered",
    )
    serve_open: bool = Field(
        default=False,
        description="`pedigree serve` sets it on loopback: no token is asked for while none exists",
    )
    serve_drain: Annotated[Duration, Field(le=timedelta(minutes=5))] = Field(
        default=timedelta(seconds=3),
        description="How long `pedigree serve` still answers behind SIGTERM, and is not ready",
    )
    log_format: Literal["json", "text"] | None = Field(
        default=None, description="How the service logs; text on a terminal, else JSON if unset"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What the service logs; debug also tells of every read"
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Encrypts secrets of webhooks: 32 bytes in base64; the old one behind a comma",
    )
    webhook_networks: Networks = Field(
        default=(),
        description="Networks that are not public and may be sent to: 10.0.0.0/8,fd00::/8",
    )
    webhook_timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=2))] = Field(
        default=timedelta(seconds=15), description="How long a delivery may take in all"
    )
    webhook_ca_file: FilePath | None = Field(
        default=None,
        description="Certificates (PEM) by which receivers are trusted beside the system's",
    )
    webhook_log: Duration = Field(
        default=timedelta(days=30), description="How long deliveries that ended are kept"
    )
    sinks: Words = Field(
        default=(), description="Where every event goes: kafka://broker:9092/topic, by spaces"
    )
    serve_delivers: bool = Field(
        default=True, description="`pedigree serve` delivers to webhooks and sinks"
    )
    url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="Where the registry's pages are; without it nothing links there"
    )
    api_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="The service that has the registry; in this process if unset"
    )
    token: SecretStr | None = Field(default=None, description="The token for that service, pdg_…")
    api_timeout: float = Field(
        default=60.0, gt=0, description="Seconds that the service may take for a piece of an answer"
    )
    api_retries: int = Field(
        default=5, ge=0, description="How often a request to the service is sent again"
    )
    actor: str | None = Field(default=None, description="Who acts, where no token says so")
    git_commit: Commit | None = Field(default=None, description="The commit of a built image")
    git_dirty: bool = Field(default=False, description="That image held uncommitted changes")
    run_id: str | None = Field(default=None, description="The run, for registrations by CLI")

    @cached_property
    def home_folder(self) -> Path:
        """Where embedded data lies: ``PEDIGREE_HOME``, else beside the workspace, else XDG."""
        return self.home.absolute() if self.home else _default_home(Path.cwd())


def _default_home(here: Path) -> Path:
    for folder in (here, *here.parents):
        if (folder / "workspace.yaml").is_file():
            return folder / ".pedigree"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "pedigree"


def redact_url(url: str) -> str:
    """Return a URL that may be shown: its password, user info and query secrets are starred.

    >>> redact_url("postgresql://ann:secret@db/registry?sslpassword=x&sslmode=require")
    'postgresql://ann:***@db/registry?sslpassword=***&sslmode=require'
    """
    url = re.sub(r"(?<=//)([^/@:?#]*):[^/?#]*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", r"\1***", url)
