"""Bad values for every parameter of every verb, generated from the types of the contract."""

import inspect
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin
from uuid import UUID, uuid4

from pydantic import BaseModel

from pedigree._values import JSON_DEPTH, Bound, bound_of, bounds_of
from pedigree.artifacts.records import ManifestFile, WantedFile, digest_of
from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes
from pedigree.contract.registry import RegistryContract
from pedigree.contract.verbs import RegistryVerbs, Verb
from pedigree.datasets.records import Datasheet, DataState, DataVerdict
from pedigree.evaluation.records import Evaluation, GroupResult, Task
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import CheckRule, RetentionRule, Verdict
from pedigree.monitoring.records import DataProfile, Expectations
from tests.factories import new_version

Call = tuple[str, dict[str, Any]]

MANY = (Collection, Iterable, Sequence)
DIGEST = digest_of(b"a")
TEXTS = ("\0", "a\0b", "\ud800", "caf\udce9", "x" * 70_000, "é" * 40_000)
NO_TEXTS = (b"bytes", 5, 1.5, object(), [5], {"a": 1}, True)
NO_NUMBERS = ("3", "x", 1.5, float("nan"), [1], {}, b"1", object())
NO_OBJECTS = ("text", 5, b"x", [1], object(), float("inf"))

# A valid value of each parameter that some verb requires.
VALID: dict[str, Any] = {
    "a": "churn/1",
    "alias": "best",
    "asset": "raw",
    "assets": ("raw",),
    "b": "churn/1",
    "check": "artifact_intact",
    "comment": "why",
    "data": DataProfile(rows=0, columns=()),
    "datasheet": Datasheet(motivation="to learn"),
    "destination": "pulled",
    "drift_id": 1,
    "evaluation": Evaluation(task=Task.BINARY, overall=GroupResult(group="overall", count=1)),
    "files": (),
    "flavor": "generic",
    "format": "prov",
    "grant_id": 1,
    "key": "team",
    "group": "risk",
    "member": "ann",
    "model": object(),
    "moment": datetime.fromisoformat("2026-01-01T00:00Z"),
    "name": "churn",
    "new": new_version(),
    "new_name": "churned",
    "path": "model.bin",
    "plan": None,
    "policy": default_policy(),
    "active": True,
    "permissions": ("read",),
    "principal": "ci",
    "profile": DataProfile(rows=0, columns=()),
    "reason": "why",
    "reference": "churn/1",
    "role": "reader",
    "roles": ("reader",),
    "rule": RetentionRule(),
    "seq": 1,
    "stage": "staging",
    "states": (DataState(asset="raw"),),
    "to": "ann",
    "token_id": 1,
    "upload_id": uuid4(),
    "url": "https://example.com/hook",
    "value": "growth",
    "verdict": Verdict(check="own", passed=True, digest=DIGEST, summary="good"),
    "version": 1,
    "webhook_id": 1,
}
# Records that a parameter takes, by the class in its annotation.
RECORDS: dict[type, BaseModel] = {
    Actor: Actor(name="ann", source="test"),
    CardNotes: CardNotes(license="mit"),
    CheckRule: CheckRule(name="artifact_intact", settings={"a": 1}),
    DataState: DataState(asset="raw"),
    DataVerdict: DataVerdict(asset="raw", check="rows", passed=True, summary="good"),
    Expectations: Expectations(suite="rows", passed=True, met=1, total=1),
    ManifestFile: ManifestFile(path="model.bin", digest=DIGEST, size=1),
    WantedFile: WantedFile(digest=DIGEST, size=1),
} | {type(value): value for value in VALID.values() if isinstance(value, BaseModel)}


def deep(levels: int) -> Any:
    """A value of nested lists and objects, alternately."""
    made: Any = 1
    for level in range(levels):
        made = [made] if level % 2 else {"k": made}
    return made


class Target(NamedTuple):
    """A parameter of a verb."""

    verb: str
    parameter: str
    hint: Any


def verbs() -> dict[str, Callable[..., Any]]:
    """Every verb's function in the contract."""
    found = {name for name, verb in vars(RegistryVerbs).items() if isinstance(verb, Verb)}
    return {name: getattr(RegistryContract, name) for name in sorted(found)}


def targets() -> list[Target]:
    """Every parameter that has a type; any object may be a model or a sample."""
    return [
        Target(verb, parameter.name, parameter.annotation)
        for verb, function in verbs().items()
        for parameter in _parameters(function)
        if parameter.annotation not in (object, object | None, Any)
        and parameter.name not in ("progress", "plan")
    ]


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())[1:]


def bad_calls(count: int, seed: int = 14) -> Iterator[Call]:
    """Calls with one bad argument each: every parameter of every verb in turn."""
    chosen = random.Random(seed)
    every = targets()
    for number in range(count):
        target = every[number % len(every)]
        known = _known(target.verb)
        if target.parameter == "fields":
            name, value = chosen.choice(BAD_FIELDS)
            yield target.verb, known | {"flavor": "generic", "run_id": "r", name: value}
            continue
        yield target.verb, known | {target.parameter: bad_value(target.hint, chosen)}


