"""What is to be done for one pending version: fetch its bytes, judge them, and seal it."""

import threading
from collections.abc import Iterable
from pathlib import Path

from pedigree.artifacts.publish import manifest_of
from pedigree.artifacts.records import Manifest
from pedigree.catalog.records import ModelVersion, StatedVersion, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.errors import GateNotPassedError, RefusedError, SourceUnavailableError
from pedigree.lifecycle.awaited_checks import PATIENCE, AwaitedJudgement
from pedigree.lifecycle.records import Verdict
from pedigree.lifecycle.registration_gate import RegistrationJudgement
from pedigree.registry import Registry
from pedigree.registry.mlflow_trainings import learnt
from pedigree.registry.new_bytes import with_bytes
from pedigree.registry.source_bytes import FetchedSource, SourceFetcher
from pedigree.sources.folders import fetching_folder
from pedigree.sources.mlmodel import stated_model
from pedigree.sources.rules import RuledSource
from pedigree.sources.uri import RegisteredSource, parse_source


class PendingWork:
    """Registers pending versions, one at a time.

    Args:
        registry: The registry, as the actor of registrations.
        stop: Ends the fetch of bytes when it is set.
    """

    def __init__(self, registry: Registry, stop: threading.Event) -> None:
        self._operations = registry.operations
        self._context = registry.context
        self._fetcher = SourceFetcher(registry.context)
        self._stop = stop

    def register(self, reference: str) -> bool:
        """Seal a version, or let it wait for checks that somebody else runs.

        Returns:
            Whether nothing is to be done for it any more; if not, it waits.

        Raises:
            PedigreeError: It cannot be registered, or not now.
        """
        version = self._operations.versions.get(reference)
        if version.state is not SealState.PENDING:
            return True
        source = self._operations.sealing.source(reference)
        if source is None:
            raise RefusedError("nobody says where its bytes are")
        waiting = self._operations.awaited_checks.find(reference)
        if waiting is not None:
            if self._operations.awaited_checks.keep(waiting):
                return self._continue(version, waiting)
            self._operations.awaited_checks.end(reference)  # its bytes may be gone
        place = parse_source(source.source)
        if isinstance(place, RegisteredSource):
            return self._copy(version, place)
        return self._fetch(version, source, place)

    def _copy(self, version: ModelVersion, place: RegisteredSource) -> bool:
        operations = self._operations
        other = operations.sources.versions.find(place)
        if other.state is SealState.PENDING:
            raise SourceUnavailableError(f"{other.reference} is pending itself")
        manifest = operations.artifacts.manifest(other.reference)
        if not operations.registration_gates.is_asked(version.model_name):
            operations.sealing.seal_known(version.reference, manifest)
            return True
        with fetching_folder(self._context.settings.home_folder) as folder:
            files = folder / "files"
            operations.artifacts.pull(other.reference, files)
            judged = self._judged(version, manifest, files)
            if self._waits(judged):
                operations.awaited_checks.stage(version, files, manifest, None, judged.awaited)
                return False
        operations.sealing.seal_known(version.reference, manifest, verdicts=judged.verdicts)
        return True

    def _fetch(self, version: ModelVersion, source: VersionSource, place: RuledSource) -> bool:
        operations = self._operations
        with self._fetcher.fetched(version, source, place, self._stop) as fetched:
            folder, stated = fetched.folder, self._stated(version, fetched)
            verdicts: tuple[Verdict, ...] = ()
            if operations.registration_gates.is_asked(version.model_name):
                known = stated.metadata
                manifest = manifest_of(folder, known.flavor, known.signature)
                judged = self._judged(version, manifest, folder, stated)
                if self._waits(judged):
                    waiting = operations.awaited_checks
                    waiting.stage(version, folder, manifest, stated, judged.awaited)
                    return False
                verdicts = judged.verdicts
            operations.sealing.seal_path(version.reference, folder, stated, verdicts=verdicts)
        return True

    def _stated(self, version: ModelVersion, fetched: FetchedSource) -> StatedVersion:
        known = learnt(
            version.description,
            version.tags,
            fetched.found,
            stated_model(fetched.folder),
            self._context.names,
        )
        return StatedVersion(metadata=known.metadata, origin=known.origin, lineage=known.lineage)

    def _continue(self, version: ModelVersion, waiting: AwaitedJudgement) -> bool:
        """Seal a version that waited for checks, unless it still waits.

        Raises:
            GateNotPassedError: A check does not pass, or nobody runs it.
        """
        if waiting.missing and waiting.problem is None and waiting.is_asked:
            return False
        operations, manifest = self._operations, waiting.manifest
        answers = tuple(waiting.answers.values())
        with fetching_folder(self._context.settings.home_folder) as folder:
            files = folder / "files"
            operations.awaited_checks.pull(version.reference, files)
            judged = self._judged(version, manifest, files, waiting.stated, answers)
            if waiting.missing and not judged.passed:
                raise GateNotPassedError("\n".join([*judged.waits_for, _why_missing(waiting)]))
            if not waiting.missing and self._waits(judged):  # the policy asks for more by now
                wanted = sorted({*waiting.checks, *judged.awaited})
                operations.awaited_checks.stage(version, files, manifest, waiting.stated, wanted)
                return False
        operations.sealing.seal_known(
            version.reference, manifest, waiting.stated, verdicts=judged.verdicts
        )
        operations.awaited_checks.end(version.reference)
        return True

    def _judged(
        self,
        version: ModelVersion,
        manifest: Manifest,
        folder: Path,
        stated: StatedVersion | None = None,
        answers: Iterable[Verdict] = (),
    ) -> RegistrationJudgement:
        """Return what the policy's registration checks say of some bytes.

        Raises:
            GateNotPassedError: A check of the registry fails, or one that a run answered; the
                message has a line for each.
        """
        draft = with_bytes(version, manifest, stated)

        def verify() -> Manifest:
            return manifest_of(folder, manifest.flavor, manifest.signature)

        gates = self._operations.registration_gates
        judged = gates.judge_bytes(draft, verify, folder, tuple(answers))
        if judged.is_refused:
            raise GateNotPassedError("\n".join(judged.waits_for))
        return judged

    def _waits(self, judged: RegistrationJudgement) -> bool:
        """Return whether a Dagster deployment is to run checks.

        Raises:
            GateNotPassedError: There is no deployment that could.
        """
        if not judged.awaited:
            return False
        if self._operations.awaited_checks.has_deployment():
            return True
        if not judged.passed:
            raise GateNotPassedError("\n".join(judged.waits_for))
        return False


def _why_missing(waiting: AwaitedJudgement) -> str:
    if waiting.problem is not None:
        return waiting.problem
    minutes = int(PATIENCE.total_seconds() // 60)
    return f"No Dagster deployment asked for {', '.join(waiting.missing)} within {minutes} minutes"
