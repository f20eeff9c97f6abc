"""Bad data: versions that depend on it cannot enter a stage until its release."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pedigree.audit.event_types import EventType
from pedigree.catalog.quarantine import quarantine_data
from pedigree.errors import GateNotPassedError, InvalidInputError, QuarantineNotFoundError
from pedigree.lineage.records import Certainty, LineageGraph, NodeKind
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.factories import artifact, free_policy, new_version, register
from tests.lineage.graphs import MONDAY, graph, missing, node
from tests.maintenance.collecting import require_sound

LATER = datetime(2126, 1, 1, tzinfo=UTC)
JANUARY = graph(node(1, "flights", "2013-01"))
FEBRUARY = graph(node(1, "flights", "2013-02"))


@pytest.fixture
def trained(registry: Registry, tmp_path: Path) -> Registry:
    """Version 1 depends on January, 2 on data derived from January, 3 on February."""
    registry.set_policy("churn", free_policy())
    behind = graph(node(2, "features"), behind=(node(1, "flights", "2013-01"),))
    for content, lineage in (("a", JANUARY), ("b", behind), ("c", FEBRUARY)):
        register(registry, tmp_path, content, lineage=lineage)
    return registry


def test_impact_lists_dependent_versions_with_their_current_and_past_stages(
    trained: Registry,
) -> None:
    trained.promote("churn/1", "production")
    trained.promote("churn/2", "production")
    trained.set_alias("churn", "best", 2)
    first, second = trained.impact("flights", "2013-01").certain
    assert (first.reference, first.direct, first.partitions) == ("churn/1", True, ("2013-01",))
    assert (second.reference, second.direct) == ("churn/2", False)
    assert [one.pointer for one in first.tenures] == ["stage:production", "stage:archived"]
    assert (first.holds, first.in_use) == (("stage:archived",), False)
    assert (second.holds, second.in_use) == (("stage:production", "alias:best"), True)


def test_impact_without_a_partition_includes_all_partitions(trained: Registry) -> None:
    found = trained.impact("flights").certain
    assert [one.reference for one in found] == ["churn/1", "churn/2", "churn/3"]
    assert trained.impact("nothing").none


def test_impact_since_a_time_excludes_older_data(trained: Registry) -> None:
    assert trained.impact("flights", since=MONDAY).certain
    assert trained.impact("flights", since=MONDAY + timedelta(seconds=1)).none
    with pytest.raises(InvalidInputError, match="has no time zone"):
        trained.impact("flights", since=datetime(2026, 1, 1))  # noqa: DTZ001 -- that is the case


def test_an_unknown_partition_may_be_the_affected_one(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, lineage=graph(missing(1, "flights")))
    found = registry.impact("flights", "2013-01")
    assert ([one.reference for one in found.unknown], found.none) == (["churn/1"], False)
    assert [one.reference for one in registry.impact("flights").possible] == ["churn/1"]


def test_deleted_versions_are_affected_too(trained: Registry) -> None:
    trained.delete("churn/1", reason="old")
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    assert trained.impact("flights", "2013-01").certain[0].deleted_at is not None
    assert trained.restore("churn/1").quarantine_reason == "doubled rows"


def test_data_in_quarantine_keeps_its_versions_out_of_stages(trained: Registry) -> None:
    found = trained.quarantine("flights", "2013-01", reason="doubled rows")
    assert found.versions == ("churn/1", "churn/2")
    for reference in found.versions:
        assert trained.get(reference).quarantine_reason == "doubled rows"
        with pytest.raises(GateNotPassedError, match="release from quarantine: doubled rows"):
            trained.promote(reference, "staging")
    assert trained.promote("churn/3", "staging").moved
    assert [one.reference for one in trained.search("quarantined = true").records] == [
        "churn/2",
        "churn/1",
    ]


def test_release_reverses_a_quarantine(trained: Registry) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    assert [one.partition for one in trained.quarantines()] == ["2013-01"]
    (ended,) = trained.release("flights", "2013-01", reason="they were right")
    assert ended.versions == ("churn/1", "churn/2")
    assert trained.quarantines() == ()
    assert trained.promote("churn/1", "staging").moved
    with pytest.raises(QuarantineNotFoundError, match=r"flights \[2013-01\]"):
        trained.release("flights", "2013-01")


def test_events_of_the_same_transaction_record_actor_reason_and_versions(trained: Registry) -> None:
    before = trained.events(limit=10_000)[-1].seq
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    trained.release("flights", "2013-01", reason="fixed")
    events = trained.events(before)
    assert [(one.type, one.subject) for one in events] == [
        (EventType.ASSET_QUARANTINED, "flights"),
        (EventType.VERSION_QUARANTINED, "churn/1"),
        (EventType.VERSION_QUARANTINED, "churn/2"),
        (EventType.ASSET_RELEASED, "flights"),
        (EventType.VERSION_RELEASED, "churn/1"),
        (EventType.VERSION_RELEASED, "churn/2"),
    ]
    assert events[1].body["reason"] == "doubled rows"
    assert events[1].body["partition"] == "2013-01"
    assert [one.body["certainty"] for one in events[1:3]] == ["read", "proved"]
    assert events[0].body["only_certain"] is False
    assert {one.actor.name for one in events} == {"tester"}
    assert check_replay(trained.database).examples == []


def test_a_version_stays_quarantined_while_one_quarantine_applies(trained: Registry) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    trained.quarantine("features", reason="leaks the label")
    assert trained.get("churn/2").quarantine_reason == "doubled rows; leaks the label"
    trained.release("flights", "2013-01")
    assert trained.get("churn/1").quarantine_reason is None
    assert trained.get("churn/2").quarantine_reason == "leaks the label"
    assert check_replay(trained.database).examples == []


def test_a_single_version_is_quarantined_and_released(trained: Registry) -> None:
    assert trained.quarantine_version("churn/3", reason="unfair").quarantine_reason == "unfair"
    assert [one.versions for one in trained.quarantines()] == [("churn/3",)]
    assert trained.release_version("churn/3").quarantine_reason is None
    assert trained.quarantines() == ()
    events = trained.events(limit=10_000)
    trained.release_version("churn/3")
    assert trained.events(limit=10_000) == events


def test_a_version_released_by_a_person_is_not_marked_again(
    trained: Registry, tmp_path: Path
) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    trained.release_version("churn/1", reason="it left them out")
    assert [one.asset for one in trained.quarantines()] == ["flights"]
    trained.register(
        "churn", artifact(tmp_path / "a", "a"), new_version(run_id="2", lineage=JANUARY)
    )
    assert trained.get("churn/1").quarantine_reason is None


def test_a_later_version_of_the_same_data_is_marked_at_registration(
    trained: Registry, tmp_path: Path
) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    done = trained.register("churn", artifact(tmp_path / "d", "d"), new_version(lineage=JANUARY))
    assert done.version.quarantine_reason == "doubled rows"
    assert done.notice == "churn/4 depends on data in quarantine: doubled rows"
    # the same bytes from the bad data, too
    again = new_version(run_id="2", lineage=JANUARY)
    done = trained.register("churn", artifact(tmp_path / "c", "c"), again)
    assert (done.created, done.version.quarantine_reason) == (False, "doubled rows")


def test_newer_data_of_the_partition_is_not_quarantined(trained: Registry, tmp_path: Path) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    repaired = graph(node(1, "flights", "2013-01", version="v2", at=LATER))
    assert register(trained, tmp_path, "repaired", lineage=repaired) == "churn/4"
    assert trained.get("churn/4").quarantine_reason is None


def test_data_before_the_given_time_is_not_quarantined(trained: Registry, tmp_path: Path) -> None:
    since = MONDAY + timedelta(days=1)
    assert trained.quarantine("flights", reason="late feed", since=since).versions == ()
    register(trained, tmp_path, "d", lineage=JANUARY)
    assert trained.get("churn/4").quarantine_reason is None
    tuesday = graph(node(1, "flights", "2013-01", at=since))
    register(trained, tmp_path, "e", lineage=tuesday)
    assert trained.get("churn/5").quarantine_reason == "late feed"


def test_a_version_of_unknown_data_age_possibly_depends_on_it(
    trained: Registry, tmp_path: Path
) -> None:
    trained.quarantine("flights", "2013-01", reason="doubled rows")
    timeless = graph(node(1, "flights", "2013-01", kind=NodeKind.EXTERNAL, at=None))
    done = trained.register("churn", artifact(tmp_path / "d", "d"), new_version(lineage=timeless))
    assert done.version.quarantine_reason == "doubled rows"
    assert done.notice == "churn/4 possibly depends on data in quarantine: doubled rows"
    elsewhere = graph(node(1, "flights", "2013-03", kind=NodeKind.EXTERNAL, at=None))
    register(trained, tmp_path, "e", lineage=elsewhere)
    assert trained.get("churn/5").quarantine_reason is None
    (found,) = trained.quarantines()
    assert (found.versions, found.possible) == (("churn/1", "churn/2", "churn/4"), ("churn/4",))
    assert check_replay(trained.database).examples == []


def test_a_concurrent_registration_is_marked(trained: Registry, tmp_path: Path) -> None:
    """It waits for the running quarantine, and then sees it."""
    registering = threading.Thread(
        target=lambda: register(trained, tmp_path, "late", lineage=JANUARY)
    )

    def slow(transaction: object) -> None:
        quarantine_data(transaction, "flights", "2013-01", trained.actor(), reason="doubled rows")
        registering.start()
        registering.join(0.2)
        assert registering.is_alive()

    trained.database.transaction(slow)
    registering.join()
    assert trained.get("churn/4").quarantine_reason == "doubled rows"


def test_a_quarantine_has_a_reason(trained: Registry) -> None:
    before = trained.events(limit=10_000)
    with pytest.raises(InvalidInputError, match="people must know why the quarantine exists"):
        trained.quarantine("flights", reason=" ")
    with pytest.raises(InvalidInputError, match="must know why"):
        trained.quarantine_version("churn/1", reason="")
    assert trained.events(limit=10_000) == before


# What depends on January: certainly, possibly, and of which it is not known by what is missing.
CERTAIN = graph(node(1, "features"), behind=(node(2, "flights", "2013-01"),))
POSSIBLE = graph(
    node(1, "features"),
    behind=(node(2, "flights", "2013-01"), node(3, "flights", "2013-02")),
    certainty=Certainty.POSSIBLE,
)
UNKNOWN = graph(node(1, "features"), behind=(missing(2, "clean", upstream=("flights",)),))
UNBOUNDED = graph(missing(1, "clean", upstream=None))
NOT_IT = graph(node(1, "features"), behind=(missing(2, "clean", upstream=("weather",)),))


@pytest.fixture
def uncertain(registry: Registry, tmp_path: Path) -> Registry:
    """Versions 1 to 5 as listed above, and version 6 without lineage."""
    registry.set_policy("churn", free_policy())
    lineages = (CERTAIN, POSSIBLE, UNKNOWN, UNBOUNDED, NOT_IT, LineageGraph())
    for content, lineage in zip("abcdef", lineages, strict=True):
        register(registry, tmp_path, content, lineage=lineage)
    return registry


def test_impact_distinguishes_certain_possible_and_unknown(uncertain: Registry) -> None:
    found = uncertain.impact("flights", "2013-01")
    assert [one.reference for one in found.certain] == ["churn/1"]
    assert [one.reference for one in found.possible] == ["churn/2"]
    assert [one.reference for one in found.unknown] == ["churn/3", "churn/4"]
    assert found.without_lineage == 1
    assert [one.certainty for one in found.certain] == [Certainty.PROVED]


def test_impact_is_unknown_only_for_assets_that_may_be_upstream(uncertain: Registry) -> None:
    def unknown(asset: str) -> list[str]:
        return [one.reference for one in uncertain.impact(asset).unknown]

    assert unknown("weather") == ["churn/4", "churn/5"]
    assert unknown("prices") == ["churn/4"]
    # Something of what is missing was used, so of the asset as a whole it is possible.
    clean = uncertain.impact("clean")
    assert [one.reference for one in clean.possible] == ["churn/3", "churn/4", "churn/5"]
    assert [one.reference for one in uncertain.impact("clean", "x").unknown] == [
        "churn/3",
        "churn/4",
        "churn/5",
    ]


def test_impact_is_not_empty_while_some_lineage_is_unknown(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", lineage=CERTAIN)
    assert registry.impact("prices").none
    register(registry, tmp_path, "b")
    found = registry.impact("prices")
    assert (found.none, found.without_lineage) == (False, 1)
    # A version of which something is known by another training is not counted.
    register(registry, tmp_path, "b", run_id="run-2", lineage=graph(node(1, "prices")))
    assert registry.impact("prices").without_lineage == 0
    assert registry.impact("rates").without_lineage == 1


def test_the_best_of_all_trainings_counts(registry: Registry, tmp_path: Path) -> None:
    for run_id, lineage in (("1", UNBOUNDED), ("2", POSSIBLE), ("3", CERTAIN)):
        register(registry, tmp_path, "a", run_id=run_id, lineage=lineage)
        found = registry.impact("flights", "2013-01")
        assert len((*found.certain, *found.possible, *found.unknown)) == 1
    assert [one.certainty for one in found.certain] == [Certainty.PROVED]


def test_data_of_unknown_age_is_possibly_newer_than_a_time(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, lineage=graph(node(1, "flights", at=None)))
    assert registry.impact("flights").certain
    assert registry.impact("flights", since=MONDAY).possible
    assert registry.impact("flights", since=LATER).none


def test_quarantine_marks_possible_versions_and_lists_unknown_ones(uncertain: Registry) -> None:
    found = uncertain.quarantine("flights", "2013-01", reason="doubled rows")
    assert (found.versions, found.possible) == (("churn/1", "churn/2"), ("churn/2",))
    assert (found.unknown, found.spared) == (("churn/3", "churn/4"), ())
    assert found.without_lineage == 1
    assert uncertain.get("churn/2").quarantine_reason == "doubled rows"
    assert uncertain.get("churn/3").quarantine_reason is None
    (listed,) = uncertain.quarantines()
    assert (listed.versions, listed.possible) == (found.versions, found.possible)


def test_only_certain_excludes_possible_versions_now_and_later(
    uncertain: Registry, tmp_path: Path
) -> None:
    found = uncertain.quarantine("flights", "2013-01", reason="doubled", only_certain=True)
    assert (found.versions, found.spared, found.possible) == (("churn/1",), ("churn/2",), ())
    for content, lineage, reason, notice in (
        ("g", POSSIBLE, None, "churn/7 possibly depends on data in quarantine: doubled"),
        ("h", CERTAIN, "doubled", "churn/8 depends on data in quarantine: doubled"),
        (
            "i",
            UNKNOWN,
            None,
            "It is not known whether churn/9 depends on data in quarantine: doubled",
        ),
    ):
        new = new_version(lineage=lineage)
        done = uncertain.register("churn", artifact(tmp_path / content, content), new)
        assert (done.version.quarantine_reason, done.notice) == (reason, notice)
    (listed,) = uncertain.quarantines()
    assert (listed.only_certain, listed.versions) == (True, ("churn/1", "churn/8"))
    require_sound(uncertain)


def test_an_excluded_version_is_marked_when_it_becomes_certain(
    uncertain: Registry, tmp_path: Path
) -> None:
    uncertain.quarantine("flights", "2013-01", reason="doubled", only_certain=True)
    register(uncertain, tmp_path, "b", run_id="again", lineage=CERTAIN)
    assert uncertain.get("churn/2").quarantine_reason == "doubled"


def test_each_mark_has_its_certainty(uncertain: Registry) -> None:
    before = uncertain.events(limit=10_000)[-1].seq
    uncertain.quarantine("flights", "2013-01", reason="doubled rows")
    marks = uncertain.events(before, types=[EventType.VERSION_QUARANTINED])
    assert [one.body["certainty"] for one in marks] == ["proved", "possible"]
    require_sound(uncertain)


def test_a_mark_without_a_certainty_is_possible(uncertain: Registry) -> None:
    """The previous release marked versions without it."""
    uncertain.quarantine("flights", "2013-01", reason="doubled rows")
    uncertain.quarantine_version("churn/3", reason="unfair")
    uncertain.database.transaction(
        lambda it: it.execute("UPDATE pedigree.quarantine_mark SET certainty = NULL")
    )
    alone, data = uncertain.quarantines()
    assert (data.versions, data.possible) == (("churn/1", "churn/2"), ("churn/1", "churn/2"))
    assert (alone.versions, alone.possible) == (("churn/3",), ())
