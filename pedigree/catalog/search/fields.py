"""The fields that a filter and an order may name, with their types and columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import LiteralString

from pedigree.catalog.metadata_fields import ApprovalStatus, RiskClass
from pedigree.catalog.seal_states import SealState
from pedigree.catalog.search.ast import Comparison, Field, Literal, Value
from pedigree.errors import InvalidSearchError


class Kind(StrEnum):
    """The type of a field: the values and operators that it accepts."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "true or false"
    ANY = "text, number, true or false"
    TEXTS = "several texts"
    WORDS = "words"


_EQUAL = ("=", "!=", "IN")
_ORDERED = ("<", "<=", ">", ">=", "BETWEEN")
_ALIKE = ("LIKE", "ILIKE")
_NULL = ("IS NULL", "IS NOT NULL")
OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: _EQUAL + _ORDERED + _ALIKE + _NULL,
    Kind.NUMBER: _EQUAL + _ORDERED + _NULL,
    Kind.TIME: _EQUAL + _ORDERED + _NULL,
    Kind.BOOLEAN: ("=", "!=", *_NULL),
    Kind.ANY: _EQUAL + _ORDERED + _ALIKE + _NULL,
    Kind.TEXTS: _EQUAL + _ALIKE + _NULL,
    Kind.WORDS: ("MATCH",),
}


@dataclass(frozen=True, kw_only=True)
class FieldRule:
    """A field that a filter may name."""

    kind: Kind
    meaning: str
    sql: LiteralString
    """The column; ``{}`` is the place of the key in a field with keys."""
    keyed: bool = False
    choices: tuple[str, ...] = ()
    sortable: bool = True
    """Whether an order may name it."""
    names_people: bool = False
    """Whether the column has pseudonyms, for which results and filters have names."""


def _text(sql: LiteralString, meaning: str, choices: tuple[str, ...] = ()) -> FieldRule:
    return FieldRule(kind=Kind.TEXT, meaning=meaning, sql=sql, choices=choices)


# s: search_version, f: the version's staleness, if it was ever determined.
FIELDS: Mapping[str, FieldRule] = {
    "name": _text("s.name", "the model's name"),
    "version": FieldRule(kind=Kind.NUMBER, meaning="the version's number", sql="s.version"),
    "digest": _text("s.digest", "the artifact's digest, `sha256:…`"),
    "description": _text("s.description", "the version's description"),
    "size": FieldRule(kind=Kind.NUMBER, meaning="bytes of all files", sql="s.size"),
    "flavor": _text("s.flavor", "how it is loaded"),
    "stage": _text("s.stage", "the stage that it holds, `none` without one"),
    "alias": FieldRule(
        kind=Kind.TEXTS, meaning="the aliases that it holds", sql="s.aliases", sortable=False
    ),
    "owner": FieldRule(
        kind=Kind.TEXTS,
        meaning="its owners",
        sql="s.owners",
        sortable=False,
        names_people=True,
    ),
    "created_by": FieldRule(
        kind=Kind.TEXT, meaning="who registered it", sql="s.created_by", names_people=True
    ),
    "created_at": FieldRule(kind=Kind.TIME, meaning="when it was registered", sql="s.created_at"),
    "run_id": _text("s.run_id", "the run that made it"),
    "git_commit": _text("s.git_commit", "the commit of the training code"),
    "git_dirty": FieldRule(
        kind=Kind.BOOLEAN, meaning="the work tree differed from it", sql="s.git_dirty"
    ),
    "code_version": _text("s.code_version", "the asset's code version"),
    "training_data_digest": _text("s.training_data_digest", "one digest over all direct inputs"),
    "training_data_version": _text(
        "s.training_data_version", "the data's version, as its owner names it"
    ),
    "validation_dataset_id": _text(
        "s.validation_dataset_id", "the data that the metrics were computed on"
    ),
    "environment_hash": _text("s.environment_hash", "over the installed packages"),
    "ci_build": _text("s.ci_build", "the CI build"),
    "risk_class": _text("s.risk_class", "the class under the EU AI Act", tuple(RiskClass)),
    "approval_status": _text(
        "s.approval_status", "whether it is approved or rejected", tuple(ApprovalStatus)
    ),
    "approved_by": FieldRule(
        kind=Kind.TEXT, meaning="who approved it", sql="s.approved_by", names_people=True
    ),
    "overridden": FieldRule(
        kind=Kind.BOOLEAN,
        meaning="it once entered a stage past gates that it had not passed",
        sql="(EXISTS (SELECT FROM pedigree.stage_override o"
        " WHERE o.model_id = s.model_id AND o.version = s.version))",
        sortable=False,
    ),
    "quarantined": FieldRule(kind=Kind.BOOLEAN, meaning="it is quarantined", sql="s.quarantined"),
    "stale": FieldRule(
        kind=Kind.BOOLEAN,
        meaning="its data or code has newer versions, as last seen; no value if not known",
        sql="f.stale",
    ),
    "data_behind": FieldRule(
        kind=Kind.NUMBER, meaning="data versions it is behind, as last seen", sql="f.data_behind"
    ),
    "code_behind": FieldRule(
        kind=Kind.NUMBER, meaning="code versions it is behind, as last seen", sql="f.code_behind"
    ),
    "sealed": FieldRule(
        kind=Kind.BOOLEAN,
        meaning="the registry has its bytes",
        sql="(s.state = 'sealed')",
    ),
    "state": _text(
        "s.state", "whether it is sealed, pending, failed or by reference", tuple(SealState)
    ),
    "held": FieldRule(kind=Kind.BOOLEAN, meaning="a legal hold protects it", sql="s.held"),
    "tags": FieldRule(
        kind=Kind.TEXT, keyed=True, meaning="a tag", sql='((s.tags ->> {}) COLLATE "C")'
    ),
    "metrics": FieldRule(
        kind=Kind.NUMBER,
        keyed=True,
        meaning="a metric",
        sql="((s.metrics ->> {})::double precision)",
    ),
    "params": FieldRule(
        kind=Kind.ANY, keyed=True, meaning="a parameter", sql="nullif(s.params -> {}, 'null')"
    ),
    "lineage": FieldRule(
        kind=Kind.TEXTS,
        keyed=True,
        meaning="the partitions of an asset that it certainly or possibly depends on",
        sql="",
        sortable=False,
    ),
    "text": FieldRule(
        kind=Kind.WORDS,
        meaning="the words of name, description, tags and the card's notes",
        sql="",
        sortable=False,
    ),
}


