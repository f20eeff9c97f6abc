from pathlib import Path

from pedigree.lineage.records import Capture, Certainty, LineageGraph
from pedigree.registry import Registry
from tests.factories import register
from tests.lineage.graphs import graph, missing, node


def test_every_state_is_listed_once_by_its_distance(registry: Registry, tmp_path: Path) -> None:
    shared = node(3, "raw")
    made = graph(node(1, "features", "2013-02"), node(2, "features", "2013-01"), behind=(shared,))
    register(registry, tmp_path, lineage=made)
    found = registry.upstream("churn/1")
    assert [(one.distance, one.asset, one.partition, one.capture) for one in found.states] == [
        (1, "features", "2013-01", Capture.READ),
        (1, "features", "2013-02", Capture.READ),
        (2, "raw", None, Capture.PROVENANCE),
    ]
    assert [one.certainty.value for one in found.states] == ["read", "read", "proved"]
    assert (found.recorded, found.not_ruled_out) == (True, ())
    assert found.states[2].data_version == "v1"
    assert found.states[2].missing == ()


def test_unrecorded_facts_are_listed(registry: Registry, tmp_path: Path) -> None:
    made = graph(missing(1, "elsewhere"), node(2, "raw", code_version=None, run_id=None))
    register(registry, tmp_path, lineage=made)
    elsewhere, raw = registry.upstream("churn/1").states
    assert elsewhere.missing == ("storage_id", "run_id", "data_version", "code_version", "at")
    assert raw.missing == ("run_id", "code_version")


def test_assets_that_may_be_upstream_are_listed(registry: Registry, tmp_path: Path) -> None:
    lost = (missing(1, "clean", upstream=("raw", "bureau")), missing(2, "rates", upstream=("fx",)))
    register(registry, tmp_path, "a", lineage=graph(*lost))
    found = registry.upstream("churn/1")
    assert [one.upstream for one in found.states] == [("raw", "bureau"), ("fx",)]
    assert found.not_ruled_out == ("bureau", "fx", "raw")
    register(registry, tmp_path, "b", lineage=graph(*lost, missing(3, "x", upstream=None)))
    assert registry.upstream("churn/2").not_ruled_out is None
    register(registry, tmp_path, "c", lineage=LineageGraph())
    nothing = registry.upstream("churn/3")
    assert (nothing.recorded, nothing.states, nothing.not_ruled_out) == (False, (), None)


def test_the_equality_of_uncertain_lineages_is_unknown(registry: Registry, tmp_path: Path) -> None:
    def behind(version: str, certainty: Certainty) -> LineageGraph:
        return graph(
            node(1, "features"), behind=(node(2, "raw", version=version),), certainty=certainty
        )

    lineages = (
        behind("v1", Certainty.PROVED),
        behind("v2", Certainty.POSSIBLE),
        behind("v3", Certainty.PROVED),
        graph(node(1, "features"), missing(2, "raw")),
    )
    for content, lineage in zip("abcd", lineages, strict=True):
        register(registry, tmp_path, content, lineage=lineage)
    possible = registry.diff("churn/1", "churn/2")
    assert (possible.same, possible.certain_a, possible.certain_b) == (None, True, False)
    assert [(one.certainty_a, one.certainty_b) for one in possible.data] == [
        (Certainty.PROVED, Certainty.POSSIBLE)
    ]
    assert registry.diff("churn/1", "churn/3").same is False
    assert registry.diff("churn/1", "churn/1").same is True
    # The same graph, of which something is not known, may stand for different data.
    assert registry.diff("churn/2", "churn/2").same is None
    # The second does not say that it did not use raw: something of it was.
    assert registry.diff("churn/3", "churn/4").same is None


def test_the_difference_of_two_versions_reaches_the_sources(
    registry: Registry, tmp_path: Path
) -> None:
    a = graph(node(1, "features"), behind=(node(2, "raw"), node(3, "prices", "p1")))
    b = graph(node(1, "features"), node(4, "rates"), behind=(node(2, "raw", version="v2"),))
    register(registry, tmp_path, "a", lineage=a)
    register(registry, tmp_path, "b", lineage=b, git_commit="f" * 40, code_version="2")
    found = registry.diff("churn/1", "churn/2")
    assert [(one.asset, one.distance, one.data_a, one.data_b) for one in found.data] == [
        ("prices", 2, "v1", None),
        ("rates", 1, None, "v1"),
        ("raw", 2, "v1", "v2"),
    ]
    assert [change.name for change in found.code] == ["git_commit", "code_version"]
    assert not found.same
    assert registry.diff("churn/1", "churn/1").same


def test_different_code_upstream_is_a_difference(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a", lineage=graph(node(1, "raw")))
    register(registry, tmp_path, "b", lineage=graph(node(1, "raw", code_version="c2")))
    (change,) = registry.diff("churn/1", "churn/2").data
    assert (change.code_a, change.code_b) == ("c1", "c2")
