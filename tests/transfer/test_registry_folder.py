"""A whole registry in a folder, and back into an empty one that is equal to it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pedigree.audit.records import Actor
from pedigree.cards.records import CardNotes
from pedigree.errors import CorruptionError, InvalidInputError
from pedigree.lifecycle.records import ApprovalRule
from pedigree.postgres import Database
from pedigree.registry import Registry
from pedigree.transfer.folder_layout import MANIFEST, blob_file, table_file
from pedigree.transfer.registry_export import export_registry
from pedigree.transfer.registry_import import import_registry
from pedigree.transfer.tables import PORTABLE, rows_of
from tests.cli.conftest import Cli
from tests.factories import AUC_POLICY, free_policy, register, register_candidate

# Derived from other tables.
DERIVED = {
    *("event_count", "search_metric", "search_model", "search_model_change", "search_record"),
    *(
        "search_mlflow",
        "search_mlflow_tag",
        "search_term",
        "search_text",
        "search_version",
        "search_word",
        "statistic",
    ),
}
# Of one deployment: its work in progress, its deliveries, its logins, and who it is.
OF_ONE_DEPLOYMENT = {
    *("applied_roles", "awaited_judgement", "card_follower", "check_run", "exchanged_token"),
    *("failure", "kept_answer"),
    *("migration", "noted_read", "orphan", "registry_identity", "released", "sink", "upload"),
    *("unserved_event", "upload_area", "upload_area_file", "upload_area_parts", "upload_file"),
    *("upload_session", "web_session", "webhook"),
    *("webhook_attempt", "webhook_delivery", "webhook_line"),
}
# What shows who signed the log.
OF_ITS_SIGNERS = {
    *("log_anchor", "log_asking", "log_block", "log_checkpoint", "log_cosignature", "log_key"),
    "log_timestamp",
}
WITH_KEYS = {"blob"}


@pytest.fixture
def filled(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with something of everything that a folder has."""
    registry.create_model("churn", description="Who leaves", owners=["ann"], tags={"team": "crm"})
    registry.set_policy("churn", AUC_POLICY)
    for number in (1, 2, 3):
        register_candidate(
            registry, tmp_path, f"bytes {number}", metrics={"auc": 0.9}, params={"depth": number}
        )
    register(registry, tmp_path, "bytes 1", run_id="run-2", metrics={"auc": 0.91})
    registry.promote("churn/1", "staging", reason="good")
    registry.promote("churn/1", "production")
    registry.set_alias("churn", "best", 2)
    registry.delete("churn/3", reason="wrong")
    registry.update("churn/2", description="the second", tags={"a": "b"})
    registry.hold("churn/1", reason="a lawsuit")
    registry.card("churn/1")
    registry.write_card("churn/1", CardNotes(primary_uses="to try it"))
    registry.create_model("gone")
    registry.delete_model("gone", reason="a test")
    policy = free_policy()
    rule = policy.stages[1].model_copy(update={"approvals": ApprovalRule(needed=1)})
    approved = policy.model_copy(update={"stages": (policy.stages[0], rule, *policy.stages[2:])})
    register(registry, tmp_path, "other", "risk")
    registry.set_policy("risk", approved, reason="four eyes")
    registry.acting_as(Actor(name="bob", source="test")).approve(
        "risk/1", "staging", comment="fine"
    )
    return registry


@pytest.fixture
def other(make_database_url: Callable[..., str], tmp_path: Path) -> Iterator[Registry]:
    from pedigree.artifacts.objects import open_store
    from pedigree.settings import Settings

    home = tmp_path / "other home"
    with Database.connect(make_database_url()) as database:
        yield Registry(database, open_store(None, home), Settings(home=home, actor="importer"))


def tables_of(registry: Registry) -> dict[str, list[Any]]:
    return {
        table: [
            json.loads(row)
            for row in registry.database.transaction(lambda tx, t=table: list(rows_of(tx, t)))  # type: ignore[misc]
        ]
        for table in (*PORTABLE, "search_record", "search_version", "search_model")
    }


def test_every_table_is_carried_or_left_for_a_reason(registry: Registry) -> None:
    rows = registry.database.fetch_all(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'pedigree'::regnamespace AND relkind = 'r'"
    )
    left = DERIVED | OF_ONE_DEPLOYMENT | OF_ITS_SIGNERS | WITH_KEYS
    assert {row["relname"] for row in rows} - left == set(PORTABLE)


