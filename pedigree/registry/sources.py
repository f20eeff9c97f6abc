"""Versions that MLflow clients register by a source: decided by where it is, and created at once.

Their bytes are fetched later, by :mod:`pedigree.registry.pending_registrations`.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pedigree._source_settings import Treatment
from pedigree.artifacts.upload_areas import UploadArea, area_files, keep_area
from pedigree.catalog.creation_calls import Created
from pedigree.catalog.kept_answers import KeptRequest
from pedigree.catalog.records import SourcedVersion, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.errors import BytesMissingError
from pedigree.registry.context import Context, ContextGroup
from pedigree.registry.mlflow_trainings import learnt
from pedigree.registry.sealing import SealingOperations
from pedigree.registry.source_decisions import DecidedSource, decide
from pedigree.registry.source_versions import SourceVersions
from pedigree.registry.uploaded_versions import UploadedVersions
from pedigree.registry.upstream_notes import note
from pedigree.sources import refusals
from pedigree.sources.claims import OriginClaim, require_consistent
from pedigree.sources.mlmodel import StatedModel
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.rules import RuledSource
from pedigree.sources.tracking import tracking_server
from pedigree.sources.uploaded import UploadedSource
from pedigree.sources.uri import ForeignSource, RegisteredSource, parse_source


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What an MLflow client states of a version; None is not stated."""

    source: str
    run_id: str | None = None
    model_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def claim(self) -> OriginClaim:
        """The source with the run and logged model that shall contain it."""
        return OriginClaim(
            source=self.source, run_id=self.run_id or None, model_id=self.model_id or None
        )


class SourceOperations(ContextGroup):
    """Creation of versions by a source."""

    def __init__(
        self,
        context: Context,
        sealing: SealingOperations,
        versions: SourceVersions,
        uploads: UploadedVersions,
    ) -> None:
        super().__init__(context)
        self._sealing = sealing
        self._uploads = uploads
        self.versions = versions

    def create(self, name: str, new: NewSource, request: KeptRequest | None = None) -> Created:
        """Create a version, which is pending if its bytes are to be fetched or judged.

        Args:
            name: The model, which must exist.
            new: What the client states.
            request: The request, if it is noted so that a repetition meets it.

        Raises:
            InvalidSourceError: The source is not accepted; nothing was written.
            ModelNotFoundError: There is no such model.
            NotPermittedError: The user may not register versions of it, or not read its source.
        """
        place = parse_source(new.source)
        if isinstance(place, RegisteredSource):
            copied = self.versions.copy_of(name, new, place)
            return self._sealing.create(name, copied.new, copied.manifest, request=request)
        if (uploaded := UploadedSource.of(place)) is not None:
            return self._of_upload(name, new, place, uploaded, request)
        require_consistent(new.claim, place)
        with tracking_server(self._context.settings) as server:
            decided = decide(self._context.settings, new.claim, place, server)
            created = self._sealing.create(name, self._stated(new, decided), request=request)
            if decided.treatment is Treatment.REFERENCE and created.registration is not None:
                number = created.registration.version.version_id
                self._context.on_commit(lambda: note(server, decided.found, name, number))
        return created

    def _of_upload(
        self,
        name: str,
        new: NewSource,
        place: RuledSource,
        uploaded: UploadedSource,
        request: KeptRequest | None,
    ) -> Created:
        """Create a version of an upload of the principal: sealed at once, unless it is judged.

        Raises:
            InvalidSourceError: There is none, or the client names a run or logged model of it.
        """
        if new.run_id or new.model_id:
            raise refusals.not_contained(new.source, "run_id" if new.run_id else "model_id")
        area = UploadArea.of(self._context.actor().name, uploaded.name)
        files = self._context.database.read(lambda transaction: area_files(transaction, area))
        if not files:
            raise refusals.refused(new.source, "There is no such upload of yours")
        if (whole := self._uploads.of(name, new, uploaded, files)) is not None:
            with suppress(BytesMissingError):  # the upload ended meanwhile
                return self._sealing.create(name, whole.new, whole.manifest, request=request)
        # Until its files are read.
        self._context.database.transaction(lambda transaction: keep_area(transaction, area))
        decided = DecidedSource(place=place, treatment=Treatment.SEAL)
        return self._sealing.create(name, self._stated(new, decided), request=request)

    def reference(self, name: str, new: NewSource, request: KeptRequest | None = None) -> Created:
        """Create a version whose source is only a word, such as that of a prompt.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        place = ForeignSource("", new.source)
        stated = self._stated(new, DecidedSource(place=place, treatment=Treatment.REFERENCE))
        return self._sealing.create(name, stated, request=request)

    def _stated(self, new: NewSource, decided: DecidedSource) -> SourcedVersion:
        is_reference = decided.treatment is Treatment.REFERENCE
        found = decided.found
        run_id = found.run.run_id if found and found.run else None
        model_id = found.model.model_id if found and found.model else None
        source = VersionSource(
            source=new.source,
            location=decided.location,
            run_id=new.run_id or run_id,
            run_link=new.run_link,
            logged_model_id=new.model_id or model_id,
        )
        known = learnt(
            new.description,
            new.tags,
            found if is_reference else None,
            StatedModel(),
            self._context.names,
        )
        return SourcedVersion(
            metadata=known.metadata,
            origin=known.origin,
            lineage=known.lineage,
            source=source,
            state=SealState.REFERENCE if is_reference else SealState.PENDING,
            state_reason=self._who_says(found) if is_reference else None,
        )

    def _who_says(self, found: ResolvedSource | None) -> str:
        if found is not None and (found.run or found.model):
            return "the tracking server says where they are"
        return f"{self._context.actor().name} says where they are"
