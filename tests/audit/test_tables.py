"""The offline verifier replays the events, and compares the exported tables with the result."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.audit import json_digests
from pedigree.audit.export import verify_folder
from pedigree.audit.key_history import known_keys
from pedigree.audit.verifier import digests
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.report import LogReport
from pedigree.audit.verifier.states import BEFORE_VERIFICATION
from pedigree.audit.verifier.tables import TableReplay
from pedigree.errors import InvalidInputError
from pedigree.flavors.records import BEFORE_VERIFICATION as RECORD
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.sealing import add_events, edit, write_key
from tests.factories import register

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_the_digest_of_a_value_is_that_of_its_canonical_json(value: object) -> None:
    try:
        expected = json_digests.json_digest(value)
    except (InvalidInputError, OverflowError):
        with pytest.raises(UnverifiedLogError):
            digests.json_digest(value)
    else:
        assert digests.json_digest(value) == expected


def test_the_verification_of_events_without_one_is_that_of_the_tables() -> None:
    assert RECORD.model_dump(mode="json") == BEFORE_VERIFICATION


@given(st.binary(max_size=60) | st.text('{}[]":,modelatchurn01', max_size=60).map(str.encode))
def test_any_bytes_are_a_problem_and_no_error(content: bytes) -> None:
    replay = TableReplay(LogReport())
    replay.add(content)
    replay.compare([content])


@pytest.fixture
def lived(registry: Registry, tmp_path: Path) -> Registry:
    """A sealed registry with some versions and changes."""
    settings = registry.settings.model_copy(
        update={"audit_key": str(write_key(tmp_path / "key.pem"))}
    )
    for content in ("a", "b"):
        register(registry, tmp_path / content, content, "churn", metrics={"rmse": 2.5})
    registry.update("churn/1", description="the first", owners=["ann"], tags={"team": "x"})
    registry.set_alias("churn", "best", 2)
    registry.set_alias("churn", "best", 1)
    registry.hold("churn/1", reason="case 7")
    registry.delete("churn/2", reason="test")
    sealed = Registry(registry.database, registry.store, settings)
    assert LogSealing(sealed).attempt()[1] == []
    return sealed


def problems(registry: Registry, folder: Path) -> list[str]:
    """What the offline verifier finds."""
    registry.operations.audit.export_log(folder)
    key = registry.database.read(known_keys)[0].key
    report = verify_folder(folder, [key])
    assert report.unchecked == []
    assert report.models >= 1
    return report.problems


EDITS = {
    "UPDATE pedigree.registered_model SET description = 'x'": "description",
    "UPDATE pedigree.model_version SET created_by = 'x'": "created_by",
    'UPDATE pedigree.model_version SET tags = tags || \'{"a": "b"}\'': "tags",
    # What an export writes for a value that no event states.
    "UPDATE pedigree.model_version SET tags = '{\"unrecorded\": true}'": "tags",
    "UPDATE pedigree.training SET metrics = '{\"rmse\": 0.1}'": "trainings",
}


def test_the_tables_of_an_export_are_those_that_its_events_give(
    lived: Registry, tmp_path: Path, database_url: str
) -> None:
    add_events(lived.database, 1)  # not sealed
    assert problems(lived, tmp_path / "sound") == []
    for number, (statement, field) in enumerate(EDITS.items()):
        edit(database_url, f"SET session_replication_role = replica; {statement}", on_again=True)
        found = problems(lived, tmp_path / f"edited {number}")
        assert any(f"{field} is" in each for each in found), statement


def test_a_row_or_a_model_that_is_missing_or_added_is_named(
    lived: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    assert problems(lived, folder) == []
    key = [lived.database.read(known_keys)[0].key]
    state = folder / "state.jsonl"
    lines = state.read_text().splitlines()
    first = json.loads(lines[0])
    number = next(iter(first["state"]["versions"]))
    without = json.loads(lines[0])
    del without["state"]["versions"][number]
    added = json.loads(lines[0])
    added["state"]["versions"]["99"] = first["state"]["versions"][number]
    changes = {
        f"{first['name']}/{number}: its row is missing": [json.dumps(without), *lines[1:]],
        f"{first['name']}/99: it has no event": [json.dumps(added), *lines[1:]],
        f"{first['name']}: the tables lack the model": lines[1:],
        "other: it has no event": [*lines, json.dumps({**first, "name": "other"})],
        "cannot be read": [*lines, "["],
        "another form": [json.dumps({**first, "state": 7}), *lines[1:]],
    }
    for problem, changed in changes.items():
        state.write_text("\n".join([*changed, ""]))
        found = verify_folder(folder, key).problems
        assert any(problem in each for each in found), (problem, found)


def test_an_event_that_waits_for_its_place_is_replayed_too(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.audit import log

    settings = registry.settings.model_copy(
        update={"audit_key": str(write_key(tmp_path / "key.pem"))}
    )
    sealed = Registry(registry.database, registry.store, settings)
    register(registry, tmp_path / "one", "a", "churn")
    assert LogSealing(sealed).seal() == 1
    monkeypatch.setattr(log, "sequence", lambda _: None)
    register(registry, tmp_path / "two", "b", "churn")
    assert problems(sealed, tmp_path / "export") == []
    assert (tmp_path / "export" / "pending.jsonl").read_bytes().count(b"version.created") == 1
