"""Two processes that train a model on the same data make one version."""

import subprocess
import sys
from pathlib import Path

import pytest

from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.integration.conftest import ROOT, clean_environment

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("up")]


def train(database_url: str, store_url: str, folder: Path) -> "subprocess.Popen[str]":
    """Train in a process with a different hash seed."""
    environment = clean_environment(
        PEDIGREE_HOME=str(folder / "home"), PYTHONHASHSEED=str(sum(folder.name.encode()))
    )
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.integration.train_churn"),
            *(database_url, store_url, str(folder)),
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_produce_the_same_digest_and_version(
    database_url: str, tmp_path: Path
) -> None:
    store_url = (tmp_path / "store").as_uri()
    processes = [train(database_url, store_url, tmp_path / name) for name in ("one", "two")]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    digests = {out.strip() for out, _ in answers}
    assert len(digests) == 1

    settings = Settings(home=tmp_path / "home")
    with Registry.connect(database_url, store_url, settings=settings) as registry:
        (version,) = registry.versions("customer_churn")
        assert (version.version_id, {version.digest}) == (1, digests)
        runs = {training.metadata.run_id for training in registry.trainings("customer_churn/1")}
    assert len(runs) == 2
