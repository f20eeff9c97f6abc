from pathlib import Path

import pytest

from pedigree.artifacts.external_files import UploadedFiles, fetch, upload
from pedigree.artifacts.records import digest_of
from pedigree.errors import CorruptionError, InvalidArtifactError


def test_uploaded_files_are_fetched_with_their_folders(tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "deep").mkdir(parents=True)
    (source / "config.json").write_text("{}")
    (source / "deep" / "weights").write_text("one")
    first = upload(source, (tmp_path / "shared").as_uri())
    second = upload(source, (tmp_path / "shared").as_uri())
    assert first.uri != second.uri  # nothing is written over
    folder = fetch(first, tmp_path / "fetched")
    assert (folder / "deep" / "weights").read_text() == "one"
    assert set(first.files) == {"config.json", "deep/weights"}


@pytest.mark.parametrize("files", [{}, {"../outside": digest_of(b"x")}])
def test_files_that_are_not_named_or_leave_the_folder_are_refused(
    tmp_path: Path, files: dict[str, str]
) -> None:
    with pytest.raises(InvalidArtifactError):
        fetch(UploadedFiles(uri=tmp_path.as_uri(), files=files), tmp_path / "fetched")


def test_a_file_that_is_gone_is_corruption(tmp_path: Path) -> None:
    files = {"weights": digest_of(b"x")}
    with pytest.raises(CorruptionError):
        fetch(UploadedFiles(uri=tmp_path.as_uri(), files=files), tmp_path / "fetched")
