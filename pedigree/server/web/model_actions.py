"""Actions on a model: describe it, point an alias to a version, and restore a deleted one."""

import hashlib
from collections.abc import Iterator, Mapping

from starlette.responses import Response

from pedigree._canonical_json import canonical_json
from pedigree.access.records import Permission
from pedigree.catalog.records import RegisteredModel
from pedigree.catalog.store import lock_model
from pedigree.errors import InvalidInputError, ModelNotFoundError, PedigreeError, StateChangedError
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.web.action_forms import ActionForm, filled, form_page
from pedigree.server.web.action_kinds import REASON, FormField, expected, given
from pedigree.server.web.consequences import says_void, void_approvals, who_may
from pedigree.server.web.kept_forms import wants_page
from pedigree.server.web.links import ALIAS_MODEL, DESCRIBE_MODEL, RESTORE_MODEL
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import plural, stamp

pages = Pages()


@pages.get(DESCRIBE_MODEL)
@requires(Permission.DESCRIBE)
def ask_describe_model(visit: Visit, name: str) -> Response:
    """Show the form that describes a model."""
    return _describe_form(visit, name, visit.typed)


@pages.post(DESCRIBE_MODEL, again=ask_describe_model)
@requires(Permission.DESCRIBE)
def describe_model(visit: Visit, name: str) -> Response:
    """Change the description, owners and tags of a model."""
    values = visit.form

    def work(registry: Registry) -> object:
        registry.database.transaction(lambda transaction: lock_model(transaction, name))
        now = registry.model(name)
        if expected(values) not in (None, _state(now)):
            raise StateChangedError(
                "somebody described the model since you opened this form",
                field="generation",
                remedy="Compare what you typed with the model's page, and send it again",
            )
        tags = _tags(values.get("tags", ""))
        gone = dict.fromkeys(set(now.tags) - set(tags))
        owners = [each.strip() for each in values.get("owners", "").split(",") if each.strip()]
        return registry.update_model(
            name, description=given(values, "description"), owners=owners, tags={**gone, **tags}
        )

    return visit.act(work, visit.links.model(name))


def _describe_form(visit: Visit, name: str, values: Mapping[str, str]) -> Response:
    model = visit.registry.model(name)
    tags = "\n".join(f"{key}={value}" for key, value in sorted(model.tags.items()))
    fields = (
        FormField(
            name="description", label="Description", is_long=True, value=model.description or ""
        ),
        FormField(
            name="owners", label="Owners, with commas between them", value=", ".join(model.owners)
        ),
        FormField(
            name="tags", label="Tags, one a line, such as team=risk", is_long=True, value=tags
        ),
    )
    return form_page(
        visit,
        ActionForm(
            heading="Describe",
            reference=name,
            says=(
                "Lists show its description, its first owner and the tag team.",
                *_now(model, visit.refused),
            ),
            fields=filled(fields, values),
            generation=_state(model),
            back=visit.links.model(name),
            is_offered=True,
            may=visit.principal.may(Permission.DESCRIBE, name),
            who_may=who_may(()),
            is_grave=False,
        ),
    )


def _now(model: RegisteredModel, error: PedigreeError | None) -> Iterator[str]:
    """Yield how the model is described, if it was described since the form was opened."""
    if isinstance(error, StateChangedError):
        yield f"Its description is now: {model.description or 'none'}."
        yield f"Its owners are now: {', '.join(model.owners) or 'nobody'}."
        tags = ", ".join(f"{key}={value}" for key, value in sorted(model.tags.items()))
        yield f"Its tags are now: {tags or 'none'}."


def _state(model: RegisteredModel) -> int:
    """Return a number that differs when the model is described differently."""
    described = canonical_json([model.description, list(model.owners), dict(model.tags)])
    return int.from_bytes(hashlib.sha256(described).digest()[:6])


