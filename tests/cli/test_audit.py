"""``pedigree audit``: sealed, proved, exported and verified."""

from pathlib import Path

import psycopg
import pytest

from pedigree.audit.verifier.notes import LogKey, verify_proof
from tests.audit.sealing import edit, write_key
from tests.cli.conftest import Cli


@pytest.fixture
def sealing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line of a registry with two events and a key."""
    monkeypatch.setenv("PEDIGREE_AUDIT_KEY", str(write_key(tmp_path / "key.pem")))
    for name in ("churn", "risk"):
        assert cli("model", "create", name).code == 0
    return cli


def key_of(cli: Cli) -> str:
    key = cli("audit", "status", "--json").json["keys"][0]["key"]
    assert isinstance(key, str)
    return key


def test_a_log_is_sealed_proved_exported_and_verified(sealing: Cli, tmp_path: Path) -> None:
    cli = sealing
    assert "No event of 2 is sealed" in cli("audit", "status").out
    assert cli("audit", "prove", 1, "--json").error["type"] == "NotFoundError"
    # The attempt to prove an event was a read that is noted, and the key is an event, too.
    assert cli("audit", "seal", "--once", "--json").json == {"checkpoints": 1, "size": 4}
    assert "4 of 4 events are sealed" in cli("audit", "status").out
    assert "model.created churn" in cli("audit", "tail").out
    assert len(cli("audit", "tail", "--lines", 2, "--json").json["items"]) == 2
    shown = cli("audit", "show", 1).out
    assert '"model":"churn"' in shown
    assert "The checkpoint of 4 events covers it." in shown
    assert cli("audit", "prove", 2).out.strip() == "2.tlog-proof proves 2.json."
    proof, event = (Path(f"2.{end}").read_text(encoding="utf-8") for end in ("tlog-proof", "json"))
    key = key_of(cli)
    assert verify_proof(proof, event.encode(), [LogKey.parse(key)])[0] == 1
    assert "File exists" in cli("audit", "prove", 2, "--json").error["message"]
    consistent = cli("audit", "consistency", 1, 4, "--json").json
    assert (consistent["old_size"], consistent["new_size"]) == (1, 4)
    assert "4 events: root" in cli("audit", "consistency", 1, 4).out
    assert cli("audit", "export", "out", "--json").json["events"] == 4
    for words in ((), ("--key", key), ("--database",), ("--export", "out", "--key", key)):
        verified = cli("audit", "verify", *words)
        assert verified.code == 0, verified
        assert "4 events are covered by a checkpoint" in verified.out


def test_an_edit_fails_the_verification(sealing: Cli, database_url: str) -> None:
    cli = sealing
    cli("audit", "seal", "--once")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE pedigree.registered_model SET description = 'edited'")
    assert cli("audit", "verify").code == 0
    compared = cli("audit", "verify", "--database", "--json")
    assert compared.code == 1
    assert any("events_replay" in problem for problem in compared.json["problems"])
    edit(database_url, "UPDATE pedigree.event SET canonical = canonical || ' ' WHERE id = 1")
    verified = cli("audit", "verify", "--json")
    assert (verified.code, verified.json["ok"]) == (1, False)


def test_wrong_words_are_named(sealing: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = sealing
    assert cli("audit", "verify", "--export", "out", "--json").error["field"] == "--key"
    assert cli("audit", "verify", "--key", "x", "--json").error["field"] == "key"
    both = cli("audit", "verify", "--export", "out", "--database", "--json")
    assert both.error["field"] == "--database"
    assert cli("audit", "consistency", 3, 1, "--json").error["type"] == "InvalidInputError"
    assert cli("audit", "rotate-key", "--json").error["type"] == "LogKeyError"
    monkeypatch.setenv("PEDIGREE_AUDIT_KEY", "/nowhere/key.pem")
    refused = cli("audit", "seal", "--once", "--json")
    assert (refused.code, refused.error["type"]) == (1, "LogKeyError")
    monkeypatch.setenv("PEDIGREE_API_URL", "http://127.0.0.1:9")
    assert cli("audit", "status", "--json").error["type"] == "NotServedError"


def test_a_key_in_the_database_is_rotated(sealing: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = sealing
    monkeypatch.setenv("PEDIGREE_SECRET_KEY", "A" * 43 + "=")
    monkeypatch.setenv("PEDIGREE_AUDIT_KEY", "database")
    cli("audit", "seal", "--once")
    old = key_of(cli)
    new = cli("audit", "rotate-key", "--overlap", "1h", "--json").json["key"]
    cli("audit", "seal", "--once")
    assert {each["key"] for each in cli("audit", "status", "--json").json["keys"]} == {old, new}
    assert cli("audit", "verify", "--key", old).code == 0
