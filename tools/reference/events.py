"""The page of event types, from the enumeration of them."""

from itertools import groupby

from pedigree.audit.event_types import EventType
from tools.reference.event_bodies import BODIES
from tools.reference.markdown import code, page, table

_SUBJECTS = {
    "model": "a registered model",
    "version": "a version, such as `churn/3`",
    "alias": "the model that has the alias",
    "policy": "a pattern of names of new models, in the body's `pattern`",
    "asset": "an asset of the graph, in the body's `asset`",
    "datasheet": "an asset of the graph, in the body's `asset`",
    "data": "an asset of the graph, in the body's `asset`",
    "identity": "the principal by which the identity acts, in the body's `principal`",
    "session": "who signed in to the web page, in the body's `principal`",
    "token": "the principal of the token, in the body's `principal`",
    "principal": "the principal, in the body's `principal`",
    "person": "a pseudonym of the person, in the body's `principal`",
    "access": "the principal, in the body's `principal`",
    "role": "the role, in the body's `role`",
    "group": "the member, in the body's `member`, or else the group, in its `group`",
    "grant": "the principal, in the body's `principal`, or else the group, in its `group`",
    "webhook": "the host of the webhook, in the body's `host`",
    "blob": "the bytes, by the body's `digest`",
    "log": "the public key, in the body's `key`",
    "registry": "the word `registry`, in the body's `read`",
    "member": "the model, or else the member of the work, by the body's `member`",
}
"""What each object's events name as their subject, as ``Event.subject`` returns it."""


def events_page() -> str:
    """Return the page: the types of each object, and what their subject is."""
    blocks = []
    for name, kinds in groupby(sorted(EventType, key=_object), key=_object):
        rows = [(code(kind.value), kind.about, _body(kind)) for kind in kinds]
        heads = ("type", "when", "body")
        blocks += [f"## {name}", f"Subject: {_SUBJECTS[name]}.", table(heads, rows)]
    return page(
        "Event types",
        "A type is `object.action`. [Events](../events.md) explains how to read and receive them.",
        "The column `body` has the keys of the event's `body`. Those in parentheses are not in each"
        " event of the type.",
        *blocks,
    )


def _body(kind: EventType) -> str:
    """Return the keys of a body; those that may be missing in parentheses."""
    names = BODIES[kind]
    shown = (f"({code(name[:-1])})" if name.endswith("?") else code(name) for name in names)
    return ", ".join(shown) or "empty"


def _object(kind: EventType) -> str:
    return kind.value.partition(".")[0]
