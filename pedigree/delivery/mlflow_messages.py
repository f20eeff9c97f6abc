"""Events of the registry as the messages of MLflow's webhooks.

An event can be several messages, one for each tag that it changes, or none. What is a prompt is
decided as in MLflow: by the tags with which something is created, and else by those of the model.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID, uuid5

from pydantic import JsonValue
from pydantic_core import to_json

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event, NewEvent
from pedigree.delivery.mlflow_kinds import MlflowKind
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)

_IS_PROMPT = "mlflow.prompt.is_prompt"
_PROMPT_TEXT = "mlflow.prompt.text"
_PROMPT_TYPE = "_mlflow_prompt_type"

Tags = dict[str, str]


class MlflowMessage(NamedTuple):
    """A message of MLflow's webhooks."""

    kind: MlflowKind
    data: dict[str, JsonValue]

    def payload(self, at: datetime) -> bytes:
        """Return its JSON, as MLflow's server sends it.

        Args:
            at: The time of the event.
        """
        head = {"entity": self.kind.entity, "action": self.kind.action}
        return to_json({**head, "timestamp": at.isoformat(), "data": self.data})


class MessagePart(NamedTuple):
    """A message among those of one event.

    Attributes:
        message: The message.
        place: Its place among them, from 0.
        is_last: No further one is wanted.
    """

    message: MlflowMessage
    place: int
    is_last: bool

    def message_id(self, event_id: str) -> str:
        """Return its id, the same at each attempt: that of the event for its first message."""
        return str(uuid5(UUID(event_id), str(self.place))) if self.place else event_id


def part_from(
    transaction: Transaction, event: Event, wanted: Collection[str], start: int
) -> MessagePart | None:
    """Return the first wanted message of an event from a place on; None if there is none.

    Args:
        transaction: The transaction.
        event: An event of the feed.
        wanted: The kinds of messages that the receiver wants.
        start: The place.
    """
    if not may_be(event.type, wanted):
        return None
    messages = tuple(_MAKERS[event.type](transaction, event))
    places = [place for place, each in enumerate(messages) if each.kind in wanted]
    left = [place for place in places if place >= start]
    return MessagePart(messages[left[0]], left[0], len(left) == 1) if left else None


def may_be(event_type: EventType, wanted: Collection[str]) -> bool:
    """Return whether events of a type can be one of the wanted kinds of messages."""
    return not _KINDS.get(event_type, frozenset()).isdisjoint(wanted)


