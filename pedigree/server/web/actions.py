"""The actions on a version: each has a form that says what will happen before it does."""

from collections.abc import Callable, Iterator, Sequence

from pedigree.access.records import Permission
from pedigree.lifecycle.records import ARCHIVED, NO_STAGE
from pedigree.registry import Registry
from pedigree.server.web.action_kinds import (
    REASON,
    WHY,
    Action,
    FormField,
    Values,
    expected,
    given,
    stages_ahead,
)
from pedigree.server.web.consequences import Subject, of_entering, of_moving


def _stage(subject: Subject, values: Values) -> FormField:
    choices = stages_ahead(subject)
    wanted = _wanted(subject, values) or ""
    return FormField(name="stage", label="Stage", is_required=True, value=wanted, choices=choices)


def _wanted(subject: Subject, values: Values) -> str | None:
    """Return the stage that is asked for; else the first one that the version can enter, if any."""
    choices = stages_ahead(subject)
    given = values.get("stage")
    return given if given in choices else next(iter(choices), None)


def _with_stage(*others: FormField) -> Callable[[Subject, Values], Sequence[FormField]]:
    return lambda subject, values: (_stage(subject, values), *others)


def _plain(*fields: FormField) -> Callable[[Subject, Values], Sequence[FormField]]:
    return lambda subject, values: fields  # noqa: ARG005


def _enters(subject: Subject, values: Values) -> Iterator[str]:
    stage = _wanted(subject, values)
    if stage is None:
        return
    yield f"{subject.reference} leaves {subject.version.stage} and enters {stage}."
    yield from of_entering(subject, stage)


def _asks(subject: Subject, values: Values) -> Iterator[str]:
    stage = _wanted(subject, values)
    if stage is None:
        return
    waits = subject.registry.explain(subject.reference, stage).waits_for
    if waits:
        yield f"The request waits until every gate is passed. Now it waits for: {'; '.join(waits)}."
    else:
        yield f"Every gate is passed, so it enters {stage} at once."
    yield from of_entering(subject, stage)


def _can_move(subject: Subject) -> bool:
    return bool(stages_ahead(subject))


def _aliases(subject: Subject, values: Values) -> Sequence[FormField]:  # noqa: ARG001
    known = tuple(sorted(subject.model.aliases))
    hint = f"Alias; there are {', '.join(known)}" if known else "Alias"
    return FormField(name="alias", label=hint, is_required=True), REASON


def _own_aliases(subject: Subject, values: Values) -> Sequence[FormField]:  # noqa: ARG001
    own = subject.version.aliases
    first = own[0] if own else ""
    return (
        FormField(name="alias", label="Alias", is_required=True, value=first, choices=own),
        REASON,
    )


def _points(subject: Subject, values: Values) -> Iterator[str]:
    alias = given(values, "alias")
    holder = subject.model.aliases.get(alias) if alias else None
    if holder is not None and holder != subject.version.version_id:
        yield f"@{alias} points to v{holder} now, and then to v{subject.version.version_id}."
    else:
        yield f"The alias points to v{subject.version.version_id} afterwards."
    yield from of_moving(subject)


def _describes(subject: Subject, values: Values) -> Sequence[FormField]:  # noqa: ARG001
    version = subject.version
    owners = ", ".join(version.owners)
    return (
        FormField(
            name="description", label="Description", is_long=True, value=version.description or ""
        ),
        FormField(name="owners", label="Owners, with commas between them", value=owners),
    )


def _describe(registry: Registry, subject: Subject, values: Values) -> object:
    owners = [each.strip() for each in values.get("owners", "").split(",") if each.strip()]
    return registry.update(
        subject.reference, description=given(values, "description"), owners=owners
    )


def _withdraws(subject: Subject, values: Values) -> Sequence[FormField]:
    stages = subject.requested
    wanted = values.get("stage") or (stages[0] if stages else "")
    stage = FormField(name="stage", label="Stage", is_required=True, value=wanted, choices=stages)
    return stage, REASON


def _checks(subject: Subject, values: Values) -> Sequence[FormField]:  # noqa: ARG001
    names = tuple(
        dict.fromkeys(check.name for rule in subject.policy.stages for check in rule.checks)
    )
    first = names[0] if names else ""
    return (FormField(name="check", label="Check", is_required=True, value=first, choices=names),)


