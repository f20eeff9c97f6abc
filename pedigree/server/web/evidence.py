"""The print view of a version: all evidence on one page, with what is missing by its name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.log_records import LogCheckpoint, LogProof
from pedigree.audit.records import Event
from pedigree.cards.records import ModelCard
from pedigree.datasets.records import SECTIONS, KeptDatasheet
from pedigree.errors import NotFoundError, PedigreeError
from pedigree.lineage.records import LineageNode, NodeKind
from pedigree.lineage.upstream import Upstream, upstream
from pedigree.registry.version_page_records import VersionPage
from pedigree.server.http.auth import requires
from pedigree.server.web import links
from pedigree.server.web.card_html import CardSection, card_sections
from pedigree.server.web.event_words import said
from pedigree.server.web.routes import Pages
from pedigree.server.web.verdict import verdict_of
from pedigree.server.web.version_facts import check_views, freshness, scan_of
from pedigree.server.web.version_lineage import without_hidden
from pedigree.server.web.version_metrics import metric_rows
from pedigree.server.web.version_picture import shown_lineage
from pedigree.server.web.versions import asked_page
from pedigree.server.web.visits import Visit
from pedigree.server.web.words import plural

pages = Pages()

MOST_STATES = 2_000
"""How many states of data are printed; the page says how many there are beyond."""
MOST_PRINTED_FILES = 2_000
MOST_PROOFS = 24
"""How many events are printed with their proofs, the newest of those that decide."""

# Events on which the version's way depends; others, such as downloads, are only listed.
_DECISIVE = frozenset(
    {
        EventType.VERSION_CREATED,
        EventType.VERSION_SEALED,
        EventType.VERSION_STAGE_CHANGED,
        EventType.VERSION_APPROVED,
        EventType.VERSION_REJECTED,
        EventType.VERSION_OVERRIDDEN,
        EventType.VERSION_QUARANTINED,
        EventType.VERSION_RELEASED,
        EventType.VERSION_HELD,
    }
)
# What the registry does not keep yet.
_NOT_KEPT = ("a signature of the artifact", "a bill of materials", "attestations of the build")


class PrintedEvidence(NamedTuple):
    """What is printed of a version beyond its page.

    Attributes:
        upstream: Every state of data that it depends on.
        datasheets: The datasheets of these assets that exist, by asset.
        card: Its model card; None if it cannot be drawn.
        sections: The sections of the card; None if there is none, or it is too long.
        events: Its newest events.
        are_all_events: There are no further ones.
        checkpoint: The newest checkpoint of the audit log; None if nothing is sealed.
        proofs: The proofs of its decisive events that are sealed, if the visitor may audit.
        may_prove: Whether the visitor may.
    """

    upstream: Upstream
    datasheets: Mapping[str, KeptDatasheet]
    card: ModelCard | None
    sections: tuple[CardSection, ...] | None
    events: Sequence[Event]
    are_all_events: bool
    checkpoint: LogCheckpoint | None
    proofs: tuple[LogProof, ...]
    may_prove: bool

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that it depends on, the nearest first."""
        return tuple(dict.fromkeys(state.asset for state in self.upstream.states))


@pages.get(links.EVIDENCE)
@requires(Permission.READ)
def evidence(visit: Visit, name: str, version: str) -> Response:
    """Show all evidence of a version, to be printed."""
    page = asked_page(visit, name, version)
    if isinstance(page, Response):
        return page
    found = _evidence_of(visit, page)
    return visit.page(
        "evidence.html",
        title=f"Evidence of {page.version.reference}",
        p=page,
        v=page.version,
        e=found,
        missing=missing_evidence(page, found),
        verdict=verdict_of(page, visit.now),
        lineage=shown_lineage(page, visit.links, visit.now),
        is_champion=page.champion is not None
        and page.champion.version_id == page.version.version_id,
        metrics=metric_rows(page),
        checks=check_views(page.verdicts),
        freshness=freshness(page.staleness),
        states=found.upstream.states[:MOST_STATES],
        further_states=max(len(found.upstream.states) - MOST_STATES, 0),
        files=page.files[:MOST_PRINTED_FILES],
        further_files=max(len(page.files) - MOST_PRINTED_FILES, 0),
        events=[(event, said(event)) for event in found.events],
        datasheet_sections=SECTIONS,
        by=visit.principal.shown_name,
        most_rows=MOST_STATES,
        is_printed=True,
        is_limited=not visit.principal.may(Permission.READ),
    )


