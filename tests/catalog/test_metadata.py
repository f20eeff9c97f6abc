import math
from typing import Any

import pytest

from pedigree.catalog.metadata import validated
from pedigree.catalog.records import DeclaredMetadata
from pedigree.errors import InvalidMetadataError
from tests.cards.records import declared, version

REQUIRED = ("flavor", "signature", "run_id", "git_commit", "git_dirty")


def fields(**changed: Any) -> dict[str, Any]:
    return {**declared().model_dump(), **changed}


def refused(metadata: Any) -> InvalidMetadataError:
    with pytest.raises(InvalidMetadataError) as found:
        validated(metadata)
    assert found.value.remedy
    return found.value


def test_valid_metadata_comes_back_as_a_record() -> None:
    assert validated(fields()) == declared()
    assert validated(declared()) == declared()


def test_a_fuller_record_gives_its_declared_part() -> None:
    assert validated(version()) == declared()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named_with_what_it_means(name: str) -> None:
    error = refused({key: value for key, value in fields().items() if key != name})
    meaning = DeclaredMetadata.model_fields[name].description
    assert str(error) == (
        f"{name}: the field is required. Give it: {meaning[:1].lower()}{meaning[1:]}."
        if meaning
        else ""
    )


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"git_commit": "main"}, "git_commit", "git rev-parse HEAD"),
        ({"run_id": ""}, "run_id", "Give one or more characters"),
        ({"metrics": {"auc": math.nan}}, "metrics.auc", "finite number (got nan)"),
        ({"metrics": {"auc": math.inf}}, "metrics.auc", "finite number (got inf)"),
        ({"metrics": {"auc": "high"}}, "metrics.auc", "Give a finite number"),
        ({"risk_class": "severe"}, "risk_class", "'minimal', 'limited'"),
        ({"environment_hash": "abc"}, "environment_hash", "64 hexadecimal digits"),
        ({"owner": "ann"}, "owner", "Leave it out"),
        ({"signature": None}, "signature", "infer them"),
    ],
)
def test_a_value_outside_its_domain_is_refused_with_a_remedy(
    changed: dict[str, Any], field: str, message: str
) -> None:
    error = refused(fields(**changed))
    assert error.field == field
    assert message in str(error)


def test_the_value_is_in_the_message() -> None:
    assert "(got 'main')" in str(refused(fields(git_commit="main")))


def test_other_wrong_fields_are_named_too() -> None:
    error = refused({"git_commit": "main", "git_dirty": False, "metrics": {"a": "x"}})
    assert "also wrong: " in str(error)
    assert {"run_id", "signature"} <= set(str(error).replace(",", "").replace(".", "").split())


@pytest.mark.parametrize(
    "changed",
    [
        {"params": {"password": object()}},
        {"tags": {"token": 5_318_008}},
        {"risk_class": "https://ann:hunter2@host/x"},
    ],
)
def test_a_secret_never_enters_the_message(changed: dict[str, Any]) -> None:
    message = str(refused(fields(**changed)))
    assert "hunter2" not in message
    assert "5318008" not in message


def test_a_record_that_was_copied_with_a_wrong_value_is_refused() -> None:
    # model_copy does not validate.
    assert refused(declared().model_copy(update={"git_commit": "main"})).field == "git_commit"


def test_metadata_that_is_not_a_mapping_is_refused() -> None:
    assert refused([("flavor", "sklearn")]).field == "metadata"