def _of_new_model(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    described = _described_at_once(transaction, event)
    tags = _tags(described.get("tags"))
    is_prompt = _says_prompt(tags)
    kind = MlflowKind.PROMPT_CREATED if is_prompt else MlflowKind.MODEL_CREATED
    data: dict[str, JsonValue] = {
        "name": event.model,
        "tags": {**(_without(tags, _IS_PROMPT, _PROMPT_TYPE) if is_prompt else tags)},
        "description": described.get("description") or "",
    }
    yield MlflowMessage(kind, data)


def _of_new_version(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    body, tags = event.body, _tags(event.body.get("tags"))
    about: dict[str, JsonValue] = {"name": event.model, "version": str(event.version)}
    description = body.get("description") or None
    if _says_prompt(tags):
        own = _without(tags, _IS_PROMPT, _PROMPT_TYPE, _PROMPT_TEXT)
        text: dict[str, JsonValue] = {
            "template": tags.get(_PROMPT_TEXT),
            "tags": {**own},
            "description": description,
        }
        yield MlflowMessage(MlflowKind.PROMPT_VERSION_CREATED, {**about, **text})
        return
    source = body.get("source") or f"pedigree://artifacts/{body.get('digest')}"
    more: dict[str, JsonValue] = {
        "source": source,
        "run_id": _stated_run(transaction, event) or body.get("run_id") or None,
        "tags": {**tags},
        "description": description,
    }
    yield MlflowMessage(MlflowKind.VERSION_CREATED, {**about, **more})


def _of_version_tags(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    changed = _changed_tags(transaction, event)
    if not changed:
        return
    is_prompt = _is_of_prompt(transaction, event)
    was_set, deleted = (
        (MlflowKind.PROMPT_VERSION_TAG_SET, MlflowKind.PROMPT_VERSION_TAG_DELETED)
        if is_prompt
        else (MlflowKind.VERSION_TAG_SET, MlflowKind.VERSION_TAG_DELETED)
    )
    about = {"name": event.model, "version": str(event.version)}
    yield from _of_tags(changed, was_set, deleted, about)


def _of_model_tags(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    changed = _changed_tags(transaction, event)
    # MLflow has no event for tags of models.
    if changed and _is_of_prompt(transaction, event):
        was_set, deleted = MlflowKind.PROMPT_TAG_SET, MlflowKind.PROMPT_TAG_DELETED
        yield from _of_tags(changed, was_set, deleted, {"name": event.model})


def _of_tags(
    changed: Mapping[str, str | None],
    was_set: MlflowKind,
    deleted: MlflowKind,
    about: Mapping[str, JsonValue],
) -> Iterator[MlflowMessage]:
    for key, value in sorted(changed.items()):
        if value is None:
            yield MlflowMessage(deleted, {**about, "key": key})
        else:
            yield MlflowMessage(was_set, {**about, "key": key, "value": value})


def _of_set_alias(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    is_prompt = _is_of_prompt(transaction, event)
    kind = MlflowKind.PROMPT_ALIAS_CREATED if is_prompt else MlflowKind.ALIAS_CREATED
    alias = event.body.get("alias")
    if alias is not None:  # else the event is too large to be read
        about: dict[str, JsonValue] = {"name": event.model, "alias": alias}
        yield MlflowMessage(kind, {**about, "version": str(event.version)})


def _of_deleted_alias(transaction: Transaction, event: Event) -> Iterator[MlflowMessage]:
    is_prompt = _is_of_prompt(transaction, event)
    kind = MlflowKind.PROMPT_ALIAS_DELETED if is_prompt else MlflowKind.ALIAS_DELETED
    alias = event.body.get("alias")
    if alias is not None:
        yield MlflowMessage(kind, {"name": event.model, "alias": alias})


class _Maker(NamedTuple):
    """How events of a type become messages, and of which kinds these can be."""

    make: Callable[[Transaction, Event], Iterable[MlflowMessage]]
    kinds: frozenset[MlflowKind]


_TABLE: Mapping[EventType, _Maker] = MappingProxyType(
    {
        EventType.MODEL_CREATED: _Maker(
            _of_new_model, frozenset({MlflowKind.MODEL_CREATED, MlflowKind.PROMPT_CREATED})
        ),
        EventType.MODEL_UPDATED: _Maker(
            _of_model_tags, frozenset({MlflowKind.PROMPT_TAG_SET, MlflowKind.PROMPT_TAG_DELETED})
        ),
        EventType.VERSION_CREATED: _Maker(
            _of_new_version,
            frozenset({MlflowKind.VERSION_CREATED, MlflowKind.PROMPT_VERSION_CREATED}),
        ),
        EventType.VERSION_UPDATED: _Maker(
            _of_version_tags,
            frozenset(
                {
                    MlflowKind.VERSION_TAG_SET,
                    MlflowKind.VERSION_TAG_DELETED,
                    MlflowKind.PROMPT_VERSION_TAG_SET,
                    MlflowKind.PROMPT_VERSION_TAG_DELETED,
                }
            ),
        ),
        EventType.ALIAS_SET: _Maker(
            _of_set_alias, frozenset({MlflowKind.ALIAS_CREATED, MlflowKind.PROMPT_ALIAS_CREATED})
        ),
        EventType.ALIAS_DELETED: _Maker(
            _of_deleted_alias,
            frozenset({MlflowKind.ALIAS_DELETED, MlflowKind.PROMPT_ALIAS_DELETED}),
        ),
    }
)
_MAKERS = {kind: maker.make for kind, maker in _TABLE.items()}
_KINDS = {kind: maker.kinds for kind, maker in _TABLE.items()}


def _stated_run(transaction: Transaction, event: Event) -> JsonValue:
    row = transaction.execute(_SQL["run_of_source"], {"seq": event.seq}).fetchone()
    return row["run_id"] if row else None


def _described_at_once(transaction: Transaction, event: Event) -> Mapping[str, JsonValue]:
    """Return what a model had from its start, which is the event after its creation."""
    row = transaction.execute(_SQL["next_of_model"], {"seq": event.seq}).fetchone()
    if row is None:
        return {}
    following = NewEvent.stored(bytes(row["canonical"]))
    is_same = following.type is EventType.MODEL_UPDATED and following.at == event.at
    return following.body if is_same else {}


def _changed_tags(transaction: Transaction, event: Event) -> Mapping[str, str | None]:
    """Return the tags that an event changes; None is one that it deletes."""
    body = event.body
    if isinstance(changes := body.get("tag_changes"), dict):
        return {key: None if value is None else str(value) for key, value in changes.items()}
    if "tags" not in body:
        return {}
    rows = transaction.execute(_SQL["earlier_descriptions"], {"seq": event.seq}).fetchall()
    earlier = [NewEvent.stored(bytes(row["canonical"])) for row in rows]
    if event.version is None and len(earlier) == 1 and earlier[0].at == event.at:
        return {}  # the model was created with them
    before: Tags = {}
    for each in earlier:
        before = _tags_after(before, each)
    after = _tags_after(before, event)
    changed = {key: after.get(key) for key in {*before, *after}}
    return {key: value for key, value in changed.items() if value != before.get(key)}


def _tags_after(before: Tags, event: NewEvent) -> Tags:
    if "tags" in event.body:
        return _tags(event.body["tags"])
    changes = event.body.get("tag_changes")
    if not isinstance(changes, dict):
        return before
    merged = {**before, **changes}
    return {key: str(value) for key, value in merged.items() if value is not None}


def _is_of_prompt(transaction: Transaction, event: Event) -> bool:
    values = {"seq": event.seq, "tag": _IS_PROMPT}
    row = transaction.execute(_SQL["is_of_prompt"], values).fetchone()
    return row is not None and bool(row["is_prompt"])


def _says_prompt(tags: Tags) -> bool:
    return tags.get(_IS_PROMPT, "").lower() == "true"


def _tags(value: JsonValue) -> Tags:
    return {key: str(each) for key, each in value.items()} if isinstance(value, dict) else {}


def _without(tags: Tags, *keys: str) -> Tags:
    return {key: value for key, value in tags.items() if key not in keys}
