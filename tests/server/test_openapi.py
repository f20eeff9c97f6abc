"""The service behaves as its OpenAPI document states, for any request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.server.conftest import Served, serving
from tests.server.fuzz import furnish, fuzz

EXAMPLES = "1"


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with all features, but without deliveries of generated events."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        furnish(served.registry, tmp_path_factory.mktemp("furnished"))
        yield served


def test_nothing_that_is_sent_is_answered_otherwise_than_documented(
    served: Served, tmp_path: Path
) -> None:
    words = ("--phases", "fuzzing,stateful", "--max-examples", EXAMPLES)
    done = fuzz(served, tmp_path, (*words, "--generation-deterministic"), quietly=True)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
