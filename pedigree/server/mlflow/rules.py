"""Rules of single values as MLflow's server has them, with its texts.

A rule gets the name of a field and its value, and returns why MLflow refuses it; None if it accepts
it.
"""

import posixpath
import re

from pedigree.server.mlflow.fields import invalid_value, missing_value

STAGES = ("None", "Staging", "Production", "Archived")
"""MLflow's stages, as it spells them."""

_ALIAS = re.compile(r"^[\w\-]*$")
_VERSION_ALIAS = re.compile(r"^[vV]\d+$")
_KEY = re.compile(r"^[/\w.\- :]*$")
_MOST_ALIAS = 255
_MOST_KEY = 250
_MOST_VALUE = 100_000


def model_name(name: str, value: str) -> str | None:
    """Judge the name of a model."""
    if value.strip() == "":
        return missing_value(name)
    if "/" in value or ":" in value:
        return f"Invalid model name '{value}'. Names cannot contain '/' or ':'."
    return _path_like("name", value)


def version_number(name: str, value: str) -> str | None:
    """Judge the number of a version, which is a text."""
    try:
        int(value)
    except ValueError:
        return f"Parameter '{name}' must be an integer, got '{value}'."
    return None


def alias_name(_: str, value: str) -> str | None:
    """Judge an alias that is read or deleted."""
    if not _ALIAS.match(value):
        return (
            f"Invalid alias name: '{value}'. Names may only contain alphanumerics,"
            " underscores (_), and dashes (-)."
        )
    if len(value) > _MOST_ALIAS:
        return too_long("Registered model alias name", _MOST_ALIAS)
    return None


def new_alias_name(name: str, value: str) -> str | None:
    """Judge an alias that is set, which may not be a word that MLflow reserves."""
    if refused := alias_name(name, value):
        return refused
    if value.lower() == "latest":
        return "'latest' alias name (case insensitive) is reserved."
    if _VERSION_ALIAS.match(value):
        return f"Version alias name '{value}' is reserved."
    return None


def stage_name(_: str, value: str) -> str | None:
    """Judge a stage, in any case."""
    if value.lower() in map(str.lower, STAGES):
        return None
    return f"Invalid Model Version stage: {value}. Value must be one of {', '.join(STAGES)}."


def stage_names(name: str, values: tuple[str, ...] | None) -> str | None:
    """Judge several stages."""
    refused = (stage_name(name, each) for each in values or ())
    return next(filter(None, refused), None)


def tag_name(name: str, value: str) -> str | None:
    """Judge the key of a tag that is deleted."""
    if not _KEY.match(value):
        hint = (
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"
            " spaces ( ), colon(:) and slashes (/)."
        )
        return invalid_value(name, value, hint)
    return _path_like(name, value)


def tag_key(name: str, value: str) -> str | None:
    """Judge the key of a tag that is set."""
    if refused := tag_name(name, value):
        return refused
    return too_long("key", _MOST_KEY) if len(value) > _MOST_KEY else None


def tag_value(_: str, value: str | None) -> str | None:
    """Judge the value of a tag."""
    return too_long("value", _MOST_VALUE) if len(value or "") > _MOST_VALUE else None


def too_long(what: str, most: int) -> str:
    """Return MLflow's text about a text that is too long."""
    return f"'{what}' exceeds the maximum length of {most} characters"


def _path_like(name: str, value: str) -> str | None:
    """Judge a name that might become a path."""
    path = posixpath.normpath(value)
    if path == value and path != "." and not path.startswith(("..", "/")):
        return None
    hint = (
        "Names may be treated as files in certain cases, and must not resolve to other names"
        f" when treated as such. This name would resolve to {path!r}"
    )
    return invalid_value(name, value, hint)
