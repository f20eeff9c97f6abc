"""The owner of the database cannot rewrite what an anchor covers without being found."""

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path

import httpx2
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pedigree.audit.attesters import trust_of
from pedigree.audit.export import export, verify_folder
from pedigree.audit.key_history import known_keys
from pedigree.audit.log_keys import KeyFile
from pedigree.audit.sealer import Sealer
from pedigree.audit.verifier.attestations import OutsideTrust
from pedigree.audit.verifier.export import verify_export
from pedigree.audit.verifier.notes import LogKey
from pedigree.errors import LogTamperedError
from pedigree.maintenance.exported_tables import TABLES
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.sealing import ACTOR, add_events, edit, write_key
from tests.audit.stamping import TimeAuthority, stamping
from tests.audit.witnessing import witnessing
from tests.factories import register

pytestmark = pytest.mark.system

LEAF = "leaf = sha256('\\x00'::bytea || canonical)"


def replaced(old: str, new: str) -> str:
    """The SQL that replaces a text in the bytes of all events."""
    text = "convert_from(canonical, 'UTF8')"
    changed = f"convert_to(replace({text}, $${old}$$, $${new}$$), 'UTF8')"
    return f"UPDATE pedigree.event SET canonical = {changed}"


GONE = "DELETE FROM pedigree.log_checkpoint; DELETE FROM pedigree.log_block"
UNANCHORED = "DELETE FROM pedigree.log_anchor; "

FORGED_ROOT = (
    "UPDATE pedigree.log_checkpoint SET note = regexp_replace(note, E'\\n[^\\n]{44}\\n',"
    " E'\\n' || encode(sha256('x'), 'base64') || E'\\n')"
)
# What the owner does to the log, as SQL. The leaf is made again where that helps them.
EDITS = {
    "edit the body": replaced("churn", "chorn"),
    "edit the body of one": replaced('"number":77}', '"number":78}'),
    "edit the actor": replaced("tester", "somebody"),
    "backdate": replaced('"at":"20', '"at":"19'),
    "edit the type": replaced("version.created", "version.updated"),
    "add a space": "UPDATE pedigree.event SET canonical = canonical || ' ' WHERE id = 5",
    "empty it": "UPDATE pedigree.event SET canonical = '{}' WHERE id = 5",
    "add a line": "UPDATE pedigree.event SET canonical = canonical || E'\\n{}' WHERE id = 5",
    "delete from the middle": "DELETE FROM pedigree.feed WHERE seq = 9",
    "delete and close the gap": (
        "DELETE FROM pedigree.feed WHERE seq = 9;"
        " UPDATE pedigree.feed SET seq = -seq WHERE seq > 9;"
        " UPDATE pedigree.feed SET seq = -seq - 1 WHERE seq < 0"
    ),
    "delete the newest": (
        UNANCHORED + "DELETE FROM pedigree.log_checkpoint;"
        " DELETE FROM pedigree.feed WHERE seq = (SELECT max(seq) FROM pedigree.feed)"
    ),
    "delete the newest hundred": (
        UNANCHORED + "DELETE FROM pedigree.log_checkpoint;"
        " DELETE FROM pedigree.feed WHERE seq > (SELECT max(seq) - 100 FROM pedigree.feed)"
    ),
    "reorder two": (
        "DELETE FROM pedigree.feed WHERE seq = 7; UPDATE pedigree.feed SET seq = 7 WHERE seq = 8;"
        " INSERT INTO pedigree.feed (seq, id) VALUES (8, 7)"
    ),
    "swap the bytes of two": (
        "UPDATE pedigree.event e SET canonical = o.canonical, leaf = o.leaf FROM pedigree.event o"
        " WHERE (e.id = 7 AND o.id = 8) OR (e.id = 8 AND o.id = 7)"
    ),
    "repeat an event": (
        "UPDATE pedigree.event e SET canonical = o.canonical, leaf = o.leaf FROM pedigree.event o"
        " WHERE e.id = 7 AND o.id = 8"
    ),
    "insert and shift": (
        "UPDATE pedigree.feed SET seq = -seq WHERE seq > 9;"
        " UPDATE pedigree.feed SET seq = 1 - seq WHERE seq < 0;"
        " INSERT INTO pedigree.event (event_id, type, model, canonical, leaf)"
        " SELECT gen_random_uuid(), type, model, canonical || ' ', leaf FROM pedigree.event"
        " WHERE id = 9;"
        " INSERT INTO pedigree.feed (seq, id) SELECT 10, max(id) FROM pedigree.event"
    ),
    "truncate": "TRUNCATE pedigree.feed CASCADE",
    "empty the feed and all that is sealed": f"{UNANCHORED}{GONE}; DELETE FROM pedigree.feed",
    "forge a root": FORGED_ROOT,
    "forge a size": "UPDATE pedigree.log_checkpoint SET note = replace(note, E'\\n2', E'\\n1')",
    "forge a signature": (
        "UPDATE pedigree.log_checkpoint SET note = left(note, -9) || E'AAAAAAA=\\n'"
    ),
    "empty a note": "UPDATE pedigree.log_checkpoint SET note = ''",
}
# Edits of what is not in the log: the tables, or what only helps to read the log.
STATES = {
    "edit a description": "UPDATE pedigree.registered_model SET description = 'x'",
    "delete a version": (
        "SET session_replication_role = replica; DELETE FROM pedigree.model_version"
    ),
    "change who registered": "UPDATE pedigree.model_version SET created_by = 'x'",
    "edit the leaf": "UPDATE pedigree.event SET leaf = sha256(leaf) WHERE id = 5",
    "edit a block": "UPDATE pedigree.log_block SET hash = sha256(hash)",
    "disable a trigger": "ALTER TABLE pedigree.event DISABLE TRIGGER event_append_only",
    "replace a key's row": "UPDATE pedigree.log_key SET public_key = sha256(public_key)",
    "swap the table of events": (
        "ALTER TABLE pedigree.event RENAME TO event_before;"
        " CREATE TABLE pedigree.event AS SELECT * FROM pedigree.event_before;"
        f" {replaced('churn', 'chorn')}"
    ),
}

