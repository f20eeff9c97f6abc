"""No answer shows a version of a model that the caller may not read, whatever leads to it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic_core import to_json

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.catalog.records import TrainingOrigin
from pedigree.datasets.records import Datasheet, DataState, DataVerdict
from pedigree.errors import InvalidInputError, NotFoundError, NotPermittedError, PedigreeError
from pedigree.lineage.records import (
    HIDDEN,
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.lineage.usages import NewUsage, Written
from pedigree.registry import Registry
from tests.access.test_permissions import NAMED, TAKES
from tests.factories import free_policy, register

ANN = Actor(name="ann", source="token")
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Family(NamedTuple):
    """A readable model whose versions were made with versions of another one, and others of it."""

    registry: Registry
    hidden: tuple[str, ...]
    """What no answer may contain: the other model's name, and the digests of its versions."""

    @property
    def seen(self) -> Registry:
        """The registry as somebody sees it who may read the one model."""
        return self.registry.acting_as(ANN, sees=["churn*"])


def graph(own: str, *used: tuple[str, str | None]) -> LineageGraph:
    """The lineage of a training that read states of assets, and may have read others."""
    step = LineageNode(node_id=0, kind=NodeKind.STEP, asset=own, upstream=("models/secret", "raw"))
    nodes = [
        LineageNode(
            node_id=place,
            kind=NodeKind.MATERIALIZATION if digest else NodeKind.MISSING,
            asset=asset,
            data_version=digest,
            run_id=f"run of {digest}",
            at=AT,
        )
        for place, (asset, digest) in enumerate(used, 1)
    ]
    edges = [
        LineageEdge(consumer=0, source=node.node_id, capture=Capture.READ, certainty=Certainty.READ)
        for node in nodes
    ]
    return LineageGraph(nodes=(step, *nodes), edges=tuple(edges))


