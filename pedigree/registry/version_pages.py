"""All that is shown of one version at once, read over one connection."""

from typing import TypedDict, TypeVar

from pedigree._record import RecordPage
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.artifacts.store import get_manifest, manifest_question
from pedigree.audit import log
from pedigree.audit.records import Event
from pedigree.cards.named import named
from pedigree.cards.records import ModelCard
from pedigree.cards.store import card_state, card_state_question
from pedigree.catalog import lookups
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import Reference, parse_number, parse_reference
from pedigree.catalog.rows import version_from_search_row
from pedigree.catalog.snippets import snippets_of
from pedigree.evaluation.store import latest_evaluation, latest_evaluation_question
from pedigree.lifecycle import approvals, overrides, stage_requests, tenures
from pedigree.lifecycle import store as lifecycle
from pedigree.lifecycle.gate_facts import ModelFacts
from pedigree.lifecycle.gate_inputs import (
    facts_of_known,
    facts_of_state,
    facts_questions,
    look_at_model,
    model_state,
    model_state_question,
)
from pedigree.lifecycle.records import (
    CHAMPION_STAGE,
    RecordedVerdict,
)
from pedigree.lineage import staleness_store, usages
from pedigree.lineage.store import lineage_question, read_lineage
from pedigree.postgres.together import Question, ask_together
from pedigree.postgres.transaction import Row, Transaction
from pedigree.registry.approaches import approaches
from pedigree.registry.context import ContextGroup
from pedigree.registry.version_page_records import GoneVersion, VersionPage

T = TypeVar("T")

SHOWN = 200
"""How many records of each kind a page shows; it says when there are more."""


class _FirstPage(TypedDict):
    limit: int
    after: int


_PAGE: _FirstPage = {"limit": SHOWN, "after": 0}


