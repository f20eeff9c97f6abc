"""URLs that let anybody read an artifact's files directly from the store until they expire."""

from collections.abc import Mapping
from datetime import timedelta

from pedigree.artifacts.objects import ObjectStore
from pedigree.artifacts.records import Digest, Manifest, ManifestFile
from pedigree.errors import InvalidInputError, NotFoundError

# The maximum of S3 and Google.
_LONGEST = timedelta(days=7)


def presign(
    store: ObjectStore,
    manifest: Manifest,
    keys: Mapping[Digest, str],
    path: str | None,
    expires: timedelta,
) -> dict[str, str]:
    """Return a signed URL for each file of an artifact, or for one, by path.

    Raises:
        NotFoundError: The artifact has no such file.
        InvalidInputError: The time is outside the range that stores accept.
        UnsupportedByStoreError: This kind of store has no such URLs.
    """
    if not timedelta(seconds=1) <= expires <= _LONGEST:
        raise InvalidInputError(
            "a URL may be valid for one second to seven days",
            field="expires",
            value=str(expires),
            remedy="Give a time in between",
        )
    files = manifest.files if path is None else (file_of(manifest, path),)
    urls = store.sign([keys[file.digest] for file in files], expires)
    return dict(zip([file.path for file in files], urls, strict=True))


def file_of(manifest: Manifest, path: str) -> ManifestFile:
    """Return a file of an artifact.

    Raises:
        NotFoundError: The artifact has no such file.
    """
    for file in manifest.files:
        if file.path == path:
            return file
    raise NotFoundError(
        "the version has no such file",
        field="path",
        value=path,
        remedy="`pedigree show` lists the files",
    )
