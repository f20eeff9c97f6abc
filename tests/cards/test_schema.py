import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from pedigree.cards.schema import REQUIRED, metadata_schema, metadata_table
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.records import ModelMetadata
from tests.cards.records import version
from tests.documents import assert_current, assert_part_current

SCHEMA: Any = metadata_schema()


def example() -> dict[str, Any]:
    fields = version().model_dump(mode="json")
    return {name: fields[name] for name in ModelMetadata.model_fields}


def problems(document: object) -> list[str]:
    validator = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


def test_the_committed_schema_is_current() -> None:
    text = json.dumps(SCHEMA, indent=2, ensure_ascii=False)
    assert_current("model-metadata.json", f"{text}\n")


def test_the_documented_fields_are_current() -> None:
    assert_part_current("docs/metadata.md", "fields", metadata_table())


def test_it_is_a_schema_of_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"]
    assert SCHEMA["title"]


def test_exactly_the_required_metadata_is_required() -> None:
    assert SCHEMA["required"] == list(REQUIRED)
    assert [name for name, field in ModelMetadata.model_fields.items() if field.is_required()] == [
        name for name in ModelMetadata.model_fields if name in REQUIRED
    ]


def test_the_schema_has_the_recommended_metadata() -> None:
    recommended = {
        "training_data_digest",
        "training_data_version",
        "metrics",
        "validation_dataset_id",
        "environment_hash",
        "model_card_uri",
        "datasheet_uri",
        "approved_by",
        "approval_timestamp",
        "approval_status",
        "approval_notes",
        "risk_class",
        "risk_assessment_id",
        "drift_monitor_id",
        "ci_build",
        "params",
        "description",
        "owners",
        "tags",
    }
    assert recommended <= set(SCHEMA["properties"])


def test_every_field_says_what_it_is_and_where_it_comes_from() -> None:
    described = {name for name, field in SCHEMA["properties"].items() if field.get("description")}
    assert described == set(SCHEMA["properties"]) == set(about_fields(ModelMetadata))
    for name, part in SCHEMA["$defs"].items():
        for field, content in part.get("properties", {}).items():
            assert content.get("description"), f"{name}.{field}"


def test_an_example_is_valid_to_the_schema_and_to_the_record() -> None:
    assert problems(example()) == []
    assert ModelMetadata.model_validate(example()).model_name == "customer_churn"


@pytest.mark.parametrize("name", REQUIRED)
def test_an_example_without_a_required_field_is_valid_to_neither(name: str) -> None:
    broken = {key: value for key, value in example().items() if key != name}
    assert problems(broken)
    with pytest.raises(ValidationError, match=name):
        ModelMetadata.model_validate(broken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version_id", 0),
        ("git_commit", "main"),
        ("environment_hash", "sha256:short"),
        ("metrics", {"auc": "high"}),
        ("risk_class", "severe"),
        ("signature", {"inputs": [], "outputs": []}),
        ("unheard_of", 1),
    ],
)
def test_both_refuse_the_same_values(name: str, value: object) -> None:
    assert problems({**example(), name: value})
    with pytest.raises(ValidationError):
        ModelMetadata.model_validate({**example(), name: value})
