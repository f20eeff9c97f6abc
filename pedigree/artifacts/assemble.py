"""Create an artifact from files that the registry already has, listed by digest."""

from collections.abc import Collection, Mapping, Sequence

from pedigree.artifacts.path_rules import check_path, require_distinct
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.errors import BytesMissingError, InvalidArtifactError
from pedigree.signatures.records import Signature

# The number of digests in a message.
_SHOWN = 20


def list_files(flavor: str, signature: Signature, files: Sequence[ManifestFile]) -> Manifest:
    """Return the manifest of some files, if they are a valid artifact.

    Raises:
        InvalidArtifactError: A path is refused, two are in conflict, or there are no bytes.
    """
    # One path at a time: the first one that is refused ends the work.
    require_distinct(check_path(file.path) for file in files)
    if not any(file.size for file in files):
        raise InvalidArtifactError(
            "the artifact is empty", field="files", remedy="List the model's files"
        )
    return Manifest(flavor=flavor, signature=signature, files=tuple(files))


def require_sizes(manifest: Manifest, sizes: Mapping[Digest, int]) -> None:
    """Require that the files have the sizes of their bytes.

    Raises:
        InvalidArtifactError: A listed size differs.
    """
    for file in manifest.files:
        if sizes[file.digest] != file.size:
            raise InvalidArtifactError(
                f"{file.path} has {sizes[file.digest]} bytes, not {file.size}",
                field="files",
                value=file.digest,
                remedy="Give the size of the bytes that have the digest",
            )


def bytes_missing(digests: Collection[Digest]) -> BytesMissingError:
    """Return the error for files that must still be sent."""
    shown = ", ".join(sorted(digests)[:_SHOWN]) + (", …" if len(digests) > _SHOWN else "")
    return BytesMissingError(
        f"the registry lacks the bytes of {len(digests)} files: {shown}",
        field="files",
        remedy="Upload them, and register the version with the upload's id",
    )
