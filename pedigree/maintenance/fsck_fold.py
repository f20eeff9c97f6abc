"""Replay the events of one model in Python, and explain how the tables differ from them."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from pedigree.audit.json_digests import json_digest
from pedigree.audit.records import NewEvent
from pedigree.audit.verifier.replay import STATED, TRAINING, replay
from pedigree.audit.verifier.states import (
    UNRECORDED,
    Mark,
    ReplayedModel,
    ReplayedTenure,
    ReplayedVersion,
)
from pedigree.catalog.names import name_key
from pedigree.maintenance.queries import SQL
from pedigree.postgres.transaction import Row, Transaction, stream, take_snapshot

_MODEL_FIELDS = (
    "name",
    "first_version",
    "aliases",
    "generation",
    "policy",
    "policy_revision",
    "deleted_at",
    "tenures",
    "description",
    "owners",
    "tags",
    "last_updated_at",
)


def differences(model_id: int, transaction: Transaction) -> list[tuple[str, str]]:
    """Return each reference with what differs; the model is in memory as a whole."""
    take_snapshot(transaction)
    model = transaction.execute(SQL["model"], {"model_id": model_id}).fetchone()
    if model is None:
        return []
    try:
        stored = _state_of_tables(transaction, model)
    except KeyError as error:
        return [(model["name"], f"rows belong to its version {error}, which is missing")]
    try:
        replayed = replay(_events(transaction, model["log_name"]))
    except (KeyError, TypeError, ValueError) as error:
        return [(model["name"], f"its events cannot be replayed: {error!r}")]
    found = list(_compared(model["name"], stored, replayed))
    if not has_own_key(model):
        found.append((model["name"], f"its key is {model['name_key']!r}, not the key of its name"))
    return found


def has_own_key(model: Row) -> bool:
    """Return whether the key of a model is that of its name.

    A deleted model whose name another one has now has its number after the key.
    """
    key = name_key(model["name"])
    return model["name_key"] in (key, f"{key}/{model['model_id']}")


def states_of_models(transaction: Transaction) -> Iterator[tuple[str, ReplayedModel | str]]:
    """Yield the log's name of each model with the state of its tables, or with why there is none.

    Call it in a snapshot.
    """
    after = 0
    while page := transaction.execute(SQL["page_of_models"], {"after": after}).fetchall():
        for row in page:
            model = transaction.execute(SQL["model"], row).fetchone()
            try:
                yield row["log_name"], _state_of_tables(transaction, model or row)
            except KeyError as error:
                yield row["log_name"], f"rows belong to its version {error}, which is missing"
        after = page[-1]["model_id"]


def _events(transaction: Transaction, log_name: str) -> Iterator[NewEvent]:
    for row in stream(transaction, SQL["events_of_model"], {"log_name": log_name}):
        yield NewEvent.stored(bytes(row["canonical"]))


def _compared(
    name: str, stored: ReplayedModel, replayed: ReplayedModel
) -> Iterator[tuple[str, str]]:
    for model_field in _MODEL_FIELDS:
        a, b = getattr(stored, model_field), getattr(replayed, model_field)
        yield from _difference(name, model_field, a, b)
    for number in sorted(stored.versions.keys() | replayed.versions.keys()):
        reference = f"{name}/{number}"
        row, events = stored.versions.get(number), replayed.versions.get(number)
        if row is None or events is None:
            yield reference, "it has no event" if events is None else "its row is missing"
            continue
        for field in filter(lambda one: one.compare, fields(ReplayedVersion)):
            a, b = getattr(row, field.name), getattr(events, field.name)
            yield from _difference(reference, field.name, a, b)


def _difference(
    reference: str, name: str, stored: object, replayed: object
) -> Iterator[tuple[str, str]]:
    if stored != replayed:
        yield reference, f"{name} is {_short(stored)}, but {_short(replayed)} by its events"


def _short(value: object, limit: int = 300) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _state_of_tables(transaction: Transaction, model: Row) -> ReplayedModel:
    key = {"model_id": model["model_id"]}

    def rows(query: str) -> list[Row]:
        return transaction.execute(SQL[query], key).fetchall()

    state = ReplayedModel(
        name=model["name"],
        first_version=model["first_version"],
        generation=model["generation"],
        policy=model["policy"],
        policy_revision=model["policy_revision"],
        deleted_at=model["deleted_at"],
        description=model["description"],
        owners=model["owners"],
        tags=model["tags"],
        last_updated_at=model["last_updated_at"],
    )
    for row in rows("versions_of_model"):
        number = row.pop("version")
        state.versions[number] = ReplayedVersion(**row)
    for row in rows("trainings_of_model"):
        metrics = {name: float(value) for name, value in row["metrics"].items()}
        training: dict[str, Any] = {
            name: row[name] for name in (*TRAINING, *STATED, "verification")
        }
        training |= {"metrics": metrics}
        if row["owners"] is None:  # written before migration 0035
            training |= dict.fromkeys(STATED, UNRECORDED)
        state.versions[row["version"]].trainings[row["training_id"]] = training
    _add_monitoring(state, rows("profiles_of_model"), rows("drifts_of_model"))
    for row in rows("verdicts_of_model"):
        row["details"] = json_digest(row["details"])
        state.versions[row.pop("version")].verdicts.append(row)
    for row in rows("decisions_of_model"):
        state.versions[row.pop("version")].decisions.append(row)
    for row in rows("overrides_of_model"):
        state.versions[row.pop("version")].overrides.append(row)
    for row in rows("requests_of_model"):
        state.versions[row.pop("version")].requests[row.pop("request_id")] = row
    for row in rows("given_up_of_model"):
        state.versions[row.pop("version")].given_up.append(row)
    for row in rows("evaluations_of_model"):
        state.versions[row["version"]].evaluations.append(json_digest(row["evaluation"]))
    for row in rows("cards_of_model"):
        state.versions[row["version"]].cards.append(row["digest"])
    for row in rows("marks_of_model"):
        state.versions[row["version"]].marks[row["quarantine_id"]] = Mark(
            row["certainty"], row["released_at"]
        )
    _add_tenures(state, rows("tenures_of_model"))
    return state


def _add_monitoring(state: ReplayedModel, profiles: list[Row], drifts: list[Row]) -> None:
    for row in profiles:
        digests = {json_digest(row["profile"]), row["digest"]}
        state.versions[row["version"]].profile = {
            "digest": digests.pop() if len(digests) == 1 else sorted(digests),
            "created_at": row["created_at"],
        }
    for row in drifts:
        row["partition"] = row["partition"] or None
        row["result"], row["served"] = json_digest(row["result"]), json_digest(row["served"])
        state.versions[row.pop("version")].drifts[row.pop("drift_id")] = row


def _add_tenures(state: ReplayedModel, rows: list[Row]) -> None:
    for row in rows:
        tenure = ReplayedTenure(**row)
        state.tenures.append(tenure)
        if tenure.until is None and tenure.pointer == "alias":
            state.aliases[tenure.name] = tenure.version
        if tenure.until is None and tenure.pointer == "stage":
            state.versions[tenure.version].stage = tenure.name
