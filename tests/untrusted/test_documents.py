import json
from pathlib import Path

import pytest

from pedigree.errors import InvalidArtifactError, InvalidSignatureError
from pedigree.flavors.plugins import check_files
from pedigree.signatures.files import stated_signature
from pedigree.untrusted import documents
from pedigree.untrusted.documents import DocumentError, read_json, read_yaml
from tests.flavors.hostile import safetensors_file

DEEP = "[" * 100_000


def test_deep_json_of_every_flavor_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors_file(DEEP.encode()))
    with pytest.raises(InvalidArtifactError, match="it nests too deep"):
        check_files("safetensors", tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(DEEP)
    with pytest.raises(InvalidArtifactError, match="it nests too deep"):
        check_files("torch", tmp_path)


@pytest.mark.parametrize(
    "text",
    [DEEP, f"signature:\n  inputs: '{DEEP}'\n", f"signature: {DEEP}"],
    ids=["yaml", "json in yaml", "signature"],
)
def test_a_deep_mlmodel_is_a_typed_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidSignatureError, match="it nests too deep"):
        stated_signature(tmp_path)


def test_merge_keys_of_yaml_do_not_expand(tmp_path: Path) -> None:
    levels = [
        f"a{level}: &a{level}\n  <<: [{', '.join([f'*a{level - 1}'] * 20)}]"
        for level in range(1, 12)
    ]
    (tmp_path / "MLmodel").write_text("\n".join(["a0: &a0 {x: 1}", *levels]))
    found = read_yaml(tmp_path / "MLmodel", extra="mlflow")
    assert found["a1"] == {"<<": [{"x": 1}] * 20}


def test_a_document_that_is_too_large_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_LONGEST_JSON", 100)
    file = tmp_path / "index.json"
    file.write_text(json.dumps("x" * 98))
    assert read_json(file) == "x" * 98
    file.write_text(json.dumps("x" * 99))
    with pytest.raises(DocumentError, match="more than 100 bytes"):
        read_json(file)
