"""The `MLmodel` of a fetched model is data: nothing in it runs, and no part of it grows."""

from pathlib import Path

import pytest

from pedigree.signatures.records import Column, ColumnType
from pedigree.sources.mlmodel import StatedModel, stated_model

WHOLE = """
artifact_path: model
flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl}
model_id: m-0123
run_id: 0a1b
signature:
  inputs: '[{"name": "age", "type": "long"}]'
  outputs: '[{"name": "score", "type": "double"}]'
"""


def stated(folder: Path, text: str) -> StatedModel:
    (folder / "MLmodel").write_text(text)
    return stated_model(folder)


def test_flavor_signature_and_origin_are_read(tmp_path: Path) -> None:
    found = stated(tmp_path, WHOLE)
    assert (found.flavor, found.run_id, found.model_id) == ("mlflow", "0a1b", "m-0123")
    assert found.signature is not None
    assert found.signature.inputs == (Column(name="age", type=ColumnType.LONG),)


def test_a_folder_without_the_file_is_unknown(tmp_path: Path) -> None:
    assert stated_model(tmp_path) == StatedModel()


def test_a_signature_that_is_not_supported_is_unknown_and_says_why(tmp_path: Path) -> None:
    found = stated(tmp_path, WHOLE.replace('"long"', '"sparkml_vector"'))
    assert (found.flavor, found.signature) == ("mlflow", None)
    assert found.note is not None
    assert "sparkml_vector" in found.note


BOMB = "flavors: {}\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (BOMB, "alias"),
        ("flavors: {x: " + "[" * 5000 + "]" * 5000 + "}", "deep"),
        ("flavors: {}\nx: " + "y" * (600 << 10), "more than"),
        ("flavors: {}\nx: !!python/object/apply:os.system ['touch ran']", "cannot be read"),
        ("flavors: [sklearn]", "no flavors"),
        ("- a list", "no flavors"),
        ("flavors: {", "cannot be read"),
        ("flavors: {}\n<<: {a: 1}\nx: \x00", "cannot be read"),
    ],
)
def test_a_hostile_file_makes_the_model_unknown(
    tmp_path: Path, text: str, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = stated(tmp_path, text)
    assert (found.flavor, found.signature) == (None, None)
    assert found.note is not None
    assert note in found.note
    assert {path.name for path in tmp_path.iterdir()} == {"MLmodel"}
