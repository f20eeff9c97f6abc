"""Moves that are kept as stage requests when their gates are not passed.

Clients of MLflow know no requests, so that a kept move is a refusal for them, which says what is
kept and what it waits for.
"""

from pedigree.catalog import lookups
from pedigree.catalog.references import Reference
from pedigree.errors import GateNotPassedError
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.records import Move
from pedigree.lifecycle.requester import StageRequestInput
from pedigree.lifecycle.stage_requests import request_stage
from pedigree.postgres.transaction import Transaction


def move_or_keep(
    transaction: Transaction,
    reference: Reference,
    wanted: StageRequestInput,
    *,
    archive_existing: bool = False,
) -> Move | StageRequest:
    """Let a version enter a stage, or keep the move as a stage request.

    Raises:
        VersionNotFoundError: There is no such version.
        TransitionNotAllowedError: The policy has no such stage, or no transition into it from here.
    """
    version = lookups.find_version(transaction, reference)
    return request_stage(
        transaction,
        version,
        wanted,
        expected_generation=None,
        archive_existing=archive_existing,
    )


def require_moved(outcome: Move | StageRequest, *, archive_existing: bool = False) -> Move:
    """Return the move of a version.

    Call it after the transaction, which stores the request.

    Raises:
        GateNotPassedError: The move was kept as a stage request.
    """
    if isinstance(outcome, Move):
        return outcome
    reference = f"{outcome.model_name}/{outcome.version_id}"
    alone = (
        ". It will archive no other version: a request cannot carry archive_existing_versions"
        if archive_existing
        else ""
    )
    missing = GateNotPassedError.listed(outcome.waits_for)
    raise GateNotPassedError(
        f"{reference} waits for: {missing}. The move is kept as stage request {outcome.request_id},"
        f" and is made when they pass{alone}",
        waits_for=outcome.waits_for,
        field="stage",
        value=outcome.stage,
        remedy=f"`pedigree explain {reference} --to {outcome.stage}` shows every gate",
    )
