"""Random walks: requests by hand in an order that a seed chooses, over few names.

No model is deleted or renamed: here the numbers of a name that is had again go on, in MLflow they
begin with 1, so that all later requests would be about other versions. The script has both.
"""

import random
from collections.abc import Iterator

from tests.mlflow.comparison import API
from tests.mlflow.sides import Sent

NAMES = ("one", "two", "three", "four")
ALIASES = ("champion", "challenger", "blue")
KEYS = ("team", "area/x", "note")
STAGES = ("None", "Staging", "Production", "Archived", "staging")


def walk(seed: int, length: int) -> Iterator[Sent]:
    """Yield as many requests."""
    chance = random.Random(seed)
    for _ in range(length):
        yield _step(chance)


def _step(chance: random.Random) -> Sent:
    name, number = chance.choice(NAMES), str(chance.randint(1, 6))
    alias, key, stage = chance.choice(ALIASES), chance.choice(KEYS), chance.choice(STAGES)
    value = chance.choice(("", "x", "y" * 40))
    of_version = {"name": name, "version": number}
    steps = (
        (6, _sent("POST", "registered-models/create", name=name, description=value)),
        (3, _sent("PATCH", "registered-models/update", name=name, description=value)),
        (5, _sent("POST", "registered-models/set-tag", name=name, key=key, value=value)),
        (3, _sent("DELETE", "registered-models/delete-tag", name=name, key=key)),
        (9, _sent("POST", "model-versions/create", name=name, source=f"s3://bucket/{number}")),
        (2, _sent("DELETE", "model-versions/delete", **of_version)),
        (4, _sent("PATCH", "model-versions/update", **of_version, description=value)),
        (5, _sent("POST", "model-versions/set-tag", **of_version, key=key, value=value)),
        (3, _sent("DELETE", "model-versions/delete-tag", **of_version, key=key)),
        (
            8,
            _sent(
                "POST",
                "model-versions/transition-stage",
                **of_version,
                stage=stage,
                archive_existing_versions=chance.random() < 0.3,
            ),
        ),
        (6, _sent("POST", "registered-models/alias", **of_version, alias=alias)),
        (3, _sent("DELETE", "registered-models/alias", name=name, alias=alias)),
        (4, _asked("registered-models/get", name=name)),
        (4, _asked("registered-models/alias", name=name, alias=alias)),
        (4, _asked("model-versions/get", **of_version)),
        (2, _asked("model-versions/get-download-uri", **of_version)),
        (3, _sent("POST", "registered-models/get-latest-versions", name=name)),
    )
    weights, sent = zip(*steps, strict=True)
    return chance.choices(sent, weights)[0]


def _sent(method: str, path: str, **fields: object) -> Sent:
    return Sent(method, f"{API}/{path}", body=fields)


def _asked(path: str, **fields: str) -> Sent:
    return Sent("GET", f"{API}/{path}", tuple(fields.items()))
