"""Send a service valid and invalid requests by its OpenAPI document, for any time.

::

    python -m tests.server.fuzz --examples 200 --seed 1 --seed 2      # or: make fuzz

Every check of schemathesis is on, and every phase: what the schemas' edges suggest, what is drawn
at random, and sequences of requests of which each takes up what the one before was answered.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from pedigree.access.records import Role
from pedigree.monitoring.profile import profile
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, register
from tests.server.conftest import Served, serving

OWN_TOKEN = "PEDIGREE_OWN_TOKEN"

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")


def fuzz(
    served: Served, folder: Path, words: Sequence[str], *, quietly: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis against a service, as an admin.

    Args:
        served: The service.
        folder: Where it stores reports of failures.
        words: Further options.
        quietly: Capture its output.
    """
    issued = served.registry.create_token("fuzz", roles=[Role.ADMIN])
    return subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG),
            *("--no-color", "run", f"{served.url}/openapi.json", "--checks", "all"),
            *("--header", f"Authorization: Bearer {issued.secret}", "--continue-on-failure"),
            *("--suppress-health-check", "all", "--warnings", "off", *words),
        ],
        capture_output=quietly,
        text=True,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.server.contract",
            OWN_TOKEN: str(issued.token.token_id),
        },
    )


def furnish(registry: Registry, folder: Path) -> None:
    """Create what requests can refer to: versions in stages, drift, a webhook, bad data."""
    for content in ("a", "b", "c"):
        registry.judge(register(registry, folder, content, "churn"))
    register(registry, folder, "d", "spam")
    registry.promote("churn/1", "staging")
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "champion", 2)
    for reference in ("churn/1", "churn/2", "spam/1"):
        registry.keep_profile(reference, profile(pd.DataFrame({"age": range(20)})))
    registry.measure_drift("churn/1", pd.DataFrame({"age": range(9)}), asset="customers")
    registry.create_webhook("https://ci.example/hook")
    registry.quarantine("customers", "May", reason="doubled rows")


@contextmanager
def _served(folder: Path) -> Iterator[Served]:
    settings = Settings(home=folder / "home", secret_key=SECRET_KEY, serve_delivers=False)
    with serving(settings) as served:
        furnish(served.registry, folder)
        yield served


def main() -> str | None:
    """Run it once for each seed, each on its own registry; report what failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", type=int, action="append", help="may be repeated")
    asked, words = parser.parse_known_args()
    failed = []
    for seed in asked.seed or [1, 2, 3]:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name, _served(Path(name)) as served:
            options = ("--max-examples", str(asked.examples), "--seed", str(seed), *words)
            if fuzz(served, Path(name), options).returncode:
                failed.append(seed)
    return f"failed with the seeds {failed}" if failed else None


if __name__ == "__main__":
    raise SystemExit(main())
