"""``pedigree search``: find versions by their metadata."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import NOT_PROVIDED, metrics_text, respond, stage_text, table, when
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.catalog.records import ModelVersion
    from pedigree.catalog.search.records import SearchPage
    from pedigree.contract.registry import RegistryContract

_COLUMNS = "name,version,stage,aliases,metrics,created_at,created_by"
_WITH_KEYS = frozenset({"tags", "metrics", "params"})


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("search", rich_help_panel="Look up")(search)


def search(
    filter_text: Annotated[
        str,
        typer.Argument(
            metavar="[FILTER]",
            help="Such as \"tags.team = 'growth' AND metrics.auc > 0.9\"; else all versions.",
            show_default=False,
        ),
    ] = "",
    order_by: Annotated[
        str | None, typer.Option(help='Such as "metrics.auc DESC, name"; else newest first.')
    ] = None,
    limit: Annotated[int, typer.Option(help="Versions per page, 1 to 1000.")] = 100,
    after: Annotated[str | None, typer.Option(help="The cursor of the previous page.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All pages instead of one.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Count all results.")] = False,
    facet: Annotated[
        list[str] | None,
        typer.Option(help="Count the values of stage, flavor, owner or tag; repeatable."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="The columns, such as name,version,metrics.auc,tags.team; also with --json."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find versions by tags, metrics, stages, lineage, words and more.

    FILTER has AND OR NOT ( ) = != < <= > >= LIKE ILIKE IN BETWEEN IS NULL and text MATCH 'words'.
    """
    wanted = _columns(columns)
    asked = {"order_by": order_by, "limit": limit, "after": after}
    first = {"count": count, "facets": tuple(facet or ())}
    with open_registry() as registry:
        pages = list(_pages(registry, filter_text, asked, first, everything=everything))
    versions: list[object] = [version for page in pages for version in page]
    if columns is not None:
        versions = [
            {column: _value(version, column) for column in wanted}
            for page in pages
            for version in page
        ]
    counted = {
        "total": pages[0].total,
        "total_is_estimate": pages[0].total_is_estimate,
        "facets": pages[0].facets,
        "facets_are_estimates": pages[0].facets_are_estimates,
    }
    ranked = {"ranked_newest": pages[0].ranked_newest, "next": pages[-1].next}
    respond(
        {"records": versions, **counted, **ranked},
        as_json,
        lambda: _view(pages, wanted),
    )


def _view(pages: "Sequence[SearchPage]", columns: Sequence[str]) -> Iterator[object]:
    yield _table(pages, columns)
    yield from _remarks(pages)


def _pages(
    registry: "RegistryContract",
    filter_text: str,
    asked: dict[str, Any],
    first: dict[str, Any],
    *,
    everything: bool,
) -> "Iterator[SearchPage]":
    page = registry.search(filter_text, **asked, **first)
    yield page
    while everything and page.next:
        page = registry.search(filter_text, **{**asked, "after": page.next})
        yield page


def _table(pages: "Sequence[SearchPage]", columns: Sequence[str]) -> object:
    rows = ([_cell(one, column) for column in columns] for page in pages for one in page)
    return table([f"{one}#" if one == "version" else one for one in columns], rows)


def _columns(given: str | None) -> list[str]:
    """Return the names of columns.

    Raises:
        InvalidInputError: One of them is not a column.
    """
    from pedigree.catalog.records import ModelVersion
    from pedigree.errors import InvalidInputError

    columns = [column.strip() for column in (_COLUMNS if given is None else given).split(",")]
    for column in columns:
        name, key = _field_of(column)
        if name not in ModelVersion.model_fields or (key and name not in _WITH_KEYS):
            raise InvalidInputError(
                "is not a column",
                field="--columns",
                value=column,
                remedy="Give fields of `pedigree schema`, or metrics.auc, tags.team, params.x",
            )
    return columns


def _field_of(column: str) -> tuple[str, str]:
    """Return the field of a column, and the key in it, which may be empty."""
    name, _, key = column.partition(".")
    return {"name": "model_name", "version": "version_id"}.get(name, name), key


def _value(version: "ModelVersion", column: str) -> object:
    name, key = _field_of(column)
    value = version.model_dump(mode="json", include={name})[name]
    return value.get(key) if key else value


def _cell(version: "ModelVersion", column: str) -> "str | Text":
    name, key = _field_of(column)
    value = getattr(version, name)
    if key:
        return str(value.get(key, "")) if key in value else NOT_PROVIDED
    match name:
        case "stage":
            return stage_text(value)
        case "metrics":
            return metrics_text(value, limit=3)
        case "created_at" | "stage_since" | "approval_timestamp":
            return when(value)
        case "aliases" | "owners":
            return ", ".join(value)
    return NOT_PROVIDED if value is None else str(value)


def _remarks(pages: "Sequence[SearchPage]") -> Iterator[str]:
    if pages[0].total is not None:
        yield f"{_about(pages[0].total_is_estimate)}{pages[0].total} in all"
    about = _about(pages[0].facets_are_estimates)
    for name, values in pages[0].facets.items():
        yield f"{name}: {about}" + ", ".join(f"{one.value} {one.count}" for one in values)
    if pages[0].ranked_newest:
        yield f"the best of the newest {pages[0].ranked_newest} hits"
    if pages[-1].next:
        yield f"more with --after {pages[-1].next}"


def _about(is_estimate: bool) -> str:
    return "about " if is_estimate else ""
