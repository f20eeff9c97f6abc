"""Which parts of a model and a version of MLflow the registry takes, judged without it."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from pedigree._values import JSON_BYTES, TEXT_BYTES, Bound, require_values
from pedigree.catalog.names import pointer_problem, twin_of
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.transfer.origin_records import OriginModel, OriginVersion
from pedigree.transfer.report import RegistryPart, Reporting

_LONGEST_KEY = 250
_LONGEST_VALUE = 100_000
_VALUE = Bound(max(4 * _LONGEST_VALUE, JSON_BYTES), is_private=True)
_TEXT = Bound(TEXT_BYTES, is_private=True)


class CarriedModel(NamedTuple):
    """The parts of a model that the registry takes."""

    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]


class CarriedVersion(NamedTuple):
    """The parts of a version that the registry takes."""

    description: str
    tags: Mapping[str, str]
    stage: str
    """``none``, or a stage of the policy."""


def carried_model(model: OriginModel, policy: Policy, reporting: Reporting) -> CarriedModel:
    """Return the parts of a model that the registry takes, and note those that it does not."""
    aliases = {}
    for alias, number in model.aliases.items():
        if problem := _alias_problem(alias, policy):
            reporting.refuse(
                RegistryPart.ALIAS, problem, model=model.name, version=number, name=alias
            )
        else:
            aliases[alias] = number
    return CarriedModel(
        _description(model.description, reporting, model.name, None),
        _tags(model.tags, reporting, model.name, None),
        aliases,
    )


def carried_version(version: OriginVersion, policy: Policy, reporting: Reporting) -> CarriedVersion:
    """Return the parts of a version that the registry takes, and note those that it does not."""
    stage = version.stage.casefold()
    if stage != NO_STAGE and policy.rule(stage) is None:
        reporting.refuse(
            RegistryPart.STAGE,
            "the policy has no such stage",
            model=version.name,
            version=version.number,
            name=version.stage,
        )
        stage = NO_STAGE
    return CarriedVersion(
        _description(version.description, reporting, version.name, version.number),
        _tags(version.tags, reporting, version.name, version.number),
        stage,
    )


def finite(
    metrics: Mapping[str, float], reporting: Reporting, version: OriginVersion
) -> dict[str, float]:
    """Return the metrics that are numbers, and note the others."""
    found = {}
    for key, value in metrics.items():
        if math.isfinite(value):
            found[key] = value
        else:
            reporting.refuse(
                RegistryPart.METRIC,
                f"its value is {value}, which is no number",
                model=version.name,
                version=version.number,
                name=key,
            )
    return found


def _alias_problem(alias: str, policy: Policy) -> str | None:
    stages = [*(rule.name for rule in policy.stages), "archived"]
    if (stage := twin_of(alias, stages)) is not None:
        return f"it is the name of the stage {stage!r}; `pedigree promote` moves a version there"
    return pointer_problem(alias)


def _description(text: str, reporting: Reporting, model: str, version: int | None) -> str:
    if problem := _problem_of(text, _TEXT):
        reporting.refuse(RegistryPart.DESCRIPTION, problem, model=model, version=version)
        return ""
    return text


def _tags(
    tags: Mapping[str, str], reporting: Reporting, model: str, version: int | None
) -> dict[str, str]:
    found = {}
    for key, value in tags.items():
        if problem := _tag_problem(key, value):
            reporting.refuse(RegistryPart.TAG, problem, model=model, version=version, name=key)
        else:
            found[key] = value
    return found


def _tag_problem(key: str, value: str) -> str | None:
    if not 1 <= len(key) <= _LONGEST_KEY:
        return f"its key has {len(key)} characters"
    if len(value) > _LONGEST_VALUE:
        return f"its value has {len(value):,} characters, more than {_LONGEST_VALUE:,}"
    return _problem_of(key, _TEXT) or _problem_of(value, _VALUE)


def _problem_of(text: str, bound: Bound) -> str | None:
    try:
        require_values(text, bound=bound)
    except InvalidInputError as error:
        return error.message
    return None