def compares_names(found: Comparison) -> bool:
    """Return whether a comparison needs the names of people: no index of pseudonyms serves it."""
    return FIELDS[found.field.name].names_people and found.operator in (*_ORDERED, *_ALIKE)


def operators_of(name: str) -> tuple[str, ...]:
    """Return the operators that a field accepts."""
    if name == "lineage":
        return ("=", "!=", "IN", *_NULL)
    return OPERATORS[FIELDS[name].kind]


def check_field(field: Field, text: str, *, sort: bool = False) -> FieldRule:
    """Return the rule of a field.

    Raises:
        InvalidSearchError: There is no such field, or its key is missing or superfluous.
    """
    place = (field.place.start, field.place.end)
    source = "order_by" if sort else "filter"
    rule = FIELDS.get(field.name)
    if rule is None or (sort and not rule.sortable):
        known = [name for name, one in FIELDS.items() if one.sortable or not sort]
        shown = [f"{name}.<key>" if FIELDS[name].keyed else name for name in known]
        problem = f"there is no field {field.name!r}" if rule is None else "it has no order"
        raise InvalidSearchError(problem, expression=text, place=place, allowed=shown, field=source)
    if rule.keyed != (field.key is not None):
        allowed = f"{field.name}.<key>" if rule.keyed else field.name
        problem = "its key is missing" if rule.keyed else "it has no keys"
        raise InvalidSearchError(
            problem, expression=text, place=place, allowed=[allowed], field=source
        )
    return rule


def check_comparison(found: Comparison, text: str) -> Comparison:
    """Return a comparison with its values in the field's type.

    Raises:
        InvalidSearchError: The field does not accept the operator or the value.
    """
    allowed = operators_of(found.field.name)
    if found.operator not in allowed:
        raise InvalidSearchError(
            f"{found.field} does not accept {found.operator}",
            expression=text,
            place=(found.place.start, found.place.end),
            allowed=allowed,
        )
    rule = FIELDS[found.field.name]
    return replace(
        found, values=tuple(_typed(rule, found.operator, value, text) for value in found.values)
    )


def _typed(rule: FieldRule, operator: str, literal: Literal, text: str) -> Literal:
    kind = Kind.TEXT if operator in _ALIKE else rule.kind
    value = _value_of(kind, literal.value)
    place = (literal.place.start, literal.place.end)
    if value is None:
        shown = _EXAMPLES.get(kind, kind.value)
        raise InvalidSearchError(
            f"a value of another type is needed: {kind}",
            expression=text,
            place=place,
            allowed=[shown],
        )
    if operator in _ALIKE and str(value).replace("\\\\", "").endswith("\\"):
        problem = "the pattern ends within an escape"
        raise InvalidSearchError(problem, expression=text, place=place, allowed=["\\\\", "\\%"])
    if rule.choices and operator in _EQUAL and value not in rule.choices:
        problem = f"there is no {value!r} here"
        raise InvalidSearchError(problem, expression=text, place=place, allowed=rule.choices)
    return replace(literal, value=value)


_EXAMPLES: Mapping[Kind, str] = {
    Kind.TEXT: "'text'",
    Kind.TEXTS: "'text'",
    Kind.WORDS: "'words'",
    Kind.NUMBER: "a number such as 0.9",
    Kind.TIME: "'2026-01-31' or '2026-01-31T12:00:00+01:00'",
    Kind.BOOLEAN: "true or false",
}


def _value_of(kind: Kind, value: Value) -> Value | None:
    match kind:
        case Kind.TEXT | Kind.TEXTS | Kind.WORDS:
            return value if isinstance(value, str) else None
        case Kind.NUMBER:
            return (
                value
                if isinstance(value, int | float) and value is not True and value is not False
                else None
            )
        case Kind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Kind.TIME:
            return _moment(value) if isinstance(value, str) else None
        case _:
            return value


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
