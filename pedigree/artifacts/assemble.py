"""Create an artifact from files that the registry already has, listed by digest."""

from collections.abc import Collection, Mapping, Sequence

from pedigree.artifacts.path_rules import check_path, require_distinct
from pedigree.artifacts.records import Blob, Digest, Manifest, ManifestFile, digest_of
from pedigree.artifacts.sessions import require_content
from pedigree.artifacts.store import SQL, BlobCollectedError, StagedArtifact, seal
from pedigree.errors import BytesMissingError, InvalidArtifactError
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.records import Signature

# The number of digests in a message.
_SHOWN = 20


def list_files(flavor: str, signature: Signature, files: Sequence[ManifestFile]) -> Manifest:
    """Return the manifest of some files, if they are a valid artifact.

    Raises:
        InvalidArtifactError: A path is refused, two are in conflict, or there are no bytes.
    """
    require_distinct([check_path(file.path) for file in files])
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


def seal_listed(transaction: Transaction, manifest: Manifest) -> None:
    """Create an artifact from the manifest of live files.

    Raises:
        BytesMissingError: The registry lacks some of them.
        InvalidArtifactError: A listed size differs from the size of the bytes.
    """
    try:
        sizes = seal(transaction, StagedArtifact(manifest=manifest, upload_id=None, stored=()))
    except BlobCollectedError as error:
        raise _missing(transaction, manifest) from error
    _require_sizes(manifest, sizes)


def _live_sizes(transaction: Transaction, digests: Collection[Digest]) -> dict[Digest, int]:
    """Return the sizes of the live ones of some blobs."""
    rows = transaction.execute(SQL["blob_sizes"], {"digests": list(digests)})
    return {row["digest"]: row["size"] for row in rows}


def _require_sizes(manifest: Manifest, sizes: Mapping[Digest, int]) -> None:
    for file in manifest.files:
        if sizes[file.digest] != file.size:
            raise InvalidArtifactError(
                f"{file.path} has {sizes[file.digest]} bytes, not {file.size}",
                field="files",
                value=file.digest,
                remedy="Give the size of the bytes that have the digest",
            )


def _missing(transaction: Transaction, manifest: Manifest) -> BytesMissingError:
    wanted = {file.digest for file in manifest.files}
    return bytes_missing(wanted - _live_sizes(transaction, wanted).keys())


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