def _known(verb: str) -> dict[str, Any]:
    """Valid values of what a verb requires."""
    known = {
        parameter.name: VALID[parameter.name]
        for parameter in _parameters(getattr(RegistryContract, verb))
        if parameter.default is inspect.Parameter.empty
        and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return known | ({"verdict": RECORDS[DataVerdict]} if verb == "record_data_verdict" else {})


BAD_FIELDS: tuple[tuple[str, Any], ...] = (
    *(("params", {"a": value}) for value in (float("nan"), float("inf"), deep(JSON_DEPTH + 1))),
    *(("params", {"a": value}) for value in ("\0", "\ud800", object(), 10**400, "x" * 300_000)),
    ("params", {"\ud800": 1}),
    *(("tags", value) for value in ({"a": "\0"}, {"\0": "a"}, {"a": 1}, {"a": "x" * 70_000}, "a")),
    *(("owners", value) for value in (("\ud800",), ("x" * 70_000,), "ann", (1,))),
    *(("run_id", value) for value in ("x" * 801, "\0", "\ud800")),
    *(("metrics", {"a": value}) for value in (float("nan"), float("-inf"), "x")),
    *(("description", value) for value in TEXTS),
)


def strange_calls(count: int, seed: int = 15) -> Iterator[Call]:
    """Calls with one argument that has the right type and is seldom seen."""
    chosen = random.Random(seed)
    every = [each for each in targets() if strange_values(each.hint)]
    for number in range(count):
        target = every[number % len(every)]
        known = _known(target.verb)
        yield target.verb, known | {target.parameter: chosen.choice(strange_values(target.hint))}


STRANGE: dict[type, tuple[Any, ...]] = {
    str: ("", " ", "/", "@", "a@", "a/0", "a/99999999999", "\x1b[31m", "a\nb", "\u202e", "'; --",
          "%00", "é" * 300, "x" * 800, "x" * 801, "x" * 60_000, "\U0001f600", "NaN", "churn@v1"),
    int: (-1, 0, 2**31, 2**53, 2**63, 2**64, 10**300, -(10**300)),
    datetime: (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC),
               datetime.fromisoformat("0001-01-01T00:00+14:00"), datetime.min),  # noqa: DTZ901

    timedelta: (timedelta.min, timedelta.max, timedelta(0), timedelta(microseconds=1)),
    UUID: (UUID(int=0),),
}  # fmt: skip


def strange_values(hint: Any) -> tuple[Any, ...]:
    """Values of a parameter's type, from the ends of what it holds."""
    kinds = set(_all_kinds(hint))
    is_many = not kinds & {Mapping} and any(get_origin(kind) in MANY for kind in kinds)
    found = next((values for kind, values in STRANGE.items() if kind in kinds), ())
    if bound_of(hint) is not None and getattr(bound_of(hint), "is_json", False):
        return ()
    return tuple((value,) for value in found) if is_many else found


def bad_value(hint: Any, chosen: random.Random) -> Any:
    """A value that a parameter of a type refuses."""
    kinds = [hint, *get_args(hint)]
    records = [kind for kind in _all_kinds(hint) if kind in RECORDS]
    if records:
        record = chosen.choice([_spoiled(RECORDS[records[0]], chosen), *NO_OBJECTS])
        is_many = hint is not records[0] and records[0] not in get_args(hint)
        return (record,) if is_many else record
    bound = bound_of(hint)
    if bound is not None and bound.is_json:
        texts = chosen.choice([{"a": chosen.choice(TEXTS)}, {chosen.choice(TEXTS): "a"}, {"a": 5}])
        return chosen.choice([texts, [chosen.choice(TEXTS)], [5], "text", 5, object()])
    if any(kind in (int, bool, datetime, timedelta, UUID) for kind in kinds):
        no_values: tuple[Any, ...] = (*NO_NUMBERS, deep(100), "\0", "\ud800")
        return chosen.choice(no_values)
    if str in kinds or (any(get_args(kind)[:1] == (str,) for kind in kinds) and _is_text(hint)):
        texts_and_others: tuple[Any, ...] = (*_texts(bound), *NO_TEXTS)
        is_path = Path in kinds
        return chosen.choice(_texts(bound) if is_path else texts_and_others)
    return chosen.choice([("\0",), ("\ud800",), (5,), 5, object(), "\0", deep(100)])


def _texts(bound: Bound | None) -> tuple[str, ...]:
    return (*TEXTS, "x" * (bound.size + 1)) if bound else TEXTS


def _is_text(hint: Any) -> bool:
    return str(hint).startswith(("typing.Annotated[str", "typing.Optional[typing.Annotated[str"))


def _all_kinds(hint: Any) -> Iterator[Any]:
    yield hint
    for inner in get_args(hint):
        yield from _all_kinds(inner)


def _spoiled(record: BaseModel, chosen: random.Random) -> BaseModel:
    """A record with a bad value in one field that has a text or a JSON value."""
    bounds = bounds_of(type(record))
    fields = [
        name
        for name, value in record
        if isinstance(value, str | dict | BaseModel) and not isinstance(value, bool)
    ]
    if not fields:
        return record.model_copy(update={next(iter(type(record).model_fields)): "\0"})
    name = chosen.choice(fields)
    value = getattr(record, name)
    if isinstance(value, BaseModel):
        return record.model_copy(update={name: _spoiled(value, chosen)})
    if isinstance(value, dict):
        spoiled = chosen.choice([deep(JSON_DEPTH + 1), float("nan"), "\0", "x" * 300_000])
        return record.model_copy(update={name: {"a": spoiled}})
    return record.model_copy(update={name: chosen.choice(_texts(bounds.get(name)))})
