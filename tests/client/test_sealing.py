"""A version without a digest gets its bytes in this process and over HTTP alike."""

from pathlib import Path

import pytest

from pedigree.catalog.seal_states import SealState
from pedigree.errors import AlreadySealedError, InvalidSourceError, NotSealedError
from pedigree.registry import Registry
from tests.factories import artifact
from tests.server.conftest import Served
from tests.unsealed import by_reference


def test_a_version_by_reference_is_sealed(
    registry: Registry, served: Served, tmp_path: Path, name: str
) -> None:
    made = by_reference(served.registry, name)
    assert registry.get(made.reference).state is SealState.REFERENCE
    with pytest.raises(NotSealedError, match="its bytes are elsewhere"):
        registry.pull(made.reference, tmp_path / "early")
    sealed = registry.seal(made.reference, artifact(tmp_path / "a"), flavor="generic")
    assert (sealed.version_id, sealed.state, sealed.flavor) == (1, SealState.SEALED, "generic")
    for again in (
        registry.get(made.reference),
        registry.seal(made.reference, artifact(tmp_path / "a")),
        registry.seal(made.reference),
    ):
        assert (again.digest, again.generation) == (sealed.digest, sealed.generation)
    with pytest.raises(AlreadySealedError, match="final"):
        registry.seal(made.reference, artifact(tmp_path / "b", "other"))
    registry.pull(made.reference, tmp_path / "pulled")
    assert (tmp_path / "pulled/model.bin").read_text() == "weights"


def test_a_source_that_no_rule_allows_is_not_fetched(
    registry: Registry, served: Served, name: str
) -> None:
    made = by_reference(served.registry, name, source="file:///etc")
    with pytest.raises(InvalidSourceError):
        registry.seal(made.reference)
    assert registry.get(made.reference).state is SealState.REFERENCE
