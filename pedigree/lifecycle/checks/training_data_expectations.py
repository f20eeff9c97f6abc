"""Check that a version's training data met its expectations."""

from collections import defaultdict
from collections.abc import Collection

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.datasets.records import DataState, RecordedDataVerdict
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed
from pedigree.lifecycle.records import Severity
from pedigree.lineage.records import LineageGraph, NodeKind

TRAINING_DATA_EXPECTATIONS = "training_data_expectations"
_READ_AT_ONCE = 100
_LINKED = 1000
"""The most verdicts on data that the details of a verdict name; the summary counts all."""


class ExpectationsSettings(Record):
    """The data that must have been checked."""

    assets: tuple[str, ...] = Field(
        default=(), description="Assets that must have been checked; when empty, any input"
    )
    checks: tuple[str, ...] = Field(default=(), description="Only these checks on the data")


def _judge(evidence: Evidence, version: ModelVersion, settings: ExpectationsSettings) -> Finding:
    graph = evidence.lineage(version.reference)
    found = _verdicts(evidence, _states(graph, settings.assets), settings)
    certain = _verdicts(evidence, _states(graph, settings.assets, only_certain=True), settings)
    unchecked = _unchecked(graph, settings.assets, found, certain)
    failed = [verdict for verdict in found if not verdict.passed]
    stopping = [verdict for verdict in failed if verdict.severity == "error"]
    failures = [f"{_place(verdict)}: {verdict.summary}" for verdict in stopping or failed]
    return Finding(
        passed=not unchecked and not failed,
        severity=Severity.ERROR if unchecked or stopping else Severity.WARN,
        summary=listed([*unchecked, *failures], shown=3)
        or f"{_count(len(found))} on {_data(found, certain)} passed",
        details=details(
            verdicts=[_linked(verdict) for verdict in found[:_LINKED]], unchecked=list(unchecked)
        ),
    )


def _verdicts(
    evidence: Evidence, states: list[DataState], settings: ExpectationsSettings
) -> list[RecordedDataVerdict]:
    """Return all verdicts on some data, without their details, which may be large."""
    found = list[RecordedDataVerdict]()
    after = 0
    while page := evidence.data_verdicts(states, limit=_READ_AT_ONCE, after=after):
        found += (
            verdict.model_copy(update={"details": {}})
            for verdict in page
            if not settings.checks or verdict.check in settings.checks
        )
        after = page[-1].data_verdict_id
    return found


def _data(found: Collection[RecordedDataVerdict], certain: Collection[RecordedDataVerdict]) -> str:
    if len(found) == len(certain):
        return "exactly its training data"
    return "its certain or possible training data"


def _states(
    graph: LineageGraph, assets: Collection[str], *, only_certain: bool = False
) -> list[DataState]:
    certainties = graph.certainties()
    return [
        DataState(
            asset=node.asset,
            partition=node.partition,
            storage_id=node.storage_id,
            materialized_by=node.run_id,
            data_version=node.data_version,
        )
        for node in graph.nodes
        if node.kind is not NodeKind.STEP
        and (not assets or node.asset in assets)
        and (not only_certain or certainties[node.node_id].certain)
    ]


def _unchecked(
    graph: LineageGraph,
    assets: Collection[str],
    found: Collection[RecordedDataVerdict],
    certain: Collection[RecordedDataVerdict],
) -> list[str]:
    """Return the unchecked data: of each required asset, every partition."""
    if not assets and not found:
        return ["no check ran on its training data"]
    if not assets:
        return [] if certain else _unchecked_candidates(graph, found)
    checked = {(verdict.asset, verdict.partition) for verdict in found}
    states = {(state.asset, state.partition) for state in _states(graph, assets)}
    unread = sorted(set(assets) - {asset for asset, _ in states})
    others = graph.not_ruled_out()
    return [
        *(
            f"it is not known whether it was trained on {asset}"
            if others is None or asset in others
            else f"{asset} is not part of its training data"
            for asset in unread
        ),
        *(f"no check ran on {_named(*state)}" for state in sorted(states - checked, key=repr)),
    ]


def _unchecked_candidates(graph: LineageGraph, found: Collection[RecordedDataVerdict]) -> list[str]:
    """Return a problem, unless all possible data of some asset was checked."""
    checked = {(verdict.asset, verdict.partition) for verdict in found}
    possible: defaultdict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for state in _states(graph, ()):
        possible[state.asset].add((state.asset, state.partition))
    if any(states <= checked for states in possible.values()):
        return []
    return ["no check ran on all of its possible training data"]


def _linked(verdict: RecordedDataVerdict) -> dict[str, JsonValue]:
    """Return the links of a result: the data, its event, and the check's run."""
    return verdict.model_dump(mode="json")


def _place(verdict: RecordedDataVerdict) -> str:
    return f"{verdict.check} on {_named(verdict.asset, verdict.partition)}"


def _named(asset: str, partition: str | None) -> str:
    return f"{asset}[{partition}]" if partition else asset


def _count(checks: int) -> str:
    return "one check" if checks == 1 else f"{checks} checks"


CHECK = Check(
    name=TRAINING_DATA_EXPECTATIONS,
    asks="Its training data met its expectations, such as a Great Expectations suite",
    judge=_judge,
    settings=ExpectationsSettings,
)
