"""Aliases: movable names of versions."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Integer, Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name
from pedigree.server.http.requests import ChangeCall, ReadCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.stages import Generation

router = resource("aliases")

Alias = Annotated[
    str,
    Path(
        min_length=1,
        max_length=255,
        description="An alias; reads also accept a stage that holds a single version",
        json_schema_extra={"pattern": r"^[\w-]+$"},
    ),
]


class AliasTarget(Record):
    """The version that an alias should point to."""

    version: Integer = Field(ge=1, lt=10**9)
    reason: str | None = Field(default=None, description="The reason, for the timeline")
    expected_generation: Generation = None


class Aliases(Record):
    """The aliases of a model."""

    aliases: dict[str, int]


@router.get(paths.ALIASES, responses={200: {"model": Aliases}})
@requires(Permission.READ)
def list_aliases(call: ReadCall, name: Name) -> Response:
    """List a model's aliases."""
    return call.answer(Aliases(aliases=call.registry.model(name).aliases))


@router.get(paths.ALIAS, responses={200: {"model": ModelVersion}})
@requires(Permission.READ)
async def get_alias(call: ReadCall, name: Name, alias: Alias) -> Response:
    """Return the version that an alias points to, or the single version in a stage."""
    return await call.version(f"{name}@{alias}")


@router.put(paths.ALIAS, responses={200: {"model": ModelVersion}})
@requires(Permission.MOVE)
def set_alias(call: ChangeCall, name: Name, alias: Alias, target: AliasTarget) -> Response:
    """Point an alias to a version; it leaves its previous version."""

    def work(registry: Registry) -> ModelVersion:
        registry.set_alias(
            name,
            alias,
            target.version,
            expected_generation=target.expected_generation,
            reason=target.reason,
        )
        return registry.get(f"{name}/{target.version}")

    return call.of(lambda registry: registry.get(f"{name}@{alias}")).write(work)


@router.delete(paths.ALIAS, status_code=204)
@requires(Permission.MOVE)
def delete_alias(
    call: ChangeCall,
    name: Name,
    alias: Alias,
    reason: Annotated[str | None, Query(max_length=2000, description="Why")] = None,
) -> Response:
    """Delete an alias; the version stays."""
    return call.of(lambda registry: registry.get(f"{name}@{alias}")).write(
        lambda registry: registry.delete_alias(name, alias, reason=reason)
    )
