"""The revisions of a model's policy."""

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import NewEvent
from pedigree.catalog.model_changes import ModelChange
from pedigree.catalog.names import name_key
from pedigree.catalog.store import LockedModel, lock_model, lock_or_create_model
from pedigree.errors import NotPermittedError
from pedigree.lifecycle.alias_guards import require_guarded
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.pointer_names import require_policy
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy, RetentionRule
from pedigree.lifecycle.standing import require_known_people, with_standing
from pedigree.lifecycle.store import SQL
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Transaction


def set_policy(
    transaction: Transaction, name: str, policy: Policy, principal: Principal, *, reason: str | None
) -> int:
    """Set a model's policy, and return its revision. An equal policy is not written again.

    A policy without a retention rule leaves the rule of the model unchanged.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
        NotPermittedError: The present policy names other editors.
        InvalidPolicyError: A new stage has an invalid name, or versions would be stranded.
    """
    model = lock_or_create_model(transaction, name, principal.actor)
    return _write(transaction, model, policy, principal, reason)


def expect_policy(
    transaction: Transaction, name: str, policy: Policy, principal: Principal
) -> None:
    """Refuse a policy that :func:`set_policy` would refuse in the model's present state.

    So a long operation, such as a training, does not start in vain.

    Raises:
        NotPermittedError: The present policy names other editors.
        InvalidPolicyError: A new stage has an invalid name, or versions would be stranded.
    """
    row = transaction.execute(SQL["model_state"], {"name_key": name_key(name)}).fetchone()
    if row is not None:
        present = read_policy(row["policy"])
        _judge(
            transaction,
            row["model_id"],
            row["name"],
            present,
            _kept(policy, present),
            principal=principal,
        )


def set_retention(
    transaction: Transaction, name: str, rule: RetentionRule, principal: Principal
) -> RetentionRule:
    """Set a model's retention rule, leave the rest of its policy, and return the rule in force.

    Raises:
        ModelNotFoundError: No living model has the name.
        NotPermittedError: The policy names other editors.
    """
    model = lock_model(transaction, name)
    policy = read_policy(model.policy).model_copy(update={"retention": rule})
    _write(transaction, model, policy, principal, None)
    return rule


def _write(
    transaction: Transaction,
    model: LockedModel,
    policy: Policy,
    principal: Principal,
    reason: str | None,
) -> int:
    present = read_policy(model.policy)
    policy = _kept(policy, present)
    if present == policy:
        return model.policy_revision
    _judge(transaction, model.model_id, model.name, present, policy, principal=principal)
    body: dict[str, JsonValue] = {"policy": policy.model_dump(mode="json"), "reason": reason}
    change = ModelChange(model, principal.actor)
    body["policy_revision"] = change.revision
    if _asks(policy) != _asks(present):  # people approved under the previous rules
        body |= {"generation": change.generation, "voided": change.voided}
    change.add(EventType.MODEL_UPDATED, body)
    return change.apply().policy_revision


def _kept(policy: Policy, present: Policy) -> Policy:
    if policy.retention is not None:
        return policy
    return policy.model_copy(update={"retention": present.retention})


def _judge(
    transaction: Transaction,
    model_id: int,
    name: str,
    present: Policy,
    policy: Policy,
    *,
    principal: Principal,
) -> None:
    if present != policy:
        by = with_standing(transaction, principal, present.editors)
        _refuse_stranger(name, present, by)
        require_known_people(transaction, policy)
        require_policy(transaction, model_id, name, present, policy)
        require_guarded(transaction, model_id, name, policy)


def _asks(policy: Policy) -> tuple[object, ...]:
    """Return the parts of a policy that decide whether a version may enter a stage."""
    return policy.stages, policy.champion_metric


def _refuse_stranger(name: str, present: Policy, principal: Principal) -> None:
    if not principal.may(Permission.GOVERN, name, restriction=present):
        raise NotPermittedError(
            f"other people edit the policy of {name}",
            field="actor",
            value=principal.name,
            remedy=f"Ask {' or '.join(present.editors)}",
        )


def history(
    transaction: Transaction, name: str, *, limit: int, after: int
) -> RecordPage[PolicyRevision]:
    """Return a page of the revisions of a model's policy, oldest first."""
    found = fetch_page(
        transaction,
        SQL["policy_events"],
        {
            "name_key": name_key(name),
            "name": name,
            "limit": at_least_one(limit),
            "after": after,
        },
    )
    return RecordPage(
        (
            _revision(row["revision"], NewEvent.stored(bytes(row["canonical"])))
            for row in found.rows
        ),
        is_cut=found.is_cut,
    )


def _revision(number: int, event: NewEvent) -> PolicyRevision:
    stored, reason = event.body["policy"], event.body.get("reason")
    return PolicyRevision(
        revision=number,
        policy=read_policy(stored if isinstance(stored, dict) else None),
        at=event.at,
        set_by=event.actor.name,
        reason=None if reason is None else str(reason),
    )
