"""Where a Dagster instance keeps its files: logs and local artifacts, under the home folder.

``dagster.yaml`` is a static file: a variable in it that is not set stops every ``dg`` command. So
it names these two classes, and they look at the environment when an instance is made.
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
    """Where the output of steps goes; read from the environment when it is made."""

    model_config = SettingsConfigDict(env_prefix="PEDIGREE_", frozen=True, extra="ignore")

    compute_logs_url: str | None = Field(
        default=None, description="s3://bucket/prefix; a folder at home when unset"
    )


def dagster_folder() -> Path:
    """Return where this process's Dagster instance keeps its local files."""
    return Settings().home_folder / "dagster"


class PedigreeComputeLogs(LocalComputeLogManager):
    """Local files under the home folder, or S3 where ``PEDIGREE_COMPUTE_LOGS_URL`` names it."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return Dagster's schema of the configuration: there is none, the environment speaks."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]  # Dagster types a manager as its own maker
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003 -- Dagster's signature
    ) -> ComputeLogManager:
        """Return the manager that the environment asks for.

        Raises:
            InvalidInputError: The URL is not ``s3://bucket/prefix``.
            MissingDependencyError: S3 is asked for and ``dagster-aws`` is not installed.
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
        """Return Dagster's schema of the configuration: there is none, the environment speaks."""
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
            "logs can be kept on S3 only",
            field="PEDIGREE_COMPUTE_LOGS_URL",
            value=redact_url(url),
            remedy="Write s3://bucket/prefix, or unset it for a local folder",
        )
    try:
        # Costs seconds, and only a deployment that uses S3 has it.
        from dagster_aws.s3 import S3ComputeLogManager  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            "logs on S3 need dagster-aws, which is not installed",
            field="PEDIGREE_COMPUTE_LOGS_URL",
            remedy=f"Install it with: {pip_install('dagster')}",
        ) from error
    return S3ComputeLogManager(
        bucket=parts.netloc,
        prefix=parts.path.strip("/") or "dagster",
        local_dir=str(local_folder),
        inst_data=inst_data,
        skip_empty_files=True,  # most steps print nothing, and each would be two objects
    )
