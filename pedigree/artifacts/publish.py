"""Store bytes, so that a transaction can make them an artifact.

::

    publication = publish(database, store, Path("model"), "sklearn", signature)
    database.transaction(lambda transaction: seal(transaction, publication))

Published bytes are not valid before they are sealed. A process that dies in between leaves a row in
``pedigree.upload``, from which a garbage collection finds the rest.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts._remote_ingest import hashed
from pedigree.artifacts._upload import Upload
from pedigree.artifacts.lost_bytes import RecordRestored, storing_again
from pedigree.artifacts.objects import Intake, ObjectStore, blob_key
from pedigree.artifacts.paths import SourceFile, scan
from pedigree.artifacts.records import Blob, Digest, Manifest, ManifestFile
from pedigree.artifacts.store import StagedArtifact, StoredBlob
from pedigree.artifacts.sweep import abandon_upload
from pedigree.postgres.database import Database
from pedigree.signatures.records import Signature


def publish(
    database: Database,
    store: ObjectStore,
    path: Path,
    flavor: str | None,
    signature: Signature | None,
    *,
    progress: Progress | None = None,
    record: RecordRestored | None = None,
) -> StagedArtifact:
    """Store the files at a path that are not live already.

    Each file of a large artifact is read once for a local store, and again for a remote one if its
    bytes are missing. Several files are processed in parallel, in constant memory. ``progress`` is
    called with the number of bytes read; uploaded bytes count again. Live bytes that the store lost
    are stored again, and ``record`` writes the event; without it they are refused.

    Raises:
        InvalidArtifactError: The path is refused by :func:`pedigree.artifacts.paths.scan`, or a
            file changed while it was read.
        CorruptionError: A file had other bytes at the second read, or the store lost one that the
            database records, and there is no ``record``.
        StoreUnavailableError: The store failed, or has none of the registry's objects. Written
            bytes are removed, now or by a collection.
        BlobVanishedError: The upload outlasted its lease and was swept; publish again.
    """
    meter = Meter(progress)
    sources = tuple(replace(source, watch=meter.add) for source in scan(path))
    meter.expect(sum(source.size for source in sources))
    with Upload(database, store) as upload:
        intake = store.intake(upload.upload_id)
        with closing(intake):
            taken = _take(upload, intake, sources)
            stored = _keep(upload, intake, sources, taken, meter)
            put = partial(_keep_again, intake, sources, taken)
            upload.require_bytes(stored, storing_again(database, store, put, record))
        files = tuple(
            ManifestFile.of(source.path, each) for source, each in zip(sources, taken, strict=True)
        )
        manifest = Manifest(flavor=flavor, signature=signature, files=files)
        upload.hand_over()
    upload_id = upload.upload_id if upload.is_open else None
    return StagedArtifact(manifest=manifest, upload_id=upload_id, stored=stored)


def manifest_of(path: Path, flavor: str | None, signature: Signature | None) -> Manifest:
    """Return the manifest that :func:`publish` would make of the files at a path.

    Nothing is stored: this is for what is judged first.

    Raises:
        InvalidArtifactError: As :func:`publish`.
    """
    files = tuple(ManifestFile.of(source.path, hashed(source)) for source in scan(path))
    return Manifest(flavor=flavor, signature=signature, files=files)


def discard(database: Database, store: ObjectStore, publication: StagedArtifact) -> None:
    """Discard a publication that will not be sealed; blobs of other uploads stay.

    Without this, its objects stay until the lease expires and a collection removes them.

    Raises:
        StoreUnavailableError: The store failed; the next collection removes the objects.
    """
    if publication.upload_id:
        abandon_upload(database, store, publication.upload_id)


def _take(upload: Upload, intake: Intake, sources: Sequence[SourceFile]) -> list[Blob]:
    if intake.writes_early:
        upload.open()
    return upload.each(intake.take, sources)


def _keep(
    upload: Upload,
    intake: Intake,
    sources: Sequence[SourceFile],
    taken: Sequence[Blob],
    meter: Meter,
) -> tuple[StoredBlob, ...]:
    found: Mapping[Digest, tuple[SourceFile, Blob]] = {
        each.digest: (source, each) for source, each in zip(sources, taken, strict=True)
    }

    def keep(digest: Digest) -> StoredBlob:
        source, each = found[digest]
        key = blob_key(digest, upload.upload_id)
        intake.keep(source, digest, key)
        return StoredBlob(each, key)

    missing = upload.claim(sorted(found))
    if intake.reads_again:
        meter.expect(sum(found[digest][1].size for digest in missing))
    return tuple(upload.each(keep, missing))


def _keep_again(
    intake: Intake, sources: Sequence[SourceFile], taken: Sequence[Blob], digest: Digest, key: str
) -> None:
    pairs = zip(sources, taken, strict=True)
    intake.keep(next(source for source, each in pairs if each.digest == digest), digest, key)
