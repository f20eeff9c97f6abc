"""Fields of requests: what a route takes, declared once, with the texts by which MLflow refuses.

A request is a frozen dataclass. The annotation of a field says its type; :func:`required` and
:func:`optional` say the rest::

    @dataclass(frozen=True, kw_only=True)
    class RenameRequest(MlflowRequest):
        name: str = required(rule=model_name)
        new_name: str = required(rule=model_name)

Values are read as MLflow's server reads them: by the JSON form of protocol buffers, in which null
is a missing value and unknown fields are ignored.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, get_args, get_origin, get_type_hints

from pedigree.errors import InvalidInputError
from pedigree.server.mlflow.json_values import WrongTypeError, is_integer_like, parse_value

_KEY = "mlflow"
_SEE = " See the API docs for more information about request parameters."

T = TypeVar("T", bound="MlflowRequest")
Rule = Callable[[str, Any], str | None]


class UnacceptedRequestError(InvalidInputError):
    """A request that MLflow refuses too; the message is MLflow's text."""


class _Declared(NamedTuple):
    """What a declaration says of a field except its type."""

    is_required: bool
    rule: Rule | None
    most: int | None
    is_checked: bool


def required(*, rule: Rule | None = None) -> Any:
    """Declare a field without which MLflow refuses a request.

    Args:
        rule: Returns why MLflow refuses a value, in its words; None if it accepts it.
    """
    return dataclasses.field(metadata={_KEY: _Declared(True, rule, None, True)})


def optional(
    default: Any = None, *, rule: Rule | None = None, most: int | None = None, checked: bool = True
) -> Any:
    """Declare a field that may be missing.

    Args:
        default: Its value when it is missing.
        rule: Returns why MLflow refuses a value, in its words; None if it accepts it.
        most: The largest number.
        checked: MLflow's text about a value of a wrong type says which type it has.
    """
    declared = _Declared(False, rule, most, checked)
    return dataclasses.field(default=default, metadata={_KEY: declared})


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlflowRequest:
    """A request without fields, and the base of all others."""

    judged_first: ClassVar[tuple[str, ...]] = ()
    """The fields whose rules come before those of the others."""

    is_about_model: ClassVar[bool] = True
    """Whether its ``name`` is that of a model."""

    def refusal(self) -> str | None:
        """Return why MLflow refuses values that it accepts alone; None if it accepts them."""
        return None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Return the request of the JSON object of a body.

        Raises:
            UnacceptedRequestError: A field is missing, or is not of its type, or breaks its rule.
        """
        return _read(cls, given, is_query=False)

    @classmethod
    def read_query(cls, pairs: list[tuple[str, str]]) -> Self:
        """Return the request of a query: the first value of a field counts, if it has only one.

        Raises:
            UnacceptedRequestError: A field is missing, or is not of its type, or breaks its rule.
        """
        sent: dict[str, list[str]] = {}
        for name, value in pairs:
            sent.setdefault(name, []).append(value)
        given: dict[str, Any] = {}
        for field in fields_of(cls):
            if values := sent.get(field.name):
                given[field.name] = values if field.is_repeated else field.from_query(values[0])
        return _read(cls, given, is_query=True)


class RequestField(NamedTuple):
    """A field of a request."""

    name: str
    json_name: str
    kind: Any
    is_repeated: bool
    declared: _Declared

    def from_query(self, value: str) -> str | bool:
        """Return the value of a query, in which booleans are words.

        Raises:
            UnacceptedRequestError: It is no boolean, where the field is one.
        """
        if self.kind is not bool:
            return value
        if value.lower() not in ("true", "false"):
            raise UnacceptedRequestError(
                f"Invalid boolean value: {value}, must be 'true' or 'false'."
            )
        return value.lower() == "true"

    def parse(self, value: Any) -> Any:
        """Return a value of the field's type.

        Raises:
            WrongTypeError: It is of another one.
        """
        if not self.is_repeated:
            return self._one(value)
        if not isinstance(value, list):
            raise WrongTypeError
        return tuple(map(self._one, value))

    def _one(self, value: Any) -> Any:
        if issubclass(self.kind, MlflowRequest):
            return _nested(self.kind, value)
        return parse_value(self.kind, value)

    def require_type(self, value: Any) -> None:
        """Refuse a value whose type is not the field's, as far as MLflow's text names it.

        Raises:
            UnacceptedRequestError: It is of another type.
        """
        if self.is_repeated:
            is_right = isinstance(value, list) and (
                self.kind is not str or all(isinstance(each, str) for each in value)
            )
        elif self.kind is int:
            is_right = is_integer_like(value)
        else:
            is_right = isinstance(value, bool if self.kind is bool else str)
        if not is_right:
            raise self.wrong(value)

    def require_at_most(self, value: Any) -> None:
        """Refuse a number above the field's bound.

        Raises:
            UnacceptedRequestError: It is larger.
        """
        if self.declared.most is not None and int(value) > self.declared.most:
            raise self.wrong(value)

    def wrong(self, value: Any) -> UnacceptedRequestError:
        """Return the error of a value, in MLflow's words."""
        hint = f" Hint: Value was of type '{type(value).__name__}'."
        return UnacceptedRequestError(f"{invalid_value(self.name, value, hint)}{_SEE}")


