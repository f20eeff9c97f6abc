from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.errors import InvalidInputError, ModelNotFoundError, NotFoundError, RefusedError
from pedigree.lifecycle.records import Tenure
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.marking import few_or_many

MODEL = "churn"
VERSIONS = 3
MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("promote"),
            st.integers(1, VERSIONS),
            st.sampled_from(["staging", "production", "archived"]),
        ),
        st.tuples(st.just("roll back")),
        st.tuples(st.just("set"), st.integers(1, VERSIONS), st.sampled_from(["best", "next"])),
        st.tuples(st.just("delete"), st.sampled_from(["best", "next"])),
    ),
    min_size=1,
    max_size=8,
)
Holds = dict[str, set[int]]


def move(registry: Registry, taken: tuple[object, ...]) -> None:
    match taken:
        case ("promote", int(version), str(stage)):
            registry.promote(f"{MODEL}/{version}", stage, reason="because")
        case ("roll back",):
            registry.rollback(MODEL, reason="because")
        case ("set", int(version), str(alias)):
            registry.set_alias(MODEL, alias, version, reason="because")
        case ("delete", str(alias)):
            registry.delete_alias(MODEL, alias)


def pointers_now(registry: Registry) -> Holds:
    """The oracle: what the model says of itself at this moment."""
    model = registry.model(MODEL)
    stages = {f"stage:{stage}": set(held) for stage, held in model.stages.items()}
    return stages | {f"alias:{alias}": {version} for alias, version in model.aliases.items()}


def by_pointer(tenures: tuple[Tenure, ...]) -> Holds:
    held: Holds = {}
    for tenure in tenures:
        held.setdefault(tenure.pointer, set()).add(tenure.version_id)
    return held


def clock(registry: Registry) -> datetime:
    (row,) = registry.database.fetch_all("SELECT clock_timestamp() AS now")
    moment: datetime = row["now"]
    return moment


@few_or_many(8, 20)
def test_any_moment_is_answered_as_the_model_answered_then(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    before = clock(registry)
    for number in range(VERSIONS):
        register_candidate(registry, tmp_path, f"v{number}")

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(MOVES)
    def check(moves: list[tuple[object, ...]]) -> None:
        states = [(clock(registry), pointers_now(registry))]
        for taken in moves:
            try:
                move(registry, taken)
            except (RefusedError, NotFoundError):
                continue
            states.append((clock(registry), pointers_now(registry)))
        for moment, holds in states:
            found = registry.as_of(MODEL, moment)
            assert by_pointer(found) == holds
            for pointer, held in holds.items():
                assert by_pointer(registry.as_of(MODEL, moment, pointer)) == {pointer: held}

    check()
    assert registry.as_of(MODEL, before) == ()


def test_a_tenure_includes_its_beginning_and_excludes_its_end(
    registry: Registry, tmp_path: Path
) -> None:
    register_candidate(registry, tmp_path, "one")
    promote_to_production(registry, "churn/1")
    (staging,) = registry.timeline(MODEL, "stage:staging")
    assert registry.as_of(MODEL, staging.since, "stage:staging") == (staging,)
    assert staging.until is not None
    assert registry.as_of(MODEL, staging.until, "stage:staging") == ()
    (production,) = registry.as_of(MODEL, staging.until, "stage:production")
    assert (production.version_id, production.moved_by) == (1, "tester")
    tick = timedelta(microseconds=1)
    assert registry.as_of(MODEL, staging.since - tick, "stage:staging") == ()
    assert registry.as_of(MODEL, staging.until - tick, "stage:staging") == (staging,)


def test_what_is_asked_wrongly_is_refused(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "one")
    with pytest.raises(InvalidInputError, match="time zone") as naive:
        registry.as_of(MODEL, datetime(2026, 3, 1))  # noqa: DTZ001  that is what is refused
    assert naive.value.field == "moment"
    with pytest.raises(InvalidInputError, match="stage:production"):
        registry.as_of(MODEL, datetime.now(UTC), "production")
    with pytest.raises(ModelNotFoundError):
        registry.as_of("nobody", datetime.now(UTC))
    with pytest.raises(InvalidInputError, match="limit"):
        registry.timeline(MODEL, limit=0)


def test_a_timeline_is_read_page_by_page_from_its_end(registry: Registry, tmp_path: Path) -> None:
    for content in ("one", "two", "three"):
        promote_to_production(registry, register_candidate(registry, tmp_path, content))
    for pointer in (None, "stage:production", "stage:archived"):
        whole = registry.timeline(MODEL, pointer)
        assert [one.tenure_id for one in whole] == sorted(one.tenure_id for one in whole)
        pages: list[Tenure] = []
        while page := registry.timeline(
            MODEL, pointer, limit=2, before=pages[0].tenure_id if pages else None
        ):
            pages = [*page, *pages]
        assert tuple(pages) == whole
    assert [one.version_id for one in registry.timeline(MODEL, "stage:production")] == [1, 2, 3]
