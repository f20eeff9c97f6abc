"""The registry as a Dagster resource.

::

    @dg.op
    def adopt(context: dg.OpExecutionContext, registry: RegistryResource) -> None:
        registry.bind(context).register(
            "customer_churn", TrainedModel(path=Path("model"), signature=SIGNATURE),
            flavor="generic", trained_on=["raw_customers"],
        )

This module has no postponed annotations: Dagster reads the fields of a resource as types.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.dagster.capture.run_provenance import StepContext, current_context
from pedigree.dagster.resources.bound_registry import BoundRegistry
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.settings import Settings, redact_url

# One client per process and location: Dagster sets up a resource for every run and every tick.
_CLIENTS: dict[tuple[Any, ...], Registry] = {}

# URLs from code by their redacted form: Dagster displays a resource's configuration.
_URLS_BY_REDACTED: dict[str, str] = {}


class RegistryResource(dg.ConfigurableResource[Registry]):
    """The model registry, for assets, ops, checks and sensors.

    All fields are optional: by default the settings (``PEDIGREE_*``) locate the registry, and
    without settings it is the embedded one. Pass secrets with ``dg.EnvVar``.
    """

    database_url: str | None = Field(
        default=None,
        description="Postgres URL; PEDIGREE_DATABASE_URL when unset, or else the embedded server",
    )
    store_url: str | None = Field(default=None, description="s3://bucket/prefix or file:///folder")
    # Typed as Any: importing S3Resource takes seconds, and most registries do not need it.
    s3: dg.ResourceDependency[Any] = None  # type: ignore[assignment]  # Dagster takes the default

    def __init__(self, **fields: Any) -> None:
        for name in ("database_url", "store_url"):
            fields[name] = _redacted(fields.get(name))
        super().__init__(**fields)

    def connect(self) -> Registry:
        """Return this process's client, created on first use and kept until the process ends.

        Raises:
            UnavailableError: The database or the store does not answer.
            SchemaBehindError: The database needs ``pedigree migrate``.
        """
        settings = _settings_of(Path.cwd(), _environment())
        database_url = _resolved(self.database_url)
        store_url = _resolved(self.store_url)
        credentials = credentials_of(self.s3)
        location = (
            os.getpid(),
            database_url or settings.database_url,
            store_url or settings.store_url,
            settings.home_folder,
            _identity(credentials),
        )
        if location not in _CLIENTS:
            _CLIENTS[location] = Registry.connect(
                database_url, store_url, settings=settings, credentials=credentials
            )
        return _CLIENTS[location]

    def bind(self, context: StepContext | None = None) -> BoundRegistry:
        """Return the registry bound to a step, whose run its verbs record as provenance.

        Args:
            context: The step's context; that of the running step when None.

        Raises:
            InvalidInputError: No step is running, or the function was called directly.
        """
        return BoundRegistry(self.connect(), context or current_context())

    def __repr__(self) -> str:
        fields = ", ".join(
            f"{name}={value!r}"
            for name in ("database_url", "store_url")
            if (value := getattr(self, name)) is not None
        )
        return f"RegistryResource({fields})"

    __str__ = __repr__


def _environment() -> tuple[tuple[str, str], ...]:
    """Return the variables on which the settings depend."""
    return tuple(
        (name, value)
        for name, value in os.environ.items()
        if name in {"HOME", "XDG_DATA_HOME"} or name.upper().startswith("PEDIGREE_")
    )


@lru_cache(maxsize=4)
def _settings_of(_folder: Path, _variables: tuple[tuple[str, str], ...]) -> Settings:
    """Return the settings of a folder and an environment.

    Parsing them takes two milliseconds, and a run connects at each input, output and check.
    """
    return Settings()


def credentials_of(s3: Any) -> StoreCredentials | None:
    """Return the credentials of a ``dagster_aws.s3.S3Resource`` for the object store.

    Raises:
        InvalidInputError: The resource is not an S3Resource.
    """
    if s3 is None:
        return None
    if not hasattr(s3, "aws_access_key_id"):
        raise InvalidInputError(
            "is not an S3Resource",
            field="s3",
            value=type(s3).__name__,
            remedy="Pass a dagster_aws.s3.S3Resource",
        )
    endpoint_url, region = _resolved(s3.endpoint_url), _resolved(s3.region_name)
    verify = s3.verify is not False
    if profile := _resolved(s3.profile_name):
        import boto3  # noqa: PLC0415 - takes a quarter of a second, and only profiles need it

        session = boto3.Session(profile_name=profile, region_name=region)
        return StoreCredentials.from_boto3(session, endpoint_url=endpoint_url, verify=verify)
    return StoreCredentials(
        endpoint_url=endpoint_url,
        region=region,
        access_key_id=_resolved(s3.aws_access_key_id),
        secret_access_key=_resolved(s3.aws_secret_access_key),
        session_token=_resolved(s3.aws_session_token),
        verify=verify,
    )


def _resolved(value: Any) -> Any:
    """Return a field's value; outside a run Dagster does not resolve an ``EnvVar``."""
    if isinstance(value, dg.EnvVar):
        return value.get_value()
    return _URLS_BY_REDACTED.get(value, value) if isinstance(value, str) else value


def _redacted(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, dg.EnvVar):
        return value
    redacted = redact_url(value)
    if redacted != value:
        _URLS_BY_REDACTED[redacted] = value
    return redacted


def _identity(credentials: StoreCredentials | None) -> str | None:
    if credentials is None:
        return None
    # The repr masks secrets, so two accounts of one endpoint would share a client without the hash.
    secret = credentials.secret_access_key
    return f"{credentials!r} {hash(secret.get_secret_value()) if secret else ''}"
