"""Single tags of models and versions."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree._values import Text
from pedigree.access.records import Permission
from pedigree.catalog.tag_edits import MOST_KEY, MOST_VALUE
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ChangeCall
from pedigree.server.http.resources import resource

router = resource("tags")

TagKey = Annotated[str, Query(min_length=1, max_length=MOST_KEY, description="The key of the tag")]


class NewTag(Record):
    """A tag to set."""

    key: Text = Field(min_length=1, max_length=MOST_KEY)
    value: Text = Field(max_length=MOST_VALUE)


@router.put(paths.MODEL_TAGS, status_code=204)
@requires(Permission.DESCRIBE)
def set_tag(call: ChangeCall, name: Name, tag: NewTag) -> Response:
    """Set one tag of a model; the others stay."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.set_tag(name, tag.key, tag.value)
    )


@router.delete(paths.MODEL_TAGS, status_code=204)
@requires(Permission.DESCRIBE)
def delete_tag(call: ChangeCall, name: Name, key: TagKey) -> Response:
    """Remove one tag of a model; the others stay."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.delete_tag(name, key)
    )


@router.put(paths.VERSION_TAGS, status_code=204)
@requires(Permission.DESCRIBE)
def set_version_tag(call: ChangeCall, name: Name, version: Number, tag: NewTag) -> Response:
    """Set one tag of a version; the others stay."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.set_tag(reference, tag.key, tag.value)
    )


@router.delete(paths.VERSION_TAGS, status_code=204)
@requires(Permission.DESCRIBE)
def delete_version_tag(call: ChangeCall, name: Name, version: Number, key: TagKey) -> Response:
    """Remove one tag of a version; the others stay."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.delete_tag(reference, key)
    )
