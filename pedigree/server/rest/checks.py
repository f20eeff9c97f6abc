"""Checks, cards and policies: what versions are judged by."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.datasets.records import Datasheet, KeptDatasheet
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.records import Policy, RetentionRule
from pedigree.registry import Registry
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.requests import Name, Number, ReadCall, WriteCall
from pedigree.server.rest.lineage import VERSION
from pedigree.server.rest.stages import Verdicts

router = resource("judging")

Asset = Annotated[
    str, Query(min_length=1, max_length=512, description="Its key, parts joined by /")
]


class WantedChecks(Record):
    """Which of the registry's own checks shall be run."""

    check: Annotated[str, Field(max_length=255)] | None = Field(
        default=None,
        description="This one alone; all that the model's policy asks for when null",
        json_schema_extra={"enum": [*CHECKS, None]},
    )
    every_rule: StrictBool = Field(
        default=False, description="By each of the settings that the policy has for it"
    )
    card: StrictBool = Field(
        default=True, description="Write the model card as well, with all checks"
    )


class Notes(Record):
    """What people say in a model card."""

    notes: CardNotes | None = Field(default=None, description="Those of the card before when null")


class NewPolicy(Record):
    """A policy that a model shall have."""

    policy: Policy
    reason: str | None = Field(default=None, max_length=10_000, description="Why")


class Revision(Record):
    """Which of a model's policies it is: 1, 2, 3 …; 0 where it has none of its own."""

    revision: int


@router.post(f"{VERSION}/checks", responses={200: {"model": Verdicts}})
@requires(Permission.JUDGE)
def run_checks(call: WriteCall, name: Name, version: Number, wanted: WantedChecks) -> Response:
    """Run the registry's own checks on a version, and keep their verdicts."""
    reference = f"{name}/{version}"

    def work(registry: Registry) -> Verdicts:
        if wanted.check and wanted.every_rule:
            return Verdicts(verdicts=registry.rerun_check(reference, wanted.check))
        if wanted.check:
            return Verdicts(verdicts=(registry.run_check(reference, wanted.check),))
        if wanted.card:
            return Verdicts(verdicts=registry.judge(reference))
        return Verdicts(verdicts=registry.run_checks(reference))

    return call.repeat(work)


@router.put(f"{VERSION}/card", responses={200: {"model": ModelCard}})
@requires(Permission.DESCRIBE)
def write_card(call: WriteCall, name: Name, version: Number, said: Notes) -> Response:
    """Write a version's model card from what is known now; an unchanged card is left alone."""
    reference = f"{name}/{version}"
    return call.repeat(
        lambda registry: registry.write_card(reference, said.notes).model_copy(
            update={"location": None}
        )
    )


@router.get(f"{VERSION}/card/fields", responses={200: {"model": dict[str, bool]}})
@requires(Permission.READ)
def get_card_fields(call: ReadCall, name: Name, version: Number) -> Response:
    """Say of each field of a version's model card whether it is provided."""
    return call.answer(dict(call.registry.card_fields(f"{name}/{version}")))


@router.get("/datasheet", responses={200: {"model": KeptDatasheet}})
@requires(Permission.READ)
def get_datasheet(call: ReadCall, asset: Asset) -> Response:
    """Return an asset's latest datasheet."""
    return call.answer(call.registry.datasheet(asset))


@router.put("/datasheet", responses={200: {"model": KeptDatasheet}})
@requires(Permission.DESCRIBE)
def set_datasheet(call: WriteCall, asset: Asset, datasheet: Datasheet) -> Response:
    """Give an asset a datasheet; the one it has already is not written again."""
    return call.write(lambda registry: registry.set_datasheet(asset, datasheet))


@router.get("/datasheets", responses={200: {"model": dict[str, KeptDatasheet]}})
@requires(Permission.READ)
def list_datasheets(
    call: ReadCall, asset: Annotated[list[str], Query(min_length=1, max_length=100)]
) -> Response:
    """Return the latest datasheets of some assets; those without one are left out."""
    return call.answer(dict(call.registry.datasheets(asset)))


@router.get("/models/{name}/policy", responses={200: {"model": Policy}})
@requires(Permission.READ)
def get_policy(call: ReadCall, name: Name) -> Response:
    """Return a model's policy; the default one where it has none of its own."""
    return call.answer(call.registry.policy(name))


@router.put("/models/{name}/policy", responses={200: {"model": Revision}})
@requires(Permission.GOVERN)
def set_policy(call: WriteCall, name: Name, new: NewPolicy) -> Response:
    """Give a model a policy; the model is created if it is new."""
    return call.write(
        lambda registry: Revision(revision=registry.set_policy(name, new.policy, reason=new.reason))
    )


@router.get("/models/{name}/policy/history", responses={200: {"model": tuple[PolicyRevision, ...]}})
@requires(Permission.READ)
def list_policies(call: ReadCall, name: Name) -> Response:
    """List the policies that a model was given, the first one first."""
    return call.answer(call.registry.policy_history(name))


@router.get("/models/{name}/registration-checks", responses={200: {"model": tuple[str, ...]}})
@requires(Permission.READ)
def list_registration_checks(call: ReadCall, name: Name) -> Response:
    """List the checks by which a new version of a model becomes a candidate."""
    return call.answer(call.registry.registration_checks(name))


@router.get("/models/{name}/retention", responses={200: {"model": RetentionRule}})
@requires(Permission.READ)
def get_retention(call: ReadCall, name: Name) -> Response:
    """Return a model's rule for retention; an empty one where it has none of its own."""
    return call.answer(call.registry.retention(name))


@router.put("/models/{name}/retention", responses={200: {"model": RetentionRule}})
@requires(Permission.GOVERN)
def set_retention(call: WriteCall, name: Name, rule: RetentionRule) -> Response:
    """Give a model a rule for retention; the rest of its policy stays."""
    return call.write(lambda registry: registry.set_retention(name, rule))
