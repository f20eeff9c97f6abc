"""The work on pending versions: fetch their bytes, judge them, and seal them or let them fail.

`pedigree serve` runs it in a thread. Any number of processes may: a lease in the database gives a
version to one of them, and a process that is killed loses its versions after some seconds.
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from pedigree._source_settings import Treatment
from pedigree.access.reserved import REGISTRAR
from pedigree.artifacts.publish import manifest_of
from pedigree.artifacts.records import Manifest
from pedigree.artifacts.upload_areas import UploadArea
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import ModelVersion, StatedVersion, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.delivery.background_thread import is_over
from pedigree.errors import (
    GateNotPassedError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
    PedigreeError,
    RefusedError,
    SourceUnavailableError,
    UnavailableError,
)
from pedigree.lifecycle.records import Verdict
from pedigree.registry import Registry
from pedigree.registry.mlflow_trainings import learnt
from pedigree.registry.sources import note
from pedigree.sources import refusals
from pedigree.sources.claims import OriginClaim
from pedigree.sources.fetching import fetch
from pedigree.sources.folders import fetching_folder, remove_left_folders
from pedigree.sources.mlmodel import stated_model
from pedigree.sources.pending import LEASE, PendingQueue, TakenVersion
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.rules import RuledSource
from pedigree.sources.tracking import tracking_server
from pedigree.sources.uploaded import UploadedSource, UploadReader
from pedigree.sources.uri import (
    LoggedModelSource,
    ProxiedSource,
    RegisteredSource,
    RunSource,
    parse_source,
)

_LOG = logging.getLogger(__name__)

_AT_ONCE = 4
_POLL_S = 0.25
# A source that does not answer is asked again after 1, 2, 4, 8, 16 and 30 seconds.
_MOST_FAILURES = 6
_LONGEST_PAUSE_S = 30
_NO_PAUSE = timedelta(0)
# What another attempt would not change.
_FINAL = (InvalidInputError, RefusedError, NotFoundError, MissingDependencyError)


class PendingRegistrations:
    """Completes pending versions.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry.acting_as(REGISTRAR)
        self._queue = PendingQueue(registry.database, uuid4())
        self._stop = threading.Event()

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Complete versions until ``stop`` is set, or until none waits; return how many."""
        remove_left_folders(self._registry.settings.home_folder)
        self._stop = stop or threading.Event()
        done, at_work = 0, set[Future[None]]()
        with ThreadPoolExecutor(_AT_ONCE, "pedigree-registration") as pool:
            while not is_over(None, stop):
                at_work = {each for each in at_work if not each.done()}
                taken = self._queue.take() if len(at_work) < _AT_ONCE else None
                if taken is not None:
                    done += 1
                    at_work.add(pool.submit(self._complete, taken))
                elif at_work:
                    wait(at_work, _POLL_S, FIRST_COMPLETED)
                elif stop is None:
                    break
                else:
                    stop.wait(_POLL_S)
        return done

    def _complete(self, taken: TakenVersion) -> None:
        """Seal a version, let it fail, or give it back; never raise."""
        try:
            with self._kept(taken):
                self._register(taken)
            self._queue.end(taken)
        except _FINAL as error:
            self._fail(taken, error)
        except UnavailableError as error:
            self._try_later(taken, error)
        except Exception as error:  # it must not stop the work on other versions
            _LOG.exception(
                "%s cannot be registered",
                taken.reference,
                extra={"action": "source.failed", "reference": taken.reference},
            )
            self._try_later(taken, error)

    def _try_later(self, taken: TakenVersion, error: Exception) -> None:
        if self._stop.is_set():
            self._give_back(taken, _NO_PAUSE)
        elif taken.failures >= _MOST_FAILURES:
            self._fail(taken, error)
        else:
            self._give_back(taken, timedelta(seconds=min(2**taken.failures, _LONGEST_PAUSE_S)))

    def _give_back(self, taken: TakenVersion, pause: timedelta) -> None:
        with suppress(UnavailableError):  # without the database, the lease expires
            self._queue.postpone(taken, pause)

    def _fail(self, taken: TakenVersion, error: Exception) -> None:
        known = isinstance(error, PedigreeError)
        reason = str(error) if known else "The service failed. See its log."
        _LOG.warning(
            "%s is not registered: %s",
            taken.reference,
            reason,
            extra={"action": "source.refused", "reference": taken.reference},
        )
        try:
            # One that was deleted or sealed meanwhile needs no more work either.
            with suppress(NotFoundError, RefusedError):
                self._registry.operations.sealing.fail(taken.reference, reason)
            self._queue.end(taken)
        except UnavailableError:
            self._give_back(taken, _NO_PAUSE)

    @contextmanager
    def _kept(self, taken: TakenVersion) -> Iterator[None]:
        """Renew the lease of a version while a block runs, however long that waits."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(LEASE.total_seconds() / 4):
                with suppress(UnavailableError):
                    self._queue.renew(taken)

        thread = threading.Thread(target=renew, name="pedigree-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _register(self, taken: TakenVersion) -> None:
        operations = self._registry.operations
        version = operations.versions.get(taken.reference)
        source = operations.sealing.source(taken.reference)
        if version.state is not SealState.PENDING:
            return
        if source is None:
            raise RefusedError("nobody says where its bytes are")
        place = parse_source(source.source)
        if isinstance(place, RegisteredSource):
            self._copy(version, place)
        elif isinstance(place, ProxiedSource) and (uploaded := UploadedSource.of(place)):
            self._read_upload(version, source, place, uploaded)
        else:
            self._fetch(version, source, place)

    def _copy(self, version: ModelVersion, place: RegisteredSource) -> None:
        operations = self._registry.operations
        other = operations.sources.versions.find(place)
        if other.state is SealState.PENDING:
            raise SourceUnavailableError(f"{other.reference} is pending itself")
        manifest = operations.artifacts.manifest(other.reference)
        if not operations.registration_gates.is_asked(version.model_name):
            operations.sealing.seal_known(version.reference, manifest)
            return
        with fetching_folder(self._registry.settings.home_folder) as folder:
            operations.artifacts.pull(other.reference, folder / "files")
            verdicts = self._judged(version, manifest, folder / "files")
        operations.sealing.seal_known(version.reference, manifest, verdicts=verdicts)

    def _judged(
        self, version: ModelVersion, manifest: Manifest, folder: Path
    ) -> tuple[Verdict, ...]:
        """Return the verdicts of the policy's registration checks on some bytes.

        Raises:
            GateNotPassedError: A check does not pass; the message has a line for each.
        """
        gates = self._registry.operations.registration_gates
        known = {
            "digest": manifest.digest,
            "artifact_uri": f"pedigree://artifacts/{manifest.digest}",
            "size": manifest.size,
        }
        stated = {"flavor": manifest.flavor, "signature": manifest.signature}

        def verify() -> Manifest:
            return manifest_of(folder, manifest.flavor, manifest.signature)

        judged = gates.judge_bytes(version.model_copy(update={**known, **stated}), verify, folder)
        if not judged.passed:
            raise GateNotPassedError("\n".join(judged.waits_for))
        return judged.verdicts

    def _fetch(self, version: ModelVersion, source: VersionSource, place: RuledSource) -> None:
        settings, operations = self._registry.settings, self._registry.operations
        claim = OriginClaim(
            source=source.source, run_id=source.run_id, model_id=source.logged_model_id
        )
        with tracking_server(settings) as server, fetching_folder(settings.home_folder) as folder:
            decided = operations.sources.decide(claim, place, server)
            found = decided.found
            if found is None and isinstance(place, LoggedModelSource | RunSource | ProxiedSource):
                raise SourceUnavailableError("the tracking server does not say where it is")
            if decided.treatment is Treatment.REFERENCE:
                raise refusals.refused(
                    source.source, f"The service does not fetch {decided.location}"
                )
            note(server, found, version.model_name, version.version_id)
            there = found.place if found else decided.place
            if isinstance(there, LoggedModelSource | RunSource):
                raise refusals.refused(source.source, "It is not resolved")
            fetch(source.source, there, folder, settings, server=server, stop=self._stop)
            self._seal(version, folder, found)

    def _read_upload(
        self,
        version: ModelVersion,
        source: VersionSource,
        place: ProxiedSource,
        uploaded: UploadedSource,
    ) -> None:
        """Seal a version of the files that its creator had uploaded."""
        context = self._registry.context
        area = UploadArea.of(version.created_by, uploaded.name)
        files = UploadReader(context.database, context.store, area)
        with fetching_folder(context.settings.home_folder) as folder:
            fetch(source.source, place, folder, context.settings, server=files, stop=self._stop)
            self._seal(version, folder, None)

    def _seal(self, version: ModelVersion, folder: Path, found: ResolvedSource | None) -> None:
        """Judge fetched files by the policy's registration checks, and seal the version."""
        operations = self._registry.operations
        known = learnt(
            version.description,
            version.tags,
            found,
            stated_model(folder),
            self._registry.context.names,
        )
        stated = StatedVersion(metadata=known.metadata, origin=known.origin, lineage=known.lineage)
        verdicts: tuple[Verdict, ...] = ()
        if operations.registration_gates.is_asked(version.model_name):
            manifest = manifest_of(folder, known.metadata.flavor, known.metadata.signature)
            fields = {each: getattr(known.metadata, each) for each in RecordedMetadata.model_fields}
            verdicts = self._judged(version.model_copy(update=fields), manifest, folder)
        operations.sealing.seal_path(version.reference, folder, stated, verdicts=verdicts)
