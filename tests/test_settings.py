from pathlib import Path

import pytest

from pedigree.settings import Settings, redact_url


def test_home_is_next_to_the_nearest_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEDIGREE_HOME", raising=False)
    (tmp_path / "workspace.yaml").touch()
    (tmp_path / "deep" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "inside")
    assert Settings().home_folder == tmp_path / ".pedigree"


def test_home_is_in_the_data_folder_where_there_is_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEDIGREE_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir("/")
    assert Settings().home_folder == tmp_path / "data" / "pedigree"


def test_the_environment_names_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path))
    assert Settings().home_folder == tmp_path


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db:5432/r", "postgresql://ann:***@db:5432/r"),
        ("postgresql://db/r?user=ann&password=s3cret", "postgresql://db/r?user=ann&password=***"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("s3://AKIA:s3cret@bucket/p", "s3://AKIA:***@bucket/p"),
    ],
)
def test_a_shown_url_holds_no_secret(url: str, shown: str) -> None:
    assert redact_url(url) == shown
