"""Stage requests: a version enters a stage when its last gate passes, by whatever cause."""

from collections.abc import Collection, Mapping, Sequence

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.lookups import find_model
from pedigree.catalog.names import found_in, name_key, validate_name
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import NotFoundError, NotPermittedError
from pedigree.lifecycle.decision_records import Explanation, RequestOutcome, StageRequest
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gate_inputs import facts_of_locked, facts_of_version, facts_of_versions
from pedigree.lifecycle.gates import explain_gates
from pedigree.lifecycle.records import Move
from pedigree.lifecycle.requester import StageRequestInput
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.lifecycle.standing import people_now
from pedigree.lifecycle.store import SQL, close_requests
from pedigree.lifecycle.transition_errors import expect_generation, expect_way, unknown_stage
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.together import Question
from pedigree.postgres.transaction import Row, Transaction


def request_stage(
    transaction: Transaction,
    version: ModelVersion,
    wanted: StageRequestInput,
    *,
    expected_generation: int | None,
    archive_existing: bool = False,
) -> Move | StageRequest:
    """Let a version enter a stage, or store the request; if repeated, it is the open one.

    Args:
        transaction: The transaction.
        version: The version.
        wanted: The stage, and who requests it.
        expected_generation: That of the model, as the caller read it.
        archive_existing: Archive the other holders, if the version enters the stage now.

    Raises:
        TransitionNotAllowedError: The policy has no such stage, or no transition into it from here.
        GenerationConflictError: The model's pointers moved since the caller read them.
    """
    model = lock_model(transaction, version.model_name)
    seen = facts_of_locked(transaction, model)
    rule = seen.policy.rule(wanted.stage)
    if rule is None:
        raise unknown_stage(seen.policy, wanted.stage)
    wanted = wanted._replace(stage=rule.name)
    expect_generation(model, expected_generation)
    facts = facts_of_version(transaction, seen, version.version_id)
    explanation = explain_gates(seen, facts, rule, wanted.asker)
    if explanation.passed or facts.version.stage == wanted.stage:
        mover = StageTransition(transaction, model.name, wanted.by, reason=wanted.reason)
        entering = (version.version_id, wanted.stage, wanted.asker)
        return mover.promote(*entering, archive_existing=archive_existing)
    expect_way(explanation, seen.policy, facts.version.stage)
    known = _open_by(transaction, model, facts, wanted)
    return known or _keep(transaction, model, facts, wanted, explanation)


def _open_by(
    transaction: Transaction, model: LockedModel, facts: VersionFacts, wanted: StageRequestInput
) -> StageRequest | None:
    return next(
        (
            each
            for each in open_requests(transaction, model.model_id, facts.version.version_id)
            if (each.stage, each.requested_by, each.only_asks)
            == (wanted.stage, wanted.by.name, wanted.requires_approver(facts.version))
        ),
        None,
    )


def _keep(
    transaction: Transaction,
    model: LockedModel,
    facts: VersionFacts,
    wanted: StageRequestInput,
    explanation: Explanation,
) -> StageRequest:
    version = facts.version
    kept = transaction.execute(
        SQL["insert_request"],
        {
            "model_id": model.model_id,
            "version": version.version_id,
            "from_stage": version.stage,
            "stage": wanted.stage,
            "reason": wanted.reason,
            "only_asks": wanted.requires_approver(version),
            "actor": wanted.by.name,
            "actor_source": wanted.by.actor.source,
            "at": model.at,
            **_waiting_columns(explanation),
        },
    ).fetchone()
    request = StageRequest(model_name=model.name, digest=version.digest, **(kept or {}))
    body: dict[str, JsonValue] = {
        "request_id": request.request_id,
        "digest": request.digest,
        "from": request.from_stage,
        "to": request.stage,
        "reason": request.reason,
        "only_asks": request.only_asks,
        "waits_for": [*request.waits_for],
    }
    kind = EventType.VERSION_STAGE_REQUESTED
    model.record(kind, body, version=version.version_id, actor=wanted.by.actor)
    return request


def _waiting_columns(explanation: Explanation) -> dict[str, object]:
    return {
        "waits_for": list(explanation.waits_for),
        "next_evaluation_at": explanation.next_evaluation_at,
    }


def perform_due(transaction: Transaction, name: str) -> tuple[Move, ...]:
    """Perform the open stage requests of a model whose gates pass now.

    They are performed one by one, as each changes the inputs of the next one's gates. The requester
    is the actor of the move. For requests that stay open, it stores what they wait for.

    Raises:
        ModelNotFoundError: The model was deleted in the meantime.
    """
    moves: list[Move] = []
    asked = transaction.execute(SQL["anything_asked"], {"name_key": name_key(name)}).fetchone()
    if asked == {"asked": False}:
        return ()
    while (move := _perform_one(transaction, lock_model(transaction, name))) is not None:
        moves.append(move)
    return tuple(moves)


def _perform_one(transaction: Transaction, model: LockedModel) -> Move | None:
    rows = transaction.execute(*open_requests_question(model.model_id)[:2]).fetchall()
    if not rows:
        return None
    seen = facts_of_locked(transaction, model)
    found = facts_of_versions(transaction, seen, sorted({row["version_id"] for row in rows}))
    known = {each.version.version_id: each for each in found}
    people = people_now(transaction, map(requester, rows))
    for row in rows:
        wanted = request_input(row, people)
        explanation = _explain(seen, known[row["version_id"]], wanted)
        if explanation is not None and explanation.passed:
            mover = StageTransition(transaction, model.name, wanted.by, reason=wanted.reason)
            return mover.promote(row["version_id"], wanted.stage, wanted.asker)
        _note(transaction, row, explanation)
    return None


