"""The service does what its OpenAPI document says, whatever it is sent."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.api.conftest import Served, serving
from tests.factories import SECRET_KEY

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "2"


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[Served]:
    """A service that can do everything, but tells nobody of what is made up here."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        yield served


def test_nothing_that_is_sent_is_answered_otherwise_than_documented(
    served: Served, tmp_path: Path
) -> None:
    secret = served.registry.create_token("fuzz", roles=[Role.ADMIN]).secret
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG),
            *("--no-color", "run", f"{served.url}/openapi.json", "--checks", "all"),
            *("--header", f"Authorization: Bearer {secret}", "--continue-on-failure"),
            *("--phases", "fuzzing,stateful", "--max-examples", EXAMPLES),
            "--generation-deterministic",
            *("--suppress-health-check", "all", "--warnings", "off"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,  # where it keeps notes on what failed
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