class _Described(NamedTuple):
    """The fields of a request, and their rules by their names, in the order of judgement."""

    fields: tuple[RequestField, ...]
    rules: tuple[tuple[str, Rule], ...]


# Those of each request: its annotations are read once.
_DESCRIBED: dict[type[MlflowRequest], _Described] = {}


def invalid_value(name: str, value: Any, hint: str) -> str:
    """Return MLflow's text about an invalid value."""
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"Invalid value {shown} for parameter '{name}' supplied: {hint}"


def missing_value(name: str) -> str:
    """Return MLflow's text about a missing value."""
    return f"Missing value for required parameter '{name}'."


def fields_of(request: type[MlflowRequest]) -> tuple[RequestField, ...]:
    """Return the fields of a request, in the order of their declarations."""
    return _described(request).fields


def _described(request: type[MlflowRequest]) -> _Described:
    known = _DESCRIBED.get(request)
    if known is None:
        kinds = get_type_hints(request)
        fields = tuple(_field(each, kinds[each.name]) for each in dataclasses.fields(request))
        ordered = sorted(fields, key=lambda each: each.name not in request.judged_first)
        rules = tuple((each.name, each.declared.rule) for each in ordered if each.declared.rule)
        known = _DESCRIBED[request] = _Described(fields, rules)
    return known


def _field(declared: dataclasses.Field[Any], annotation: Any) -> RequestField:
    options = [each for each in get_args(annotation) if each is not type(None)]
    is_repeated = get_origin(annotation) is tuple
    kind = options[0] if options else annotation
    first, *others = declared.name.split("_")
    json_name = first + "".join(map(str.capitalize, others))
    return RequestField(declared.name, json_name, kind, is_repeated, declared.metadata[_KEY])


def _read(request: type[T], given: Mapping[str, Any], *, is_query: bool) -> T:
    fields = fields_of(request)
    if not is_query:
        _require_one_spelling(fields, given)
    values, wrong = _parsed(fields, given)
    for field in fields:
        if field.declared.is_checked:
            _check(field, given, is_parsed=wrong is None)
    if wrong is not None:
        raise wrong
    read = request(**values)
    for name, rule in _described(request).rules:
        if refused := rule(name, getattr(read, name)):
            raise UnacceptedRequestError(refused)
    if refused := read.refusal():
        raise UnacceptedRequestError(refused)
    return read


def _require_one_spelling(fields: tuple[RequestField, ...], given: Mapping[str, Any]) -> None:
    for field in fields:
        if field.name != field.json_name and {field.name, field.json_name} <= given.keys():
            raise UnacceptedRequestError(
                f"Request specifies both '{field.name}' and '{field.json_name}';"
                " provide only one of them."
            )


def _parsed(
    fields: tuple[RequestField, ...], given: Mapping[str, Any]
) -> tuple[dict[str, Any], UnacceptedRequestError | None]:
    """Return the values of the fields, and the error of the first one that is of a wrong type."""
    values: dict[str, Any] = {}
    for field in fields:
        value = given.get(field.name, given.get(field.json_name))
        if value is None:
            continue
        try:
            values[field.name] = field.parse(value)
        except WrongTypeError:
            return values, field.wrong(value)
    return values, None


def _check(field: RequestField, given: Mapping[str, Any], *, is_parsed: bool) -> None:
    """Refuse a value as MLflow's schemas do: they look at types only if one is wrong somewhere."""
    declared = field.declared
    if field.name not in given and not declared.is_required:
        return
    value = given.get(field.name)
    if not is_parsed:
        field.require_type(value)
    if declared.is_required and (value is None or value == ""):
        raise UnacceptedRequestError(f"{missing_value(field.name)}{_SEE}")
    if value is not None:
        field.require_at_most(value)


def _nested(kind: type[MlflowRequest], value: Any) -> MlflowRequest:
    if isinstance(value, str):  # its letters are unknown fields to MLflow, which ignores them
        return kind()
    if not isinstance(value, dict):
        raise WrongTypeError
    fields = fields_of(kind)
    _require_one_spelling(fields, value)
    values, wrong = _parsed(fields, value)
    if wrong is not None:
        raise WrongTypeError
    return kind(**values)
