"""There are never two production versions, also with concurrent promotions."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pedigree.errors import GateNotPassedError, GenerationConflictError, TransitionNotAllowedError
from pedigree.registry import Registry
from tests.factories import register_candidate


def test_many_promoters_leave_one_champion_and_a_timeline_without_overlap(
    registry: Registry, tmp_path: Path
) -> None:
    references = [register_candidate(registry, tmp_path, f"v{n}") for n in range(8)]
    for reference in references:
        registry.promote(reference, "staging")

    def promote(reference: str) -> bool:
        try:
            return registry.promote(reference, "production").moved
        except (GateNotPassedError, GenerationConflictError, TransitionNotAllowedError):
            return False

    with ThreadPoolExecutor(8) as pool:
        moved = list(pool.map(promote, references * 2))
    assert any(moved)
    assert len(registry.model("churn").stages["production"]) == 1
    tenures = [t for t in registry.timeline("churn") if t.pointer == "stage:production"]
    for earlier, later in itertools.pairwise(tenures):
        assert earlier.until == later.since
