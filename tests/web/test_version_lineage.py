"""The lineage of a version: an asset is one node and one row, and nothing runs out of its box."""

import re
from datetime import timedelta

import pytest
from markupsafe import Markup

from pedigree._record import RecordPage
from pedigree.lineage.records import (
    HIDDEN,
    Capture,
    Certainty,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.lineage.usages import Usage
from pedigree.server.web.links import Links
from pedigree.server.web.pictures.measuring import width_of
from pedigree.server.web.version_lineage import inputs_of, outputs_of, without_hidden
from pedigree.server.web.version_picture import MOST_NODES, ShownLineage, shown_lineage
from tests.lineage.graphs import STEP, edge, graph, missing, node
from tests.web.version_records import NOW, ago, page, version

LINKS = Links({"type": "http"}, "https://dagster.example")


def drawn(lineage: LineageGraph, *usages: Usage, links: Links = LINKS) -> ShownLineage:
    shown = page(
        version=version(stage="production", stage_since=ago(days=13)),
        lineage=lineage,
        usages=RecordPage(usages),
    )
    return shown_lineage(shown, links, NOW)


def svg(shown: ShownLineage) -> Markup:
    assert shown.picture is not None
    return shown.picture.svg


def titles(shown: ShownLineage) -> list[str]:
    return re.findall(r'<text class="ntitle[^>]*>([^<]*)<', svg(shown))


def usage(asset: str, number: int, **fields: object) -> Usage:
    known = {
        "usage_id": number,
        "asset": asset,
        "partition": None,
        "run_id": "run",
        "instance_id": None,
        "capture": Capture.READ,
        "used_at": ago(hours=number),
        "storage_id": 5,
        "data_version": None,
        "code_version": None,
        "written_at": None,
        "settled": True,
    }
    return Usage(**{**known, **fields})  # type: ignore[arg-type]


def chain(length: int) -> LineageGraph:
    """A step that read the first of some assets, each made of the next."""
    nodes = [STEP, *(node(place, f"asset_{place}") for place in range(1, length + 1))]
    edges = [edge(place, place + 1, Certainty.READ) for place in range(length)]
    return LineageGraph(nodes=tuple(nodes), edges=tuple(edges))


def partitions(count: int) -> LineageGraph:
    return graph(
        *(
            node(place, "flights", f"{place:05}", f"v{place}", at=NOW - timedelta(days=place))
            for place in range(1, count + 1)
        )
    )


def test_the_partitions_of_an_asset_are_one_node_and_one_row() -> None:
    shown = drawn(partitions(5_000))
    (use,) = shown.inputs
    assert (use.states, use.parts) == (5_000, "5,000 partitions, 00001 to 05000")
    assert use.state == "5,000 data versions"
    assert use.recorded_at == NOW - timedelta(days=1)
    assert sorted(titles(shown)) == ["churn/3", "flights", "production"]
    assert svg(shown).count('<path class="edge') == 2


def test_what_was_written_is_at_the_right_of_the_stage() -> None:
    shown = drawn(chain(2), usage("scores", 1), usage("scores", 2), usage("report", 3))
    assert [each.asset for each in shown.outputs] == ["scores", "report"]
    places = {
        title: float(x)
        for x, title in re.findall(r'<text class="ntitle[^>]* x="(\d+)"[^>]*>([^<]*)<', svg(shown))
    }
    order = ["asset_2", "asset_1", "churn/3", "production", "scores"]
    assert sorted(order, key=places.__getitem__) == order
    assert places["scores"] == places["report"]


def test_a_version_without_a_stage_leads_to_its_outputs_itself() -> None:
    shown = page(version=version(), lineage=chain(1), usages=RecordPage([usage("scores", 1)]))
    found = shown_lineage(shown, LINKS, NOW)
    assert "stage" not in svg(found)
    assert svg(found).count('<path class="edge') == 2


def test_a_use_whose_output_is_not_known_is_drawn_as_uncertain() -> None:
    shown = drawn(chain(1), usage("scores", 1, storage_id=None, settled=False))
    assert '<path class="edge declared"' in svg(shown)
    assert not shown.outputs[0].is_written


@pytest.mark.parametrize("count", [MOST_NODES, MOST_NODES + 1, 1_000])
def test_far_assets_are_folded_into_one_node(count: int) -> None:
    shown = drawn(chain(count))
    nodes = svg(shown).count('<rect class="node ')
    if count <= MOST_NODES:
        assert (shown.folded, nodes) == (0, count + 2)
    else:
        assert (shown.folded, nodes) == (count - MOST_NODES + 1, MOST_NODES + 2)
        assert "further assets" in svg(shown)
    assert len(shown.inputs) == count


def test_a_cycle_between_assets_is_drawn_without_the_edge_that_leads_back() -> None:
    nodes = (STEP, node(1, "a", "2"), node(2, "b"), node(3, "a", "1"))
    edges = tuple(edge(place, place + 1, Certainty.PROVED) for place in range(3))
    shown = drawn(LineageGraph(nodes=nodes, edges=edges))
    assert shown.picture is not None
    assert shown.picture.left_out == 1
    assert [each.asset for each in shown.inputs] == ["a", "b"]


@pytest.mark.parametrize(
    "name", ["x" * 200, "warehouse/" * 19 + "customers", "顧客" * 100, "\u202ereversed" * 20]
)
def test_no_text_runs_out_of_its_node(name: str) -> None:
    shown = drawn(graph(node(1, name, "p" * 200, "v" * 200)), usage(name, 1))
    rects = re.findall(r'<rect class="node [a-z]+" x="(\d+)" y="[\d.]+" width="(\d+)"', svg(shown))
    ends = [float(x) + float(width) for x, width in rects]
    texts = re.findall(r'<text class="(ntitle|nsub)[^>]* x="(\d+)"[^>]*>([^<]*)<', svg(shown))
    assert len(texts) == 2 * len(rects)
    for kind, x, text in texts:
        plain = Markup(text).unescape()
        size = 12.5 if kind == "ntitle" else 11.5
        end = float(x) + width_of(plain, size, is_bold=kind == "ntitle")
        assert end <= min(each for each in ends if each > float(x))


def test_a_missing_event_is_said() -> None:
    link = edge(0, 1, Certainty.UNKNOWN, Capture.DECLARED)
    shown = drawn(LineageGraph(nodes=(STEP, missing(1, "customers")), edges=(link,)))
    (use,) = shown.inputs
    assert use.state == "its event is missing"
    assert use.how == "not known which part, declared"
    assert '<rect class="node missing"' in svg(shown)


def test_every_asset_links_to_its_impact_and_to_dagster() -> None:
    picture = svg(drawn(chain(1)))
    assert 'href="/impact?asset=asset_1"' in picture
    assert 'href="https://dagster.example/assets/asset_1"' in picture


def test_without_the_address_of_dagster_there_is_no_link_to_it() -> None:
    shown = drawn(chain(1), links=Links({"type": "http"}, None))
    assert "↗" not in svg(shown)
    assert svg(shown).count("<a ") == 2  # the asset's impact, and the model of the stage


def test_names_are_escaped() -> None:
    picture = svg(drawn(graph(node(1, '<b>"&'))))
    assert "<b>" not in picture
    assert "&lt;b&gt;&#34;&amp;" in picture


def test_hidden_states_and_what_only_they_lead_to_are_not_shown() -> None:
    hidden = LineageNode(node_id=1, kind=NodeKind.HIDDEN, asset=HIDDEN)
    nodes = (STEP, hidden, node(2, "behind"), node(3, "seen"))
    edges = tuple(edge(*pair, Certainty.PROVED) for pair in ((0, 1), (1, 2), (0, 3)))
    lineage = LineageGraph(nodes=nodes, edges=edges)
    assert [each.asset for each in inputs_of(without_hidden(lineage))] == ["seen"]
    shown = drawn(lineage, usage(HIDDEN, 1))
    assert [each.asset for each in shown.inputs] == ["seen"]
    assert shown.outputs == ()
    assert "hidden" not in svg(shown)


def test_nothing_recorded_is_no_picture() -> None:
    assert drawn(LineageGraph()).picture is None
    assert outputs_of(()) == ()


def test_what_is_only_possible_looks_different() -> None:
    picture = svg(drawn(graph(node(1, "a"), behind=(node(2, "b"),), certainty=Certainty.POSSIBLE)))
    assert picture.count('<rect class="node declared"') == 1
    assert picture.count('<path class="edge declared"') == 1
