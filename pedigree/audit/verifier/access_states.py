"""The rows of people and their rights, replayed from their events."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from .comparing import SoonAfter, compared, plain
from .states import ReplayableEvent

Row: TypeAlias = dict[str, Any]
ROLE, GROUP, MEMBER, GRANT = "role", "group", "member", "grant"
TOKEN, PRINCIPAL, IDENTITY = "token", "principal", "identity"
TABLES = (ROLE, GROUP, MEMBER, GRANT, TOKEN, PRINCIPAL, IDENTITY)
"""What an export has rows of."""
_SEEN = ("roles", "models", "groups")
_WORKING = ("read", "register", "describe", "request", "judge", "track")
BUILT_IN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reader": ("read",),
        "contributor": _WORKING,
        "deployer": ("read", "request", "move", "decide", "quarantine", "judge"),
        "approver": ("read", "decide"),
        "auditor": ("read", "audit"),
        "admin": (
            *("read", "register", "describe", "request", "move", "decide", "override"),
            *("quarantine", "judge", "govern", "delete", "configure", "operate", "administer"),
            *("audit", "provision", "track"),
        ),
    }
)
"""The roles of the release that this verifier belongs to, which no event defines."""
# What the database leaves out where it compares names, besides spaces and control characters.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def member_key(group: str, member: str) -> str:
    """Return the key of a membership among the rows of its table."""
    return f"{member} in {group}"


class ReplayedAccess:
    """The rows of the tables of access by their keys, as the events give them."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {table: {} for table in TABLES}
        for name, permissions in BUILT_IN.items():
            self.tables[ROLE][name] = {
                **{"permissions": list(permissions), "stages": []},
                **dict.fromkeys(("description", "defined_at", "defined_by")),
            }
        # The newest change of who is one person, and since when that person was not let in.
        self.changed_at: datetime | None = None
        self.ended_since: datetime | None = None

    def fold(self, event: ReplayableEvent) -> None:
        """Apply an event; one of another subject changes nothing.

        Raises:
            KeyError, TypeError, ValueError: It does not fit the events before it.
        """
        apply = _FOLDS.get(event.type)
        if apply is not None:
            apply(self, event)

    def differences(self, table: str, key: str, row: Row) -> Iterator[str]:
        """Yield how a row, with JSON values, differs from its events; it is then done."""
        replayed = self.tables[table].pop(key, None)
        if replayed is None:
            yield "it has no event"
        else:
            yield from compared("", plain(replayed), row)

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield the table and the key of each row that was not compared."""
        for table, rows in self.tables.items():
            for key in rows:
                yield table, key

    def change_persons(self, event: ReplayableEvent) -> None:
        """Give a principal another person; its deactivation is that of the person."""
        people, body = self.tables[PRINCIPAL], event.body
        if self.changed_at != event.at:
            self.changed_at, self.ended_since = event.at, None
        row = people[str(body["principal_id"])]
        since = people[str(row["person_id"])]["deactivated_at"]
        self.ended_since = self.ended_since or since
        row.update(person_id=body["person_id"], deactivated_at=None)

    def ended_at(self, event: ReplayableEvent) -> datetime | SoonAfter:
        """Return when the rights of an event ended."""
        # A link to a deactivated person ends rights a moment after the time of its events.
        return SoonAfter(event.at) if event.at == self.changed_at else event.at


def _role_defined(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.tables[ROLE][str(body["role"])] = {
        **{name: body[name] for name in ("permissions", "stages", "description")},
        "defined_at": event.at,
        "defined_by": event.actor.name,
    }


def _role_removed(state: ReplayedAccess, event: ReplayableEvent) -> None:
    del state.tables[ROLE][str(event.body["role"])]


def _group_created(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    created = {"created_at": event.at, "created_by": event.actor.name}
    state.tables[GROUP][str(body["group"])] = {"description": body["description"], **created}


def _group_deleted(state: ReplayedAccess, event: ReplayableEvent) -> None:
    group = str(event.body["group"])
    del state.tables[GROUP][group]
    members = state.tables[MEMBER]
    for key in [key for key, row in members.items() if row["group"] == group]:
        del members[key]
    for row in state.tables[GRANT].values():
        if row["group"] == group and row["ended_at"] is None:
            _end(row, event)


def _member_added(state: ReplayedAccess, event: ReplayableEvent) -> None:
    group, member = str(event.body["group"]), str(event.body["member"])
    state.tables[MEMBER][member_key(group, member)] = {
        **{"group": group, "member": member},
        **{"added_at": event.at, "added_by": event.actor.name},
    }


def _member_removed(state: ReplayedAccess, event: ReplayableEvent) -> None:
    group, member = str(event.body["group"]), _person_key(str(event.body["member"]))
    members = state.tables[MEMBER]
    for key in [key for key, row in members.items() if row["group"] == group]:
        if _person_key(members[key]["member"]) == member:
            del members[key]


def _grant_created(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.tables[GRANT][str(body["grant_id"])] = {
        **{name: body.get(name) for name in ("principal", "group")},
        **{name: body[name] for name in ("role", "models", "stages", "effect", "reason")},
        "expires_at": _time(body["expires_at"]),
        **{"granted_at": event.at, "granted_by": event.actor.name},
        **dict.fromkeys(("ended_at", "ended_by", "end_reason")),
    }


def _grant_ended(state: ReplayedAccess, event: ReplayableEvent) -> None:
    _end(state.tables[GRANT][str(event.body["grant_id"])], event)


def _end(grant: Row, event: ReplayableEvent) -> None:
    ended = {"ended_at": event.at, "ended_by": event.actor.name}
    grant.update(ended, end_reason=event.body.get("reason"))


def _token_created(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.tables[TOKEN][str(body["token_id"])] = {
        **{name: body[name] for name in ("principal", "secret_hash", "roles", "models")},
        "expires_at": _time(body["expires_at"]),
        **{"created_at": event.at, "created_by": event.actor.name},
        **dict.fromkeys(("revoked_at", "revoked_by")),
    }


def _token_revoked(state: ReplayedAccess, event: ReplayableEvent) -> None:
    token = state.tables[TOKEN][str(event.body["token_id"])]
    token.update(revoked_at=state.ended_at(event), revoked_by=event.actor.name)


def _principal_created(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.tables[PRINCIPAL][str(body["principal_id"])] = {
        **{"name": body["principal"], "kind": body["kind"], "person_id": body["person_id"]},
        **{"created_at": event.at, "deactivated_at": None},
    }


def _person_changed(state: ReplayedAccess, event: ReplayableEvent) -> None:
    state.change_persons(event)


def _deactivated(state: ReplayedAccess, event: ReplayableEvent) -> None:
    # Persons that are joined or parted keep the time of the deactivation.
    since = state.ended_since if state.changed_at == event.at else None
    state.tables[PRINCIPAL][str(event.body["principal_id"])]["deactivated_at"] = since or event.at


def _reactivated(state: ReplayedAccess, event: ReplayableEvent) -> None:
    state.tables[PRINCIPAL][str(event.body["principal_id"])]["deactivated_at"] = None


def _identity_linked(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    new: Row = {"created_at": event.at, "ended_at": None, **{name: [] for name in _SEEN}}
    row = state.tables[IDENTITY].setdefault(str(body["identity_id"]), new)
    row.update(issuer=body["issuer"], principal_id=body["principal_id"])


def _identity_unlinked(state: ReplayedAccess, event: ReplayableEvent) -> None:
    row = state.tables[IDENTITY][str(event.body["identity_id"])]
    row.update({name: [] for name in _SEEN}, principal_id=None)


def _identity_seen(state: ReplayedAccess, event: ReplayableEvent) -> None:
    body: dict[str, Any] = event.body
    state.tables[IDENTITY][str(body["identity_id"])].update({name: body[name] for name in _SEEN})


def _identity_ended(state: ReplayedAccess, event: ReplayableEvent) -> None:
    row = state.tables[IDENTITY][str(event.body["identity_id"])]
    row.update({name: [] for name in _SEEN}, ended_at=state.ended_at(event))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _person_key(name: str) -> str:
    """Return what is equal for the spellings of one name, as the database compares them."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    seen = (each for each in text if not each.isspace() and unicodedata.category(each) != "Cc")
    return unicodedata.normalize("NFKC", "".join(seen).lower())


_FOLDS: Mapping[str, Callable[[ReplayedAccess, ReplayableEvent], None]] = MappingProxyType(
    {
        "role.defined": _role_defined,
        "role.removed": _role_removed,
        "group.created": _group_created,
        "group.deleted": _group_deleted,
        "group.member_added": _member_added,
        "group.member_removed": _member_removed,
        "grant.created": _grant_created,
        "grant.ended": _grant_ended,
        "token.created": _token_created,
        "token.revoked": _token_revoked,
        "principal.created": _principal_created,
        "principal.linked": _person_changed,
        "principal.unlinked": _person_changed,
        "principal.deactivated": _deactivated,
        "principal.reactivated": _reactivated,
        "identity.linked": _identity_linked,
        "identity.unlinked": _identity_unlinked,
        "identity.seen": _identity_seen,
        "identity.ended": _identity_ended,
    }
)

EVENTS = frozenset(_FOLDS)
"""The types of the events that change a row."""
