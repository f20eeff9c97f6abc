"""Upload areas: files that the principal puts by their paths, before a version is made of them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.artifacts.content_upload import upload_contents
from pedigree.artifacts.path_rules import check_path
from pedigree.artifacts.records import Blob, ManifestFile, WantedFile, digest_of
from pedigree.artifacts.sessions import keep_received
from pedigree.artifacts.store import locate
from pedigree.artifacts.upload_areas import (
    UploadArea,
    area_files,
    give_area,
    note_file,
    remove_files,
)
from pedigree.artifacts.upload_parts import assemble_parts, begin_parts, end_parts, require_parts
from pedigree.catalog.restored_bytes import restored_by
from pedigree.errors import NotFoundError
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class UploadAreaOperations(ContextGroup):
    """Upload areas of the principal; another one has an area of the same name for themselves."""

    def files(self, name: str) -> tuple[ManifestFile, ...]:
        """Return the files of an area, by path; none if there is no such area.

        Raises:
            NotPermittedError: The principal may not register.
            InvalidArtifactError: No area can have that name.
        """
        area = self._area(name)
        return self._context.database.read(lambda transaction: area_files(transaction, area))

    def stream_file(
        self, name: str, path: str, *, start: int = 0
    ) -> tuple[ManifestFile, Iterator[bytes]]:
        """Return a file of an area, and its bytes from an offset.

        Raises:
            NotPermittedError: The principal may not register.
            NotFoundError: The area has no such file.
            StoreUnavailableError: The store failed.
        """
        area = self._area(name)

        def read(transaction: Transaction) -> tuple[ManifestFile, str]:
            for file in area_files(transaction, area):
                if file.path == path:
                    return file, locate(transaction, {file.digest})[file.digest]
            raise NotFoundError(
                "the upload has no such file", field="path", value=path, remedy="List its files"
            )

        file, key = self._context.database.read(read)
        chunks = self._context.store.stream(key, start=start) if start < file.size else ()
        return file, iter(chunks)

    def put_content(self, name: str, path: str, content: bytes) -> None:
        """Put a file that is in memory; it replaces one at the same path.

        Raises:
            NotPermittedError: The principal may not register.
            InvalidArtifactError: A version cannot have a file at that path.
            TooLargeError: The area has as many files as it may have.
            StoreUnavailableError: The store failed.
        """
        area, blob = self._area(name), Blob(digest_of(content), len(content))
        check_path(path)
        upload_contents(
            self._context.database,
            self._context.store,
            {blob.digest: content},
            lambda transaction: note_file(transaction, area, path, blob),
            restored_by(self._context.actor()),
        )

    def put_file(self, name: str, path: str, received: Path, blob: Blob) -> None:
        """Put a file that was received and hashed; it replaces one at the same path.

        Args:
            name: The area.
            path: The path of the file.
            received: Its bytes, in a file named by a UUID.
            blob: What they are.

        Raises:
            NotPermittedError: The principal may not register.
            InvalidArtifactError: A version cannot have a file at that path.
            TooLargeError: The area has as many files as it may have.
            StoreUnavailableError: The store failed.
        """
        area = self._area(name)
        check_path(path)
        keep_received(
            self._context.database,
            self._context.store,
            WantedFile(digest=blob.digest, size=blob.size),
            received,
            note=lambda transaction: note_file(transaction, area, path, blob),
            record=restored_by(self._context.actor()),
        )

    def remove(self, name: str, path: str) -> None:
        """Remove a file of an area, or the files below a path; all of them if it is empty.

        Raises:
            NotPermittedError: The principal may not register.
            NotFoundError: There are none.
        """
        area = self._area(name)
        removed = self._context.database.transaction(
            lambda transaction: remove_files(transaction, area, path)
        )
        if not removed:
            raise NotFoundError(
                "the upload has no such file", field="path", value=path, remedy="List its files"
            )

    def give(self, name: str, model: str) -> tuple[UUID, tuple[ManifestFile, ...]]:
        """Give an area to a model, of which a version is registered with its files.

        Returns:
            The session for the registration, which ends the area, and the files.

        Raises:
            NotPermittedError: The principal may not register versions of the model.
            UploadNotFoundError: There is no such area.
        """
        self._context.require(Permission.REGISTER, model)
        area = self._area(name)
        return self._context.database.transaction(
            lambda transaction: (
                give_area(transaction, area, model),
                area_files(transaction, area),
            )
        )

    def begin_parts(self, name: str, path: str, parts: int) -> tuple[UUID, tuple[str, ...]]:
        """Begin a file that is sent in parts, and return its id and the URLs for the parts.

        Raises:
            NotPermittedError: The principal may not register.
            InvalidArtifactError: A version cannot have a file at that path.
            UnsupportedByStoreError: The store has no signed URLs.
        """
        area = self._area(name)
        check_path(path)
        return begin_parts(self._context.database, self._context.store, area, path, parts)

    def complete_parts(self, name: str, path: str, parts_id: UUID) -> None:
        """Put a file whose parts were all sent.

        Raises:
            NotPermittedError: The principal may not register.
            UploadNotFoundError: No such file is being sent.
            InvalidArtifactError: A part was not sent.
            StoreUnavailableError: The store failed.
        """
        parts = self._parts(name, path, parts_id)
        folder = self._context.settings.home_folder / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        # Its name is that of the upload of its bytes.
        received = folder / str(parts_id)
        try:
            blob = assemble_parts(self._context.store, parts_id, parts, received)
            self.put_file(name, path, received, blob)
        finally:
            received.unlink(missing_ok=True)
        self._context.database.transaction(lambda transaction: end_parts(transaction, parts_id))

    def abort_parts(self, name: str, path: str, parts_id: UUID) -> None:
        """Give up a file that was sent in parts.

        Raises:
            NotPermittedError: The principal may not register.
            UploadNotFoundError: No such file is being sent.
        """
        self._parts(name, path, parts_id)
        self._context.database.transaction(lambda transaction: end_parts(transaction, parts_id))

    def _parts(self, name: str, path: str, parts_id: UUID) -> int:
        area = self._area(name)
        return self._context.database.read(
            lambda transaction: require_parts(transaction, area, path, parts_id)
        )

    def _area(self, name: str) -> UploadArea:
        self._context.require(Permission.REGISTER, SOME)
        return UploadArea.of(self._context.actor().name, name)