def request_input(row: Row, people: Mapping[Actor, Principal]) -> StageRequestInput:
    """Return what the requester of a row of the query ``open_requests`` wants.

    Args:
        row: The row.
        people: What the requesters may now: a right that was lost since then does not count.
    """
    by = people[requester(row)]
    if row["only_asks"]:
        by = by.without(Permission.MOVE)
    return StageRequestInput(row["stage"], row["reason"], by)


def requester(row: Row) -> Actor:
    """Return who made the request of a row of the query ``open_requests``."""
    return Actor(name=row["requested_by"], source=row["requested_by_source"])


def _explain(
    seen: ModelFacts, facts: VersionFacts, wanted: StageRequestInput
) -> Explanation | None:
    """Evaluate the gates for a version; None if the policy no longer has the stage."""
    rule = seen.policy.rule(wanted.stage)
    return explain_gates(seen, facts, rule, wanted.asker) if rule else None


def _note(transaction: Transaction, row: Row, explanation: Explanation | None) -> None:
    dropped = {"waits_for": [f"a policy with the stage {row['stage']}"], "next_evaluation_at": None}
    now = _waiting_columns(explanation) if explanation else dropped
    if now != {name: row[name] for name in now}:
        transaction.execute(SQL["note_request"], {"request_id": row["request_id"], **now})


def open_requests(
    transaction: Transaction, model_id: int, version: int | None = None, limit: int | None = None
) -> tuple[StageRequest, ...]:
    """Return the open requests for a version, or for all of a model's, oldest first."""
    asked = open_requests_question(model_id, version, limit)
    return tuple(map(_request, transaction.execute(asked.query, asked.params).fetchall()))


def open_requests_question(
    model_id: int, version: int | None = None, limit: int | None = None
) -> Question:
    """Return what :func:`open_requests` asks."""
    values = {"model_id": model_id, "version": version, "limit": limit}
    return Question(SQL["open_requests"], values)


def list_requests(
    transaction: Transaction,
    name: str | None,
    *,
    limit: int,
    after: int | None,
    visible: Sequence[str] | None = None,
) -> RecordPage[StageRequest]:
    """Return the open requests of a model, or of all models or the visible ones, oldest first.

    Raises:
        ModelNotFoundError: No model has that name.
        InvalidInputError: The limit is less than 1.
    """
    if name is not None:
        find_model(transaction, validate_name(name))
    key = name_key(name) if name is not None else None
    page = {"name_key": key, "limit": at_least_one(limit), "after": after or 0, "visible": visible}
    found = fetch_page(transaction, SQL["list_requests"], page)
    return RecordPage(map(_request, found.rows), is_cut=found.is_cut)


def _request(row: Row) -> StageRequest:
    return StageRequest(**{key: row[key] for key in StageRequest.model_fields})


def withdraw(
    transaction: Transaction, version: ModelVersion, wanted: StageRequestInput
) -> tuple[StageRequest, ...]:
    """Withdraw the open requests for a version's transition into a stage.

    Args:
        transaction: Where to write.
        version: The version.
        wanted: The stage, who withdraws them and why; people who may only request withdraw only
            their own.

    Raises:
        NotFoundError: There is no open request.
        NotPermittedError: Other people made them.
    """
    model = lock_model(transaction, version.model_name)
    number = version.version_id
    asked = open_requests(transaction, model.model_id, number)
    stage = found_in(wanted.stage, [each.stage for each in asked])
    found = [each for each in asked if each.stage == stage]
    if not found:
        raise NotFoundError(
            f"there is no open request for {version.reference}",
            field="stage",
            value=wanted.stage,
            remedy="`pedigree requests` lists the open ones",
        )
    if wanted.requires_approver(version):
        found = [each for each in found if each.requested_by == wanted.by.name]
    if not found:
        raise NotPermittedError(
            f"other people requested it for {version.reference}",
            field="stage",
            value=wanted.stage,
            remedy="Ask them, or somebody who may move versions",
        )
    wanted = wanted._replace(stage=found[0].stage)
    outcome = RequestOutcome.WITHDRAWN
    by = wanted.by.name if wanted.requires_approver(version) else None
    close_requests(
        transaction, model, number, wanted.by.actor, outcome, stage=wanted.stage, asked_by=by
    )
    body: dict[str, JsonValue] = {
        "request_ids": [each.request_id for each in found],
        "to": wanted.stage,
        "reason": wanted.reason,
    }
    kind = EventType.VERSION_REQUEST_WITHDRAWN
    model.record(kind, body, version=number, actor=wanted.by.actor)
    closed = {"outcome": outcome, "closed_at": model.at, "closed_by": wanted.by.name}
    return tuple(each.model_copy(update=closed) for each in found)


def names_with_requests(transaction: Transaction, among: Collection[str] | None) -> tuple[str, ...]:
    """Return the models with open requests: the given ones and those that are due; or all."""
    rows = transaction.execute(
        SQL["models_with_requests"], {"names": None if among is None else sorted(among)}
    ).fetchall()
    return tuple(row["name"] for row in rows)
