"""What people edit of a webhook, checked."""

from typing import Any
from urllib.parse import urlsplit

from pedigree.access.patterns import is_one_of
from pedigree.audit.event_types import EventType
from pedigree.egress.addresses import url_fault
from pedigree.errors import InvalidInputError
from pedigree.settings import Settings


def checked_fields(settings: Settings, **given: Any) -> dict[str, Any]:
    """Return the given fields as columns; None is the default of a field.

    Raises:
        InvalidInputError: The URL is not allowed, or a pattern matches no type.
    """
    if "url" in given:
        _require_url(given["url"], settings)
    if "types" in given:
        given["types"] = [_required_type(word) for word in given["types"] or ()]
    for name in ("models", "events"):
        if name in given:
            given[name] = list(given[name] or ())
    if "active" in given:
        given["active"] = given["active"] in (None, True)
    return given


def _required_type(word: str) -> str:
    if not any(is_one_of(kind, [word]) for kind in EventType):
        raise InvalidInputError(
            "matches no event type",
            field="types",
            value=word,
            remedy="Give one of docs/reference/events.md, or a pattern such as version.*",
        )
    return word


def _require_url(url: str, settings: Settings) -> None:
    wrong = url_fault(url) or _fault(url, settings)
    if wrong is not None:
        raise InvalidInputError(
            wrong, field="url", remedy="Give a URL such as https://ci.example/hooks/pedigree"
        )


def _fault(url: str, settings: Settings) -> str | None:
    if urlsplit(url).scheme == "http" and not settings.webhook_networks:
        return "http is allowed only for PEDIGREE_WEBHOOK_NETWORKS, which is empty"
    return None