class VersionPageOperations(ContextGroup):
    """All that is shown of one version at once."""

    def page(self, reference: str) -> VersionPage:
        """Return a version and what the registry knows around it.

        Nothing asks the asset graph, and nothing is drawn or written.

        Raises:
            NotPermittedError: The principal may not read the version's model.
            NotFoundError: The reference names no version.
        """
        parsed = parse_reference(reference)
        self._context.require(Permission.READ, parsed.name)
        page = self._context.database.read(lambda transaction: self._read(transaction, parsed))
        if page.card is not None and self._context.shows_names:
            # A name is put into Markdown as that has it, and before other texts get theirs.
            markdown = named(page.card.markdown, self._context.names)
            page = page._replace(card=page.card.model_copy(update={"markdown": markdown}))
        return self._named(page)

    def gone(self, reference: str) -> GoneVersion | None:
        """Return what is known of a deleted version; None if the number was never assigned.

        Raises:
            NotPermittedError: The principal may not read the model.
            ModelNotFoundError: There is no such model.
        """
        parsed, number = parse_number(reference)
        self._context.require(Permission.READ, parsed.name)

        def read(transaction: Transaction) -> GoneVersion | None:
            model = look_at_model(transaction, parsed.name)
            values = {"model_id": model.model_id, "version": number}
            row = transaction.execute(lifecycle.SQL["deleted_version"], values).fetchone()
            if row is None or row["deleted_at"] is None:
                return None
            return GoneVersion(reference, row["deleted_at"], row["collected_at"])

        return self._context.database.read(read)

    def version_events(
        self, reference: str, *, limit: int = SHOWN, before: int | None = None
    ) -> RecordPage[Event]:
        """Return a page of the events of a version, the newest first.

        Args:
            reference: The version.
            limit: How many at most.
            before: The last ``seq`` of the previous page.

        Raises:
            NotPermittedError: The principal may not read the version's model.
            NotFoundError: The reference names no version.
        """
        log.sequence(self._context.database)

        def read(transaction: Transaction, version: ModelVersion) -> RecordPage[Event]:
            return log.read_of_version(
                transaction, version.model_name, version.version_id, limit=limit, before=before
            )

        return self._named(self._context.read_version(reference, read))

    def check_history(
        self, reference: str, check: str, *, limit: int = SHOWN, before: int | None = None
    ) -> RecordPage[RecordedVerdict]:
        """Return a page of all verdicts of one check on a version, the newest first.

        Args:
            reference: The version.
            check: The check's name.
            limit: How many at most.
            before: The last ``verdict_id`` of the previous page.

        Raises:
            NotPermittedError: The principal may not read the version's model.
            NotFoundError: The reference names no version.
        """
        found = self._context.read_version(
            reference,
            lambda transaction, version: lifecycle.verdicts_of_check(
                transaction, version, check, limit=limit, before=before
            ),
        )
        return self._named(found)

    def _named(self, result: T) -> T:
        """Return a result with names instead of pseudonyms, unless its caller puts them there."""
        return with_names(result, self._context.names) if self._context.shows_names else result

    def _read(self, transaction: Transaction, reference: Reference) -> VersionPage:
        """Read a page in two round trips: what its name and number lead to, and what that does."""
        if reference.version is not None:
            questions = self._questions(reference, reference.version)
            transaction = ask_together(transaction, questions)
        version = lookups.find_version(transaction, reference)
        state = model_state(transaction, version.model_name)
        champion = lookups.find_holder_row(transaction, version.model_name, CHAMPION_STAGE)
        transaction = ask_together(transaction, _further_questions(version, state))
        found = version_from_search_row(champion) if champion else None
        model = facts_of_state(transaction, state, champion=found)
        return self._page(transaction, version, model)

    def _questions(self, reference: Reference, number: int) -> list[Question]:
        name, key = reference.name, name_key(reference.name)
        questions = [
            lookups.versions_question(reference),
            model_state_question(name),
            lookups.holder_question(name, CHAMPION_STAGE),
            tenures.tenures_question(name, number, **_PAGE),
            lifecycle.latest_verdicts_question(name, number, limit=SHOWN, after=None),
            lineage_question(key, number, newest=False),
            usages.usages_question(key, number, limit=SHOWN, before=None),
            staleness_store.kept_staleness_question(key, number),
            latest_evaluation_question(name, number),
            lookups.trainings_question(name, number, limit=SHOWN, after=None),
        ]
        if not self._context.is_limited:
            questions.append(card_state_question(name, number))
        return questions

    def _page(
        self, transaction: Transaction, version: ModelVersion, model: ModelFacts
    ) -> VersionPage:
        key, number = name_key(version.model_name), version.version_id
        facts = facts_of_known(transaction, model, version)
        requests = stage_requests.open_requests(transaction, model.model_id, number)
        sight = self._context.sight(transaction)
        used = usages.usages_of(transaction, key, number, limit=SHOWN, before=None)
        stale = staleness_store.kept_staleness(transaction, key, number)
        manifest = get_manifest(transaction, version.digest) if version.digest else None
        return VersionPage(
            version=version,
            policy=model.policy,
            champion=model.champion,
            approaches=approaches(model, facts, requests),
            tenures=tenures.tenures_of(transaction, version, **_PAGE),
            decisions=approvals.decisions_about(transaction, model.model_id, number, **_PAGE),
            overrides=overrides.overrides(transaction, version, **_PAGE)
            if version.overrides
            else RecordPage(()),
            verdicts=lifecycle.latest_verdicts(transaction, version, limit=SHOWN, after=None),
            lineage=sight.graph(read_lineage(transaction, key, number, newest=False)),
            usages=RecordPage(sight.usages(used), is_cut=used.is_cut),
            staleness=sight.staleness(stale) if stale else None,
            card=self._card(transaction, version),
            evaluation=latest_evaluation(transaction, version),
            manifest=manifest,
            trainings=lookups.list_trainings(transaction, version, limit=SHOWN, after=None),
            packages=lookups.environment_packages(transaction, version.environment_hash)
            if version.environment_hash
            else (),
            snippets=snippets_of(version, manifest) if manifest else None,
        )

    def _card(self, transaction: Transaction, version: ModelVersion) -> ModelCard | None:
        """Return the card that is kept, unless it may name models that the principal may not read.

        For them the verb ``card`` draws it without those.
        """
        if self._context.is_limited:
            return None
        return card_state(transaction, version.model_name, version.version_id).card


def _further_questions(version: ModelVersion, state: Row) -> list[Question]:
    model_id, number = state["model_id"], version.version_id
    questions = [
        *facts_questions(state, number),
        stage_requests.open_requests_question(model_id, number),
        approvals.decisions_question(model_id, number, **_PAGE),
    ]
    if version.digest:
        questions.append(manifest_question(version.digest))
    if version.environment_hash:
        questions.append(lookups.packages_question(version.environment_hash))
    return questions
