"""Settings of this process: ``PEDIGREE_*`` environment variables and the home folder."""

import os
import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, SecretStr
from pydantic_settings import SettingsConfigDict

from pedigree._durations import Duration
from pedigree._mlflow_settings import MlflowSettings
from pedigree._setting_lists import Door, Doors, Networks, PathPrefix, Words
from pedigree._source_settings import SourceSettings

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]


class Settings(MlflowSettings, SourceSettings):
    """The settings of one process, read from the environment on construction, never at import.

    Raises:
        pydantic.ValidationError: A variable has a value outside its domain.
    """

    model_config = SettingsConfigDict(env_prefix="PEDIGREE_", frozen=True, extra="ignore")

    home: Path | None = Field(
        default=None, description="Folder for the data of the embedded components"
    )
    database_url: str | None = Field(
        default=None, description="Postgres URL; if unset, an embedded Postgres"
    )
    database_owner_url: str | None = Field(
        default=None,
        description="Postgres URL of the role that owns the tables, for `pedigree migrate`; if"
        " unset, PEDIGREE_DATABASE_URL",
    )
    database_connections: int = Field(
        default=10, ge=1, description="Maximum database connections of a process"
    )
    search_connections: int = Field(
        default=2,
        ge=1,
        description="Maximum searches that a process runs at once; further ones wait",
    )
    search_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(seconds=2), description="Time limit of a search"
    )
    dagster_database_url: str | None = Field(
        default=None, description="Dagster's own storage; if unset, in the registry's Postgres"
    )
    store_url: str | None = Field(
        default=None, description="s3://bucket/prefix or file:///folder; if unset, a folder in home"
    )
    store_sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        default=None, description="S3 server-side encryption; if unset, the bucket's default"
    )
    store_sse_kms_key_id: str | None = Field(default=None, description="KMS key for aws:kms")
    store_class: str | None = Field(
        default=None, description="Storage class of new objects; if unset, the bucket's default"
    )
    store_archive_class: str | None = Field(
        default=None, description="Storage class of archived versions, such as GLACIER_IR"
    )
    retention_window: Duration = Field(
        default=timedelta(days=30), description="How long a deleted version can be restored"
    )
    cache_bytes: int = Field(
        default=10 << 30,
        ge=0,
        description="Maximum size of the cache of pulled files, in bytes",
    )
    verify_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=5),
        description="Time limit of the new process that verifies a model before registration",
    )
    scan_memory: int = Field(
        default=1 << 30,
        ge=256 << 20,
        description="Maximum memory of a process that reads an artifact for a check, in bytes",
    )
    scan_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=1),
        description="Processor time of such a process; it may last twice as long",
    )
    scans_at_once: int = Field(
        default=2, ge=1, description="Maximum number of them that a process runs at once"
    )
    scan_niceness: int = Field(
        default=0,
        ge=0,
        le=19,
        description="How much lower their priority is; at least 10 in `pedigree serve`",
    )
    serve_open: bool = Field(
        default=False,
        description="Set by `pedigree serve` on loopback: needs no token while none exists",
    )
    serve_drain: Annotated[Duration, Field(le=timedelta(minutes=5))] = Field(
        default=timedelta(seconds=3),
        description="How long `pedigree serve` still answers, not ready, after SIGTERM",
    )
    serve_connections: int = Field(
        default=1000, ge=1, description="Maximum open connections of a worker"
    )
    serve_connections_per_address: int = Field(
        default=100, ge=1, description="Maximum open connections of an address to a worker"
    )
    serve_proxies: Networks = Field(
        default=(),
        description="Networks of trusted proxies, such as 10.0.0.0/8: exempt from the limit of an"
        " address, and believed when they name the client or the path prefix",
    )
    serve_header_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(seconds=10), description="Time limit of a request's headers"
    )
    serve_body_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(minutes=1), description="Time limit of a request's body, except a file"
    )
    serve_body_rate: int = Field(
        default=1024, ge=1, description="Minimum bytes per second of a body, over ten seconds"
    )
    serve_bodies_per_principal: int = Field(
        default=32, ge=1, description="Maximum bodies of a principal that a worker receives at once"
    )
    serve_idle_timeout: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        default=timedelta(seconds=75),
        description="Time after which a connection without a request is closed; set it to more"
        " than a balancer's idle time",
    )
    serve_requests_per_principal: int = Field(
        default=64,
        ge=1,
        description="Maximum requests of a principal that wait in a worker for its share",
    )
    serve_searches_per_principal: int = Field(
        default=3, ge=1, description="Maximum searches of a principal that a worker runs at once"
    )
    serve_uploads_per_principal: int = Field(
        default=4, ge=1, description="Maximum files of a principal that a worker receives at once"
    )
    serve_streams_per_principal: int = Field(
        default=20, ge=1, description="Maximum event streams of a principal in a worker"
    )
    serve_prefix: PathPrefix | None = Field(
        default=None,
        description="Path prefix under which a proxy serves the service, such as /registry",
    )
    doors: Doors = Field(
        default=(Door.REST, Door.WEB, Door.MLFLOW),
        description="What `pedigree serve` serves, by spaces: rest (the API), web (the page) and"
        " mlflow (MLflow's clients); probes and metrics are always there",
    )
    dagster_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None,
        description="URL of the Dagster UI, to which pages of the service lead; if unset, that of"
        " the `pedigree up` that runs with this home folder, for browsers on this machine",
    )
    oidc: FilePath | None = Field(
        default=None,
        description="File of OIDC providers (TOML) whose tokens the service accepts",
    )
    log_format: Literal["json", "text"] | None = Field(
        default=None, description="Log format; if unset, text on a terminal and JSON elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Log level of the service; debug also logs every read"
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key for webhook secrets: 32 bytes in base64; old key after a comma",
    )
    webhook_networks: Networks = Field(
        default=(),
        description="Private networks that webhooks may send to, such as 10.0.0.0/8,fd00::/8",
    )
    webhook_timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=2))] = Field(
        default=timedelta(seconds=15), description="Total time limit of a delivery"
    )
    webhook_ca_file: FilePath | None = Field(
        default=None,
        description="CA certificates (PEM) to trust for receivers, in addition to the system's",
    )
    webhook_log: Duration = Field(
        default=timedelta(days=30), description="How long completed deliveries are kept"
    )
    sinks: Words = Field(
        default=(), description="Sinks of all events, by spaces, such as kafka://broker:9092/topic"
    )
    serve_delivers: bool = Field(
        default=True, description="`pedigree serve` delivers to webhooks and sinks"
    )
    url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None,
        description="URL of the registry's pages; if unset, nothing links to them",
    )
    api_url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(
        default=None, description="URL of the registry service; if unset, a registry in process"
    )
    token: SecretStr | None = Field(
        default=None,
        description="Token for that service, pdg_…; or auto, to exchange the token of a CI job or a"
        " pod",
    )
    audience: str | None = Field(
        default=None,
        description="Audience of the token that auto asks GitHub for; if unset, the service's URL",
    )
    id_token: SecretStr | None = Field(
        default=None, description="Token of a GitLab job, which auto exchanges"
    )
    token_file: Path = Field(
        default=Path("/var/run/secrets/pedigree/token"),
        description="File with the token of a pod, which auto exchanges",
    )
    api_timeout: float = Field(
        default=60.0, gt=0, description="Timeout of a read from the service, in seconds"
    )
    api_retries: int = Field(
        default=5, ge=0, description="Maximum retries of a request to the service"
    )
    api_deadline: float = Field(
        default=600.0,
        gt=0,
        description="Maximum time of a request to the service with its retries, in seconds",
    )
    actor: str | None = Field(default=None, description="The actor, if no token identifies one")
    git_commit: Commit | None = Field(default=None, description="The commit of a built image")
    git_dirty: bool = Field(default=False, description="The image has uncommitted changes")
    run_id: str | None = Field(default=None, description="Run ID of registrations by CLI")

    @cached_property
    def home_folder(self) -> Path:
        """The folder for embedded data: ``PEDIGREE_HOME``, else next to the workspace, else XDG."""
        return self.home.absolute() if self.home else _default_home(Path.cwd())


def _default_home(here: Path) -> Path:
    for folder in (here, *here.parents):
        if (folder / "workspace.yaml").is_file():
            return folder / ".pedigree"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "pedigree"


def redact_url(url: str) -> str:
    """Return a URL with its password and the secrets of its query replaced by ``***``.

    >>> redact_url("postgresql://ann:secret@db/registry?sslpassword=x&sslmode=require")
    'postgresql://ann:***@db/registry?sslpassword=***&sslmode=require'
    """
    url = re.sub(r"(?<=//)([^/@:?#]*):[^/?#]*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", r"\1***", url)
