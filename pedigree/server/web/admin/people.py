"""Admin: people, their identities and rights, and what one of them may do."""

from collections.abc import Sequence

from starlette.responses import Response

from pedigree.access.grant_records import AccessAnswer
from pedigree.access.records import Permission
from pedigree.server.http.auth import requires
from pedigree.server.web.admin import fields, links
from pedigree.server.web.admin.lists import listed
from pedigree.server.web.admin.pages import admin_page
from pedigree.server.web.keys import key_before
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()


@pages.get(links.PEOPLE)
@requires(Permission.AUDIT)
def admin_people(visit: Visit) -> Response:
    """List the principals, or find the one of a name."""
    registry, after = visit.registry, key_before(visit.query, "after") or 0
    found = listed(
        lambda limit: registry.principals(limit=limit, after=after),
        lambda each: each.principal_id,
    )
    return admin_page(visit, "people.html", links.PEOPLE, people=found)


@pages.get(links.PERSON)
@requires(Permission.AUDIT)
def admin_person(visit: Visit) -> Response:
    """Show who acts by a name, by which rights, and what they may do on a model and a stage."""
    name = fields.text(visit.query, "name")
    if name is None:
        return admin_people(visit)
    model, stage = fields.text(visit.query, "model"), fields.text(visit.query, "stage")
    return _person_page(visit, name, model, stage)


def _person_page(visit: Visit, name: str, model: str | None, stage: str | None) -> Response:
    registry = visit.registry
    known = registry.principals(name=name, limit=1)
    grants = listed(
        lambda limit: registry.access_grants(principal=name, limit=limit),
        lambda each: each.grant_id,
    )
    answers: Sequence[AccessAnswer] = registry.explain_access(name, model=model, stage=stage)
    return admin_page(
        visit,
        "person.html",
        links.PEOPLE,
        name=name,
        known=known[0] if known else None,
        grants=grants,
        answers=answers,
        model=model,
        stage=stage,
    )


def person_again(visit: Visit) -> Response:
    """Show a person again, with a form that was refused."""
    return _person_page(visit, fields.required(visit.form, "name"), None, None)


@pages.post(links.END_RIGHTS, again=person_again)
@requires(Permission.ADMINISTER)
def end_rights(visit: Visit) -> Response:
    """Revoke a person's tokens, and end their logins and sessions."""
    name = fields.required(visit.form, "name")
    return visit.act(
        lambda registry: registry.end_sessions(name),
        then=visit.links.to(links.PERSON, {"name": name}),
    )


@pages.post(links.SET_ACTIVE, again=person_again)
@requires(Permission.ADMINISTER)
def set_active(visit: Visit) -> Response:
    """Let a person in, or no longer."""
    name = fields.required(visit.form, "name")
    active = fields.required(visit.form, "active") == "yes"
    return visit.act(
        lambda registry: registry.set_person_active(name, active=active),
        then=visit.links.to(links.PERSON, {"name": name}),
    )
