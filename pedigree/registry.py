"""The registry: every verb, each handed on to the subject that does its work.

>>> from pedigree import Registry
>>> with Registry.connect() as registry:                          # doctest: +SKIP
...     registry.get("customer_churn@production").metrics["roc_auc"]
0.92
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from pedigree.access.actor import resolve_actor
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.artifacts.publish import abandon, publish, put_blob
from pedigree.artifacts.pull import pull, verify
from pedigree.artifacts.records import Manifest
from pedigree.artifacts.store import (
    BlobVanishedError,
    get_manifest,
    locate,
    lock_blobs,
    seal,
)
from pedigree.artifacts.sweep import sweep_expired
from pedigree.audit import log
from pedigree.audit.records import Actor, Event, EventType
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.cards.render import render_card
from pedigree.cards.store import card_notes, insert_card, latest_card
from pedigree.catalog import reading
from pedigree.catalog.changes import update_version
from pedigree.catalog.metadata import validated
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.records import (
    ModelVersion,
    NewVersion,
    RegisteredModel,
    Registration,
    Training,
)
from pedigree.catalog.references import Reference, parse_reference
from pedigree.catalog.registration import register_manifest
from pedigree.errors import InvalidMetadataError, NotFoundError, RefusedError, UnavailableError
from pedigree.flavors.plugins import get_flavor
from pedigree.lifecycle import aliases, due, retention
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.gates import CHAMPION_STAGE
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.promotion import Mover
from pedigree.lifecycle.records import (
    DuePromotion,
    Explanation,
    Move,
    Policy,
    RecordedVerdict,
    Tenure,
    Verdict,
)
from pedigree.lifecycle.tenures import set_policy, timeline
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.staleness import Staleness, staleness
from pedigree.lineage.store import read_lineage
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import migrate, require_current
from pedigree.postgres.transaction import Transaction
from pedigree.settings import Settings

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

# A blob may be collected between its upload and its registration; the bytes are then sent again.
_PUBLISH_ATTEMPTS = 3


class Registry:
    """A model registry: records in Postgres, bytes in an object store.

    Made by :meth:`connect`. It may be shared between threads; after a fork the child's first use
    opens connections of its own.
    """

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        self.database = database
        self.store = store
        self.settings = settings

    @classmethod
    def connect(
        cls,
        database_url: str | None = None,
        store_url: str | None = None,
        *,
        settings: Settings | None = None,
        credentials: StoreCredentials | None = None,
    ) -> "Registry":
        """Connect to a registry by URL, or to the embedded one.

        Args:
            database_url: Postgres; ``PEDIGREE_DATABASE_URL`` when None, embedded if that is unset.
            store_url: The object store; ``PEDIGREE_STORE_URL``, then a folder at home.
            settings: This process's settings; read from the environment when None.
            credentials: Credentials and endpoint of the store, where the environment has none.

        Raises:
            UnavailableError: The database or the store does not answer.
            SchemaBehindError: The database needs ``pedigree migrate``; an embedded one is migrated.
        """
        settings = settings or Settings()
        url = database_url or settings.database_url
        if url:
            database = Database.connect(url)
            require_current(database)
        else:
            database = Database.embedded(settings.home_folder)
            migrate(database)
        store = open_store(store_url or settings.store_url, settings.home_folder, credentials)
        return cls(database, store, settings)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Registering

    def register(
        self, name: str, path: Path | str, new: NewVersion, *, actor: Actor | None = None
    ) -> Registration:
        """Register the bytes at a path as a version of a model, created if it is new.

        The bytes are stored first, then one transaction writes all rows; a crash in between leaves
        nothing but bytes that nobody refers to. The same bytes, flavor and signature on the same
        model are the same version: then the training is added to it, and ``created`` is False.

        Raises:
            InvalidInputError: The name, flavor, path or metadata is wrong; nothing was written.
            NameTakenError: The name has a twin, or was deleted.
            UnavailableError: The database or the store does not answer.
        """
        validate_name(name)
        get_flavor(validated(new.metadata).flavor)
        actor = actor or self.actor()
        for _ in range(_PUBLISH_ATTEMPTS - 1):
            with suppress(BlobVanishedError):
                return self._publish_and_write(name, Path(path), new, actor)
        return self._publish_and_write(name, Path(path), new, actor)

    def _publish_and_write(
        self, name: str, path: Path, new: NewVersion, actor: Actor
    ) -> Registration:
        publication = publish(
            self.database, self.store, path, new.metadata.flavor, new.metadata.signature
        )

        def write(transaction: Transaction) -> Registration:
            seal(transaction, publication)
            done = register_manifest(transaction, name, publication.manifest, new, actor)
            reference = Reference(name=name, version=done.version)
            return Registration(
                version=reading.find_version(transaction, reference),
                created=done.created,
                training_id=done.training_id,
                notice=done.notice,
            )

        try:
            return self.database.run(write)
        except RefusedError:
            abandon(self.database, self.store, publication)
            raise

    def actor(self, run_actor: str | None = None) -> Actor:
        """Return who acts in this process; ``run_actor`` is what a Dagster run claims."""
        return resolve_actor(self.settings, run_actor)

    # Looking things up

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, ….

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
            AmbiguousStageError: Several versions hold the stage.
        """
        parsed = parse_reference(reference)
        return self.database.run(lambda transaction: reading.find_version(transaction, parsed))

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.run(lambda transaction: reading.find_model(transaction, name))

    def models(self) -> tuple[RegisteredModel, ...]:
        """Return all registered models by name."""
        return self.database.run(reading.list_models)

    def versions(self, name: str) -> tuple[ModelVersion, ...]:
        """Return a model's versions, the oldest first.

        Raises:
            ModelNotFoundError: There is none of that name.
        """
        return self.database.run(lambda transaction: reading.list_versions(transaction, name))

    def trainings(self, reference: str) -> tuple[Training, ...]:
        """Return the runs that produced a version's bytes, the first one first."""
        return self._with_version(reference, reading.list_trainings)

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; none where that is not known."""

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, ...]:
            known = version.environment_hash
            return reading.environment_packages(transaction, known) if known else ()

        return self._with_version(reference, read)

    def timeline(self, name: str) -> tuple[Tenure, ...]:
        """Return which version held which stage and alias and when, the oldest tenure first."""
        self.model(name)
        return self.database.run(lambda transaction: timeline(transaction, name_key(name)))

    def events(
        self, after: int = 0, limit: int = 1000, *, types: Collection[EventType] | None = None
    ) -> tuple[Event, ...]:
        """Return the feed's events behind a place, oldest first.

        Read on from the last one's ``seq``: nothing is lost, hidden or reordered.
        """
        self.database.run(log.sequence)
        return self.database.run(
            lambda transaction: log.read(transaction, after=after, limit=limit, types=types)
        )

    # Bytes

    def manifest(self, reference: str) -> Manifest:
        """Return the list of a version's files."""
        return self._with_version(
            reference, lambda transaction, version: get_manifest(transaction, version.digest)
        )

    def pull(self, reference: str, destination: Path | str) -> Manifest:
        """Write a version's files into a folder, verified while they stream.

        Files that are there and right are left alone; no partial file gets its final name.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        manifest, keys = self._located(reference)
        pull(self.store, manifest, keys, Path(destination))
        return manifest

    def verify(self, reference: str) -> Manifest:
        """Read every byte of a version again and compare its digests.

        Raises:
            CorruptionError: Bytes are not what their digest says, or are gone.
        """
        manifest, keys = self._located(reference)
        verify(self.store, manifest, keys)
        return manifest

    def sweep(self) -> int:
        """Remove what crashed uploads left in the store; return how many keys.

        Raises:
            StoreUnavailableError: The store failed; the next sweep goes on from there.
        """
        return sweep_expired(self.database, self.store)

    # Editing

    def update(
        self,
        reference: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Replace a version's description, owners or tags; what is None stays as it is."""
        actor = self.actor()

        def write(transaction: Transaction, version: ModelVersion) -> ModelVersion:
            name, number = version.model_name, version.version_id
            update_version(
                transaction,
                name,
                number,
                actor,
                description=description,
                owners=owners,
                tags=tags,
            )
            return reading.find_version(transaction, Reference(name=name, version=number))

        return self._with_version(reference, write)

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects it.
        """
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.delete_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
        """
        actor = self.actor()
        self.database.run(
            lambda transaction: retention.delete_model(transaction, name, actor, reason=reason)
        )

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until it is released."""
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.hold_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def release(self, reference: str, *, reason: str | None = None) -> None:
        """Take a version's legal hold away."""
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.release_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        expected_generation: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Let an alias point to a version; it leaves whichever had it.

        Raises:
            InvalidAliasError: The alias breaks the rule.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        actor = self.actor()
        self.database.run(
            lambda transaction: aliases.set_alias(
                transaction,
                name,
                alias,
                version,
                actor,
                expected_generation=expected_generation,
                reason=reason,
            )
        )

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Take an alias away.

        Raises:
            AliasNotFoundError: The model has no such alias.
        """
        actor = self.actor()
        self.database.run(
            lambda transaction: aliases.delete_alias(transaction, name, alias, actor, reason=reason)
        )

    # Lineage

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, down to the sources that are known.

        Args:
            reference: The version.
            newest: The version's newest training instead of its first.
        """
        return self._with_version(
            reference,
            lambda transaction, version: read_lineage(
                transaction, name_key(version.model_name), version.version_id, newest=newest
            ),
        )

    def staleness(self, reference: str) -> Staleness:
        """Say which inputs have moved on since the version's newest training."""
        return staleness(self.lineage(reference, newest=True), self.settings)

    # Policies, checks and stages

    def policy(self, name: str) -> Policy:
        """Return a model's policy; the default one where it has none of its own."""
        state = self.database.run(lambda transaction: due.model_state(transaction, name))
        return read_policy(state["policy"])

    def registration_checks(self, name: str) -> tuple[str, ...]:
        """Return the checks by which a new version of a model becomes a candidate."""
        return due.registration_checks(self.policy(name))

    def set_policy(self, name: str, policy: Policy, *, actor: Actor | None = None) -> None:
        """Give a model a policy; the model is created if it is new. Repeating it changes nothing.

        Raises:
            InvalidNameError: The name breaks the rule.
        """
        actor = actor or self.actor()
        self.database.run(lambda transaction: set_policy(transaction, name, policy, actor))

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that holds production, if one does."""
        return self.holder(name, CHAMPION_STAGE)

    def holder(self, name: str, stage: str) -> ModelVersion | None:
        """Return the version that took a stage last and holds it still, if one does.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

        def read(transaction: Transaction) -> ModelVersion | None:
            number = due.stage_holder(transaction, name, stage)
            if number is None:
                return None
            return reading.find_version(transaction, Reference(name=name, version=number))

        return self.database.run(read)

    def run_check(
        self, reference: str, check: str, *, run_id: str | None = None, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Run one of the registry's own checks on a version, and record its verdict.

        Raises:
            InvalidMetadataError: There is no such check.
        """
        if check not in CHECKS:
            raise InvalidMetadataError(
                "the registry has no such check",
                field="check",
                value=check,
                remedy=f"Choose one of {', '.join(CHECKS)}",
            )
        verdict = CHECKS[check](self, self.get(reference))
        return self.record_verdict(
            reference, verdict.model_copy(update={"run_id": run_id}), actor=actor
        )

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Record what a check found; with all its checks passed a new version becomes a candidate.

        Raises:
            InvalidMetadataError: The verdict is about other bytes than the version's.
        """
        actor = actor or self.actor()

        def write(transaction: Transaction, version: ModelVersion) -> RecordedVerdict:
            if verdict.digest != version.digest:
                raise InvalidMetadataError(
                    f"the verdict is about other bytes than {version.reference}",
                    field="digest",
                    value=verdict.digest,
                    remedy=f"Judge {version.digest}",
                )
            mover = Mover(transaction, version.model_name, actor, run_id=verdict.run_id)
            return mover.record_verdict(version.version_id, verdict)

        return self._with_version(reference, write)

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Return the newest verdict of each check on a version, by the check's name."""
        return self._with_version(reference, due.verdicts)

    def explain(self, reference: str, stage: str, *, automatic: bool = False) -> Explanation:
        """Say how a version stands before every gate of a stage."""
        return self._with_version(
            reference,
            lambda transaction, version: due.explain(
                transaction, version.model_name, version.version_id, stage, automatic=automatic
            ),
        )

    def promote(
        self,
        reference: str,
        stage: str,
        *,
        reason: str | None = None,
        expected_generation: int | None = None,
        automatic: bool = False,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Let a version enter a stage; one that holds it already stays, ``moved`` is False.

        Args:
            reference: The version.
            stage: The stage.
            reason: Why, for the timeline.
            expected_generation: The model's generation that the caller saw.
            automatic: No person asks, so a version that left the stage stays out.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            TransitionNotAllowedError: The policy has no way into the stage from here.
            GateNotPassedError: A gate is not passed; the message lists what is missing.
            GenerationConflictError: The model's pointers moved since the caller looked.
        """
        actor = actor or self.actor()

        def write(transaction: Transaction, version: ModelVersion) -> Move:
            mover = Mover(transaction, version.model_name, actor, reason=reason, run_id=run_id)
            return mover.promote(
                version.version_id,
                stage,
                expected_generation=expected_generation,
                automatic=automatic,
            )

        return self._tell_cards(self._with_version(reference, write))

    def rollback(
        self,
        name: str,
        *,
        stage: str = CHAMPION_STAGE,
        reason: str | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> Move:
        """Return a stage to its previous holder; the present one is archived.

        Raises:
            StageEmptyError: No version holds the stage.
            NothingToRollBackError: There is no earlier holder that may still run.
        """
        actor = actor or self.actor()
        move = self.database.run(
            lambda transaction: Mover(
                transaction, name, actor, reason=reason, run_id=run_id
            ).roll_back(stage)
        )
        return self._tell_cards(move)

    def _tell_cards(self, move: Move) -> Move:
        if move.moved:
            for version in filter(None, (move.version_id, move.previous_version_id)):
                self.renew_card(f"{move.model_name}/{version}")
        return move

    def renew_verdicts(self, name: str) -> tuple[RecordedVerdict, ...]:
        """Run anew the checks of waiting versions that compared with a former champion.

        Only the registry's own checks can be run from here; others stay void until their run.
        """
        void = self.database.run(lambda transaction: due.void_verdicts(transaction, name))
        renewable = [(version, each.check) for version, each in void if each.check in CHECKS]
        renewed = tuple(self.run_check(f"{name}/{version}", check) for version, check in renewable)
        for version in sorted({version for version, _ in renewable}):
            self.renew_card(f"{name}/{version}")
        return renewed

    def due_promotions(self, names: Iterable[str] | None = None) -> tuple[DuePromotion, ...]:
        """Return the promotions that policies allow and the sensor should request, one a model."""
        if names is None:
            names = [model.name for model in self.models()]

        def read(name: str) -> DuePromotion | None:
            return self.database.run(lambda transaction: due.due_promotion(transaction, name))

        return tuple(promotion for promotion in map(read, names) if promotion)

    def waiting(self, name: str) -> tuple[Explanation, ...]:
        """Return how each version that waits for an automatic stage stands before its gates."""
        pairs = self.database.run(lambda transaction: due.waiting_versions(transaction, name))
        return tuple(
            self.explain(f"{name}/{version}", stage, automatic=True) for version, stage in pairs
        )

    # Cards

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        """Write a version's model card from what is known now; an unchanged card is left alone.

        Args:
            reference: The version.
            notes: What people have to say; the notes of the card before when None.
        """
        actor = self.actor()
        version = self.get(reference)
        if notes is None:
            notes = self._with_version(reference, card_notes)
        markdown = render_card(
            version,
            self.trainings(reference)[0],
            self.lineage(reference),
            self.verdicts(reference),
            self.timeline(version.model_name),
            notes,
            packages=self.environment(reference),
        )
        digest = put_blob(self.database, self.store, markdown.encode())

        def write(transaction: Transaction) -> None:
            lock_blobs(transaction, [digest])
            insert_card(transaction, version, markdown, notes, actor)

        self.database.run(write)
        return self.card(version.reference)

    def renew_card(self, reference: str) -> None:
        """Write a version's card anew after something that it tells of has changed.

        A version without a card is left without. A card can be told from the record at any time,
        so a store that does not answer is logged and fails no change that was made already.
        """
        try:
            self._with_version(reference, latest_card)
            self.write_card(reference)
        except NotFoundError:
            return
        except UnavailableError as error:
            _LOG.warning(
                "the model card of %s was not renewed: %s",
                reference,
                error,
                extra={"action": "card.renew", "reference": reference},
            )

    def card(self, reference: str) -> ModelCard:
        """Return a version's latest model card.

        Raises:
            NotFoundError: None was written yet.
        """

        def read(transaction: Transaction, version: ModelVersion) -> ModelCard:
            stored = latest_card(transaction, version)
            key = locate(transaction, {stored.digest})[stored.digest]
            return stored.model_copy(update={"location": self.store.location(key)})

        return self._with_version(reference, read)

    # Objects

    def load(self, reference: str, *, trust: Collection[str] = ()) -> object:
        """Return the model itself, loaded by its flavor.

        Args:
            reference: The version.
            trust: Names of types that may be built beside those the flavor trusts.

        Raises:
            MissingDependencyError: The flavor's library is not installed.
        """
        version = self.get(reference)
        folder = self.settings.home_folder / "cache" / version.digest.removeprefix("sha256:")
        self.pull(version.reference, folder)
        return get_flavor(version.flavor).load(folder, trust=trust)

    def _located(self, reference: str) -> tuple[Manifest, dict[str, str]]:
        def read(
            transaction: Transaction, version: ModelVersion
        ) -> tuple[Manifest, dict[str, str]]:
            manifest = get_manifest(transaction, version.digest)
            return manifest, locate(transaction, {file.digest for file in manifest.files})

        return self._with_version(reference, read)

    def _with_version(self, reference: str, work: Callable[[Transaction, ModelVersion], T]) -> T:
        parsed = parse_reference(reference)
        return self.database.run(
            lambda transaction: work(transaction, reading.find_version(transaction, parsed))
        )