OFFLINE = ("edit a description", "delete a version", "change who registered")


@pytest.fixture
def sealed(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with two hundred events and a version, sealed and anchored."""
    settings = registry.settings.model_copy(
        update={"audit_key": str(write_key(tmp_path / "key.pem"))}
    )
    keyed = Registry(registry.database, registry.store, settings)
    register(registry, tmp_path / "files", "a", "churn")
    add_events(registry.database, 270)
    assert LogSealing(keyed).attempt()[1] == []
    return keyed


def is_found(registry: Registry, key: str, folder: Path) -> bool:
    """Whether the offline verifier finds something, with the anchors and the key from before."""
    try:
        # The verb would add an event about the export.
        export(registry.database, folder / "export", TABLES)
    except LogTamperedError:
        return True
    anchors = registry.settings.home_folder / "objects" / "log"
    return not verify_folder(folder / "export", [key], anchors).ok


def key_of(registry: Registry) -> str:
    return registry.database.read(known_keys)[0].key


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_of_the_log_is_found(
    sealed: Registry, database_url: str, tmp_path: Path, kind: str
) -> None:
    key = key_of(sealed)
    assert not is_found(sealed, key, tmp_path)
    edit(database_url, EDITS[kind])
    (after := tmp_path / "after").mkdir()
    assert is_found(sealed, key, after)


@pytest.mark.parametrize("kind", STATES)
def test_an_edit_of_the_tables_is_found_by_their_comparison_with_the_events(
    sealed: Registry, database_url: str, kind: str
) -> None:
    assert sealed.fsck().ok
    with psycopg.connect(database_url) as connection:
        if "event SET" in STATES[kind] or "log_block SET" in STATES[kind]:
            for table in ("event", "log_block"):
                connection.execute(f"ALTER TABLE pedigree.{table} DISABLE TRIGGER USER")
        connection.execute(STATES[kind])
    assert not sealed.fsck().ok


@pytest.mark.parametrize("kind", OFFLINE)
def test_an_edit_of_the_tables_of_models_is_found_offline(
    sealed: Registry, database_url: str, tmp_path: Path, kind: str
) -> None:
    key = key_of(sealed)
    with psycopg.connect(database_url) as connection:
        connection.execute(STATES[kind])
    assert is_found(sealed, key, tmp_path)


def forge(registry: Registry, url: str, path: Path, statement: str) -> None:
    """Edit, and seal everything again with another key, as the log's own code does."""
    edit(
        url,
        f"{UNANCHORED}{GONE}; {statement}; UPDATE pedigree.event SET {LEAF};"
        " DELETE FROM pedigree.log_key",
    )
    other = write_key(path / "other.pem", Ed25519PrivateKey.generate())
    add_events(registry.database, 1)
    Sealer(registry.database, KeyFile(other), ACTOR).seal()


FORGED: dict[str, str] = {
    "the same events": "SELECT",
    "edited events": EDITS["edit the body"],
    "without the key's event": replaced("log.key_added", "member.failed"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_log_that_is_sealed_again_with_another_key_is_found(
    sealed: Registry, database_url: str, tmp_path: Path, kind: str
) -> None:
    key = key_of(sealed)
    forge(sealed, database_url, tmp_path, FORGED[kind])
    assert is_found(sealed, key, tmp_path)


def test_a_log_that_is_sealed_again_with_the_stolen_key_is_found_by_an_anchor_alone(
    sealed: Registry, database_url: str, tmp_path: Path
) -> None:
    key = key_of(sealed)
    edit(
        database_url,
        f"{UNANCHORED}{GONE}; {EDITS['edit the body']}; UPDATE pedigree.event SET {LEAF}",
    )
    add_events(sealed.database, 1)
    LogSealing(sealed).seal()
    assert is_found(sealed, key, tmp_path)
    assert verify_export(tmp_path / "export", [LogKey.parse(key)], tables=False).ok


@pytest.fixture
def attested(sealed: Registry, tmp_path: Path) -> Iterator[tuple[Registry, OutsideTrust, str]]:
    """The registry with two anchors that a witness cosigned and an authority stamped.

    Given with them: the witness and the authority, and what the witness serves.
    """
    authority = TimeAuthority(tmp_path / "authority")
    with (
        stamping(authority) as clock,
        witnessing(tmp_path / "witness", LogKey.parse(key_of(sealed))) as (witness, url),
    ):
        policy = tmp_path / "policy"
        policy.write_text(f"witness w {witness} {url}\nquorum w")
        changes = {
            "audit_witnesses": policy,
            "audit_timestamp_urls": (clock.url,),
            "audit_timestamp_ca_file": authority.roots,
            "audit_networks": (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        }
        registry = Registry(
            sealed.database, sealed.store, sealed.settings.model_copy(update=changes)
        )
        for _ in range(2):
            add_events(registry.database, 1)
            LogSealing(registry).seal()
            done = registry.operations.attestations
            assert [each.problem for each in (*done.cosign_log(), *done.timestamp_log())] == [
                *(None, None)
            ]
        origin = LogKey.parse(key_of(sealed)).name
        served = httpx2.get(f"{url}/{sha256(origin.encode()).hexdigest()}/checkpoint").text
        yield registry, trust_of(registry.settings), served


# What the owner does to the statements of others; all is found without any anchor.
ATTESTED = {
    "remove the cosignatures": "DELETE FROM pedigree.log_cosignature",
    "forge a cosignature": (
        "UPDATE pedigree.log_cosignature SET line = left(line, -9) || E'AAAAAAA=\\n'"
    ),
    "move a cosignature to another checkpoint": (
        "UPDATE pedigree.log_cosignature SET line ="
        " (SELECT line FROM pedigree.log_cosignature ORDER BY size LIMIT 1)"
    ),
    "remove the time stamps": "TRUNCATE pedigree.log_timestamp",
    "cut a time stamp": "UPDATE pedigree.log_timestamp SET reply = substr(reply, 1, 200)",
    "move a time stamp to another checkpoint": (
        "UPDATE pedigree.log_timestamp SET reply ="
        " (SELECT reply FROM pedigree.log_timestamp ORDER BY size LIMIT 1)"
    ),
    "empty a time stamp": "UPDATE pedigree.log_timestamp SET reply = ''",
}


def test_an_edit_of_what_others_stated_is_found(
    attested: tuple[Registry, OutsideTrust, str], database_url: str, tmp_path: Path
) -> None:
    registry, trust, _ = attested
    key = key_of(registry)
    registry.operations.audit.export_log(tmp_path / "sound")
    assert verify_folder(tmp_path / "sound", [key], trust=trust).ok
    for kind, statement in ATTESTED.items():
        rows = {
            table: registry.database.fetch_all(f"SELECT * FROM pedigree.{table}")
            for table in ("log_cosignature", "log_timestamp")
        }
        edit(database_url, statement, on_again=True)
        registry.operations.audit.export_log(tmp_path / kind)
        assert not verify_folder(tmp_path / kind, [key], trust=trust).ok, kind
        for table, before in rows.items():
            restore(database_url, table, before)


def restore(url: str, table: str, rows: list[dict[str, object]]) -> None:
    """Put back the rows of a table."""
    edit(url, f"DELETE FROM pedigree.{table}", on_again=True)
    with psycopg.connect(url) as connection:
        for row in rows:
            names = ", ".join(row)
            places = ", ".join(f"%({name})s" for name in row)
            connection.execute(f"INSERT INTO pedigree.{table} ({names}) VALUES ({places})", row)


def test_a_log_that_is_sealed_again_with_the_stolen_key_is_found_by_its_witness_and_its_time_stamp(
    attested: tuple[Registry, OutsideTrust, str], database_url: str, tmp_path: Path
) -> None:
    registry, trust, served = attested
    key = LogKey.parse(key_of(registry))
    registry.operations.audit.export_log(tmp_path / "before")
    edit(
        database_url,
        f"DELETE FROM pedigree.log_cosignature; DELETE FROM pedigree.log_timestamp; {UNANCHORED}"
        f"{GONE}; {replaced('number', 'nombre')}; UPDATE pedigree.event SET {LEAF}",
    )
    LogSealing(registry).seal()
    registry.operations.audit.export_log(tmp_path / "after")
    assert verify_export(tmp_path / "after", [key]).ok  # nothing but the statements of others
    (kept := tmp_path / "kept").mkdir()
    (kept / "witness").write_text(served, encoding="utf-8")
    assert not verify_export(tmp_path / "after", [key], kept, trust).ok
    stamps = (tmp_path / "before" / "timestamps.jsonl").read_bytes()
    (tmp_path / "after" / "timestamps.jsonl").write_bytes(stamps)
    found = verify_export(tmp_path / "after", [key], trust=trust)
    assert any("time stamp in line 1" in problem for problem in found.problems)


def test_there_are_thirty_ways() -> None:
    assert len(EDITS) + len(STATES) + len(FORGED) + len(ATTESTED) + 2 >= 30
