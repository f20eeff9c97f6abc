"""The creation of versions: look, judge, call."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from pedigree.artifacts.pull import verify
from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.catalog.creation import Creation, DraftJudgement, Supply
from pedigree.catalog.creation_calls import Created, Stages, StaleLookError, create, look
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import Draft, WantedVersion
from pedigree.catalog.kept_answers import KeptAnswer
from pedigree.catalog.quarantine import quarantines_of
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.store import lock_or_create_model
from pedigree.errors import CorruptionError, DatabaseBusyError, StoreUnavailableError
from pedigree.failures.member_loop import describe
from pedigree.lifecycle.check_queue import LEASE
from pedigree.lifecycle.draft_judgement import can_judge, judge_draft
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.policy_defaults import default_of, give_first_policy
from pedigree.lifecycle.records import CANDIDATE, CHAMPION_STAGE, Policy
from pedigree.lifecycle.shared_verdicts import JudgedBytes, judged_bytes
from pedigree.postgres.database import Database
from pedigree.postgres.nested import NestedDatabase
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.evidence import RegistryEvidence
from pedigree.registry.pending_checks import PendingCheckOperations

_LOG = logging.getLogger(__name__)

# A model that changes this often during registrations has another problem.
_TRIES = 20
# After this many stale looks, the version is registered first and judged afterwards.
_JUDGED_TRIES = 5
# More bytes are not read again between the look and the call: their upload's lease would run on.
_READ_BYTES = 64 << 20

STAGES = Stages(candidate=CANDIDATE, champion=CHAMPION_STAGE)
"""The stages that a creation looks at."""


class VersionCreator:
    """Creates versions, and judges them before they have a number.

    Args:
        context: The registry's database and store.
        pending_checks: Judges the versions that cannot be judged before.
        evidence: What the checks read.
    """

    def __init__(
        self, context: Context, pending_checks: PendingCheckOperations, evidence: RegistryEvidence
    ) -> None:
        self._context = context
        self._pending_checks = pending_checks
        self._evidence = evidence

    def create(
        self,
        wanted: WantedVersion,
        supply: Callable[[Look], Supply],
        *,
        judge: bool,
        proves: bool = False,
    ) -> Created:
        """Register a version, or a further training of one.

        Args:
            wanted: The registration.
            supply: Brings the bytes that the look does not find; called after each look.
            judge: Run the registry's checks on a new version: before it is written if that is
                possible, else right after, or by another process.
            proves: Whether the caller must have sent the bytes, or may read a version that has
                them.

        Raises:
            NameTakenError: The name exists in another case or form, or was deleted.
            BytesMissingError: The registry lacks some of the listed files.
            BlobCollectedError: Bytes that an upload found live, or stored, were collected.
            RequestInFlightError: A request with the same key is in progress.
            KeyReusedError: The key belongs to another request.
            DatabaseBusyError: The model changed during each of many tries; nothing was written.
        """
        wanted = self._with_pseudonyms(wanted)
        is_judged = judge and wanted.manifest is not None
        for attempt in range(_TRIES):
            seen = look(self._context.database, wanted, STAGES, proves=proves)
            if isinstance(seen, KeptAnswer):
                return Created(None, seen)
            supplied = supply(seen)
            with suppress(StaleLookError):
                done = None
                if seen.has_policy_defaults:
                    done = self._create_with_default(wanted, supplied, judge=is_judged)
                if done is None:
                    done = self._create(wanted, seen, supplied, judge=is_judged, attempt=attempt)
                creation, created = done
                self._judge_later(creation, created)
                return created
        raise DatabaseBusyError(
            f"other changes of the model {wanted.name} came in between each time",
            remedy="Try again in a few seconds",
        )

    def _create(
        self, wanted: WantedVersion, seen: Look, supplied: Supply, *, judge: bool, attempt: int
    ) -> tuple[Creation, Created]:
        """Register a version as the database was at a look.

        Raises:
            StaleLookError: It has changed since.
        """
        marks = self._marks(self._context.database, wanted, seen)
        draft = Draft(wanted=wanted, look=seen, marks=marks)
        may_judge = judge and attempt < _JUDGED_TRIES and seen.known is None
        judgement = self._judgement(draft, supplied) if may_judge else None
        later = LEASE if judge and judgement is None else None
        creation = Creation(draft=draft, judgement=judgement, judge_after=later)
        return creation, create(self._context.database, creation, supplied)

    def _create_with_default(
        self, wanted: WantedVersion, supplied: Supply, *, judge: bool
    ) -> tuple[Creation, Created] | None:
        """Create a new model with the policy of new models that fits its name, and its version.

        Both are one transaction, in which nothing is judged: the checks run right after it, by that
        policy.

        Returns:
            None if no policy of new models fits, or the model exists by now.

        Raises:
            StaleLookError: Another registration came in between; nothing was written.
        """
        database = self._context.database

        def write(transaction: Transaction) -> tuple[Creation, Created] | None:
            if default_of(transaction, wanted.name) is None:
                return None
            model = lock_or_create_model(transaction, wanted.name, wanted.actor)
            if not give_first_policy(transaction, model, wanted.actor):
                return None
            inner = NestedDatabase(database, transaction)
            seen = look(inner, wanted, STAGES, proves=False)
            if isinstance(seen, KeptAnswer):
                raise StaleLookError(wanted.name)
            draft = Draft(wanted=wanted, look=seen, marks=self._marks(inner, wanted, seen))
            creation = Creation(draft=draft, judgement=None, judge_after=LEASE if judge else None)
            return creation, create(inner, creation, supplied)

        return database.transaction(write)

    def _with_pseudonyms(self, wanted: WantedVersion) -> WantedVersion:
        metadata = wanted.new.metadata
        owners = self._context.names.pseudonyms(metadata.owners)
        changed = metadata.model_copy(update={"owners": owners})
        return replace(wanted, new=wanted.new.model_copy(update={"metadata": changed}))

    def _marks(self, database: Database, wanted: WantedVersion, seen: Look) -> NewMarks:
        if not seen.has_quarantines:
            return NewMarks(unchanged=seen.known.version.quarantine_reason if seen.known else None)
        lineage, known, model_id = wanted.new.lineage, seen.known, seen.model.model_id
        return database.read(
            lambda connection: quarantines_of(connection, lineage, known, model_id)
        )

    def _judgement(self, draft: Draft, supplied: Supply) -> DraftJudgement | None:
        """Judge a new version; None if that needs more than the look, or fails now."""
        wanted, seen, manifest = draft.wanted, draft.look, draft.wanted.manifest
        if manifest is None:
            return None
        try:
            policy = read_policy(seen.model.policy)
            size = sum(file.size for file in _unproved(manifest, supplied))
            if size > _READ_BYTES or not can_judge(seen, policy):
                return None
            champion = seen.champion.version if seen.champion else None
            evidence = self._evidence.of_draft(
                champion, policy, lambda: self._intact(manifest, seen, supplied)
            )
            known = self._known_bytes(wanted, policy)
            return judge_draft(
                evidence, draft.version, seen, policy, known=known, actor=wanted.actor
            )
        except Exception as error:  # the version is registered, and waits for its checks
            _LOG.info(
                "a version of %s is judged after its registration: %s",
                wanted.name,
                describe(error),
                extra={"action": "version.judge", "reference": wanted.name},
            )
            return None

    def _known_bytes(self, wanted: WantedVersion, policy: Policy) -> JudgedBytes | None:
        """Return what checks found on the bytes of a version that may be a copy; else None."""
        manifest = wanted.manifest
        if wanted.sourced is None or manifest is None or not policy.checks:
            return None

        def read(transaction: Transaction) -> JudgedBytes:
            return judged_bytes(
                transaction, look_at_model(transaction, wanted.name), manifest.digest
            )

        return self._context.database.read(read)

    def _intact(self, manifest: Manifest, seen: Look, supplied: Supply) -> Manifest:
        """Read the bytes again that this process has not hashed, and return the manifest.

        Raises:
            UnavailableError: They cannot be read now, or are elsewhere since the look.
        """
        stored = {each.blob.digest: each.key for each in supplied.stored}
        live = {digest: each.key for digest, each in seen.live.items()}
        unread = _unproved(manifest, supplied)
        if unread:
            part = manifest.model_copy(update={"files": unread})
            try:
                verify(self._context.store, part, {**live, **stored})
            except CorruptionError as error:
                # The check that runs after the registration looks where the bytes are then.
                raise StoreUnavailableError(str(error)) from error
        return manifest

    def _judge_later(self, creation: Creation, created: Created) -> None:
        """Run the checks that wait, right after the registration is committed."""
        if creation.judge_after is None or created.registration is None:
            return
        version = created.registration.version
        self._context.on_commit(lambda: self._pending_checks.judge_new(version.reference, version))


def _unproved(manifest: Manifest, supplied: Supply) -> tuple[ManifestFile, ...]:
    """Return the files whose bytes this process has not hashed itself, each digest once."""
    files = {file.digest: file for file in manifest.files if file.digest not in supplied.proved}
    return tuple(files.values())
