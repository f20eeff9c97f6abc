"""State is a fold over events: replaying the feed gives what the tables say."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.records import Event, EventType
from pedigree.errors import NotFoundError, RefusedError
from pedigree.registry import Registry
from tests.factories import register_candidate

MODEL = "churn"
VERSIONS = 4

versions = st.integers(min_value=1, max_value=VERSIONS)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("promote"), versions, st.sampled_from(["staging", "production", "archived"])
        ),
        st.tuples(st.just("rollback")),
        st.tuples(st.just("set_alias"), versions, st.sampled_from(["best", "shadow"])),
        st.tuples(st.just("delete_alias"), st.sampled_from(["best", "shadow"])),
        st.tuples(st.just("delete"), versions),
    ),
    max_size=12,
)


def take(registry: Registry, step: tuple[object, ...]) -> None:
    match step:
        case ("promote", version, stage):
            registry.promote(f"{MODEL}/{version}", str(stage))
        case ("rollback",):
            registry.rollback(MODEL)
        case ("set_alias", int(version), alias):
            registry.set_alias(MODEL, str(alias), version)
        case ("delete_alias", alias):
            registry.delete_alias(MODEL, str(alias))
        case ("delete", version):
            registry.delete(f"{MODEL}/{version}", reason="test")


def replay(events: tuple[Event, ...]) -> tuple[dict[int, str], dict[str, int]]:
    """Fold the events into version → stage and alias → version."""
    stages: dict[int, str] = {}
    aliases: dict[str, int] = {}
    for event in events:
        version = event.version or 0
        match event.type:
            case EventType.VERSION_CREATED:
                stages[version] = "none"
            case EventType.VERSION_STAGE_CHANGED:
                assert stages[version] == event.body["from"]
                stages[version] = str(event.body["to"])
            case EventType.VERSION_DELETED:
                del stages[version]
            case EventType.ALIAS_SET:
                aliases[str(event.body["alias"])] = version
            case EventType.ALIAS_DELETED:
                del aliases[str(event.body["alias"])]
            case _:
                pass
    return stages, aliases


@pytest.mark.timeout(300)
def test_replaying_the_feed_gives_what_the_tables_say(registry: Registry, tmp_path: Path) -> None:
    for number in range(VERSIONS):
        register_candidate(registry, tmp_path, f"v{number}")

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps)
    def check(taken: list[tuple[object, ...]]) -> None:
        for step in taken:
            before = registry.events(limit=100_000)
            try:
                take(registry, step)
            except (RefusedError, NotFoundError):
                assert registry.events(limit=100_000) == before
        stages, aliases = replay(registry.events(limit=100_000))
        assert {v.version_id: v.stage for v in registry.versions(MODEL)} == stages
        assert registry.model(MODEL).aliases == aliases
        assert list(stages.values()).count("production") <= 1

    check()