def missing_evidence(page: VersionPage, found: PrintedEvidence) -> tuple[str, ...]:
    """Return what is missing, each by its name."""
    return tuple(_missing(page, found))


def _missing(page: VersionPage, found: PrintedEvidence) -> Iterator[str]:
    version = page.version
    for what, value in (
        ("a description", version.description),
        ("owners", version.owners),
        ("a risk class", version.risk_class),
        ("a risk assessment", version.risk_assessment_id),
        ("the packages of its environment", page.packages),
        ("metrics", version.metrics),
        ("results by group", page.evaluation and page.evaluation.slices),
        ("the lineage of its training", found.upstream.states),
        ("a comparison in a new process", version.verification.status.value == "verified"),
        ("the model card", found.card),
        ("decisions of people", page.decisions),
        ("a scan of its files for code", scan_of(page.verdicts)),
        ("its bytes", version.digest),
        ("its signature", version.signature),
        ("the commit of its code", version.git_commit),
    ):
        if not value:
            yield what
    if version.git_dirty:
        yield "the exact code: the work tree differed from the commit"
    for section in found.sections or ():
        if section.missing:
            fields, title = plural(section.missing, "field"), section.title.striptags()
            yield f"{fields} of the model card's section {title}"
    for asset in found.assets:
        if asset not in found.datasheets:
            yield f"a datasheet of {asset}"
    yield from _missing_of_log(found)
    yield from _NOT_KEPT


def _missing_of_log(found: PrintedEvidence) -> Iterator[str]:
    if found.checkpoint is None:
        yield "a checkpoint of the audit log: nothing is sealed yet"
    elif not found.may_prove:
        yield "proofs of its events: they need the permission to audit"
    elif not found.proofs:
        yield "proofs of its events: they are not sealed yet"


def _evidence_of(visit: Visit, page: VersionPage) -> PrintedEvidence:
    registry, reference = visit.registry, page.version.reference
    graph = without_hidden(page.lineage)
    data = upstream(reference, graph)
    events = registry.operations.version_pages.version_events(reference)
    card = _card(visit, page)
    may_prove = visit.principal.may(Permission.AUDIT)
    checkpoint = registry.operations.audit.log_checkpoint()
    return PrintedEvidence(
        upstream=data,
        datasheets=registry.datasheets(_assets(graph.nodes)),
        card=card,
        sections=card_sections(card) if card else None,
        events=events,
        are_all_events=not events.is_cut and events[-1:] != () and _is_first(events[-1]),
        checkpoint=checkpoint,
        proofs=_proofs(visit, events) if may_prove and checkpoint else (),
        may_prove=may_prove,
    )


def _is_first(event: Event) -> bool:
    return event.type is EventType.VERSION_CREATED


def _assets(nodes: Sequence[LineageNode]) -> list[str]:
    return sorted({node.asset for node in nodes if node.kind is not NodeKind.STEP})


def _card(visit: Visit, page: VersionPage) -> ModelCard | None:
    try:
        return visit.registry.card(page.version.reference)
    except PedigreeError:
        return page.card  # the store does not have what is drawn


def _proofs(visit: Visit, events: Sequence[Event]) -> tuple[LogProof, ...]:
    decisive = [event.seq for event in events if event.type in _DECISIVE]
    found = []
    for seq in decisive[:MOST_PROOFS]:
        try:
            found.append(visit.registry.operations.audit.prove_event(seq))
        except NotFoundError:
            continue  # it is newer than the newest checkpoint
    return tuple(found)
