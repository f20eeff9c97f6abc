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
from typing import Any

import dagster as dg
from pydantic import Field

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.dagster.capture.run_provenance import StepContext, current_context
from pedigree.dagster.resources.bound_registry import BoundRegistry
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.settings import Settings, redact_url

# One client a process and place: a resource is set up again at every run and every tick.
_CLIENTS: dict[tuple[Any, ...], Registry] = {}

# URLs written into code, by what is shown of them: Dagster shows a resource's configuration.
_HIDDEN: dict[str, str] = {}


class RegistryResource(dg.ConfigurableResource[Registry]):
    """The model registry, for assets, ops, checks and sensors.

    Everything is optional: without any, the settings (``PEDIGREE_*``) say where the registry is,
    and without those it is the embedded one. Give secrets by ``dg.EnvVar``.
    """

    database_url: str | None = Field(
        default=None, description="Postgres; PEDIGREE_DATABASE_URL when unset, else embedded"
    )
    store_url: str | None = Field(default=None, description="s3://bucket/prefix or file:///folder")
    # Typed loosely: importing S3Resource costs seconds, and most registries need none.
    s3: dg.ResourceDependency[Any] = None  # type: ignore[assignment]  # Dagster takes the default

    def __init__(self, **fields: Any) -> None:
        for name in ("database_url", "store_url"):
            fields[name] = _hidden(fields.get(name))
        super().__init__(**fields)

    def connect(self) -> Registry:
        """Return this process's client; made at the first use, never closed before the process.

        Raises:
            UnavailableError: The database or the store does not answer.
            SchemaBehindError: The database needs ``pedigree migrate``.
        """
        settings = Settings()
        database_url = _resolved(self.database_url)
        store_url = _resolved(self.store_url)
        credentials = credentials_of(self.s3)
        place = (
            os.getpid(),
            database_url or settings.database_url,
            store_url or settings.store_url,
            settings.home_folder,
            _identity(credentials),
        )
        if place not in _CLIENTS:
            _CLIENTS[place] = Registry.connect(
                database_url, store_url, settings=settings, credentials=credentials
            )
        return _CLIENTS[place]

    def bind(self, context: StepContext | None = None) -> BoundRegistry:
        """Return the registry's verbs, which record this step's run as their provenance.

        Args:
            context: The step's context; the one that runs when None.

        Raises:
            InvalidInputError: Nothing runs, or the function was called directly.
        """
        return BoundRegistry(self.connect(), context or current_context())

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={value!r}"
            for name in ("database_url", "store_url")
            if (value := getattr(self, name)) is not None
        )
        return f"RegistryResource({shown})"

    __str__ = __repr__


def credentials_of(s3: Any) -> StoreCredentials | None:
    """Return what a ``dagster_aws.s3.S3Resource`` knows, as the object store wants it.

    Raises:
        InvalidInputError: The resource is no S3Resource.
    """
    if s3 is None:
        return None
    if not hasattr(s3, "aws_access_key_id"):
        raise InvalidInputError(
            "is no S3Resource",
            field="s3",
            value=type(s3).__name__,
            remedy="Give a dagster_aws.s3.S3Resource",
        )
    endpoint_url, region = _resolved(s3.endpoint_url), _resolved(s3.region_name)
    verify = s3.verify is not False
    if profile := _resolved(s3.profile_name):
        import boto3  # noqa: PLC0415 - a quarter of a second that only profiles cost

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
    """Return a field's value; outside a run an ``EnvVar`` is still the variable's name."""
    if isinstance(value, dg.EnvVar):
        return value.get_value()
    return _HIDDEN.get(value, value) if isinstance(value, str) else value


def _hidden(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, dg.EnvVar):
        return value
    shown = redact_url(value)
    if shown != value:
        _HIDDEN[shown] = value
    return shown


def _identity(credentials: StoreCredentials | None) -> str | None:
    if credentials is None:
        return None
    # Shown secrets are stars, which would make two accounts of one endpoint the same client.
    secret = credentials.secret_access_key
    return f"{credentials!r} {hash(secret.get_secret_value()) if secret else ''}"
