"""The comparison of tables and events in SQL finds what the replay of each model finds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.cards.records import CardNotes
from pedigree.errors import NotFoundError, RefusedError
from pedigree.maintenance.fsck_parts import unreported
from pedigree.maintenance.fsck_replay import ReplayCheck
from pedigree.maintenance.violations import Tally
from pedigree.postgres.database import Database
from pedigree.postgres.nested import NestedDatabase
from pedigree.registry import Registry
from tests.factories import artifact, new_version, register, register_candidate
from tests.lineage.graphs import graph, node
from tests.maintenance.tampering import Change, changes, tampered
from tests.maintenance.test_fsck_replay import MODEL, VERSIONS, steps, take, versions
from tests.marking import few_or_many

more_steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["card", "describe", "judge", "retrain"]), versions),
        st.tuples(st.sampled_from(["update_model", "delete_model", "restore_model"])),
    ),
    max_size=4,
)


def take_more(registry: Registry, folder: Path, step: tuple[object, ...]) -> None:
    match step:
        case ("card", version):
            registry.write_card(f"{MODEL}/{version}", CardNotes(paper=f"paper {version}"))
        case ("judge", version):
            for check in registry.registration_checks(MODEL):
                registry.run_check(f"{MODEL}/{version}", check)
        case ("describe", version):
            registry.update(f"{MODEL}/{version}", description=f"the version {version}")
        case ("retrain", int(version)):
            content = f"v{version - 1}"
            again = new_version(run_id="run-2", metrics={"auc": 1e23}, description="again")
            registry.register(MODEL, artifact(folder / content, content), again)
        case ("update_model",):
            registry.update_model(MODEL, description="of churn", tags={"team": "x"})
        case ("delete_model",):
            registry.delete_model(MODEL, reason="test")
        case ("restore_model",):
            registry.restore_model(MODEL, reason="test")


@contextmanager
def one_snapshot(database: Database) -> Iterator[NestedDatabase]:
    """A database in a transaction that sees its own changes, and is rolled back."""
    with (
        database._open().connection() as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield NestedDatabase(database, connection)


def compared(database: Database) -> tuple[Tally, frozenset[int] | None]:
    check = ReplayCheck(database)
    for part in check.parts:
        part(unreported)
    return check.finish(unreported), check.doubtful


def replayed(database: Database) -> Tally:
    """What the replay of each model finds, without a comparison."""
    return ReplayCheck(database).finish(unreported)


@few_or_many(4, 20)
@pytest.mark.timeout(300)
def test_one_change_that_no_verb_made_is_found_by_both_or_by_none(
    impatient: Registry, tmp_path: Path, examples: int
) -> None:
    for number in range(VERSIONS):
        lineage = graph(node(1, "features"), behind=(node(2, "raw"),) * (number % 2))
        register_candidate(impatient, tmp_path, f"v{number}", lineage=lineage)
    register(impatient, tmp_path, "other", "other")

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps, more_steps, st.lists(changes, min_size=10, max_size=20))
    def check(
        taken: list[tuple[object, ...]], more: list[tuple[object, ...]], made: list[Change]
    ) -> None:
        for step in [*taken, *more]:
            try:
                take(impatient, step)
                take_more(impatient, tmp_path, step)
            except (RefusedError, NotFoundError):
                pass
        assert compared(impatient.database)[0].examples == []
        with one_snapshot(impatient.database) as database:
            for change in made:
                with tampered(database._transaction, change) as is_made:
                    if is_made:
                        assert compared(database)[0] == replayed(database), change

    check()


def test_what_the_common_verbs_do_is_compared_without_a_replay(
    impatient: Registry, tmp_path: Path
) -> None:
    for number in range(VERSIONS):
        register_candidate(impatient, tmp_path, f"v{number}", description="weekly")
    for step in [
        ("promote", 1, "staging"),
        ("promote", 1, "production"),
        ("judge", 2),
        ("promote", 2, "staging"),
        ("promote", 2, "production"),
        ("rollback",),
        ("set_alias", 1, "best"),
        ("set_alias", 2, "best"),
        ("delete_alias", "best"),
        ("tag", 3),
        ("delete", 3),
        ("restore", 3),
        ("hold", 3),
        ("lift_hold", 3),
        ("hold", 1),
        ("collect", 4),
        ("policy", 0),
        ("card", 1),
        ("card", 2),
        ("describe", 2),
        ("retrain", 1),
        ("update_model",),
    ]:
        take(impatient, step)
        take_more(impatient, tmp_path, step)
    tally, doubtful = compared(impatient.database)
    assert (tally.looked_at, tally.violations, doubtful) == (1, 0, frozenset())
