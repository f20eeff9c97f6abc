"""Admin: grants of roles, and groups."""

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.server.http.auth import requires
from pedigree.server.web.admin import fields, links
from pedigree.server.web.admin.lists import listed
from pedigree.server.web.admin.pages import admin_page
from pedigree.server.web.keys import key_before
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()


@pages.get(links.GRANTS)
@requires(Permission.AUDIT)
def admin_grants(visit: Visit) -> Response:
    """List the grants, the oldest first, and offer to add one."""
    registry, after = visit.registry, key_before(visit.query, "after") or 0
    is_ended = visit.query.get("ended") == "yes"
    found = listed(
        lambda limit: registry.access_grants(ended=is_ended, limit=limit, after=after),
        lambda each: each.grant_id,
    )
    roles = [(each.name, each.name) for each in registry.access_roles(limit=100)]
    return admin_page(
        visit, "grants.html", links.GRANTS, grants=found, is_ended=is_ended, roles=roles
    )


@pages.post(links.NEW_GRANT, again=admin_grants)
@requires(Permission.ADMINISTER)
def create_grant(visit: Visit) -> Response:
    """Grant a role to somebody or to a group, or deny it."""
    form = visit.form
    role, to = fields.required(form, "role"), fields.required(form, "to")
    models, stages = fields.words(form, "models"), fields.words(form, "stages")
    expires, reason = fields.lifetime(form, "expires"), fields.text(form, "reason")
    is_denial = fields.required(form, "effect") == "deny"
    return visit.act(
        lambda registry: registry.grant_access(
            role,
            to,
            models=models,
            stages=stages,
            deny=is_denial,
            expires=expires,
            reason=reason,
        ),
        then=visit.links.to(links.GRANTS),
    )


@pages.post(links.END_GRANT, again=admin_grants)
@requires(Permission.ADMINISTER)
def end_grant(visit: Visit) -> Response:
    """End a grant."""
    grant_id, reason = fields.number(visit.form, "grant_id"), fields.text(visit.form, "reason")
    return visit.act(
        lambda registry: registry.end_grant(grant_id, reason=reason),
        then=visit.links.to(links.GRANTS),
    )


@pages.get(links.GROUPS)
@requires(Permission.AUDIT)
def admin_groups(visit: Visit) -> Response:
    """List the groups with their members, and the roles with what they permit."""
    registry = visit.registry
    after = visit.query.get("after", "")
    groups = listed(
        lambda limit: registry.access_groups(limit=limit, after=after), lambda each: each.name
    )
    after_role = visit.query.get("after_role", "")
    roles = listed(
        lambda limit: registry.access_roles(limit=limit, after=after_role), lambda each: each.name
    )
    return admin_page(visit, "groups.html", links.GROUPS, groups=groups, roles=roles)


@pages.post(links.NEW_GROUP, again=admin_groups)
@requires(Permission.ADMINISTER)
def create_group(visit: Visit) -> Response:
    """Create a group."""
    name, about = fields.required(visit.form, "name"), fields.text(visit.form, "description")
    return visit.act(
        lambda registry: registry.create_group(name, description=about),
        then=visit.links.to(links.GROUPS),
    )


@pages.post(links.ADD_MEMBER, again=admin_groups)
@requires(Permission.ADMINISTER)
def add_member(visit: Visit) -> Response:
    """Add somebody to a group."""
    group, member = (fields.required(visit.form, name) for name in ("group", "member"))
    return visit.act(
        lambda registry: registry.add_member(group, member), then=visit.links.to(links.GROUPS)
    )


@pages.post(links.REMOVE_MEMBER, again=admin_groups)
@requires(Permission.ADMINISTER)
def remove_member(visit: Visit) -> Response:
    """Remove somebody from a group."""
    group, member = (fields.required(visit.form, name) for name in ("group", "member"))
    return visit.act(
        lambda registry: registry.remove_member(group, member), then=visit.links.to(links.GROUPS)
    )


@pages.post(links.DELETE_GROUP, again=admin_groups)
@requires(Permission.ADMINISTER)
def delete_group(visit: Visit) -> Response:
    """Delete a group; its grants end."""
    group = fields.required(visit.form, "group")
    return visit.act(
        lambda registry: registry.delete_group(group), then=visit.links.to(links.GROUPS)
    )
