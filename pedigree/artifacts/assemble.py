"""Create an artifact from files that the registry already has, listed by digest."""

from collections.abc import Collection, Mapping, Sequence

from pedigree.artifacts.path_rules import check_path, require_distinct
from pedigree.artifacts.records import Blob, Digest, Manifest, ManifestFile, digest_of
from pedigree.artifacts.sessions import require_content
from pedigree.errors import BytesMissingError, InvalidArtifactError
from pedigree.signatures.records import Signature

# The number of digests in a message.
_SHOWN = 20


def list_files(
    flavor: str | None, signature: Signature | None, files: Sequence[ManifestFile]
) -> Manifest:
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


def require_listed(files: Sequence[ManifestFile], contents: Mapping[Digest, bytes]) -> None:
    """Require that bytes in memory are those of listed files.

    Raises:
        InvalidArtifactError: Some are of no listed file, or do not have the digest.
    """
    listed = {file.digest: file for file in files}
    for digest, content in contents.items():
        if digest not in listed:
            raise InvalidArtifactError(
                "the bytes of a file are sent that is not listed",
                field="files",
                value=digest,
                remedy="List it with its path, size and digest",
            )
        require_content(listed[digest], Blob(digest_of(content), len(content)))


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
    error = BytesMissingError(
        f"the registry lacks the bytes of {len(digests)} files: {shown}",
        field="files",
        remedy="Send them with the registration; or upload them, and register with the upload's id",
    )
    error.digests = tuple(sorted(digests))
    return error
