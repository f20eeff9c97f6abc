"""Random walks: requests by hand in an order that a seed chooses, over few names.

A walk begins with a model of each name, so that a short one meets more than missing models.
Models are created, renamed and deleted too, and names of renamed and deleted ones are had again. A
model is renamed to a name that none had yet, or to one that another model has: to one that another
had before, MLflow renames it and we do not, so that all later requests would differ.
"""

import random
from collections.abc import Iterator
from itertools import count

from tests.mlflow.sides import API, Sent

NAMES = 4
FORMER = 0.05
"""How often a request is about a name that a model had until it was renamed."""

ALIASES = ("champion", "challenger", "blue")
KEYS = ("team", "area/x", "note")
STAGES = ("None", "Staging", "Production", "Archived", "staging")
ORDERS = ("name ASC", "version_number DESC", "creation_timestamp ASC", "last_updated_timestamp ASC")
_MOST_NUMBER = 8


def walk(seed: int, length: int) -> Iterator[Sent]:
    """Yield as many requests; each seed has names of its own."""
    return _Walk(seed).steps(length)


class _Walk:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._fresh = (f"walk-{seed}-{number}" for number in count())
        self._names = [next(self._fresh) for _ in range(NAMES)]
        self._former: list[str] = []
        self._existing: set[str] = set()

    def steps(self, length: int) -> Iterator[Sent]:
        for name in self._names[:length]:
            self._existing.add(name)
            yield _sent("POST", "registered-models/create", name=name)
        for _ in range(length - NAMES):
            yield self._step()

    def _step(self) -> Sent:
        name = self._name()
        kinds = (
            (5, self._of_model),
            (1, self._deleted),
            (1, self._renamed),
            (17, self._tag_or_alias),
            (34, self._of_version),
            (19, self._read),
            (5, self._search),
        )
        weights, makes = zip(*kinds, strict=True)
        return self._chance.choices(makes, weights)[0](name)

    def _name(self) -> str:
        is_former = self._former and self._chance.random() < FORMER
        return self._chance.choice(self._former if is_former else self._names)

    def _value(self) -> str:
        return self._chance.choice(("", "x", "y" * 40))

    def _number(self) -> str:
        return str(self._chance.randint(1, _MOST_NUMBER))

    def _of_model(self, name: str) -> Sent:
        if self._chance.random() < 0.4:
            return _sent("PATCH", "registered-models/update", name=name, description=self._value())
        self._existing.add(name)
        return _sent("POST", "registered-models/create", name=name, description=self._value())

    def _deleted(self, name: str) -> Sent:
        self._existing.discard(name)
        return _sent("DELETE", "registered-models/delete", name=name)

    def _renamed(self, name: str) -> Sent:
        others = sorted(self._existing - {name})
        if others and self._chance.random() < 0.2:
            taken = self._chance.choice(others)
            return _sent("POST", "registered-models/rename", name=name, new_name=taken)
        new = next(self._fresh)
        if name in self._names:
            self._names[self._names.index(name)] = new
            self._former.append(name)
        if name in self._existing:
            self._existing = self._existing - {name} | {new}
        return _sent("POST", "registered-models/rename", name=name, new_name=new)

    def _tag_or_alias(self, name: str) -> Sent:
        key, alias = self._chance.choice(KEYS), self._chance.choice(ALIASES)
        steps = (
            (5, ("POST", "registered-models/set-tag", {"key": key, "value": self._value()})),
            (3, ("DELETE", "registered-models/delete-tag", {"key": key})),
            (6, ("POST", "registered-models/alias", {"version": self._number(), "alias": alias})),
            (3, ("DELETE", "registered-models/alias", {"alias": alias})),
        )
        weights, sent = zip(*steps, strict=True)
        method, path, fields = self._chance.choices(sent, weights)[0]
        return _sent(method, path, name=name, **fields)

    def _of_version(self, name: str) -> Sent:
        key, number, value = self._chance.choice(KEYS), self._number(), self._value()
        of_version = {"name": name, "version": number}
        made = {"name": name, "source": f"s3://bucket/{number}", "description": value}
        moved = {
            "stage": self._chance.choice(STAGES),
            "archive_existing_versions": self._chance.random() < 0.3,
        }
        steps = (
            (9, _sent("POST", "model-versions/create", **made)),
            (3, _sent("DELETE", "model-versions/delete", **of_version)),
            (4, _sent("PATCH", "model-versions/update", **of_version, description=value)),
            (5, _sent("POST", "model-versions/set-tag", **of_version, key=key, value=value)),
            (3, _sent("DELETE", "model-versions/delete-tag", **of_version, key=key)),
            (10, _sent("POST", "model-versions/transition-stage", **of_version, **moved)),
        )
        weights, sent = zip(*steps, strict=True)
        return self._chance.choices(sent, weights)[0]

    def _read(self, name: str) -> Sent:
        number, alias = self._number(), self._chance.choice(ALIASES)
        steps = (
            (4, _asked("registered-models/get", name=name)),
            (4, _asked("registered-models/alias", name=name, alias=alias)),
            (4, _asked("model-versions/get", name=name, version=number)),
            (2, _asked("model-versions/get-download-uri", name=name, version=number)),
            (3, _sent("POST", "registered-models/get-latest-versions", name=name)),
            (2, _asked("registered-models/alias", name=name, alias="latest")),
        )
        weights, sent = zip(*steps, strict=True)
        return self._chance.choices(sent, weights)[0]

    def _search(self, name: str) -> Sent:
        # Numbers of a name that is had again go on here, so only those of one model have one order.
        filters = {
            "tags.team = 'x'": ORDERS[0],
            f"name = '{name}'": self._chance.choice(ORDERS),
            f"name = '{name}' AND tags.note != ''": ORDERS[1],
        }
        text = self._chance.choice(list(filters))
        fields = {"filter": text, "max_results": "50"}
        if self._chance.random() < 0.3:
            return _asked("registered-models/search", **fields, order_by="timestamp DESC")
        return _asked("model-versions/search", **fields, order_by=filters[text])


def _sent(method: str, path: str, **fields: object) -> Sent:
    return Sent(method, f"{API}/{path}", body=fields)


def _asked(path: str, **fields: str) -> Sent:
    return Sent("GET", f"{API}/{path}", tuple(fields.items()))
