"""The storage of the assets' own data: a folder, or S3."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg

from pedigree.errors import InvalidInputError
from pedigree.settings import Settings, redact_url


class DataIOManager(dg.ConfigurableIOManagerFactory[dg.IOManager]):
    """Stores each asset (and partition) as one pickle; a run resolves the location at its start."""

    url: str | None = None
    """``s3://bucket/prefix`` or ``file:///folder``; ``data`` in the home folder when None."""

    def create_io_manager(self, context: dg.InitResourceContext) -> dg.IOManager:
        """Return the manager for this run.

        Raises:
            InvalidInputError: The URL is neither S3 nor a folder.
        """
        if self.url is None:
            return _in_folder(Settings().home_folder / "data", context)
        parts = urlsplit(self.url)
        if parts.scheme == "file" and not parts.netloc and parts.path:
            return _in_folder(Path(unquote(parts.path)), context)
        if parts.scheme == "s3" and parts.netloc:
            return _on_s3(parts.netloc, parts.path.strip("/"), context)
        raise InvalidInputError(
            "is neither an S3 URL nor a folder URL",
            field="PEDIGREE_DATA_URL",
            value=redact_url(self.url),
            remedy="Write s3://bucket/prefix or file:///folder, or unset it",
        )


def _in_folder(folder: Path, context: dg.InitResourceContext) -> dg.IOManager:
    return dg.FilesystemIOManager(base_dir=str(folder)).create_io_manager(context)


def _on_s3(bucket: str, prefix: str, context: dg.InitResourceContext) -> dg.IOManager:
    # Importing it takes seconds, and only a deployment with S3 needs it. Credentials and endpoint
    # come from boto3's own chain: variables, profile, or the machine's role.
    from dagster_aws.s3 import S3PickleIOManager, S3Resource  # noqa: PLC0415

    return S3PickleIOManager(
        s3_resource=S3Resource(), s3_bucket=bucket, s3_prefix=prefix or "data"
    ).create_io_manager(context)