ACTIONS: tuple[Action, ...] = (
    Action(
        word="promote",
        title="Promote",
        permission=Permission.MOVE,
        offered=_can_move,
        fields=_with_stage(REASON),
        says=_enters,
        does=lambda registry, subject, values: registry.promote(
            subject.reference,
            values.get("stage", ""),
            reason=given(values, "reason"),
            expected_generation=expected(values),
        ),
        needs_stage=True,
    ),
    Action(
        word="request",
        title="Ask for a stage",
        permission=Permission.REQUEST,
        offered=_can_move,
        fields=_with_stage(REASON),
        says=_asks,
        does=lambda registry, subject, values: registry.request_stage(
            subject.reference,
            values.get("stage", ""),
            reason=given(values, "reason"),
            expected_generation=expected(values),
        ),
    ),
    Action(
        word="withdraw",
        title="Withdraw the request",
        permission=Permission.REQUEST,
        offered=lambda subject: bool(subject.requested),
        fields=_withdraws,
        says=lambda subject, values: ["The open requests for this stage end."],  # noqa: ARG005
        does=lambda registry, subject, values: registry.withdraw_request(
            subject.reference, values.get("stage", ""), reason=given(values, "reason")
        ),
        is_grave=True,
    ),
    Action(
        word="override",
        title="Override the gates",
        permission=Permission.OVERRIDE,
        offered=_can_move,
        fields=_with_stage(WHY),
        says=lambda subject, values: (
            *_enters(subject, values),
            "The gates that it has not passed are recorded, and shown on the version for good.",
        ),
        does=lambda registry, subject, values: registry.override(
            subject.reference,
            values.get("stage", ""),
            reason=values.get("reason", ""),
            expected_generation=expected(values),
        ),
        needs_stage=True,
        is_grave=True,
    ),
    Action(
        word="quarantine",
        title="Quarantine",
        permission=Permission.QUARANTINE,
        offered=lambda subject: subject.version.quarantine_reason is None,
        fields=_plain(WHY),
        says=lambda subject, values: [  # noqa: ARG005
            "It enters no stage until it is released.",
            *(
                [f"It stays in {subject.version.stage}: roll back or promote another one."]
                if subject.version.stage not in (NO_STAGE, ARCHIVED)
                else []
            ),
        ],
        does=lambda registry, subject, values: registry.quarantine_version(
            subject.reference, reason=values.get("reason", "")
        ),
        is_grave=True,
    ),
    Action(
        word="release",
        title="Release from quarantine",
        permission=Permission.QUARANTINE,
        offered=lambda subject: subject.version.quarantine_reason is not None,
        fields=_plain(REASON),
        says=lambda subject, values: [  # noqa: ARG005
            "It may enter stages again. Quarantines of its data go on."
        ],
        does=lambda registry, subject, values: registry.release_version(
            subject.reference, reason=given(values, "reason")
        ),
    ),
    Action(
        word="alias",
        title="Set an alias",
        permission=Permission.MOVE,
        offered=lambda subject: True,  # noqa: ARG005
        fields=_aliases,
        says=_points,
        does=lambda registry, subject, values: registry.set_alias(
            subject.model.name,
            values.get("alias", ""),
            subject.version.version_id,
            expected_generation=expected(values),
            reason=given(values, "reason"),
        ),
    ),
    Action(
        word="unalias",
        title="Remove an alias",
        permission=Permission.MOVE,
        offered=lambda subject: bool(subject.version.aliases),
        fields=_own_aliases,
        says=lambda subject, values: [  # noqa: ARG005
            "A caller who loads the model by this alias gets an error.",
            *of_moving(subject),
        ],
        does=lambda registry, subject, values: registry.delete_alias(
            subject.model.name, values.get("alias", ""), reason=given(values, "reason")
        ),
        is_grave=True,
    ),
    Action(
        word="describe",
        title="Describe",
        permission=Permission.DESCRIBE,
        offered=lambda subject: True,  # noqa: ARG005
        fields=_describes,
        says=lambda subject, values: ["The card is drawn again."],  # noqa: ARG005
        does=_describe,
    ),
    Action(
        word="hold",
        title="Put a legal hold on it",
        permission=Permission.GOVERN,
        offered=lambda subject: subject.version.hold_reason is None,
        fields=_plain(WHY),
        says=lambda subject, values: ["It cannot be deleted until the hold is lifted."],  # noqa: ARG005
        does=lambda registry, subject, values: registry.hold(
            subject.reference, reason=values.get("reason", "")
        ),
    ),
    Action(
        word="lift",
        title="Lift the legal hold",
        permission=Permission.GOVERN,
        offered=lambda subject: subject.version.hold_reason is not None,
        fields=_plain(REASON),
        says=lambda subject, values: ["It can be deleted afterwards."],  # noqa: ARG005
        does=lambda registry, subject, values: registry.lift_hold(
            subject.reference, reason=given(values, "reason")
        ),
        is_grave=True,
    ),
    Action(
        word="recheck",
        title="Run a check again",
        permission=Permission.JUDGE,
        offered=lambda subject: any(rule.checks for rule in subject.policy.stages),
        fields=_checks,
        says=lambda subject, values: [  # noqa: ARG005
            "It runs now, on the stored bytes, and its verdict replaces the last one."
        ],
        does=lambda registry, subject, values: registry.rerun_check(
            subject.reference, values.get("check", "")
        ),
        is_repeatable=True,
    ),
)
