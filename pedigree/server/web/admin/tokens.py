"""Admin: tokens, whose secret is shown once, and sessions of the page."""

from starlette.responses import Response

from pedigree.access.records import MOST_ROLES, Permission
from pedigree.server.http.auth import requires
from pedigree.server.web.admin import fields, links
from pedigree.server.web.admin.lists import listed
from pedigree.server.web.admin.pages import admin_page, shown_once
from pedigree.server.web.keys import key_before
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()


@pages.get(links.TOKENS)
@requires(Permission.AUDIT)
def admin_tokens(visit: Visit) -> Response:
    """List the tokens, the oldest first, and offer to create one."""
    registry, after = visit.registry, key_before(visit.query, "after") or 0
    found = listed(
        lambda limit: registry.tokens(limit=limit, after=after), lambda each: each.token_id
    )
    roles = [each.name for each in registry.access_roles(limit=100)]
    return admin_page(visit, "tokens.html", links.TOKENS, tokens=found, roles=roles)


@pages.post(links.NEW_TOKEN, again=admin_tokens)
@requires(Permission.ADMINISTER)
def create_token(visit: Visit) -> Response:
    """Create a token, and show its secret once."""
    form = visit.form
    principal = fields.required(form, "principal")
    roles = [name.removeprefix("role-") for name in form if name.startswith("role-")][:MOST_ROLES]
    models, expires = fields.words(form, "models"), fields.lifetime(form, "expires")
    issued = visit.once(
        lambda registry: registry.create_token(
            principal, roles=roles, models=models, expires=expires
        )
    )
    return shown_once(
        visit,
        links.TOKENS,
        title="The new token",
        secret=issued.secret if issued else None,
        says=f"It stands for {principal}. Anybody who has it acts by that name.",
        back=links.TOKENS,
    )


@pages.post(links.REVOKE_TOKEN, again=admin_tokens)
@requires(Permission.ADMINISTER)
def revoke_token(visit: Visit) -> Response:
    """Revoke a token; its sessions end with it."""
    token_id = fields.number(visit.form, "token_id")
    return visit.act(
        lambda registry: registry.revoke_token(token_id), then=visit.links.to(links.TOKENS)
    )


@pages.get(links.SESSIONS)
@requires(Permission.AUDIT)
def admin_sessions(visit: Visit) -> Response:
    """List the sessions of the page, the newest first."""
    sessions, before = visit.registry.operations.sessions, key_before(visit.query)
    found = listed(
        lambda limit: sessions.sessions(limit=limit, before=before), lambda each: each.session_id
    )
    return admin_page(visit, "sessions.html", links.SESSIONS, sessions=found)


@pages.post(links.END_SESSION, again=admin_sessions)
@requires(Permission.ADMINISTER)
def end_session(visit: Visit) -> Response:
    """End somebody's session."""
    session_id = fields.number(visit.form, "session_id")
    return visit.act(
        lambda registry: registry.operations.sessions.end(session_id),
        then=visit.links.to(links.SESSIONS),
    )
