"""The states of a version: whatever happens, sealed is final and no number is lost."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.catalog.records import ModelVersion, SealState
from pedigree.errors import PedigreeError
from pedigree.registry import Registry
from tests.factories import artifact, new_version
from tests.maintenance.collecting import require_sound
from tests.unsealed import by_reference, create

ACTIONS = ("create", "reference", "register", "fail", "seal", "delete", "restore")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(1, 4), st.sampled_from("ab")),
    min_size=1,
    max_size=12,
)


def perform(
    registry: Registry, name: str, folder: Path, step: tuple[str, int, str]
) -> ModelVersion | None:
    """Do one step; a refusal changes nothing."""
    action, number, content = step
    reference, sealing = f"{name}/{number}", registry.operations.sealing
    path = artifact(folder / content, content)
    steps: dict[str, Callable[[], object]] = {
        "create": lambda: create(registry, name),
        "reference": lambda: by_reference(registry, name),
        "register": lambda: registry.register(name, path, new_version()),
        "fail": lambda: sealing.fail(reference, "no such object"),
        "seal": lambda: registry.seal(reference, path),
        "delete": lambda: registry.delete(reference, reason="law"),
        "restore": lambda: registry.restore(reference),
    }
    try:
        steps[action]()
        return registry.get(reference)
    except PedigreeError:
        return None


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_sealed_is_final_and_numbers_have_no_gap(
    registry: Registry, tmp_path: Path, steps: list[tuple[str, int, str]]
) -> None:
    name = f"model-{len(registry.models())}"
    registry.create_model(name)
    digests: dict[int, str] = {}
    failed: set[int] = set()
    for step in steps:
        before = registry.model(name).latest_version
        perform(registry, name, tmp_path, step)
        assert registry.model(name).latest_version - before in (0, 1)
        for version in registry.versions(name):
            number, is_sealed = version.version_id, version.state is SealState.SEALED
            assert is_sealed == (version.digest is not None)
            assert digests.setdefault(number, version.digest or "") in ("", version.digest)
            if version.digest is not None:
                digests[number] = version.digest
            if number in failed:
                assert version.state in (SealState.FAILED, SealState.SEALED)
            if version.state is SealState.FAILED:
                failed.add(number)
                assert version.state_reason == "no such object"
    require_sound(registry)
