"""The pages of actions: a form that says what will happen, and what the form does.

A form carries the state of the model that the visitor saw and a key of its own. Sent twice it is
done once; if the state has moved meanwhile it is refused, with what it is now and what was typed.
"""

from collections.abc import Mapping
from functools import partial, update_wrapper

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.errors import NothingToRollBackError, StageEmptyError, TransitionNotAllowedError
from pedigree.lifecycle.records import CHAMPION_STAGE
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.web.action_forms import ActionForm, filled, form_page
from pedigree.server.web.action_kinds import REASON, Action, FormField, expected, given
from pedigree.server.web.actions import ACTIONS
from pedigree.server.web.consequences import (
    Subject,
    runs_again,
    says_void,
    subject_of,
    void_approvals,
    who_may,
)
from pedigree.server.web.links import RESTORE, ROLLBACK, VERSION, number_in
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()


def _ask(action: Action, visit: Visit, name: str, version: str) -> Response:
    """Show the form of an action on a version; if it was refused, with the state now."""
    subject = subject_of(visit.registry, name, number_in(version))
    return _form(visit, action, subject, visit.typed)


def _act(action: Action, visit: Visit, name: str, version: str) -> Response:
    """Do what the form of an action asks for."""
    subject = subject_of(visit.registry, name, number_in(version))
    then = visit.links.version(name, subject.version.version_id)
    values = visit.form
    if action.is_repeatable:
        action.does(visit.registry, subject, values)
        return visit.lead_to(then)
    return visit.act(lambda registry: action.does(registry, subject, values), then)


def _form(visit: Visit, action: Action, subject: Subject, values: Mapping[str, str]) -> Response:
    fields = action.fields(subject, values)
    chosen = (each.value for each in fields if each.name == "stage")
    stage = values.get("stage") or next(chosen, None)
    rule = subject.policy.rule(stage) if stage else None
    return form_page(
        visit,
        ActionForm(
            heading=action.title,
            reference=subject.reference,
            says=tuple(action.says(subject, values)),
            fields=filled(fields, values),
            generation=subject.model.generation,
            back=visit.links.version(subject.model.name, subject.version.version_id),
            is_offered=action.offered(subject),
            may=action.may(visit.principal, subject, stage),
            who_may=who_may(rule.people(action.permission) if rule else ()),
            is_grave=action.is_grave,
        ),
    )


@pages.get(ROLLBACK)
@requires(Permission.MOVE)
def ask_rollback(visit: Visit, name: str) -> Response:
    """Show the form that rolls a stage back."""
    return _rollback_form(visit, name, visit.typed)


@pages.post(ROLLBACK, again=ask_rollback)
@requires(Permission.MOVE)
def roll_back(visit: Visit, name: str) -> Response:
    """Roll a stage back to its previous version."""
    values = visit.form

    def work(registry: Registry) -> object:
        return registry.rollback(
            name,
            stage=values.get("stage") or CHAMPION_STAGE,
            reason=given(values, "reason"),
            expected_generation=expected(values),
        )

    return visit.act(work, visit.links.model(name))


def _rollback_form(visit: Visit, name: str, values: Mapping[str, str]) -> Response:
    registry = visit.registry
    model, policy = registry.model(name), registry.policy(name)
    held = tuple(rule.name for rule in policy.stages if rule.name in model.stages)
    stage = values.get("stage") or (CHAMPION_STAGE if CHAMPION_STAGE in held else "")
    rule = policy.rule(stage) if stage else None
    says = [_rolled_back(registry, name, stage)]
    if stage == CHAMPION_STAGE and model.stages.get(stage):
        says.append(runs_again(registry, f"{name}@{stage}"))
    if void := void_approvals(registry, model):
        says.append(says_void(void, "open requests"))
    fields = (
        FormField(name="stage", label="Stage", is_required=True, value=stage, choices=held),
        REASON,
    )
    return form_page(
        visit,
        ActionForm(
            heading="Roll back",
            reference=name,
            says=tuple(says),
            fields=filled(fields, values),
            generation=model.generation,
            back=visit.links.model(name),
            is_offered=bool(held),
            may=visit.principal.may(Permission.MOVE, name, stage or None),
            who_may=who_may(rule.people(Permission.MOVE) if rule else ()),
            is_grave=True,
        ),
    )


def _rolled_back(registry: Registry, name: str, stage: str) -> str:
    """Return whose place is taken by a rollback, or why there is none."""
    if not stage:
        return "The version that was in the stage before returns, and the present one is archived."
    try:
        found = registry.operations.stages.expected_rollback(name, stage)
    except (StageEmptyError, NothingToRollBackError, TransitionNotAllowedError) as error:
        return f"It would be refused: {error}"
    return (
        f"v{found.returns} returns to {stage}, and v{found.present.version} is archived."
        " The sensor does not promote it again."
    )


@pages.get(RESTORE)
@requires(Permission.DELETE)
def ask_restore(visit: Visit, name: str, version: str) -> Response:
    """Show the form that restores a deleted version."""
    return _restore_form(visit, name, number_in(version), visit.typed)


@pages.post(RESTORE, again=ask_restore)
@requires(Permission.DELETE)
def restore(visit: Visit, name: str, version: str) -> Response:
    """Restore a deleted version; it looks for the bytes in the store, so it is no transaction."""
    number, values = number_in(version), visit.form
    visit.registry.restore(f"{name}/{number}", reason=given(values, "reason"))
    return visit.lead_to(visit.links.version(name, number))


def _restore_form(visit: Visit, name: str, number: int, values: Mapping[str, str]) -> Response:
    model = visit.registry.model(name)
    return form_page(
        visit,
        ActionForm(
            heading="Restore",
            reference=f"{name}/{number}",
            says=("A deleted version returns with its number, if its bytes still exist.",),
            fields=filled((REASON,), values),
            generation=model.generation,
            back=visit.links.model(name),
            is_offered=number <= model.latest_version,
            may=visit.principal.may(Permission.DELETE, name),
            who_may=who_may(()),
            is_grave=False,
        ),
    )


def _add(action: Action) -> None:
    """Add the two routes of an action, with the permission that it needs."""
    path = f"{VERSION}/{action.word}"
    again = partial(_ask, action)
    for declare, endpoint, name in (
        (pages.get(path), _ask, "ask"),
        (pages.post(path, again=again), _act, "do"),
    ):
        bound = partial(endpoint, action)
        update_wrapper(bound, endpoint)
        bound.__name__ = f"{name}_{action.word}"  # type: ignore[attr-defined]
        declare(requires(action.permission)(bound))


for _action in ACTIONS:
    _add(_action)
