"""Models that another process trains and reports through Dagster Pipes."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg
import pytest

from pedigree.dagster import TrainedModel, model_asset, reported_model
from pedigree.errors import CorruptionError, InvalidMetadataError
from pedigree.registry import Registry
from tests.artifacts.conftest import servers
from tests.artifacts.servers.sharing import BUCKET
from tests.dagster import trainer
from tests.integration.conftest import s3

__all__ = ["s3", "servers"]

Materialize = Callable[..., dg.ExecuteInProcessResult]
TRAINER = Path(trainer.__file__)


@dg.asset
def customers() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("customers-1"))


def elsewhere(
    folder: Path,
    how: str,
    *words: object,
    tamper: Callable[[dg.PipesClientCompletedInvocation], None] = lambda _: None,
) -> dg.AssetsDefinition:
    """A model asset whose training is a separate process in a folder."""

    @model_asset(name="churn", flavor="generic", deps=[customers])
    def churn(context: dg.AssetExecutionContext) -> TrainedModel:
        invocation = dg.PipesSubprocessClient().run(
            command=[sys.executable, str(TRAINER), how, str(folder), *map(str, words)],
            context=context,
            extras={"country": "fr"},
        )
        tamper(invocation)
        return reported_model(invocation)

    return churn


def test_a_process_reports_its_model_and_the_asset_registers_it(
    materialize: Materialize, pedigree: Registry, tmp_path: Path
) -> None:
    result = materialize(customers, elsewhere(tmp_path, "by_hand"))
    version = pedigree.get("churn/1")
    assert (pedigree.folder("churn/1") / "weights").read_text() == "trained elsewhere"
    assert version.metrics == {"accuracy": 0.9}
    assert pedigree.trainings("churn/1")[0].metadata.params == {"country": "fr"}
    assert version.run_id == result.run_id
    ((node, _),) = pedigree.lineage("churn/1").inputs()
    assert (node.asset, node.data_version) == ("customers", "customers-1")
    (event,) = result.asset_materializations_for_node(elsewhere(tmp_path, "by_hand").op.name)
    assert event.metadata["cluster"].value == "spark-7"
    assert event.metadata["pedigree/digest"].value == version.digest


@pytest.mark.parametrize("uploads", [False, True])
def test_a_trainer_with_pedigree_shares_a_disk_or_uploads(
    materialize: Materialize, pedigree: Registry, tmp_path: Path, uploads: bool
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    url = [(tmp_path / "shared").as_uri()] if uploads else []
    materialize(customers, elsewhere(work, "with_pedigree", *url))
    assert (pedigree.folder("churn/1") / "weights").read_text() == "trained elsewhere"
    assert pedigree.get("churn/1").metrics == {"accuracy": 0.9}


def test_a_trainer_on_a_cluster_uploads_to_a_bucket(
    materialize: Materialize,
    pedigree: Registry,
    tmp_path: Path,
    s3: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/{tmp_path.name}"
    materialize(customers, elsewhere(tmp_path, "with_pedigree", url))
    assert (pedigree.folder("churn/1") / "weights").read_text() == "trained elsewhere"


def test_uploaded_files_with_another_digest_than_reported_are_refused(
    materialize: Materialize, pedigree: Registry, tmp_path: Path
) -> None:
    work, shared = tmp_path / "work", tmp_path / "shared"
    work.mkdir()

    def tamper(invocation: dg.PipesClientCompletedInvocation) -> None:
        (file,) = shared.rglob("weights")
        file.chmod(0o600)
        file.write_text("somebody else's")

    with pytest.raises(CorruptionError, match="other bytes than were reported"):
        materialize(customers, elsewhere(work, "with_pedigree", shared.as_uri(), tamper=tamper))
    assert pedigree.models() == ()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nothing", "reported no models"),
        ("twice", "reported 2 models"),
        ("wrong", "`path` must be absolute"),
        ("deep", r"pedigree/trained\.params: is nested deeper than 64 levels"),
    ],
)
def test_a_missing_or_invalid_report_raises_a_typed_error(
    materialize: Materialize, pedigree: Registry, tmp_path: Path, how: str, message: str
) -> None:
    with pytest.raises(InvalidMetadataError, match=message):
        materialize(customers, elsewhere(tmp_path, how))
    assert pedigree.models() == ()
