"""The rules for names of stages, and the registry's own stages."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from pedigree.catalog.names import name_key, pointer_problem, twin_of

NO_STAGE = "none"
CANDIDATE = "candidate"
CHAMPION_STAGE = "production"
ARCHIVED = "archived"
# These names are case-sensitive.
_OWN_STAGES = (CANDIDATE, CHAMPION_STAGE, ARCHIVED)


class MlflowStage(StrEnum):
    """The stages that clients of MLflow know."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


@lru_cache(maxsize=1024)  # every gate checks the same few names
def stage_problem(name: str) -> str | None:
    """Return why a stage may not have this name; None if it may."""
    if problem := pointer_problem(name):
        return problem
    own = twin_of(name, _OWN_STAGES)
    return f"is {own!r} in another spelling" if own not in (None, name) else None


def require_stage_names(names: Sequence[str], info: ValidationInfo) -> None:
    """Refuse names that break the rule, and equivalent names, in a new policy.

    A stored policy is read with ``{"stored": True}`` as its context: the names of its stages stay
    unchanged, see migration 0035.

    Raises:
        ValueError: A name breaks the rule, or two names are equivalent.
    """
    if isinstance(info.context, Mapping) and info.context.get("stored") is True:
        return
    for name in names:
        if problem := stage_problem(name):
            raise ValueError(f"the stage {name!r} {problem}")
    if len(set(map(name_key, names))) != len(names):
        raise ValueError(f"two of the stages {', '.join(names)} differ only by case or form")


def require_guards(guards: Mapping[str, str], stages: Sequence[str], info: ValidationInfo) -> None:
    """Refuse guards of aliases that no alias could have, or by stages that are not declared.

    Args:
        guards: The stage that guards each alias.
        stages: The declared stages.
        info: The context; a stored policy keeps its guards.

    Raises:
        ValueError: A name breaks the rule, is a stage or another alias in another spelling, or the
            stage is not declared.
    """
    if isinstance(info.context, Mapping) and info.context.get("stored") is True:
        return
    for alias, stage in guards.items():
        if problem := pointer_problem(alias):
            raise ValueError(f"the alias {alias!r} {problem}")
        if twin_of(alias, [*stages, ARCHIVED]) is not None:
            raise ValueError(f"the alias {alias!r} has the name of a stage")
        if stage not in stages:
            raise ValueError(f"the alias {alias!r} is guarded by {stage!r}, not declared")
    if len(set(map(name_key, guards))) != len(guards):
        raise ValueError(f"two of the aliases {', '.join(guards)} differ only by case or form")


def _named(name: str, info: ValidationInfo) -> str:
    require_stage_names([name], info)
    return name


StageName = Annotated[
    str,
    Field(
        description="1 to 255 letters, digits, _ and -, except words reserved in references",
        json_schema_extra={"pattern": r"^[\w-]{1,255}$"},
    ),
    AfterValidator(_named),
]
"""The name of a stage in a policy."""
