"""Bring bytes into the store, so that a transaction can make them an artifact.

::

    publication = publish(database, store, Path("model"), "sklearn", signature)
    database.transaction(lambda transaction: seal(transaction, publication))

Nothing that is published counts before it is sealed. A process that dies in between leaves a row
in ``pedigree.upload``, by which a garbage collection finds the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from pedigree.artifacts._ingest import HeldIntake, held
from pedigree.artifacts._progress import Meter, Progress
from pedigree.artifacts._upload import Upload
from pedigree.artifacts.blob_upload import BlobUpload, PendingBlob
from pedigree.artifacts.objects import Intake, ObjectStore, Taken, blob_key
from pedigree.artifacts.paths import SourceFile, scan
from pedigree.artifacts.records import Digest, Manifest, ManifestFile, digest_of
from pedigree.artifacts.store import StagedArtifact, StoredBlob, retry_if_collected
from pedigree.artifacts.sweep import abandon_upload
from pedigree.postgres.database import Database
from pedigree.signatures.records import Signature


def publish(
    database: Database,
    store: ObjectStore,
    path: Path,
    flavor: str,
    signature: Signature,
    *,
    progress: Progress | None = None,
) -> StagedArtifact:
    """Bring the files at a path into the store, those that are not live there already.

    Each file of a large artifact is read once for a local store, and once more for a remote one
    where its bytes are missing. Several files are under way at a time, in constant memory.
    ``progress`` is told how many bytes were read; those that are uploaded count once more.

    Raises:
        InvalidArtifactError: The path is refused by :func:`pedigree.artifacts.paths.scan`, or a
            file changed while it was read.
        CorruptionError: A file gave other bytes when it was read for the second time.
        StoreUnavailableError: The store failed. What was written goes, now or by a collection.
        BlobVanishedError: The upload took so long that it was swept; publish again.
    """
    meter = Meter(progress)
    sources = tuple(replace(source, watch=meter.add) for source in scan(path))
    meter.expect(sum(source.size for source in sources))
    with Upload(database, store) as upload:
        intake = held(store, sources) or store.intake(upload.upload_id)
        with closing(intake):
            taken = _take(upload, intake, sources)
            stored = _keep(upload, intake, sources, taken, meter)
        files = tuple(
            ManifestFile(path=source.path, size=each.size, digest=each.digest)
            for source, each in zip(sources, taken, strict=True)
        )
        manifest = Manifest(flavor=flavor, signature=signature, files=files)
        upload.hand_over()
    upload_id = upload.upload_id if upload.is_open else None
    return StagedArtifact(manifest=manifest, upload_id=upload_id, stored=stored)


def discard(database: Database, store: ObjectStore, publication: StagedArtifact) -> None:
    """Take back a publication that will not be sealed; what others brought stays.

    Without this its objects stay until the lease runs out and a collection removes them.

    Raises:
        StoreUnavailableError: The store failed; the next collection removes the objects.
    """
    if publication.upload_id:
        abandon_upload(database, store, publication.upload_id)


def put_blob(database: Database, store: ObjectStore, content: bytes) -> Digest:
    """Bring some bytes into the store, and return their digest once they are live.

    Garbage collection may take them until something refers to them: lock them with
    :func:`pedigree.artifacts.store.lock_blobs` in the transaction that does.

    Raises:
        StoreUnavailableError: The store failed.
    """
    digest = digest_of(content)
    blob = PendingBlob(digest, len(content))
    bring_blob(database, store, blob, lambda key: store.put(key, content))
    return digest


def bring_blob(
    database: Database, store: ObjectStore, blob: PendingBlob, put: Callable[[str], None]
) -> None:
    """Bring one blob into the store and make it live, unless it is.

    Args:
        database: Where its row will be.
        store: Where its bytes will be.
        blob: The blob.
        put: Puts the bytes under a key that it is given, durably; it raises where they are others.
    """

    def bring() -> None:
        with BlobUpload(database, store) as bringing:
            database.transaction(partial(bringing.announce, blob=blob))
            bringing.put(put)
            database.transaction(bringing.make_live)
            bringing.hand_over()

    retry_if_collected(bring)


def _take(upload: Upload, intake: Intake, sources: Sequence[SourceFile]) -> list[Taken]:
    if intake.writes_early:
        upload.open()
    if isinstance(intake, HeldIntake):
        return [intake.take(source) for source in sources]  # too little for threads to be worth it
    return upload.each(intake.take, sources)


def _keep(
    upload: Upload,
    intake: Intake,
    sources: Sequence[SourceFile],
    taken: Sequence[Taken],
    meter: Meter,
) -> tuple[StoredBlob, ...]:
    found: Mapping[Digest, tuple[SourceFile, Taken]] = {
        each.digest: (source, each) for source, each in zip(sources, taken, strict=True)
    }

    def keep(digest: Digest) -> StoredBlob:
        source, each = found[digest]
        key = blob_key(digest, upload.upload_id)
        intake.keep(source, digest, key)
        return StoredBlob(digest=digest, size=each.size, key=key)

    missing = upload.claim(sorted(found))
    if intake.reads_again:
        meter.expect(sum(found[digest][1].size for digest in missing))
    if isinstance(intake, HeldIntake) and len(missing) == 1:
        return (keep(missing[0]),)
    return tuple(upload.each(keep, missing))
