"""Files of a Dagster instance under the home folder: logs and local artifacts.

``dagster.yaml`` is a static file: an unset variable in it makes every ``dg`` command fail. So it
names these two classes, which read the environment when an instance is created.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pedigree.distribution import pip_install
from pedigree.errors import InvalidInputError, MissingDependencyError
from pedigree.settings import Settings, redact_url


class ComputeLogSettings(BaseSettings):
    """The location of the steps' output, read from the environment on creation."""

    model_config = SettingsConfigDict(env_prefix="PEDIGREE_", frozen=True, extra="ignore")

    compute_logs_url: str | None = Field(
        default=None, description="s3://bucket/prefix; a folder below PEDIGREE_HOME when unset"
    )


def dagster_folder() -> Path:
    """Return the folder of the local files of this process's Dagster instance."""
    return Settings().home_folder / "dagster"


class PedigreeComputeLogs(LocalComputeLogManager):
    """Compute logs under the home folder, or on S3 if ``PEDIGREE_COMPUTE_LOGS_URL`` is set."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return Dagster's config schema: empty, since the environment has the configuration."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]  # Dagster declares that it returns this class
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 -- Dagster's signature
    ) -> ComputeLogManager:
        """Return the manager that the environment configures.

        Raises:
            InvalidInputError: The URL is not ``s3://bucket/prefix``.
            MissingDependencyError: The URL is on S3, and ``dagster-aws`` is not installed.
        """
        url = ComputeLogSettings().compute_logs_url
        folder = dagster_folder() / "logs"
        if url is None:
            return cls(base_dir=str(folder), inst_data=inst_data)
        return _on_s3(url, folder, inst_data)


class PedigreeArtifacts(LocalArtifactStorage):
    """Dagster's local artifacts, under the home folder."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return Dagster's config schema: empty, since the environment has the configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 -- Dagster's signature
    ) -> "PedigreeArtifacts":
        """Return the storage in this process's home folder."""
        return cls(base_dir=str(dagster_folder()), inst_data=inst_data)


def _on_s3(
    url: str, local_folder: Path, inst_data: ConfigurableClassData | None
) -> ComputeLogManager:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidInputError(
            "is not an S3 URL, and compute logs can be stored only locally or on S3",
            field="PEDIGREE_COMPUTE_LOGS_URL",
            value=redact_url(url),
            remedy="Write s3://bucket/prefix, or unset it for a local folder",
        )
    try:
        # Importing it takes seconds, and only a deployment that uses S3 has it.
        from dagster_aws.s3 import S3ComputeLogManager  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "compute logs on S3 need dagster-aws, which is not installed",
            field="PEDIGREE_COMPUTE_LOGS_URL",
            remedy=f"Install it with: {pip_install('dagster')}",
        ) from error
    return S3ComputeLogManager(
        bucket=parts.netloc,
        prefix=parts.path.strip("/") or "dagster",
        local_dir=str(local_folder),
        inst_data=inst_data,
        skip_empty_files=True,  # most steps print nothing, and would still create two objects
    )
