"""Carries the models of a registry of MLflow into ours."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.artifacts.publish import discard
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.catalog.creation import Supply
from pedigree.catalog.records import SealState, SourcedVersion, VersionSource
from pedigree.errors import InvalidInputError, ModelNotFoundError, NotFoundError, RefusedError
from pedigree.lifecycle.records import Policy
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry
from pedigree.registry.mlflow_trainings import learnt
from pedigree.sources.mlmodel import StatedModel
from pedigree.transfer.carriage import CarriedModel, carried_model, carried_version
from pedigree.transfer.following import ModelFollower
from pedigree.transfer.marks import Marks, ModelMarks
from pedigree.transfer.origin import Origin, OriginLine
from pedigree.transfer.origin_records import OriginVersion
from pedigree.transfer.planning import WantedModels, named_lines, note_model
from pedigree.transfer.preparing import PreparedVersion, VersionPreparer, in_order
from pedigree.transfer.report import Fate, RegistryPart, Reporting, TransferReport
from pedigree.transfer.tracked import claimed_of, resolved

SQL = load_queries(__package__)

_GONE = "MLflow gave out this number, and has no such version any more"


class ImportOptions(NamedTuple):
    """How models are brought in."""

    wanted: WantedModels
    policy: Policy
    """Of models that are new here."""
    by_reference: Collection[str] = ()
    """Globs of the names of models whose bytes stay where they are."""

    def takes_bytes(self, name: str) -> bool:
        """Return whether the bytes of a model are wanted."""
        return not any(fnmatchcase(name, each) for each in self.by_reference)


class MlflowImport:
    """One run of an import.

    Args:
        registry: The registry, in this process.
        origin: The registry of MLflow.
        preparer: Brings the bytes.
        options: What is wanted.
    """

    def __init__(
        self,
        registry: Registry,
        origin: Origin,
        preparer: VersionPreparer,
        options: ImportOptions,
    ) -> None:
        self._registry = registry
        self._operations = registry.operations
        self._origin = origin
        self._preparer = preparer
        self._options = options
        self._marks = Marks(registry.database, origin.uri)
        self._reporting = Reporting()

    def run(self) -> TransferReport:
        """Bring in what is new or has changed, and return the report.

        What an interrupted run has brought stays, and the next run goes on.

        Raises:
            OriginUnavailableError: The origin does not answer.
            UnavailableError: The database or the store does not answer.
        """
        for name, line in named_lines(self._origin, self._options.wanted, self._reporting):
            try:
                self._carry(name, line)
            except (RefusedError, InvalidInputError, NotFoundError) as error:
                self._refuse(RegistryPart.MODEL, error.message, line.model.name)
        report = self._reporting.made(self._origin.uri, dry_run=False)
        if any(Fate.CARRIED in fates or Fate.RENAMED in fates for fates in report.counts.values()):
            self._note(report)
        return report

    def _carry(self, name: str, line: OriginLine) -> None:
        model = carried_model(line.model, self._options.policy, self._reporting)
        marks = self._marks.of_model(line.model.name)
        follower = ModelFollower(
            self._registry, self._marks, self._reporting, line.model.name, name
        )
        if self._begin(name, line, model, marks):
            note_model(self._reporting, line.model.name, name, Fate.CARRIED)
        else:
            self._reporting.count(RegistryPart.MODEL, Fate.UNCHANGED)
        follower.follow_model(model, marks.model)
        before = self._registry.model(name).latest_version
        seen = self._carry_versions(name, line, marks, follower, before + 1)
        follower.follow_aliases(model, marks.model)
        follower.bury([number for number in range(1, before + 1) if number not in seen], marks)
        for number in range(max(seen, default=0) + 1, max(line.gone, default=0) + 1):
            if number > before:
                self._entomb(name, line.model.name, number)

    def _begin(self, name: str, line: OriginLine, model: CarriedModel, marks: ModelMarks) -> bool:
        """Create the model unless an earlier run did; return whether it is new.

        Raises:
            InvalidInputError: A model of this name is here that no import made.
        """
        if marks.model is not None and marks.model.get("policy"):
            return False
        try:
            self._registry.model(name)
            is_here = True
        except ModelNotFoundError:
            is_here = False
        if is_here and marks.model is None:
            raise InvalidInputError(
                "a model of this name is here, and no import from there made it; name another in"
                " the file of --rename"
            )
        self._marks.set(line.model.name, None, {"name": name})
        if not is_here:
            self._operations.models.create_model(
                name, description=model.description or None, tags=model.tags
            )
        self._operations.policies.set_policy(name, self._options.policy, reason="an import")
        carried = {"name": name, "policy": True}
        self._marks.set(line.model.name, None, carried)
        return True

    def _carry_versions(
        self,
        name: str,
        line: OriginLine,
        marks: ModelMarks,
        follower: ModelFollower,
        next_number: int,
    ) -> set[int]:
        """Bring in new versions in the order of their numbers; return all numbers of the origin."""
        seen: set[int] = set()

        def new() -> Iterator[OriginVersion]:
            for version in line.versions:
                seen.add(version.number)
                if version.number >= next_number:
                    yield version
                else:
                    follower.follow_version(version, self._options.policy, marks)

        prepare = partial(
            self._preparer.prepare, with_bytes=self._options.takes_bytes(line.model.name)
        )
        number = next_number
        for prepared in in_order(new(), prepare):
            version = prepared.version
            for missing in range(number, version.number):
                self._entomb(name, line.model.name, missing)
            number = version.number + 1
            self._create(name, prepared)
            follower.follow_version(version, self._options.policy, marks)
        return seen

    def _create(self, name: str, prepared: PreparedVersion) -> None:
        version, published = prepared.version, prepared.published
        carried = carried_version(version, self._options.policy, Reporting())
        found = resolved(prepared.facts, version, self._reporting)
        known = learnt(
            carried.description or None,
            carried.tags,
            found,
            prepared.model,
            self._registry.context.names,
        )
        new = SourcedVersion(
            metadata=known.metadata,
            origin=known.origin,
            lineage=known.lineage,
            source=VersionSource(
                source=version.source,
                location=prepared.facts.location,
                run_id=found.run.run_id if found.run else version.run_id,
                run_link=version.run_link,
                logged_model_id=found.model.model_id if found.model else version.logged_model_id,
                claimed=claimed_of(self._origin.uri, version, prepared.facts),
            ),
            state=SealState.REFERENCE,
            state_reason=f"{self._origin.uri} says so"
            + (f"; {prepared.reason}" if prepared.reason else ""),
        )
        manifest = published.manifest if published else None
        supply = Supply(published.upload_id, published.stored) if published else Supply()
        try:
            created = self._operations.sealing.create(name, new, manifest, lambda _: supply).new()
        except BaseException:
            if published is not None:
                discard(self._registry.database, self._registry.store, published)
            raise
        if created.version.version_id != version.number:
            raise InvalidInputError(
                f"version {version.number} became {created.version.reference}: somebody else"
                " registers versions of this model at the same time"
            )
        self._reporting.count(RegistryPart.VERSION, Fate.CARRIED)
        if prepared.reason is not None:
            self._refuse(RegistryPart.FILES, prepared.reason, version.name, version.number)

    def _entomb(self, name: str, origin_name: str, number: int) -> None:
        """Give out a number that has no version any more, and delete it."""
        source = VersionSource(source="", claimed={"origin": self._origin.uri, "number": number})
        new = SourcedVersion(
            metadata=learnt(None, {}, None, StatedModel(), self._registry.context.names).metadata,
            source=source,
        )
        made = self._operations.sealing.create(name, new).new().version
        self._operations.sealing.fail(made.reference, _GONE)
        self._operations.retention.delete(made.reference, reason=_GONE)
        self._marks.set(origin_name, number, {"gone": True})
        self._reporting.count(RegistryPart.TOMBSTONE, Fate.CARRIED)

    def _refuse(
        self, part: RegistryPart, reason: str, model: str, version: int | None = None
    ) -> None:
        self._reporting.refuse(part, reason, model=model, version=version)

    def _note(self, report: TransferReport) -> None:
        """Write the event that says who imported from where, and how much."""
        counts: dict[str, JsonValue] = {
            part.value: sum(fates.get(fate, 0) for fate in (Fate.CARRIED, Fate.RENAMED))
            for part, fates in report.counts.items()
        }
        actor = self._registry.context.actor()

        def write(transaction: Transaction) -> None:
            (now,) = transaction.execute(SQL["time_now"]).fetchall()
            log.record(
                transaction,
                EventType.REGISTRY_IMPORTED,
                {"from": "mlflow", "origin": self._origin.uri, "carried": counts},
                at=now["at"],
                actor=actor,
            )

        self._registry.database.transaction(write)
