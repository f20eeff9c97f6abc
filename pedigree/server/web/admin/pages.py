"""What every page of Admin shows around its own content, and who may do what on it."""

from typing import Any

from starlette.responses import Response

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.server.web.admin import links
from pedigree.server.web.admin.sent import SentForms
from pedigree.server.web.kept_forms import kept_form
from pedigree.server.web.visits import Visit
from pedigree.server.web.who_may import who_may

_NO_STORE = {"Cache-Control": "no-store"}


def admin_page(visit: Visit, template: str, current: str, **context: Any) -> Response:
    """Answer with a page of Admin.

    Args:
        visit: The visit.
        template: Its template, within the folder of Admin.
        current: The path of the part that it belongs to.
        context: What the template shows.
    """
    kept = kept_form(visit.request) if visit.refused else None
    forms = SentForms(kept, visit.refused)
    return visit.page(
        f"admin/{template}",
        at=links,
        parts=links.PARTS,
        part=current,
        may=lambda permission: may(visit, permission),
        who_may=who_may,
        refused=visit.refused,
        typed=kept.typed if kept else (),
        sent=forms.sent,
        was_shown=forms.was_shown,
        **context,
    )


def shown_once(visit: Visit, current: str, **context: Any) -> Response:
    """Answer with a secret, which no browser keeps and no other page shows.

    Args:
        visit: The visit.
        current: The path of the part of Admin that it belongs to.
        context: What it is: ``title``, ``secret`` (None if the form was sent before), ``says``.
    """
    return visit.page(
        "admin/secret.html",
        status=201,
        headers=_NO_STORE,
        at=links,
        parts=links.PARTS,
        part=current,
        refused=None,
        **context,
    )


def may(visit: Visit, permission: str) -> bool:
    """Return whether the visitor has a permission on all models, as what Admin does needs."""
    return visit.principal.may(Permission(permission), None, SOME)
