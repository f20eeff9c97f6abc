"""Render the model card of a version, and the summary that Dagster shows.

Rendering is pure: it reads no clock, no database and no environment, so the same records give the
same bytes, and an unchanged card is not written again.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence, Sized
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pedigree.cards._front_matter import front_matter
from pedigree.cards.groups import group_verdicts
from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion, Training, TrainingOrigin
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lineage.records import Certainty, LineageEdge, LineageGraph, LineageNode, NodeKind
from pedigree.markdown import Markdown, code, literal, prose, shown
from pedigree.signatures.records import Port, Signature

if TYPE_CHECKING:
    import jinja2

MOST_ROWS = 200
"""The most rows of each table of a card."""

T = TypeVar("T")

_SHOWN_OF_A_DIGEST = len("sha256:") + 12
_URL = re.compile(r"https?://[^\s<>]+")


def render_card(  # noqa: PLR0917 - a card shows these six, and its only caller has them all
    version: ModelVersion,
    training: Training | None,
    lineage: LineageGraph,
    verdicts: Sequence[RecordedVerdict],
    timeline: Sequence[Tenure],
    human: CardNotes,
    *,
    packages: Sequence[str] = (),
    further_verdicts: int = 0,
    further_tenures: int = 0,
) -> str:
    """Return a version's model card as Markdown with YAML front matter.

    It has every section of Mitchell et al. (2019) and, after them, the registry's record. Missing
    values are "not provided"; text is escaped, so that it is never read as Markdown.

    Args:
        version: The version in its current state.
        training: The training whose metrics, params, code and environment are shown.
        lineage: The lineage of that training.
        verdicts: The latest verdict of each check.
        timeline: Tenures of the model; those of other versions are left out.
        human: People's notes.
        packages: The installed packages of the training's environment, each ``name==version``.
        further_verdicts: The number of verdicts that the card does not show.
        further_tenures: The number of earlier tenures that the card does not show.
    """
    judged = sorted(verdicts, key=lambda verdict: verdict.check)
    text = (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            head=Markdown(front_matter(version, training, human)),
            version=version,
            training=training,
            metadata=training.metadata if training else version,
            origin=training.origin if training else TrainingOrigin(),
            notes=human,
            packages=sorted(packages),
            ports=[*_ports(version.signature)],
            inputs=sorted(lineage.used(), key=lambda pair: _place(pair[0])),
            indirect=_indirect(lineage),
            **_certainty_of(lineage),
            verdicts=judged,
            further_verdicts=further_verdicts,
            further_tenures=further_tenures,
            groups=group_verdicts(judged),
            tenures=[each for each in timeline if each.version_id == version.version_id],
        )
    )
    return _tidy(text)


def render_summary(
    version: ModelVersion,
    lineage: LineageGraph | None = None,
    *,
    training: Training | None = None,
    link: str | None = None,
) -> str:
    """Return a short card as Markdown: digest, metrics, training data and a link to the card.

    Args:
        version: The version.
        lineage: The lineage of the training; without it, the data is "not provided".
        training: The training whose metrics are shown; the version's first when None.
        link: The location of the whole card: a URL becomes a link, anything else is shown as text.
    """
    text = (
        _environment()
        .get_template("summary.md.j2")
        .render(
            version=version,
            metrics=training.metadata.metrics if training else version.metrics,
            data=_data(lineage or LineageGraph()),
            **_certainty_of(lineage or LineageGraph()),
            link=_link(link) if link else None,
        )
    )
    return _tidy(text)


@cache
def _environment() -> "jinja2.Environment":
    # The import takes 40 ms, so only rendering a card pays for it.
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pedigree.cards"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is Markdown; `finalize` escapes every expression
        finalize=shown,
        auto_reload=False,  # it would look at each file for each card
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": code,
        "prose": prose,
        "literal": literal,
        "json": _json,
        "short": _short,
        "first_rows": _first_rows,
        "further_rows": _further_rows,
    }
    return environment


def _short(text: str) -> str:
    """Shorten a digest: a full one makes a table wider than Dagster's page."""
    return text[:_SHOWN_OF_A_DIGEST] if text.startswith("sha256:") else text


