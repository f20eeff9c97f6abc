"""Pseudonyms: what the database, the log and every module below the verbs know of people.

A name enters as a pseudonym (:meth:`Names.pseudonym`), and leaves as a name (:meth:`Names.shown`).
One table of the database has both; its rows can be erased, and events cannot.
"""

import json
import re
import time
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from copy import copy
from dataclasses import replace
from typing import LiteralString, NamedTuple, Self

from pedigree._names import person_key
from pedigree.access.named_people import WORDS
from pedigree.access.oidc.identities import Identity
from pedigree.access.principal import Principal
from pedigree.access.reserved import PSEUDONYM, claimed_name, is_reserved
from pedigree.access.tokens import SQL, require_principal
from pedigree.audit.records import Actor
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row

_PSEUDONYM_IN_JSON = re.compile(PSEUDONYM.pattern.encode())
SIGN = "person-"
"""What every pseudonym begins with."""
_SIGN_IN_JSON = b"person-"

# An erased name disappears from the answers of every process within this time.
_TRUSTED_S = 1.0
_MOST_TRUSTED = 20_000


class _Known(NamedTuple):
    """A name or a pseudonym that the database knew; None if it had none."""

    value: str | None
    until: float


class Names:
    """The names of a registry's people, as one process knows them.

    Args:
        database: The registry's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own: dict[str, _Known] = {}
        self._pseudonyms: MutableMapping[str, _Known] = self._own
        self._names: dict[str, _Known] = {}

    def within(self, database: Database) -> Self:
        """Return the names as a transaction sees them; a pseudonym that it makes may not stay."""
        inner = copy(self)
        inner._database, inner._own = database, {}
        inner._pseudonyms = ChainMap(inner._own, self._pseudonyms)
        return inner

    def pseudonym(self, name: str) -> str:
        """Return the pseudonym of a name, which is made if the name is new.

        Names reserved for Pedigree, patterns, roles and groups are no people, and stay as they are.
        """
        return self.pseudonyms((name,))[0]

    def pseudonyms(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the pseudonyms of names, as :meth:`pseudonym` does."""
        return self._translated(names, SQL["pseudonyms_of"])

    def known(self, name: str) -> str:
        """Return the pseudonym of a name, or the name itself if it has none; nothing is written."""
        return self._looked_up((name,), SQL["known_pseudonyms"]).get(name, name)

    def exactly(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the pseudonyms of people whom answers show under exactly these names."""
        people = [each for each in names if is_person(each)]
        rows = self._database.fetch_all(SQL["exact_pseudonyms"], {"names": people})
        return {row["name"]: row["pseudonym"] for row in rows}

    def of_principal(self, name: str) -> str:
        """Return the pseudonym of somebody who is to have rights.

        Raises:
            InvalidInputError: It is not a valid name of a principal.
            ReservedNameError: It is reserved for Pedigree.
        """
        require_principal(name)
        claimed_name(name, "principal")
        # Not by what this process knew: whose name was just erased would have these rights.
        return self._looked_up((name,), SQL["pseudonyms_of"]).get(name, name)

    def acting(self, actor: Actor) -> Actor:
        """Return an actor as the database knows them."""
        pseudonym = self.pseudonym(actor.name)
        return actor if pseudonym == actor.name else actor.model_copy(update={"name": pseudonym})

    def identity(self, identity: Identity) -> Identity:
        """Return the identity of a token as the database knows it."""
        email = None if identity.email is None else self.pseudonym(identity.email)
        principal = self.pseudonym(identity.principal)
        return replace(identity, principal=principal, email=email, own_key=identity.key)

    def principal(self, principal: Principal) -> Principal:
        """Return a principal who acts by their pseudonym, and is known by their name."""
        actor = self.acting(principal.actor)
        known_as = principal.known_as or self.shown(principal.actor.name)
        return replace(principal, actor=actor, known_as=known_as)

    def shown(self, text: str, escaped: Callable[[str], str] | None = None) -> str:
        """Return a text with names instead of pseudonyms; an erased person stays a pseudonym.

        Args:
            text: The text.
            escaped: Returns a name as the text's format has it.
        """
        if SIGN not in text:
            return text
        names = self.names_of(pseudonyms_in_text(text))
        escape = escaped or str

        def name(found: re.Match[str]) -> str:
            known = names.get(found[0])
            return found[0] if known is None else escape(known)

        return PSEUDONYM.sub(name, text)

    def shown_json(self, body: bytes) -> bytes:
        """Return JSON with names instead of pseudonyms."""
        found = pseudonyms_in(body)
        return in_json(body, self.names_of(found)) if found else body

    def names_of(self, pseudonyms: Collection[str]) -> Mapping[str, str]:
        """Return the names of pseudonyms, without those that are erased; one look-up at most."""
        known, unknown = self.names_at_hand(pseudonyms)
        if unknown:
            rows = self._database.fetch_all(SQL["names_of"], {"wanted": unknown})
            known |= self.keep_names(unknown, rows)
        return known

    def name_at_hand(self, text: str) -> str | None:
        """Return the name of a text that is one pseudonym, if this process knows it now."""
        found = self._names.get(text)
        return None if found is None or found.until < time.monotonic() else found.value

    def names_at_hand(self, pseudonyms: Collection[str]) -> tuple[dict[str, str], list[str]]:
        """Return the names that this process knows now, and the pseudonyms that it must look up."""
        now = time.monotonic()
        names: dict[str, str] = {}
        unknown = []
        for each in dict.fromkeys(pseudonyms):
            found = self._names.get(each)
            if found is None or found.until < now:
                unknown.append(each)
            elif found.value is not None:
                names[each] = found.value
        return names, unknown

    def keep_names(self, wanted: Iterable[str], rows: Iterable[Row]) -> dict[str, str]:
        """Keep the rows of the query ``names_of`` for a while, and return them as names."""
        names = {row["pseudonym"]: row["name"] for row in rows}
        until = self._until()
        self._names.update((each, _Known(names.get(each), until)) for each in wanted)
        return names

    def forget(self) -> None:
        """Forget all names, since one of them was erased."""
        self._own.clear()
        self._names.clear()

    def _until(self) -> float:
        """Return until when something is kept that is looked up now; too many are forgotten."""
        for kept in (self._own, self._names):
            if len(kept) >= _MOST_TRUSTED:
                kept.clear()
        return time.monotonic() + _TRUSTED_S

    def _translated(self, names: Iterable[str], query: LiteralString) -> tuple[str, ...]:
        listed, now = tuple(names), time.monotonic()
        known: dict[str, str] = {}
        unknown = []
        for name in dict.fromkeys(listed):
            found = self._pseudonyms.get(name)
            if not is_person(name):
                known[name] = name
            elif found is None or found.until < now:
                unknown.append(name)
            else:
                known[name] = str(found.value)
        known |= self._looked_up(unknown, query)
        return tuple(known.get(name, name) for name in listed)

    def _looked_up(self, names: Iterable[str], query: LiteralString) -> dict[str, str]:
        """Return the pseudonyms that the database has now, and keep them for a while."""
        # In one order everywhere, so that nobody waits for somebody who waits for them.
        people = sorted(filter(is_person, names), key=person_key)
        if not people:
            return {}
        rows = self._database.fetch_all(query, {"names": people})
        found = {row["name"]: row["pseudonym"] for row in rows}
        until = self._until()
        self._pseudonyms.update((name, _Known(each, until)) for name, each in found.items())
        self._names.update((row["pseudonym"], _Known(row["shown"], until)) for row in rows)
        return found


def is_person(entry: str) -> bool:
    """Return whether an entry of a list of people can be the name of a person.

    >>> [is_person(each) for each in ("ann", "*@risk.example", "group:risk", "sensor:x")]
    [True, False, False, False]
    """
    if PSEUDONYM.fullmatch(entry) or "*" in entry or is_reserved(entry):
        return False
    return not entry.casefold().startswith(WORDS)


def pseudonyms_in_text(text: str) -> list[str]:
    """Return the pseudonyms in a text, each as often as it is there."""
    return PSEUDONYM.findall(text) if SIGN in text else []


def pseudonyms_in(body: bytes) -> list[str]:
    """Return the pseudonyms in a text, each as often as it is there."""
    if _SIGN_IN_JSON not in body:
        return []
    return [each.decode() for each in _PSEUDONYM_IN_JSON.findall(body)]


def in_json(body: bytes, names: Mapping[str, str]) -> bytes:
    r"""Return JSON with names instead of their pseudonyms.

    >>> in_json(b'["person-00000000000000000000000000000000"]', {"person-" + 32 * "0": 'a"b'})
    b'["a\\\\"b"]'
    """

    def name(found: re.Match[bytes]) -> bytes:
        known = names.get(found[0].decode())
        return found[0] if known is None else json.dumps(known, ensure_ascii=False)[1:-1].encode()

    return _PSEUDONYM_IN_JSON.sub(name, body)
