"""The page of a version, and the pages below it: its events, its checks and its files."""

from typing import Any

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.cards.records import ModelCard
from pedigree.catalog.names import is_pointer
from pedigree.errors import (
    AliasNotFoundError,
    InvalidReferenceError,
    PedigreeError,
    VersionNotFoundError,
)
from pedigree.registry.version_page_records import VersionPage
from pedigree.registry.version_pages import SHOWN
from pedigree.server.http.auth import requires
from pedigree.server.web import links
from pedigree.server.web.card_html import card_sections
from pedigree.server.web.event_words import said
from pedigree.server.web.kept_forms import wants_page
from pedigree.server.web.keys import key_before
from pedigree.server.web.pictures.bars import bars
from pedigree.server.web.pictures.dots import Dot, group_dots
from pedigree.server.web.routes import Pages
from pedigree.server.web.verdict import verdict_of
from pedigree.server.web.version_actions import offered_actions
from pedigree.server.web.version_facts import (
    check_views,
    freshness,
    history_rows,
    scan_of,
    state_of,
)
from pedigree.server.web.version_metrics import (
    SliceView,
    headline_metric,
    metric_rows,
    slice_views,
)
from pedigree.server.web.version_picture import shown_lineage
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import number, plural

pages = Pages()

MOST_ROWS = 200
"""How many rows a table of the page has; it says how many there are beyond."""
MOST_FILES = 100
_SHOWN_HISTORY = 20
_LARGEST = 2**31 - 1


@pages.get(links.VERSION)
@requires(Permission.READ)
def version(visit: Visit, name: str, version: str) -> Response:
    """Show a version; a stage, an alias or ``latest`` leads to the number of its holder."""
    page = asked_page(visit, name, version)
    if isinstance(page, Response):
        return page
    return visit.page("version.html", **_shown(visit, page))


def asked_page(visit: Visit, name: str, version: str) -> VersionPage | Response:
    """Return what a page of a version shows, or the answer that there is none, or where it is.

    Args:
        visit: The visit.
        name: The model.
        version: A number, or a stage, an alias or ``latest``.
    """
    number_of = _number(version)
    if number_of is None:
        return _lead_to_number(visit, name, version)
    return _read(visit, name, number_of) or _missing(visit, name, version)


@pages.get(links.VERSION_HISTORY)
@requires(Permission.READ)
def version_history(visit: Visit, name: str, version: str) -> Response:
    """Show the events of a version, the newest first."""
    reference = _reference(name, version)
    before = key_before(visit.query)
    events = visit.registry.operations.version_pages.version_events(reference, before=before)
    return visit.page(
        "version_history.html",
        title=f"Events of {reference}",
        name=name,
        number=_number(version),
        reference=reference,
        events=[(event, said(event)) for event in events],
        older=events[-1].seq if len(events) >= SHOWN or events.is_cut else None,
        is_first=before is None,
        may_prove=visit.principal.may(Permission.AUDIT),
    )


@pages.get(links.VERSION_CHECK)
@requires(Permission.READ)
def version_check(visit: Visit, name: str, version: str, check: str) -> Response:
    """Show all verdicts of a check on a version, the newest first."""
    reference = _reference(name, version)
    before = key_before(visit.query)
    verdicts = visit.registry.operations.version_pages.check_history(
        reference, check, before=before
    )
    return visit.page(
        "version_check.html",
        title=f"{check} on {reference}",
        name=name,
        number=_number(version),
        reference=reference,
        check=check,
        asset=_asset_of(visit, reference),
        verdicts=[(each, state_of(each)) for each in verdicts],
        older=verdicts[-1].verdict_id if len(verdicts) >= SHOWN or verdicts.is_cut else None,
        is_first=before is None,
    )


@pages.get(links.VERSION_FILES)
@requires(Permission.READ)
def version_files(visit: Visit, name: str, version: str) -> Response:
    """Show the files of a version, by path."""
    reference = _reference(name, version)
    files = visit.registry.manifest(reference).files
    after = visit.query.get("after")
    following = [each for each in files if after is None or each.path > after]
    shown = following[:MOST_FILES]
    return visit.page(
        "version_files.html",
        title=f"Files of {reference}",
        name=name,
        number=_number(version),
        reference=reference,
        count=len(files),
        files=shown,
        next=shown[-1].path if len(following) > len(shown) else None,
    )


def _asset_of(visit: Visit, reference: str) -> str | None:
    """Return the asset that trained a version, if pages lead to Dagster; its checks are there."""
    if visit.links.dagster is None:
        return None
    trainings = visit.registry.trainings(reference, limit=1)
    return next((each.origin.asset for each in trainings), None)


