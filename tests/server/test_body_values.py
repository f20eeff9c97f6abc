"""A value that no entrance accepts has one answer: over REST that of the verb in process."""

import json
import math
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from pedigree._values import JSON_DEPTH
from pedigree.catalog.metadata import validated
from pedigree.errors import InvalidMetadataError
from tests.factories import new_version
from tests.server.hostile_requests import bad_bodies
from tests.server.test_hostile_requests import served  # noqa: F401 - a fixture

JSON = {"Content-Type": "application/json"}
DIGEST = f"sha256:{'0' * 64}"
FRAMEWORK = ("nput should", "rror parsing", "ecursion", "JsonValue", "validation error")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD: dict[str, Mapping[str, object]] = {
    "a metric that is not a number": {"metrics": {"auc": math.nan}},
    "an infinite metric": {"metrics": {"auc": 0.5, "loss": math.inf}},
    "a parameter that is not a number": {"params": {"rate": [1, math.nan]}},
    "a parameter as deep as a parser takes": {"params": {"tree": deep(JSON_DEPTH + 1)}},
    "a parameter deeper than the framework takes": {"params": {"tree": deep(400)}},
    "an integer beyond floats": {"params": {"n": 10**400}},
    "a tag with NUL": {"tags": {"team": "a\0b"}},
    "half a character": {"description": "\ud800"},
    "a long key": {"run_id": "r" * 10_000},
    "a long text": {"description": "d" * 70_000},
    "several": {"metrics": {"auc": math.nan}, "description": "\ud800"},
}


def posted(client: httpx2.Client, path: str, text: str) -> httpx2.Response:
    return client.post(path, headers=JSON, content=text.encode())


@pytest.mark.parametrize("bad", BAD)
def test_bad_metadata_has_the_answer_of_the_verb_in_process(
    admin: httpx2.Client, name: str, bad: str
) -> None:
    metadata = new_version().metadata.model_dump(mode="json", exclude_none=True) | BAD[bad]
    with pytest.raises(InvalidMetadataError) as refused:
        validated(metadata)
    file = {"path": "model.bin", "size": 1, "digest": DIGEST}
    body = json.dumps({"files": [file], "version": {"metadata": metadata}})
    answer = posted(admin, f"/models/{name}/versions", body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:pedigree:error:InvalidMetadataError"
    assert problem["detail"] == str(refused.value)
    assert (problem["field"], problem["fix"]) == (refused.value.field, refused.value.remedy)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"description": ' + "[" * 5_000 + "]" * 5_000 + "}", "nested deeper than 64 levels"),
        ('{"name": "x", "tags": ' + "[" * 300 + "]" * 300 + "}", "nested deeper than 64 levels"),
        ('{"name": ' + "9" * 5_000 + "}", "integer beyond"),
        ('{"name": NaN}', "not a finite number"),
        ('{"name": "\\ud800"}', "not Unicode text"),
    ],
)
def test_a_body_that_the_parser_gives_up_on_is_named_as_such(
    admin: httpx2.Client, text: str, words: str
) -> None:
    problem = posted(admin, "/models", text).json()
    assert problem["type"].startswith("urn:pedigree:error:")
    assert words in problem["detail"]
    assert problem["field"]
    assert problem["fix"]


def test_a_body_with_bytes_that_are_not_utf8_is_named_as_such(admin: httpx2.Client) -> None:
    answer = admin.post("/models", headers=JSON, content=b'{"name": "\xff"}')
    problem = answer.json()
    assert problem["type"].startswith("urn:pedigree:error:")
    assert "UTF-8" in problem["detail"]


def test_no_route_answers_a_bad_value_in_the_words_of_the_framework(
    served: Any,  # noqa: F811
) -> None:
    """Each bad value in one field of each body."""
    issued = served.registry.create_token("wording", roles=["admin"])
    headers = {"Authorization": f"Bearer {issued.secret}", **JSON}
    tried = list(bad_bodies())
    wrong: list[str] = []
    with httpx2.Client(base_url=served.url, timeout=30) as client:
        for attempt in tried[:: max(1, len(tried) // 120)]:
            answer = client.request(
                attempt.method,
                attempt.path,
                params=attempt.query or None,
                headers=headers,
                content=attempt.content,
            )
            problem = answer.json()
            ours = problem["type"].startswith("urn:pedigree:error:")
            if not ours or any(words in problem["detail"] for words in FRAMEWORK[1:]):
                wrong.append(f"{attempt}: {problem}")
    assert wrong == []
