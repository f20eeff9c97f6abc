"""The service does what its OpenAPI document says, whatever it is sent."""

import subprocess
import sys
from pathlib import Path

from pedigree.access.records import Role
from tests.api.conftest import Served

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "2"


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
