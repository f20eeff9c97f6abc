"""After any changes of models and their names, a number under a name is still one version."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.verifier.report import LogReport
from pedigree.audit.verifier.tables import TableReplay, plain_state
from pedigree.errors import NotFoundError, RefusedError
from pedigree.maintenance.fsck_fold import states_of_models
from pedigree.maintenance.fsck_parts import unreported
from pedigree.maintenance.fsck_replay import ReplayCheck
from pedigree.registry import Registry
from tests.factories import register
from tests.marking import few_or_many

NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("register"), names),
        st.tuples(st.sampled_from(["create", "recreate", "delete", "restore", "tag"]), names),
        st.tuples(st.sampled_from(["rename", "rename again"]), names, names),
    ),
    min_size=4,
    max_size=14,
)


def take(registry: Registry, folder: Path, step: tuple[str, ...]) -> None:
    """Do one step; the rules may refuse it."""
    models = registry.operations.models
    match step:
        case ("register", name):
            register(registry, folder, uuid4().hex, name=name)
        case ("create", name):
            registry.create_model(name)
        case ("recreate", name):
            models.add_model(name, recreate=True)
        case ("delete", name):
            registry.delete_model(name, reason="a test")
        case ("restore", name):
            registry.restore_model(name, reason="a test")
        case ("tag", name):
            registry.set_tag(name, "step", uuid4().hex)
        case ("rename", name, new_name):
            registry.rename_model(name, new_name)
        case ("rename again", name, new_name):
            models.move_name(name, new_name, recreate=True)
        case _:
            raise AssertionError(step)


def digests(registry: Registry) -> dict[str, str | None]:
    """The digest of each living version, by its reference."""
    return {
        version.reference: version.digest
        for model in registry.each_model()
        for version in registry.versions(model.name)
    }


def found_offline(registry: Registry) -> list[str]:
    """What the offline verifier finds, which knows the bytes of the events and the tables."""
    report = LogReport()
    replay = TableReplay(report)
    for row in registry.database.fetch_all("SELECT canonical FROM pedigree.event ORDER BY id"):
        replay.add(bytes(row["canonical"]))

    def lines(transaction: Any) -> list[bytes]:
        return [
            json.dumps({"name": name, "state": plain_state(state)}).encode()  # type: ignore[arg-type]
            for name, state in states_of_models(transaction)
        ]

    replay.compare(registry.database.transaction(lines))
    return report.problems


def doubtful(registry: Registry) -> frozenset[int] | None:
    """The models of which the comparison in the database knows less than a replay."""
    check = ReplayCheck(registry.database)
    for part in check.parts:
        part(unreported)
    return check.doubtful


@few_or_many(12, 60)
@pytest.mark.timeout(300)
def test_no_number_of_a_name_repeats_and_the_log_explains_all_rows(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    # By name and number, over all examples: they share the registry, so names live long.
    seen: dict[str, str | None] = {}

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps)
    def check(taken: list[tuple[str, ...]]) -> None:
        for step in taken:
            try:
                take(registry, tmp_path, step)
            except (RefusedError, NotFoundError):
                continue
            for reference, digest in digests(registry).items():
                assert seen.setdefault(reference, digest) == digest, (step, reference)
        assert registry.fsck().ok
        assert found_offline(registry) == []
        assert doubtful(registry) is not None

    check()
    assert len(seen) > 3
