"""The entrance of every verb: its arguments are checked before it runs, and its errors are typed.

The types of the contract say what is allowed, so a new verb needs no check of its own.
"""

import inspect
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache, partial, wraps
from pathlib import Path
from types import FunctionType, GenericAlias, MethodType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticSerializationError

from pedigree._values import Bound, bound_of, bounds_of, require_values
from pedigree.errors import InvalidInputError, InvalidMetadataError, PedigreeError

P = ParamSpec("P")
R = TypeVar("R")

_MANY = (Iterable, Collection, Sequence)
_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)
# A text names a member of an enumeration.
_LAX = ConfigDict(arbitrary_types_allowed=True)


class Boundary(Protocol):
    """What all operations of a registry have in common for their callers."""

    def typed_error(self, error: Exception) -> PedigreeError | None:
        """Return the typed error of an exception that left an operation; None for a defect."""

    def with_names(self, result: R) -> R:
        """Return a result with the names of people, as callers know them."""

    def name_people(self, error: PedigreeError) -> None:
        """Put the names of people in an error."""


class _Parameter(NamedTuple):
    """A parameter of a verb, as its contract states it."""

    name: str
    adapter: TypeAdapter[Any] | None
    bound: Bound | None
    keys: Mapping[str, Bound] | None
    """The bounds of the keys of ``**fields``, which are metadata."""

    def admit(self, given: object) -> object:
        """Return an argument that has the type and the bounds of the parameter.

        Raises:
            InvalidInputError: It has not.
        """
        if self.keys is not None:
            assert isinstance(given, dict)
            for name, value in given.items():
                bound = self.keys.get(name)
                require_values(value, name, bound=bound, error=InvalidMetadataError)
            return given
        if self.adapter is None:
            return given
        admitted = self._typed(given)
        # The fields of a record are named as they are, wherever the record is given.
        prefix = "" if isinstance(admitted, BaseModel) else self.name
        require_values(admitted, prefix, bound=self.bound)
        return admitted

    def _typed(self, given: object) -> object:
        assert self.adapter is not None
        try:
            return self.adapter.validate_python(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)[0]
            path = ".".join(map(str, (self.name, *_keys(found["loc"]))))
            raise InvalidInputError(
                found["msg"].removeprefix("Value error, ").replace("Input should", "should", 1),
                field=path,
                value=_shown(found["input"]),
                remedy="Give a value of that type",
            ) from None


