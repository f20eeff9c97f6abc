"""Render the model card of a version, and the short card that Dagster shows.

Rendering is pure: it reads no clock, no database and no environment, so the same records give the
same bytes, and an unchanged card is not written twice.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pedigree.cards._front_matter import front_matter
from pedigree.cards.groups import group_verdicts
from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion, Training
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lineage.records import Certainty, LineageEdge, LineageGraph, LineageNode, NodeKind
from pedigree.markdown import Markdown, code, literal, prose, shown
from pedigree.signatures.records import Port, Signature

if TYPE_CHECKING:
    import jinja2

_SHOWN_OF_A_DIGEST = len("sha256:") + 12
_URL = re.compile(r"https?://[^\s<>]+")


def render_card(  # noqa: PLR0917 - a card is told from these six, and its one caller has them all
    version: ModelVersion,
    training: Training,
    lineage: LineageGraph,
    verdicts: Sequence[RecordedVerdict],
    timeline: Sequence[Tenure],
    human: CardNotes,
    *,
    packages: Sequence[str] = (),
) -> str:
    """Return a version's model card as Markdown with a YAML head.

    It has every section of Mitchell et al. (2019) and, behind them, what the registry recorded.
    What nobody said or measured is "not provided"; any text is shown as text, never as Markdown.

    Args:
        version: The version as it stands.
        training: The training to tell of; its metrics, params, code and environment are shown.
        lineage: What that training depends on.
        verdicts: The latest verdict of each check.
        timeline: Tenures of the model; those of other versions are left out.
        human: What people have to say.
        packages: What was installed where the training ran, each ``name==version``.
    """
    judged = sorted(verdicts, key=lambda verdict: verdict.check)
    text = (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            head=Markdown(front_matter(version, training, human)),
            version=version,
            training=training,
            notes=human,
            packages=sorted(packages),
            ports=_ports(version.signature),
            inputs=sorted(lineage.used(), key=lambda pair: _place(pair[0])),
            behind=_behind(lineage),
            **_certainty_of(lineage),
            verdicts=judged,
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
    """Return a short card as Markdown: digest, metrics, training data, and where to read on.

    Args:
        version: The version.
        lineage: What the training depends on; its data is "not provided" without.
        training: The training whose metrics are shown; the version's first when None.
        link: Where the whole card is: a URL becomes a link, anything else is shown as text.
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
    # Costs 40 ms, which nobody pays who renders no card.
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pedigree.cards"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is Markdown; `finalize` escapes every expression
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": code,
        "prose": prose,
        "literal": literal,
        "json": _json,
        "short": _short,
    }
    return environment


def _short(text: str) -> str:
    """Shorten a digest to what people compare: whole ones push a table out of Dagster's page."""
    return text[:_SHOWN_OF_A_DIGEST] if text.startswith("sha256:") else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _tidy(text: str) -> str:
    """Leave one blank line where blocks that were not rendered left several."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class _PortRow(NamedTuple):
    name: str | None
    type: str | None
    dtype: str | None
    shape: str | None
    required: bool


def _ports(signature: Signature) -> Iterator[tuple[str, _PortRow]]:
    for role, ports in (("input", signature.inputs), ("output", signature.outputs)):
        for port in ports:
            yield role, _port_row(port)


def _port_row(port: Port) -> _PortRow:
    if port.kind == "column":
        return _PortRow(port.name, port.type.value, None, None, port.required)
    extents = ", ".join("any" if extent == -1 else str(extent) for extent in port.shape)
    return _PortRow(port.name, None, port.dtype, f"({extents})", port.required)


def _behind(lineage: LineageGraph) -> list[LineageNode]:
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
    """Return how certain each node is, and of which assets that is not known."""
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
    """Sum the direct inputs up, one row an asset."""
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
        return f"{len(named)}, and others that are not known" if named else "not known"
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
