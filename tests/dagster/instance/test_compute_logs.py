"""The location of compute logs and local artifacts: the home folder, or S3 by a variable."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from pedigree.dagster.instance.compute_logs import PedigreeArtifacts, PedigreeComputeLogs
from pedigree.errors import InvalidInputError

DAGSTER_YAML = Path(__file__).parents[3] / "dagster.yaml"


@pytest.fixture
def instance_folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with this repository's dagster.yaml, without its storage."""
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    config = yaml.safe_load(DAGSTER_YAML.read_text(encoding="utf-8"))
    del config["storage"]
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def test_a_step_writes_below_the_home_folder(instance_folder: Path, home: Path) -> None:
    @dg.asset
    def talkative() -> None:
        print("hello")  # noqa: T201 -- what the step says is what is looked for

    with dg.DagsterInstance.from_config(str(instance_folder)) as instance:
        assert isinstance(instance.compute_log_manager, PedigreeComputeLogs)
        run = dg.materialize([talkative], instance=instance)
        assert instance.storage_directory() == str(home / "dagster" / "storage")
    written = [file.read_text() for file in (home / "dagster" / "logs").rglob("*.out")]
    assert written == ["hello\n"]
    assert run.success


def test_the_instance_sends_no_telemetry_and_shows_no_first_visit_window(
    instance_folder: Path,
) -> None:
    with dg.DagsterInstance.from_config(str(instance_folder)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled


def test_compute_logs_go_to_the_bucket_in_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster_aws.s3 import S3ComputeLogManager

    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("PEDIGREE_COMPUTE_LOGS_URL", "s3://bucket/steps")
    manager = PedigreeComputeLogs.from_config_value(None, {})
    assert isinstance(manager, S3ComputeLogManager)


@pytest.mark.parametrize("url", ["file:///logs", "s3://", "bucket"])
def test_another_url_for_logs_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_COMPUTE_LOGS_URL", url)
    with pytest.raises(InvalidInputError, match="PEDIGREE_COMPUTE_LOGS_URL"):
        PedigreeComputeLogs.from_config_value(None, {})


def test_artifacts_are_below_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    assert PedigreeArtifacts.from_config_value(None, {}).base_dir == str(home / "dagster")
