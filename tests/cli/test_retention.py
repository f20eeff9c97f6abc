"""`pedigree delete | restore | retention | gc | fsck`, as they are typed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.postgres.database import Database
from tests.cli.conftest import Answer, Cli

Register = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDIGREE_RETENTION_WINDOW", "0")


def test_a_version_is_deleted_restored_and_permanently_deleted(
    register: Register, cli: Cli
) -> None:
    register("a")
    assert "churn/1 is deleted" in cli("delete", "churn/1", "--reason", "test").out
    assert cli("restore", "churn/1", "--json").json["version_id"] == 1
    cli("delete", "churn/1", "--reason", "test")
    plan = cli("gc", "--json").json
    kinds = [item["kind"] for item in plan["items"]]
    assert kinds == ["version", "artifact", *["blob"] * plan["counts"]["blob"]["items"]]
    output = cli("gc").out
    assert "churn/1  deleted" in output
    assert f"{kinds.count('blob')} objects, " in output, "the model's file, and its cards"
    assert plan["digest"] in output
    done = cli("gc", "--apply", "--plan", plan["digest"], "--json").json
    assert done["done"]["version"]["items"] == 1
    assert "nothing to collect" in cli("gc").out
    refused = cli("restore", "churn/1", "--json")
    assert (refused.code, refused.error["type"]) == (2, "BytesCollectedError")


def test_a_plan_that_has_changed_is_refused(register: Register, cli: Cli) -> None:
    register("a")
    seen = cli("gc", "--json").json["digest"]
    cli("delete", "churn/1", "--reason", "test")
    refused = cli("gc", "--apply", "--plan", seen, "--json")
    assert (refused.code, refused.error["type"]) == (2, "PlanChangedError")
    assert cli("restore", "churn/1").code == 0


def test_a_model_is_deleted_and_restored(register: Register, cli: Cli) -> None:
    register("a")
    register("b")
    assert cli("delete", "churn", "--model", "--reason", "test").code == 0
    assert cli("models", "--json").items == []
    assert cli("restore", "churn", "--model", "--json").json["restored"] == [1, 2]
    assert len(cli("versions", "churn", "--json").items) == 2


def test_a_retention_rule_is_shown_and_changed(register: Register, cli: Cli) -> None:
    register("a")
    assert "all production versions" in cli("retention", "churn").out
    words = ("--keep-production", "3", "--window", "12h")
    assert cli("retention", "churn", *words, "--json").json == {
        "keep_production": 3,
        "window": 12 * 3600.0,
    }
    assert cli("retention", "churn", "--window", "default", "--json").json == {
        "keep_production": 3,
        "window": None,
    }
    assert cli("retention", "churn", "--keep-production", "0").code == 2
    assert cli("retention", "churn", "--window", "soon").code == 2


def test_the_remains_of_a_crashed_upload_are_collected(
    register: Register, cli: Cli, home: Path, database: Database
) -> None:
    assert register("weights").code == 0
    left = home / "objects" / "uploads" / "00000000-0000-0000-0000-000000000001" / "0"
    left.parent.mkdir(parents=True)
    left.write_text("half a model")
    database.transaction(
        lambda transaction: transaction.execute(
            "INSERT INTO pedigree.upload (upload_id, lease_until)"
            " VALUES (%(id)s, clock_timestamp() - interval '1 second')",
            {"id": left.parent.name},
        )
    )
    assert "1 dead uploads" in cli("gc").out
    assert cli("gc", "--apply", "--json").json["done"] == {"upload": {"items": 1, "bytes": 0}}
    assert not left.exists()
    assert cli("check", "churn/1").code == 0


def test_fsck_prints_violations_and_its_exit_code_is_one(
    register: Register, cli: Cli, home: Path
) -> None:
    register("a")
    sound = cli("fsck", "--hashes", "--json")
    assert (sound.code, sound.json["ok"]) == (0, True)
    (file,) = (path for path in (home / "objects").rglob("*-*") if path.stat().st_size == 1)
    file.write_text("b")
    assert cli("fsck").code == 0, "sizes alone are right"
    damaged = cli("fsck", "--hashes")
    assert damaged.code == 1
    assert "objects_intact: sha256:" in damaged.out