def test_a_registry_comes_back_equal(filled: Registry, other: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    manifest = export_registry(filled, folder)
    import_registry(other, folder)
    before, after = tables_of(filled), tables_of(other)
    imported = after["event"].pop()
    assert imported["type"] == "registry.imported"
    place = after["feed"].pop()
    assert place["id"] == imported["id"]
    assert place["seq"] == manifest.events + 1
    for table, rows in before.items():
        if table != "pseudonym":  # the importer has got one
            assert after[table] == rows, table
    assert all(row in after["pseudonym"] for row in before["pseudonym"])
    assert other.get("churn@production") == filled.get("churn@production")
    assert other.manifest("churn/2") == filled.manifest("churn/2")
    assert other.pull("churn/2", tmp_path / "pulled").digest == other.get("churn/2").digest
    assert other.lineage("churn/1") == filled.lineage("churn/1")
    assert other.verdicts("churn/1") == filled.verdicts("churn/1")
    assert other.timeline("churn") == filled.timeline("churn")
    assert other.decisions("risk/1") == filled.decisions("risk/1")
    assert other.card("churn/1").markdown == filled.card("churn/1").markdown
    assert other.policy_history("risk") == filled.policy_history("risk")


def test_fsck_and_the_log_agree_after_an_import(
    filled: Registry, other: Registry, tmp_path: Path
) -> None:
    export_registry(filled, tmp_path / "out")
    import_registry(other, tmp_path / "out")
    assert other.fsck().violated == ()


def test_an_import_goes_on_with_numbers_and_ids(
    filled: Registry, other: Registry, tmp_path: Path
) -> None:
    export_registry(filled, tmp_path / "out")
    import_registry(other, tmp_path / "out")
    assert register(other, tmp_path, "bytes 4") == "churn/4"
    assert register(other, tmp_path, "new", "fresh") == "fresh/1"
    assert other.restore("churn/3").version_id == 3


def test_the_event_says_who_imported_and_what_the_origin_signed(
    filled: Registry, other: Registry, tmp_path: Path
) -> None:
    manifest = export_registry(filled, tmp_path / "out")
    import_registry(other, tmp_path / "out")
    event = other.events(manifest.events, 1)[0]
    assert event.actor.name == "importer"
    assert event.body["origin"] == manifest.registry_id
    assert event.body["events"] == manifest.events
    assert event.body["exported_by"] == "tester"


def test_a_registry_that_is_not_empty_stays_as_it_is(
    filled: Registry, other: Registry, tmp_path: Path
) -> None:
    export_registry(filled, tmp_path / "out")
    other.create_model("mine")
    with pytest.raises(InvalidInputError, match="not empty"):
        import_registry(other, tmp_path / "out")
    assert [model.name for model in other.models()] == ["mine"]


@pytest.mark.parametrize("fault", ["row", "blob", "missing blob", "no manifest", "other schema"])
def test_a_damaged_folder_is_refused_and_nothing_is_written(
    filled: Registry, other: Registry, tmp_path: Path, fault: str
) -> None:
    folder = tmp_path / "out"
    manifest = export_registry(filled, folder)
    blob = blob_file(folder, manifest.blobs[0].digest)
    match fault:
        case "row":
            file = table_file(folder, "verdict")
            file.write_bytes(file.read_bytes().replace(b"true", b"false", 1))
        case "blob":
            blob.write_bytes(b"other")
        case "missing blob":
            blob.unlink()
        case "no manifest":
            (folder / MANIFEST).unlink()
        case "other schema":
            text = (folder / MANIFEST).read_text()
            (folder / MANIFEST).write_text(text.replace(manifest.schema_version, "0001_first"))
    with pytest.raises((CorruptionError, InvalidInputError)):
        import_registry(other, folder)
    assert other.models() == ()
    assert other.events() == ()


def test_a_further_export_replaces_the_tables_and_keeps_the_bytes(
    filled: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    first = export_registry(filled, folder)
    kept = blob_file(folder, first.blobs[0].digest)
    at = kept.stat().st_mtime_ns
    register(filled, tmp_path, "bytes 9")
    second = export_registry(filled, folder)
    assert second.tables["model_version"] == first.tables["model_version"] + 1
    assert kept.stat().st_mtime_ns == at


def test_a_folder_with_other_files_is_left_alone(filled: Registry, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InvalidInputError):
        export_registry(filled, tmp_path / "mine")


def test_the_commands_carry_a_registry_to_a_folder_and_into_a_new_one(
    filled: Registry,
    cli: Cli,
    make_database_url: Callable[..., str],
    home: Path,
    tmp_path: Path,
) -> None:
    written = cli("export", "out", "--json").json
    assert (written["models"], written["versions"]) == (3, 4)
    new = {"PEDIGREE_DATABASE_URL": make_database_url(None), "PEDIGREE_HOME": str(tmp_path / "new")}
    assert cli("import", "out", **new).out.startswith("out brought 3 models, 4 versions")
    before = cli("show", "churn@production", "--json").json["version"]
    assert cli("show", "churn@production", "--json", **new).json["version"] == before
    assert cli("import", "out", "--json", **new).error["field"] == "registry"
    assert cli("--url", "http://127.0.0.1:9", "export", "out", "--json").code == 2
