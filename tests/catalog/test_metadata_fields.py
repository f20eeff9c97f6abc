"""A metadata field is listed once, and everything else follows from the list."""

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from pedigree.catalog.creation_rows import TRAINING_FIELDS, VERSION_FIELDS
from pedigree.catalog.declared_metadata import DeclaredFields, StatedMetadata
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.records import DeclaredMetadata, ModelMetadata
from pedigree.cli._metadata import field_options
from tests.documents import ROOT
from tests.factories import SIGNATURE

FOLDER = "pedigree/catalog"
# Recorded by the registry itself: how to load the files is a parameter of its own.
NOT_KEYWORDS = {"flavor", "git_source"}
# What a training function does not state, since its run, its code and its inputs are known.
OF_THE_RUN = {
    *("run_id", "git_commit", "git_dirty", "code_version", "environment_hash"),
    *("training_data_digest", "validation_dataset_id"),
}

USE = """
import json, sys
from pathlib import Path
from typer.testing import CliRunner
from pedigree import Registry
from pedigree.catalog.declared_metadata import StatedMetadata
from pedigree.cli.main import app
from pedigree.cli._metadata import field_options
from pedigree.postgres.database import Database
from pedigree.postgres.migrate import migrate
from pedigree.signatures.records import Signature

url, signature, model = sys.argv[1], Signature.model_validate_json(sys.argv[2]), Path(sys.argv[3])
with Database.connect(url) as database:
    migrate(database)
model.write_text("weights")
stated = {"flavor": "generic", "signature": signature, "run_id": "run", "git_commit": "abc1234"}
with Registry.connect(url) as registry:
    first = registry.register("churn", model, **stated, license="MIT").version
    registry.register("churn", model, **stated, license="Apache-2.0")
    trainings = [each.metadata.license for each in registry.trainings("churn/1")]
    found = registry.search("name = 'churn'").records[0].license
    file = model.with_name("signature.json")
    file.write_text(signature.model_dump_json())
    other = model.with_name("other")
    other.write_text("other weights")
    words = ["register", "churn", str(other), "--flavor", "generic", "--signature", str(file)]
    words += ["--git-commit", "abc1234", "--run-id", "run", "--license", "BSD-3-Clause"]
    done = CliRunner().invoke(app, words, env={"PEDIGREE_DATABASE_URL": url})
    by_command = registry.get("churn/2").license
    (change,) = registry.compare("churn/1", "churn/2").about
    print(json.dumps({
        "shown": [first.license, registry.get("churn/1").license, found, by_command],
        "trainings": trainings,
        "stated": StatedMetadata(license="MIT").stated()["license"],
        "compared": change.name,
        "violated": registry.fsck().violated,
    }))
"""


def _examples() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Add a metadata field\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^   ```(?:python|sql)\n(.*?)^   ```", section, re.MULTILINE | re.DOTALL)
    return [re.sub("^   ", "", block, flags=re.MULTILINE) for block in blocks]


def _insert(file: Path, before: str, text: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert content.count(before) == 1
    file.write_text(content.replace(before, text.rstrip("\n") + before), encoding="utf-8")


def _definitions_with(column: str) -> str:
    """Return the views and the function of the committed schema, with one more column."""
    schema = (ROOT / "pedigree/postgres/schema.sql").read_text(encoding="utf-8")
    added = {
        "VIEW pedigree.version_record AS": (
            "v.last_updated_at\n   FROM",
            f"v.last_updated_at, v.{column} FROM",
        ),
        "VIEW pedigree.version_in_full AS": (
            "last_updated_at\n   FROM",
            f"last_updated_at, r.{column} FROM",
        ),
        "VIEW pedigree.version_in_bulk AS": (
            ", v.last_updated_at)::pedigree.version_in_full",
            f", v.last_updated_at, v.{column})::pedigree.version_in_full",
        ),
        "FUNCTION pedigree.record_shown(": ("r.datasheet_uri,", f"r.datasheet_uri, r.{column},"),
    }
    texts = []
    for name, (old, new) in added.items():
        _, start, rest = schema.partition(f"CREATE {name}")
        text = f"{start}{rest.partition(';')[0]};"
        assert text.count(old) == 1
        texts.append(text.replace("CREATE", "CREATE OR REPLACE").replace(old, new))
    return "\n\n".join(texts)


def _copy_with_the_example(folder: Path) -> set[str]:
    """Copy the package, add the documented field, and return the files that had to be touched."""
    package = folder / "pedigree"
    shutil.copytree(ROOT / "pedigree", package, ignore=shutil.ignore_patterns("__pycache__"))
    record, keyword, stated, columns = _examples()
    catalog = folder / FOLDER
    _insert(catalog / "metadata_records.py", "\n\n\nclass DeclaredMetadata(", f"\n{record}")
    _insert(catalog / "declared_metadata.py", "\n\n\ndef declared_here(", f"\n{keyword}")
    _insert(catalog / "declared_metadata.py", "\n\n    def stated(", f"\n{stated}")
    migrations = package / "postgres" / "migrations"
    number = max(int(file.name[:4]) for file in migrations.glob("*.sql")) + 1
    migration = migrations / f"{number:04}_license.sql"
    migration.write_text(f"{columns}\n{_definitions_with('license')}\n", encoding="utf-8")
    return {"metadata_records.py", "declared_metadata.py", migration.name}


def test_a_field_is_added_in_the_three_places_that_are_documented(
    database_url: str, tmp_path: Path
) -> None:
    touched = _copy_with_the_example(tmp_path)
    assert len(touched) == 3
    arguments = [database_url, SIGNATURE.model_dump_json(), str(tmp_path / "model")]
    done = subprocess.run(
        [sys.executable, "-c", USE, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PEDIGREE_HOME": str(tmp_path), "PEDIGREE_ACTOR": "ann"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        '{"shown": ["MIT", "MIT", "MIT", "BSD-3-Clause"], "trainings": ["MIT", "Apache-2.0"],'
        ' "stated": "MIT", "compared": "license", "violated": []}'
    )


def test_the_keyword_arguments_are_the_fields_of_the_record() -> None:
    declared = set(DeclaredMetadata.model_fields)
    assert set(DeclaredFields.__annotations__) == declared - NOT_KEYWORDS
    assert {each.name for each in fields(StatedMetadata)} == declared - NOT_KEYWORDS - OF_THE_RUN


def test_each_declared_field_is_a_column_and_says_where_it_comes_from() -> None:
    assert {*VERSION_FIELDS, *TRAINING_FIELDS} == set(DeclaredMetadata.model_fields)
    assert set(about_fields(ModelMetadata)) == set(ModelMetadata.model_fields)


def test_each_field_with_an_option_is_one_of_the_command() -> None:
    options = [option.name for option in field_options()]
    stated = {name for name, about in about_fields(DeclaredMetadata).items() if about.option}
    assert set(options) == stated
    assert len(options) == len(stated)