def _first_rows(rows: Sequence[T]) -> Sequence[T]:
    return rows[:MOST_ROWS]


def _further_rows(rows: Sized) -> Markdown:
    """Return a paragraph about the rows that a table does not show; empty if it shows all."""
    further = len(rows) - MOST_ROWS
    return Markdown("" if further <= 0 else f"\n{further:,} further ones are not shown.\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _tidy(text: str) -> str:
    """Collapse the blank lines that blocks without content leave."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class _PortRow(NamedTuple):
    name: str | None
    type: str | None
    dtype: str | None
    shape: str | None
    required: bool


def _ports(signature: Signature | None) -> Iterator[tuple[str, _PortRow]]:
    if signature is None:
        return
    for role, ports in (("input", signature.inputs), ("output", signature.outputs)):
        for port in ports:
            yield role, _port_row(port)


def _port_row(port: Port) -> _PortRow:
    if port.kind == "column":
        return _PortRow(port.name, port.type.value, None, None, port.required)
    extents = ", ".join("any" if extent == -1 else str(extent) for extent in port.shape)
    return _PortRow(port.name, None, port.dtype, f"({extents})", port.required)


def _indirect(lineage: LineageGraph) -> list[LineageNode]:
    direct = {node.node_id for node, _ in lineage.used()}
    return sorted(
        (
            node
            for node in lineage.nodes
            if node.kind is not NodeKind.STEP and node.node_id not in direct
        ),
        key=_place,
    )


def _place(node: LineageNode) -> tuple[str, str, int, int]:
    return node.asset, node.partition or "", node.storage_id or 0, node.node_id


def _certainty_of(lineage: LineageGraph) -> dict[str, object]:
    """Return the certainty of each node, and the assets with unknown data."""
    certainties = lineage.certainties()
    unknown = {
        node.asset for node in lineage.nodes if certainties[node.node_id] is Certainty.UNKNOWN
    }
    return {
        "unknown": sorted(unknown),
        "lineage": lineage,
        "certainties": certainties,
        "possible": Certainty.POSSIBLE in certainties.values(),
        "not_ruled_out": lineage.not_ruled_out() if lineage.nodes else None,
    }


class _DataRow(NamedTuple):
    asset: str
    partitions: str | None
    data_version: str | Markdown | None
    captures: list[str]
    certainties: list[str]


def _data(lineage: LineageGraph) -> list[_DataRow]:
    """Summarize the direct inputs, one row for each asset."""
    by_asset: dict[str, list[tuple[LineageNode, LineageEdge]]] = {}
    for node, edge in sorted(lineage.used(), key=lambda pair: _place(pair[0])):
        by_asset.setdefault(node.asset, []).append((node, edge))
    return [
        _DataRow(
            asset,
            _span([node for node, _ in found]),
            _only(node.data_version for node, _ in found),
            sorted({edge.capture.value for _, edge in found}),
            sorted({edge.certainty.value for _, edge in found}),
        )
        for asset, found in by_asset.items()
    ]


def _span(nodes: Sequence[LineageNode]) -> str:
    named = [node.partition for node in nodes if node.partition is not None]
    if any(node.partition is None and node.kind is NodeKind.MISSING for node in nodes):
        return f"{len(named)}, and unknown others" if named else "unknown"
    if not named:
        return "not partitioned"
    return named[0] if len(named) == 1 else f"{len(named)}: {named[0]} … {named[-1]}"


def _only(versions: Iterable[str | None]) -> str | Markdown | None:
    known = sorted({version for version in versions if version})
    if len(known) == 1:
        return code(_short(known[0]))
    return f"{len(known)} different" if known else None


def _link(target: str) -> Markdown:
    if _URL.fullmatch(target):
        return Markdown(f"[Model card](<{target}>)")
    return Markdown(f"Model card: {code(target)}")
