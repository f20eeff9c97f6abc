"""The page of settings, from the fields of ``Settings``."""

from datetime import timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pedigree.settings import Settings
from tools.reference.markdown import code, page, table

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def settings_page() -> str:
    """Return the page: each variable of the environment with its type and default."""
    prefix = Settings.model_config["env_prefix"]
    rows = [
        (
            code(f"{prefix}{name.upper()}"),
            field.description or "",
            _kind(field.annotation),
            _default(field),
        )
        for name, field in sorted(Settings.model_fields.items())
    ]
    return page(
        "Settings",
        "Every process reads its settings from the environment when it connects.",
        "A length of time is `30d`, `12h`, `45m`, `10s` or `0`.",
        table(("variable", "meaning", "type", "default"), rows),
    )


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _kind(next(each for each in get_args(annotation) if each is not NoneType))
    if get_origin(annotation) is Literal:
        return ", ".join(code(str(each)) for each in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list"
    names = {str: "text", bool: "`true`, `false`", int: "integer", float: "number"}
    return names.get(annotation) or {timedelta: "time", SecretStr: "secret"}.get(annotation, "path")


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or value == ():
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(_duration(value) if isinstance(value, timedelta) else str(value))


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    unit, letter = next(each for each in _UNITS if seconds % each[0] == 0)
    return f"{seconds // unit}{letter}"