def _tags(typed: str) -> dict[str, str]:
    """Return the tags in the lines of a text.

    Raises:
        InvalidInputError: A line is none, or a tag is there twice.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, typed.splitlines())):
        key, sign, value = (part.strip() for part in line.partition("="))
        if not (sign and key):
            raise InvalidInputError(
                "has a line that is not a tag", field="tags", value=line, remedy="Write team=risk"
            )
        if key in found:
            raise InvalidInputError(
                "has a tag twice", field="tags", value=key, remedy="Write it once"
            )
        found[key] = value
    return found


@pages.get(ALIAS_MODEL)
@requires(Permission.MOVE)
def ask_model_alias(visit: Visit, name: str) -> Response:
    """Show the form that points an alias to a version."""
    return _alias_form(visit, name, visit.typed)


@pages.post(ALIAS_MODEL, again=ask_model_alias)
@requires(Permission.MOVE)
def set_model_alias(visit: Visit, name: str) -> Response:
    """Point an alias to a version."""
    values = visit.form

    def work(registry: Registry) -> object:
        return registry.set_alias(
            name,
            values.get("alias", "").strip().removeprefix("@"),
            _version(values.get("version", "")),
            expected_generation=expected(values),
            reason=given(values, "reason"),
        )

    return visit.act(work, f"{visit.links.model(name)}#aliases")


def _version(typed: str) -> int:
    """Return the number of a version that somebody typed.

    Raises:
        InvalidInputError: It is none.
    """
    text = typed.strip().removeprefix("v")
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidInputError(
            "is not the number of a version", field="version", value=typed, remedy="Write 3"
        )
    return int(text)


def _alias_form(visit: Visit, name: str, values: Mapping[str, str]) -> Response:
    registry = visit.registry
    model = registry.model(name)
    says = []
    holder = model.aliases.get(values.get("alias", ""))
    if holder is not None:
        says.append(f"@{values['alias']} points to v{holder} now, and no longer afterwards.")
    else:
        says.append("Callers who load the model by this alias get the version from then on.")
    if void := void_approvals(registry, model):
        says.append(says_void(void, "open requests"))
    fields = (
        FormField(name="alias", label="Alias", is_required=True),
        FormField(
            name="version",
            label=f"Version, 1 to {model.latest_version}",
            is_required=True,
            value=str(model.latest_version),
        ),
        REASON,
    )
    return form_page(
        visit,
        ActionForm(
            heading="Set an alias",
            reference=name,
            says=tuple(says),
            fields=filled(fields, values),
            generation=model.generation,
            back=visit.links.model(name),
            is_offered=model.latest_version > 0,
            may=visit.principal.may(Permission.MOVE, name),
            who_may=who_may(()),
            is_grave=False,
        ),
    )


@pages.get(RESTORE_MODEL)
@requires(Permission.DELETE)
def ask_restore_model(visit: Visit, name: str) -> Response:
    """Show the form that restores a deleted model."""
    return _restore_form(visit, name, visit.typed)


@pages.post(RESTORE_MODEL, again=ask_restore_model)
@requires(Permission.DELETE)
def restore_model(visit: Visit, name: str) -> Response:
    """Restore a deleted model; it looks for the bytes in the store, so it is no transaction."""
    visit.registry.restore_model(name, reason=given(visit.form, "reason"))
    return visit.lead_to(visit.links.model(name))


def _restore_form(visit: Visit, name: str, values: Mapping[str, str]) -> Response:
    gone = visit.registry.operations.model_pages.gone(name)
    if gone is None:
        visit.registry.model(name)  # raises if there never was such a model
    says = (
        f"It returns with {plural(gone.versions, 'version')}, in the stages that they had when it"
        f" was deleted on {stamp(gone.deleted_at)}."
        if gone
        else "It is not deleted."
    )
    return form_page(
        visit,
        ActionForm(
            heading="Restore",
            reference=name,
            says=(says,),
            fields=filled((REASON,), values),
            generation=0,
            back=visit.links.home() if gone else visit.links.model(name),
            is_offered=gone is not None,
            may=visit.principal.may(Permission.DELETE, name),
            who_may=who_may(()),
            is_grave=False,
        ),
    )


def gone_model(visit: Visit, name: str, error: ModelNotFoundError) -> Response:
    """Answer for a model that does not exist: a person learns if it was deleted.

    Args:
        visit: The visit.
        name: The model.
        error: What the registry says.

    Raises:
        ModelNotFoundError: There never was such a model, or a program asks.
    """
    gone = visit.registry.operations.model_pages.gone(name)
    if gone is None or not wants_page(visit.request):
        raise error
    return visit.page(
        "model_gone.html",
        status=404,
        title=f"{name} was deleted",
        gone=gone,
        may_restore=visit.principal.may(Permission.DELETE, name),
    )
