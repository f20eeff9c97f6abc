"""Events to seal, keys that seal them, and what must hold of a sealed log."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.key_history import known_keys
from pedigree.audit.records import Actor
from pedigree.audit.verifier.hashes import GrowingTree, leaf_hash
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.postgres.database import Database

ACTOR = Actor(name="tester", source="test")


def write_key(path: Path, *keys: Ed25519PrivateKey) -> Path:
    """Write a key file, as `openssl genpkey` does."""
    made = keys or (Ed25519PrivateKey.generate(),)
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(b"".join(key.private_bytes(*pem) for key in made))
    path.chmod(0o600)
    return path


def add_events(database: Database, many: int) -> None:
    """Record some events in one transaction."""
    bodies = [{"number": number, "member": "m"} for number in range(many)]
    database.transaction(
        lambda transaction: log.record(
            transaction, EventType.MEMBER_FAILED, *bodies, at=datetime.now(UTC), actor=ACTOR
        )
    )


PROTECTED = (
    *("event", "feed", "log_block", "log_checkpoint", "log_anchor"),
    *("log_cosignature", "log_timestamp"),
)


def edit(url: str, statement: str, *, on_again: bool = False) -> None:
    """Change what triggers protect, as the owner of the database can."""
    with psycopg.connect(url) as connection:
        for table in PROTECTED:
            connection.execute(f"ALTER TABLE pedigree.{table} DISABLE TRIGGER USER")
        connection.execute(statement)
        for table in PROTECTED if on_again else ():
            for name in ("append_only", "no_truncate"):
                connection.execute(
                    f"ALTER TABLE pedigree.{table} ENABLE ALWAYS TRIGGER {table}_{name}"
                )


def contents(database: Database) -> list[bytes]:
    """The bytes of all events in the order of the feed."""
    query = "SELECT canonical FROM pedigree.feed JOIN pedigree.event USING (id) ORDER BY seq"
    return [bytes(row["canonical"]) for row in database.fetch_all(query)]


def require_sealed(database: Database) -> int:
    """Require that every checkpoint is of the feed's tree and signed by a key of the log."""
    keys = [LogKey.parse(each.key) for each in database.read(known_keys)]
    roots, tree = {}, GrowingTree()
    for content in contents(database):
        tree.append(leaf_hash(content))
        roots[tree.size] = tree.root()
    rows = database.fetch_all("SELECT size, root, note FROM pedigree.log_checkpoint ORDER BY size")
    for row in rows:
        checkpoint = open_checkpoint(row["note"], keys)
        assert (checkpoint.size, checkpoint.root) == (row["size"], bytes(row["root"]))
        assert roots[row["size"]] == checkpoint.root
    blocks = database.fetch_all("SELECT count(*) AS n FROM pedigree.log_block WHERE level = 1")
    newest = rows[-1]["size"] if rows else 0
    assert blocks[0]["n"] == newest // 256
    return int(newest)


ADD_MANY = """
WITH added AS (
    INSERT INTO pedigree.event (event_id, type, canonical, leaf, at)
    SELECT id, 'member.failed', content, sha256('\\x00'::bytea || content), clock_timestamp()
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %(many)s)) AS ids,
        convert_to(format('{"event_id":"%%s","filler":"%%s"}', id, repeat('x', 300)), 'UTF8')
            AS content
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM added
"""


def add_many_events(database: Database, many: int) -> None:
    """Add events by one statement: their bytes are enough for the log, not for a replay."""
    database.transaction(lambda transaction: transaction.execute(ADD_MANY, {"many": many}))
