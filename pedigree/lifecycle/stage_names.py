"""What stages may be called, and those that the registry itself knows."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from pedigree.catalog.names import name_key, pointer_problem, twin_of

NO_STAGE = "none"
CANDIDATE = "candidate"
CHAMPION_STAGE = "production"
ARCHIVED = "archived"
# These have exactly this spelling.
_OWN_STAGES = (CANDIDATE, CHAMPION_STAGE, ARCHIVED)


@lru_cache(maxsize=1024)  # of the same few it is asked at every gate
def stage_problem(name: str) -> str | None:
    """Return why no stage may be called so; None where one may."""
    if problem := pointer_problem(name):
        return problem
    own = twin_of(name, _OWN_STAGES)
    return f"is {own!r} by another spelling" if own not in (None, name) else None


def require_stage_names(names: Sequence[str], info: ValidationInfo) -> None:
    """Refuse names that break the rule, and twins, in a policy that is given now.

    One that was given before is read with ``{"stored": True}`` as its context: the names of its
    stages stay as they are, see the migration 0035.

    Raises:
        ValueError: A stage may not be called so, or two are twins.
    """
    if isinstance(info.context, Mapping) and info.context.get("stored") is True:
        return
    for name in names:
        if problem := stage_problem(name):
            raise ValueError(f"the stage {name!r} {problem}")
    if len(set(map(name_key, names))) != len(names):
        raise ValueError(f"two of the stages {', '.join(names)} differ only by case or form")


def _named(name: str, info: ValidationInfo) -> str:
    require_stage_names([name], info)
    return name


StageName = Annotated[
    str,
    Field(
        description="1 to 255 letters, digits, _ and -; what references read otherwise is reserved",
        json_schema_extra={"pattern": r"^[\w-]{1,255}$"},
    ),
    AfterValidator(_named),
]
"""The name of a stage in a policy."""