def _number(version: str) -> int | None:
    """Return the number in a path; None if it is none that a version can have."""
    if version.isascii() and version.isdigit() and not version.startswith("0"):
        number_of = int(version) if len(version) <= len(str(_LARGEST)) else 0
        return number_of if 0 < number_of <= _LARGEST else None
    return None


def _reference(name: str, version: str) -> str:
    """Return the reference in a path of a page below that of a version.

    Raises:
        VersionNotFoundError: It has no number.
    """
    if _number(version) is None:
        raise VersionNotFoundError(
            "no version has this number",
            field="version",
            value=version,
            remedy="Versions are numbered 1, 2, 3 …",
        )
    return f"{name}/{version}"


def _read(visit: Visit, name: str, number_of: int) -> VersionPage | None:
    try:
        return visit.registry.operations.version_pages.page(f"{name}/{number_of}")
    except (VersionNotFoundError, InvalidReferenceError):
        if not wants_page(visit.request):
            raise
        return None


def _lead_to_number(visit: Visit, name: str, version: str) -> Response:
    """Lead to the version that a pointer names, such as ``latest`` or ``@champion``."""
    pointer = version.removeprefix("@")
    if not is_pointer(pointer) or pointer.removeprefix("-").isdigit():
        if not wants_page(visit.request):
            _reference(name, version)
        return _missing(visit, name, version)
    try:
        found = visit.registry.get(f"{name}@{pointer}")
    except (VersionNotFoundError, AliasNotFoundError):
        if not wants_page(visit.request):
            raise
        return _missing(visit, name, version)
    return visit.lead_to(visit.links.version(name, found.version_id))


def _missing(visit: Visit, name: str, version: str) -> Response:
    """Say that there is no such version, or that it was deleted, and which ones there are."""
    model = visit.registry.model(name)
    number_of = _number(version)
    gone = None
    if number_of is not None and number_of <= model.latest_version:
        gone = visit.registry.operations.version_pages.gone(f"{name}/{number_of}")
    title = (
        f"Version {version} of {name} was deleted" if gone else f"{name} has no version {version}"
    )
    return visit.page(
        "version_missing.html", status=404, title=title, model=model, gone=gone, asked=version
    )


def _shown(visit: Visit, page: VersionPage) -> dict[str, Any]:
    """Return what the template of a version shows."""
    version = page.version
    headline = headline_metric(page.policy)
    card = page.card or _card_of_limited(visit, page)
    metrics = metric_rows(page)
    evaluation = page.evaluation
    history = history_rows(page)
    slices = slice_views(evaluation, headline) if evaluation else ()
    return {
        "title": version.reference,
        "p": page,
        "v": version,
        "is_champion": page.champion is not None and page.champion.version_id == version.version_id,
        "verdict": verdict_of(page, visit.now),
        "actions": offered_actions(visit.registry, visit.principal, page, visit.links),
        "lineage": shown_lineage(page, visit.links, visit.now),
        "most_rows": MOST_ROWS,
        "checks": check_views(page.verdicts),
        "asset": next((each.origin.asset for each in page.trainings if each.origin.asset), None),
        "scan": scan_of(page.verdicts),
        "freshness": freshness(page.staleness),
        "headline": next((row for row in metrics if row.name == headline), None),
        "metrics": metrics[:MOST_ROWS],
        "further_metrics": max(len(metrics) - MOST_ROWS, 0),
        "bars": bars,
        "slices": [(view, _dots(view)) for view in slices],
        "further_slices": len(evaluation.slices) - len(slices) if evaluation else 0,
        "card": card,
        "sections": card_sections(card) if card else None,
        "files": page.files[:MOST_FILES],
        "further_files": max(len(page.files) - MOST_FILES, 0),
        "history": history[:_SHOWN_HISTORY],
        "further_history": max(len(history) - _SHOWN_HISTORY, 0),
        "is_printed": False,
        "is_limited": not visit.principal.may(Permission.READ),
    }


def _card_of_limited(visit: Visit, page: VersionPage) -> ModelCard | None:
    """Return the card for a visitor who may not read all models: it is drawn without those.

    Everybody else sees the card that is kept, so that a page draws nothing.
    """
    if visit.principal.may(Permission.READ) or page.version.model_card_uri is None:
        return None
    try:
        return visit.registry.card(page.version.reference)
    except PedigreeError:
        return None


def _dots(view: SliceView) -> object:
    dots = [
        Dot(
            group.group,
            group.metrics[view.metric],
            f"{number(group.metrics[view.metric])}, {plural(group.count, 'row')}",
        )
        for group in view.groups
    ]
    label = (
        f"{view.metric} by {view.name}, with {number(view.overall)} over all rows;"
        " the table below has the numbers"
    )
    return group_dots(dots, view.overall, label)
