from pathlib import Path

import numpy as np
import pytest

from pedigree.errors import InvalidArtifactError, InvalidSignatureError, UnsupportedModelError
from pedigree.flavors.generic import GenericFlavor

FLAVOR = GenericFlavor()


def folder_of(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_file_is_copied_under_its_name(tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w")
    target = folder_of(tmp_path / "target")
    FLAVOR.save(weights, target)
    assert (target / "weights.bin").read_bytes() == b"w"


def test_a_folder_is_copied_with_its_links_as_links(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "source")
    (source / "a").mkdir()
    (source / "a" / "b").write_text("b")
    (source / "link").symlink_to("/etc/hostname")
    target = folder_of(tmp_path / "target")
    FLAVOR.save(str(source), target)
    assert (target / "a" / "b").read_text() == "b"
    assert (target / "link").is_symlink()  # for the scan of artifacts to refuse


def test_loading_returns_the_folder_itself(tmp_path: Path) -> None:
    assert FLAVOR.load(tmp_path) == tmp_path


def test_an_object_or_an_absent_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="stores paths, not dict"):
        FLAVOR.save({}, tmp_path)
    with pytest.raises(InvalidArtifactError, match="the path does not exist"):
        FLAVOR.save(tmp_path / "absent", tmp_path)


def test_a_signature_must_be_stated() -> None:
    with pytest.raises(InvalidSignatureError, match="cannot be inferred"):
        FLAVOR.infer_signature(Path(), np.zeros(1))
