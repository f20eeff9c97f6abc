"""Errors of the command line itself, as errors with a field, a value and a remedy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pedigree.cli._commands import listed, load
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from typer._click import Context


def usage_error(error: Exception, words: Sequence[str]) -> InvalidInputError | None:
    """Return a usage error of the parser as an error of the interface; None if it is another one.

    Args:
        error: What the parser raised.
        words: The words of the command line.
    """
    if not callable(describe := getattr(error, "format_message", None)):
        return None
    context = getattr(error, "ctx", None)
    command = " ".join(["pedigree", *(_path_of(context) if context else _commands_in(words))])
    see = f"`{command} --help` lists what it takes"
    if (option := getattr(error, "option_name", None)) is not None:
        possible = getattr(error, "possibilities", None)
        meant = f"Did you mean {' or '.join(sorted(possible))}? " if possible else ""
        return _invalid(error, option, _given(words, option), f"{meant}{see}")
    if (param := getattr(error, "param", None)) is not None:
        field = _name_of(param)
        if type(error).__name__ == "MissingParameter":
            return InvalidInputError("is required", field=field, remedy=f"Give it: {see}")
        return _invalid(error, field, _value_of(param, context, words), f"Correct it: {see}")
    field = "command" if context and hasattr(context.command, "commands") else "arguments"
    extra = _parsed(context, words)[1] if context else []
    value = (extra[0] if field == "command" else " ".join(extra)) if extra else None
    return InvalidInputError(_clause(str(describe())), field=field, value=value, remedy=see)


def _invalid(error: Any, field: str, value: object, remedy: str) -> InvalidInputError:
    return InvalidInputError(_clause(error.message), field=field, value=value, remedy=remedy)


def _clause(message: str) -> str:
    text = message.strip().removesuffix(".")
    return text[:1].lower() + text[1:]


def _name_of(param: Any) -> str:
    """Return an option as it is written, or the name of an argument in the help."""
    if param.param_type_name == "option":
        return str(max(param.opts, key=len))
    return str(param.metavar or param.name).strip("[].").upper()


def _given(words: Sequence[str], option: str) -> str:
    """Return the word that gives an option."""
    return next((word for word in words if word.startswith(option)), option)


def _value_of(param: Any, context: "Context | None", words: Sequence[str]) -> object:
    """Return what was given for a parameter, as text."""
    if context is None:
        return None
    value = _parsed(context, words)[0].get(param.name)
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _parsed(context: "Context", words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Parse the words of a command again: its raw values, and the words that are left."""
    rest = list(words)
    try:
        for name in _path_of(context):
            rest = rest[rest.index(name) + 1 :]
        values, left, _ = context.command.make_parser(context).parse_args(args=rest)
    except Exception:
        return {}, []
    return dict(values), list(left)


def _commands_in(words: Sequence[str]) -> list[str]:
    """Return the words that name a command, and one of its group."""
    names = [word for word in words if not word.startswith("-")]
    first = next((place for place, name in enumerate(names) if name in listed()), None)
    if first is None:
        return []
    group = getattr(load(listed()[names[first]].module)[names[first]], "commands", {})
    return [names[first], *(name for name in names[first + 1 : first + 2] if name in group)]


def _path_of(context: "Context") -> list[str]:
    """Return the words of a command, without that of the program."""
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, str(context.info_name))
        context = context.parent
    return names
