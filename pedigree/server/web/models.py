"""The front page: find models and versions, and see which need attention."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.catalog.overview.records import (
    Attention,
    FacetCount,
    ListedModel,
    ModelFacet,
    ModelFacetCounts,
    ModelFilter,
    ModelOrder,
    ModelPage,
)
from pedigree.contract import paths
from pedigree.errors import InvalidInputError, InvalidSearchError
from pedigree.server.http.auth import requires
from pedigree.server.web.links import HOME, Links
from pedigree.server.web.model_lists import AFTER, SEARCH, SORT, UNFOLD, ListQuestion
from pedigree.server.web.pictures.sparkline import sparkline
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()

_AT_ONCE = 50

_FACETS = {
    ModelFacet.STAGE: "In stage",
    ModelFacet.TEAM: "Team",
    ModelFacet.OWNER: "Owner",
    ModelFacet.RISK_CLASS: "Risk class",
    ModelFacet.ATTENTION: "Needs attention",
}
_ATTENTION = {
    Attention.WAITING: "asks for a stage",
    Attention.STALE: "stale in production",
    Attention.DRIFTED: "drifted",
    Attention.QUARANTINED: "in quarantine",
    Attention.NO_PRODUCTION: "nothing in production",
}
# How many models need attention: one, several, and how bad it is.
_STRIP = {
    Attention.WAITING: ("asks for a stage", "ask for a stage", "warn"),
    Attention.QUARANTINED: ("has a version in quarantine", "have a version in quarantine", "bad"),
    Attention.STALE: ("is stale in production", "are stale in production", "warn"),
    Attention.DRIFTED: ("has drifted", "have drifted", "warn"),
    Attention.NO_PRODUCTION: ("has nothing in production", "have nothing in production", ""),
}
_ORDERS = {
    ModelOrder.NAME: "name",
    ModelOrder.NEWEST: "newest",
    ModelOrder.METRIC: "metric",
    ModelOrder.WAITING: "asks longest",
}
# A filter finds versions, which have other orders.
_ORDERS_OF_VERSIONS = {ModelOrder.NEWEST: None, ModelOrder.NAME: "name, created_at DESC"}
_EXAMPLES = (
    "metrics.auc > 0.9 AND stage = 'production'",
    "tags.team = 'risk' AND NOT stage = 'archived'",
    "lineage.\"flights\" = '2013-03'",
)


class Choice(NamedTuple):
    """A link that changes the list."""

    label: str
    link: str
    is_chosen: bool
    models: int = 0


class Facet(NamedTuple):
    """A facet with its most frequent values, and the link to more of them."""

    title: str
    choices: tuple[Choice, ...]
    more: int
    unfold: str | None


class Warned(NamedTuple):
    """Models that need attention for one reason."""

    models: int
    says: str
    kind: str
    link: str


@pages.get(HOME)
@requires(Permission.READ, lists=True)
def models(visit: Visit) -> Response:
    """Show the models that a search and choices find, or the versions that a filter finds."""
    try:
        asked = ListQuestion.of(visit.query)
        if asked.finds_versions:
            return _versions(visit, asked)
        return _models(visit, asked)
    except InvalidInputError as error:
        return _unreadable(visit, error)


def _models(visit: Visit, asked: ListQuestion) -> Response:
    found = visit.registry.operations.models.overview(
        asked.filter,
        order=asked.order,
        limit=_AT_ONCE,
        after=asked.after,
        unfolded=asked.unfolded,
    )
    if not found.all_models:
        return visit.page(
            "no_models.html",
            title="Models",
            sees_all=visit.principal.may(Permission.READ),
            may_register=visit.principal.may(Permission.REGISTER, SOME),
        )
    links = visit.links
    return visit.page(
        "models.html",
        **_frame(asked, found),
        models=found.models,
        pictures=[_picture(each) for each in found.models],
        fitting=found.fitting,
        facets=[
            _facet(links, asked, facet, found.facets[facet], title)
            for facet, title in _FACETS.items()
            if found.facets[facet].values or facet in asked.choices
        ],
        warned=_warned(links, found) if asked.is_plain and asked.after is None else None,
        orders=_orders(links, asked, _ORDERS),
        next=found.next and links.home({**asked.query(), AFTER: found.next}),
    )


def _versions(visit: Visit, asked: ListQuestion) -> Response:
    is_known = SORT in visit.query and asked.order in _ORDERS_OF_VERSIONS
    order = asked.order if is_known else ModelOrder.NEWEST
    found = visit.registry.search(
        asked.text,
        order_by=_ORDERS_OF_VERSIONS[order],
        limit=_AT_ONCE,
        after=asked.after,
    )
    links = visit.links
    query = {SEARCH: asked.text, SORT: order.value}
    everything = visit.registry.operations.models.overview(ModelFilter(), limit=1)
    return visit.page(
        "found_versions.html",
        **_frame(asked, everything),
        versions=found.records,
        is_first=asked.after is None,
        dropped=[(facet, _FACETS[facet], value) for facet, value in asked.choices.items()],
        orders=[
            Choice(_ORDERS[each], links.home({**query, SORT: each.value}), each is order)
            for each in _ORDERS_OF_VERSIONS
        ],
        next=found.next and links.home({**query, AFTER: found.next}),
        json=links.api(paths.SEARCH, {"filter": asked.text}),
    )


def _unreadable(visit: Visit, error: InvalidInputError) -> Response:
    """Answer with the question as it was typed, what is wrong with it, and filters that work."""
    is_search = isinstance(error, InvalidSearchError) and error.field == "filter"
    return visit.page(
        "unreadable_list.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        title="Models",
        text=visit.query.get(SEARCH, ""),
        error=error,
        excerpt=error.excerpt if isinstance(error, InvalidSearchError) else None,
        is_search=is_search,
        examples=[(each, visit.links.home({SEARCH: each})) for each in _EXAMPLES],
    )


def _frame(asked: ListQuestion, found: ModelPage) -> dict[str, Any]:
    """Return what all lists show: the title, the totals and the search."""
    kept = {name: value for name, value in asked.query().items() if value and name != SEARCH}
    return {
        "title": "Models",
        "text": asked.text,
        "kept": kept,
        "is_plain": asked.is_plain,
        "all_models": found.all_models,
        "all_versions": found.all_versions,
    }


def _picture(shown: ListedModel) -> Markup | None:
    return sparkline(shown.metric, shown.trend) if shown.metric else None


def _facet(
    links: Links, asked: ListQuestion, facet: ModelFacet, counts: ModelFacetCounts, title: str
) -> Facet:
    chosen = asked.choices.get(facet)
    values = counts.values
    if chosen is not None and chosen not in {each.value for each in values}:
        values = (*values, FacetCount(value=chosen, models=0))
    return Facet(
        title,
        tuple(
            Choice(
                _ATTENTION[Attention(each.value)] if facet is ModelFacet.ATTENTION else each.value,
                links.home(asked.with_choice(facet, None if each.value == chosen else each.value)),
                each.value == chosen,
                each.models,
            )
            for each in values
        ),
        counts.more,
        None
        if facet is asked.unfolded or not counts.more
        else links.home({**asked.query(), UNFOLD: facet.value}),
    )


def _warned(links: Links, found: ModelPage) -> list[Warned]:
    counts = {each.value: each.models for each in found.facets[ModelFacet.ATTENTION].values}
    return [
        Warned(
            counts[reason.value],
            one if counts[reason.value] == 1 else several,
            kind,
            links.home({ModelFacet.ATTENTION.value: reason.value}),
        )
        for reason, (one, several, kind) in _STRIP.items()
        if reason.value in counts
    ]


def _orders(links: Links, asked: ListQuestion, orders: Mapping[ModelOrder, str]) -> list[Choice]:
    return [
        Choice(label, links.home(asked._replace(order=order).query()), order is asked.order)
        for order, label in orders.items()
    ]
