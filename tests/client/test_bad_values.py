"""A bad value has one answer in process, by the client and by REST, and nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.errors import InvalidMetadataError
from pedigree.registry import Registry
from tests.factories import COMMIT, SIGNATURE, artifact, new_version, register
from tests.server.conftest import Served
from tests.values.bad import BAD_FIELDS, deep
from tests.values.test_verbs import problems_of, untyped_of


def test_no_verb_lets_a_bad_value_in_or_an_untyped_error_out(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    register(registry, tmp_path, "a")
    assert problems_of(registry, 120) == []
    assert untyped_of(registry, 80) == []


def refusal(registry: Registry, folder: Path, fields: dict[str, Any]) -> tuple[str | None, str]:
    """The field and the message by which a registration is refused."""
    known = {"signature": SIGNATURE, "run_id": "run-1", "git_commit": COMMIT, **fields}
    with pytest.raises(InvalidMetadataError) as refused:
        registry.register("bad-values", artifact(folder / "bad"), flavor="generic", **known)
    return refused.value.field, str(refused.value)


def test_a_bad_field_has_the_same_answer_on_every_way_in(
    served: Served, connect: Callable[..., Registry], tmp_path: Path
) -> None:
    client = connect()
    rest = served.client(Role.CONTRIBUTOR)
    typed = [(name, value) for name, value in BAD_FIELDS if name != "metrics" and is_json(value)]
    assert len(typed) > 15
    for name, value in typed:
        field, message = refusal(served.registry, tmp_path, {name: value})
        assert (field or "").startswith(name)
        assert refusal(client, tmp_path, {name: value}) == (field, message)
        answer = posted(rest, {name: value})
        assert answer.status_code in (400, 422)
        if well_typed(name, value):
            assert answer.status_code == 422, (name, answer.text)
            found = answer.json()["field"].removeprefix("version.metadata.")
            assert found == field
            # pydantic measures a text with a least length, and says itself that it is no Unicode.
            assert answer.json()["detail"] == message or "unicode" in answer.json()["detail"]
    assert served.registry.events(model="bad-values") == ()


def posted(rest: httpx2.Client, fields: dict[str, Any]) -> httpx2.Response:
    """The answer to a registration of listed files."""
    version = new_version().model_dump(mode="json")
    version["metadata"] |= fields
    file = {"path": "model.bin", "digest": f"sha256:{'0' * 64}", "size": 1}
    body = json.dumps({"files": [file], "version": version})
    headers = {"Content-Type": "application/json"}
    return rest.post("/models/bad-values/versions", content=body, headers=headers)


def is_json(value: object) -> bool:
    try:
        return len(json.dumps(value)) < 2**20
    except (TypeError, ValueError):
        return False


def well_typed(name: str, value: Any) -> bool:
    """Whether a value has the type of its field, so that only its bound is broken."""
    if name == "tags":
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    if name == "owners":
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return True


@pytest.mark.parametrize("levels", [65, 150, 300, 5_000])
def test_json_that_is_nested_too_deep_is_refused_and_names_its_key(
    levels: int, served: Served
) -> None:
    text = '{"a": ' + "[" * levels + "]" * levels + "}"
    plain = json.dumps(new_version().model_dump(mode="json"))
    version = plain.replace('"params": {}', f'"params": {text}')
    file = {"path": "model.bin", "digest": f"sha256:{'0' * 64}", "size": 1}
    body = f'{{"files": [{json.dumps(file)}], "version": {version}}}'
    answer = served.client(Role.CONTRIBUTOR).post(
        "/models/bad-values/versions", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    if levels < 250:
        assert answer.json()["field"] == "params.a"
        assert "deeper than 64 levels" in answer.json()["detail"]


def test_values_at_the_bounds_are_stored_and_read(registry: Registry, tmp_path: Path) -> None:
    params = {"deep": deep(63), "text": "x" * 200_000, "seed": 2**64}
    fields = {"run_id": "é" * 400, "params": params, "description": "x" * 65_536}
    reference = register(registry, tmp_path, "b", "at-the-bounds", **fields)
    assert registry.get(reference).params == params
    (version,) = registry.versions("at-the-bounds")
    assert version.run_id == fields["run_id"]
    assert registry.search("name = 'at-the-bounds'").records[0].params == params
