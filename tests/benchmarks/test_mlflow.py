"""The comparisons with MLflow's server, small: our service is both servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import mlflow_creations, mlflow_reads, mlflow_search
from benchmarks._million import fill
from benchmarks._million_rows import Shape
from benchmarks._servers import Running
from benchmarks._with_mlflow import Side, Sides, put_objects
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres
from pedigree.settings import Settings
from tests.databases import Databases
from tests.server.conftest import serving

SECONDS = 0.01


@pytest.fixture(scope="module")
def sides(
    databases: Databases, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sides]:
    """The service, twice, with a registry like that of the benchmarks."""
    home: Path = tmp_path_factory.mktemp("measured")
    with databases.lend() as make:
        url = make()
        fill(url, Shape(models=6, versions=50))
        put_objects(url, home)
        with serving(Settings(home=home, database_url=url, actor="bench")) as served:
            secret = served.registry.create_token("bench", roles=[Role.ADMIN]).secret
            port = int(served.url.rpartition(":")[2])
            pid = postgres.status().pid
            assert pid is not None
            running = Running(port=port, ready_s=0, pid=os.getpid())
            side = Side(running, pid, f"Authorization: Bearer {secret}\r\n")
            yield Sides(side, side, url)


def test_reads_are_measured(sides: Sides) -> None:
    effort = mlflow_reads.Effort(SECONDS, 1)
    found = {each.what: each for each in mlflow_reads.among_many(sides, effort)}
    for call in ("registered-models/alias", "registered-models/get"):
        assert found[f"{call} against MLflow"].target == 20
        assert found[f"{call} against our own read by alias"].target == 0.9
    wide = {each.what: each for each in mlflow_reads.of_any_size(sides, (50,), effort)}
    assert wide["registered-models/get of 50 versions, p95"].target == 10


def test_searches_are_measured(sides: Sides) -> None:
    found = {each.what: each for each in mlflow_search.at_once(sides, SECONDS)}
    for what in ("one tag", "two tags", "run_id", "name LIKE", "all versions of a model by pages"):
        assert found[f"{what}, p95 against MLflow"].target == 50
    alone = {each.what: each for each in mlflow_search.one_by_one(sides, SECONDS)}
    assert alone["a page of 10000 versions against MLflow"].value > 0


def test_creations_are_measured(sides: Sides) -> None:
    found = mlflow_creations.creations(sides, mlflow_creations.UPLOADS, SECONDS, 1)
    rates = {each.what: each.value for each in found if each.unit == "/s"}
    assert rates.keys() >= {"by reference", "of models:/…, known bytes"}
    assert rates["of a new file of 16 KiB, to READY"] > 0
