"""Policies as YAML documents, as people write and read them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pedigree._values import JSON, require_values
from pedigree.errors import InvalidPolicyError
from pedigree.libraries import library
from pedigree.lifecycle.gates import span
from pedigree.lifecycle.policy import parse_policy
from pedigree.lifecycle.records import Policy


def load_policy(path: Path | str) -> Policy:
    """Read a policy from a YAML file.

    Raises:
        InvalidPolicyError: The file cannot be read, is not YAML, or is not a policy.
        MissingDependencyError: PyYAML is not installed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # a path with NUL, or text that is not UTF-8
        raise InvalidPolicyError(
            "cannot be read as UTF-8 text", field="policy", value=str(path), remedy="Name a file"
        ) from error
    return read_document(text)


def read_document(text: str) -> Policy:
    """Read a policy from a YAML document.

    Raises:
        InvalidPolicyError: It is not YAML, is too large or nested too deep, or is not a policy.
        MissingDependencyError: PyYAML is not installed.
    """
    yaml = library("yaml", extra="registry")
    try:
        found = yaml.safe_load(text)
        # Aliases may stand for any number of values.
        require_values(found, bound=JSON, error=InvalidPolicyError)
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # a date that does not exist
        mark = getattr(error, "problem_mark", None)
        raise _refused(f"is not YAML in line {mark.line + 1}" if mark else "is not YAML") from error
    except InvalidPolicyError as error:
        raise _refused(error.message) from error
    return parse_policy(found)


def _refused(reason: str) -> InvalidPolicyError:
    return InvalidPolicyError(reason, field="policy", remedy="See docs/policies.md for an example")


def write_document(policy: Policy) -> str:
    """Return a policy as YAML: its non-default fields, in order."""
    yaml = library("yaml", extra="registry")
    plain = _plain(policy.model_dump(exclude_defaults=True))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        inner = {_plain(key): _plain(each) for key, each in value.items()}
        # People write a check as its name.
        return inner["name"] if inner.keys() == {"name"} else inner
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