class Entrance:
    """The entrance of one verb.

    Args:
        described: The verb's function in the contract.

    Attributes:
        returns_records: Whether the verb returns records or texts, in which people are named.
    """

    def __init__(self, described: Callable[..., object]) -> None:
        self._signature = inspect.signature(described, eval_str=True)
        self._parameters = {
            name: _parameter(parameter)
            for name, parameter in list(self._signature.parameters.items())[1:]
        }
        nameless = (Any, object, None, Path, bool, int)
        self.returns_records = self._signature.return_annotation not in nameless

    def admit(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments that have the types and the bounds of the contract.

        Raises:
            InvalidInputError: One of them has not.
            TypeError: One is missing, or the verb has no such parameter.
        """
        bound = self._signature.bind(None, *args, **kwargs)
        for name, given in bound.arguments.items():
            if name in self._parameters:
                bound.arguments[name] = self._parameters[name].admit(given)
        return bound.args[1:], bound.kwargs


def guarded(
    operation: Callable[P, R],
    described: Callable[..., object],
    boundary: Boundary,
) -> Callable[P, R]:
    """Return an operation that checks its arguments, raises only typed errors, and shows names.

    Args:
        operation: The operation of a group.
        described: Its function in the contract.
        boundary: What all operations of the registry have in common.
    """

    @wraps(operation)
    def verb(*args: P.args, **kwargs: P.kwargs) -> R:
        entrance = entrance_of(described)
        admitted, named = entrance.admit(args, kwargs)
        try:
            result = operation(*admitted, **named)
        except PedigreeError as error:
            boundary.name_people(error)
            raise
        except Exception as error:
            known = boundary.typed_error(error)
            if known is None:
                raise
            raise known from error
        return boundary.with_names(result) if entrance.returns_records else result

    verb.__doc__ = described.__doc__
    # An operation may take more than its verb, from callers in this process.
    verb.__signature__ = _as_described(operation, described)  # type: ignore[attr-defined]
    return verb


def _as_described(
    operation: Callable[..., object], described: Callable[..., object]
) -> inspect.Signature:
    # A method is bound again for each call, of which this would be a fifth.
    if isinstance(operation, MethodType) and isinstance(operation.__func__, FunctionType):
        return _method_as_described(operation.__func__, described)
    return _only_known(inspect.signature(operation), described)


@cache
def _method_as_described(
    method: FunctionType, described: Callable[..., object]
) -> inspect.Signature:
    found = inspect.signature(method)
    return _only_known(found.replace(parameters=[*found.parameters.values()][1:]), described)


def _only_known(found: inspect.Signature, described: Callable[..., object]) -> inspect.Signature:
    known = inspect.signature(described).parameters
    return found.replace(
        parameters=[each for name, each in found.parameters.items() if name in known]
    )


def typed_error(error: Exception) -> PedigreeError | None:
    """Return the typed error of a codec's or a parser's exception; None for any other one."""
    if isinstance(error, UnicodeError):
        return InvalidInputError(
            f"a text cannot be written in UTF-8 or read from it: {error.reason}"
            if isinstance(error, UnicodeEncodeError | UnicodeDecodeError)
            else "a text cannot be written in UTF-8 or read from it",
            remedy="Write it in UTF-8",
        )
    if isinstance(error, RecursionError):
        return InvalidInputError("a value is nested too deep", remedy="Nest it less")
    if isinstance(error, ValidationError | PydanticSerializationError):
        reason = str(error).splitlines()[-1].strip()
        return PedigreeError(
            f"a record cannot be read or written: {reason}",
            remedy="Run `pedigree fsck`, and report what it finds",
        )
    return None


@cache
def entrance_of(described: Callable[..., object]) -> Entrance:
    """Return the entrance of a function of the contract, built when it is first used."""
    return Entrance(described)


def _parameter(parameter: inspect.Parameter) -> _Parameter:
    hint = parameter.annotation
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        (fields,) = get_args(hint)  # Unpack[…]
        return _Parameter(parameter.name, None, None, bounds_of(fields))
    return _Parameter(parameter.name, _adapter(hint), bound_of(hint), None)


def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """Return what checks a type; None for a foreign object, which nothing is known about."""
    if hint in (Any, object, object | None):
        return None
    return TypeAdapter(_checkable(hint), config=_LAX if _has_enum(hint) else _STRICT)


def _checkable(hint: Any) -> Any:
    """Return a type as pydantic can check it: iterables are read once, and become tuples."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _MANY:
        many = GenericAlias(tuple, (_checkable(inner[0]), ...))
        return Annotated[many, BeforeValidator(_read_all)]
    if origin is Annotated:
        return Annotated[(_checkable(inner[0]), *hint.__metadata__)]
    if origin is not None and type(None) in inner:
        return _union(inner)
    if origin is Literal and isinstance(inner[0], str) and not isinstance(inner[0], Enum):
        return str  # the operation refuses an unknown word, and names the known ones
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return Annotated[Any, BeforeValidator(partial(_instance, hint))]
    return Annotated[int, BeforeValidator(_as_integer)] if hint is int else hint


def _union(kinds: tuple[Any, ...]) -> Any:
    found = _checkable(kinds[0])
    for kind in kinds[1:]:
        found = found | (None if kind is type(None) else _checkable(kind))
    return found


def _read_all(given: object) -> object:
    """Return the members of an iterable; a text is not the list of its characters."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise ValueError("should be a list")
    return tuple(given)


def _instance(kind: type[BaseModel], given: object) -> object:
    if not isinstance(given, kind):
        raise ValueError(f"should be a {kind.__name__}")
    return given


def _as_integer(given: object) -> object:
    """Return an integer, also of numpy."""
    return operator.index(given) if hasattr(given, "__index__") and given is not True else given


def _has_enum(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return True
    return any(_has_enum(inner) for inner in get_args(hint))


def _shown(value: object) -> object:
    return value if isinstance(value, str | int | float) else f"a {type(value).__name__}"


def _keys(place: Sequence[int | str]) -> list[int | str]:
    """Return the keys of a place, without pydantic's names of the members of a union."""
    return [key for key in place if isinstance(key, int) or key.isidentifier()]