@pytest.fixture(autouse=True)
def _own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Staleness asks the asset graph, whose Dagster instance is in the home of the environment."""
    monkeypatch.setenv("PEDIGREE_HOME", str(home))


@pytest.fixture
def family(registry: Registry, tmp_path: Path) -> Family:
    return make_family(registry, tmp_path)


def make_family(registry: Registry, tmp_path: Path) -> Family:
    """Register the versions of a family in an empty registry."""

    def add(name: str, content: str, *used: tuple[str, str | None]) -> str:
        asset = f"models/{name}"
        origin = TrainingOrigin(asset=asset)
        reference = register(
            registry, tmp_path, content, name, origin=origin, lineage=graph(asset, *used)
        )
        return registry.get(reference).digest

    for name in ("secret", "churn"):
        registry.create_model(name)
        registry.set_policy(name, free_policy())
    first, second = add("secret", "s1"), add("secret", "s2")
    registry.promote("secret/1", "production")
    made = add("churn", "c1", ("models/secret/production", first), ("raw", "v1"))
    add("churn", "c2", ("models/secret", second), ("models/secret", None), ("raw", "v2"))
    third = add("secret", "s3", ("models/churn", made))
    written = Written(storage_id=1, data_version=third, code_version="1", written_at=AT)
    use = NewUsage(asset="models/secret", run_id="run-3", written=written)
    registry.operations.usages.record_usage("churn/1", use)
    return Family(registry, ("secret", *(digest[7:] for digest in (first, second, third))))


def shown(found: object) -> str:
    """All that an answer shows."""
    if isinstance(found, Iterator):
        found = [*found]
    return to_json(found, fallback=repr).decode() + repr(found)


def leaks(family: Family, text: str) -> list[str]:
    return [mark for mark in family.hidden if mark in text]


def answers(family: Family) -> Iterable[tuple[str, str]]:
    """Each verb with all that it answers, the readers first."""
    yield "events of a model", shown(family.seen.events(model="churn"))
    yield "unmaterialized of a version", shown(family.seen.unmaterialized("churn/1"))
    for permission in (Permission.READ, *(each for each in TAKES if each != Permission.READ)):
        for verb, arguments in TAKES[permission].items():
            try:
                found = getattr(family.seen, verb)(*arguments, **NAMED.get(verb, {}))
                yield verb, shown(found)
            except PedigreeError as error:
                yield verb, f"{error} {error.field} {error.value} {error.remedy}"


def test_no_verb_answers_with_a_version_that_the_caller_may_not_read(family: Family) -> None:
    assert {verb: found for verb, text in answers(family) if (found := leaks(family, text))} == {}


def test_what_leads_to_other_models_is_there_without_names(family: Family) -> None:
    seen, whole = family.seen, family.registry
    assert leaks(family, shown(whole.lineage("churn/1")))
    kinds = [node.kind for node in seen.lineage("churn/1").nodes]
    assert kinds == [NodeKind.STEP, NodeKind.HIDDEN, NodeKind.MATERIALIZATION]
    assert seen.lineage("churn/1").edges == whole.lineage("churn/1").edges
    states = seen.upstream("churn/2").states
    assert [state.asset for state in states] == [HIDDEN, HIDDEN, "raw"]
    assert states[0].missing == ()
    assert seen.upstream("churn/2").not_ruled_out == (HIDDEN, "raw")
    downstream = seen.downstream("churn/1")
    assert (downstream.versions, downstream.hidden) == ((), 1)
    assert [use.asset for use in downstream.usages] == [HIDDEN]
    assert whole.downstream("churn/1").versions == ("secret/3",)


def test_a_comparison_says_that_hidden_inputs_differ(family: Family) -> None:
    for found in (
        family.seen.compare("churn/1", "churn/2"),
        family.seen.diff("churn/1", "churn/2"),
    ):
        assert leaks(family, shown(found)) == []
        assert [change.asset for change in found.data].count(HIDDEN) == 2
        assert "raw" in [change.asset for change in found.data]


def test_the_impact_of_data_has_the_versions_that_the_caller_may_read(family: Family) -> None:
    digest = family.registry.get("churn/1").digest
    use = NewUsage(
        asset="models/secret", run_id="run-9", written=Written(
            storage_id=9, data_version=family.registry.get("secret/3").digest, code_version="1",
            written_at=AT,
        ),
    )  # fmt: skip
    family.registry.operations.usages.record_usage("churn/2", use)
    for asset, whole, seen in (
        (
            "raw",
            ["churn/1", "churn/2", "secret/1", "secret/2", "secret/3"],
            ["churn/1", "churn/2"],
        ),
        ("models/churn", ["secret/3"], []),
    ):
        found = family.registry.impact(asset)
        assert ([one.reference for one in found.versions], found.is_limited) == (whole, False)
        found = family.seen.impact(asset)
        assert ([one.reference for one in found.versions], found.is_limited) == (seen, True)
        assert leaks(family, shown(found)) == []
    assert digest in shown(family.seen.impact("raw"))
    assert family.seen.impact("models/churn").none


def test_quarantines_are_those_of_versions_that_the_caller_may_read(family: Family) -> None:
    whole = family.registry
    whole.quarantine("models/secret", reason="bad")
    whole.quarantine("raw", reason="doubled")
    whole.quarantine_version("secret/1", reason="this one")
    whole.quarantine("nothing", reason="of no version")
    assert len(whole.quarantines()) == 4
    found = family.seen.quarantines()
    assert [(each.asset, each.versions) for each in found] == [
        ("raw", ("churn/1", "churn/2")),
        (HIDDEN, ("churn/2",)),
    ]
    assert leaks(family, shown(found)) == []


def test_datasheets_and_verdicts_are_those_of_data_of_versions_that_the_caller_may_read(
    family: Family,
) -> None:
    assets = ["raw", "elsewhere", "models/secret"]
    for asset in assets:
        family.registry.set_datasheet(asset, Datasheet(motivation="to learn"))
        verdict = DataVerdict(
            asset=asset, data_version="v1", check="fresh", passed=True, summary=""
        )
        family.registry.record_data_verdict(verdict)
    states = [DataState(asset=asset, data_version="v1") for asset in assets]
    assert [*family.registry.datasheets(assets)] == sorted(assets)
    assert [*family.seen.datasheets(assets)] == ["raw"]
    assert [each.asset for each in family.registry.data_verdicts(states)] == assets
    assert [each.asset for each in family.seen.data_verdicts(states)] == ["raw"]
    with pytest.raises(NotFoundError):
        family.seen.datasheet("elsewhere")


def test_a_card_names_no_version_that_the_reader_may_not_read(family: Family) -> None:
    card = family.seen.card("churn/1")
    assert leaks(family, shown(card)) == []
    assert HIDDEN in card.markdown
    assert "models/secret/production" in family.registry.card("churn/1").markdown
    assert leaks(family, shown(family.seen.write_card("churn/1"))) == []


def test_a_model_of_its_own_asset_stays_readable_where_partitions_are_models(
    registry: Registry, tmp_path: Path
) -> None:
    digests = {}
    for name in ("churn_2025", "hidden_2026"):
        origin = TrainingOrigin(asset="models/churn", partition=name)
        reference = register(registry, tmp_path, name, name, origin=origin)
        digests[name] = registry.get(reference).digest
    used = [("models/churn", digest) for digest in digests.values()]
    register(registry, tmp_path, "b", "churn_b", lineage=graph("models/b", *used))
    seen = registry.acting_as(ANN, sees=["churn*"]).lineage("churn_b/1")
    assert [node.data_version for node in seen.nodes[1:]] == [digests["churn_2025"], None]


def test_a_lineage_with_hidden_nodes_is_not_registered(family: Family, tmp_path: Path) -> None:
    seen = family.seen.lineage("churn/1")
    with pytest.raises(InvalidInputError, match="hidden node"):
        register(family.registry, tmp_path, "c9", lineage=seen)


def test_another_model_is_refused_before_it_is_looked_up(family: Family) -> None:
    for name in ("secret", "never-there"):
        for verb in ("get", "lineage", "downstream", "card"):
            with pytest.raises(NotPermittedError) as refused:
                getattr(family.seen, verb)(f"{name}/1")
            assert name not in str(refused.value)
