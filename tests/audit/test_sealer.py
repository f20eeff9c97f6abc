"""The sealer signs what the feed has, once, and nothing that contradicts what it signed."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from pedigree.audit import sealer as sealing
from pedigree.audit.event_types import EventType
from pedigree.audit.key_history import known_keys
from pedigree.audit.log_keys import KeyFile
from pedigree.audit.sealer import Sealer, checkpoint_over
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.errors import LogKeyError, LogTamperedError, SecretKeyError
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.sealing import (
    ACTOR,
    add_events,
    contents,
    edit,
    require_sealed,
    write_key,
)
from tests.factories import with_secret_key


@pytest.fixture
def sealer(database: Database, tmp_path: Path) -> Sealer:
    return Sealer(database, KeyFile(write_key(tmp_path / "key.pem")), ACTOR)


def test_a_seal_covers_all_events_and_the_event_of_its_key(
    sealer: Sealer, database: Database
) -> None:
    assert sealer.seal() == 0
    assert database.read(checkpoint_over) is None
    for many in (1, 254, 1, 300, 1):
        add_events(database, many)
        assert sealer.seal() == 1
        assert sealer.seal() == 0
        assert require_sealed(database) == len(contents(database))
    assert sum(b'"log.key_added"' in content for content in contents(database)) == 1
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        database.transaction(lambda t: t.execute("DELETE FROM pedigree.log_checkpoint"))


def test_a_large_feed_is_sealed_in_several_transactions(
    sealer: Sealer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_MOST_LEAVES", 200)
    add_events(database, 700)
    assert sealer.seal() == 4
    assert require_sealed(database) == 701


def test_of_many_sealers_one_leads_at_a_time(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    key = write_key(tmp_path / "key.pem")
    stop = threading.Event()

    def work() -> None:
        with Database.connect(database_url, connections=1) as own:
            mine = Sealer(own, KeyFile(key), ACTOR)
            while not stop.is_set():
                mine.seal()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        add_events(database, 20)
    stop.set()
    for thread in threads:
        thread.join()
    Sealer(database, KeyFile(key), ACTOR).seal()
    assert require_sealed(database) == 801


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE pedigree.event SET leaf = sha256(leaf) WHERE id = 300", "another root at 301"),
        ("UPDATE pedigree.log_block SET hash = sha256(hash)", "another root at 301"),
        ("DELETE FROM pedigree.log_block", "lacks block 0 of level 1"),
        ("DELETE FROM pedigree.feed WHERE seq = 300", "lacks the event 300"),
        ("UPDATE pedigree.log_checkpoint SET root = sha256(root)", "another root at 301"),
    ],
)
def test_nothing_is_signed_after_what_was_signed_has_changed(
    sealer: Sealer, database: Database, database_url: str, statement: str, problem: str
) -> None:
    add_events(database, 300)
    sealer.seal()
    edit(database_url, statement)
    add_events(database, 1)
    with pytest.raises(LogTamperedError, match=problem):
        sealer.seal()
    assert len(database.fetch_all("SELECT FROM pedigree.log_checkpoint")) == 1


def test_a_new_key_in_the_file_signs_beside_the_old_one_until_that_is_removed(
    database: Database, tmp_path: Path
) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    notes = []
    for keys in ((old,), (new, old), (new,)):
        write_key(path, *keys)
        add_events(database, 1)
        Sealer(database, KeyFile(path), ACTOR).seal()
        notes.append(database.read(checkpoint_over).note)
    require_sealed(database)
    origin = notes[0].partition("\n")[0]
    names = [LogKey(origin, key.public_key().public_bytes_raw()) for key in (old, new)]
    signed = [[key in signers(note, names) for key in names] for note in notes]
    assert signed == [[True, False], [True, True], [False, True]]
    write_key(path, old)
    add_events(database, 1)
    with pytest.raises(LogKeyError, match="signed this log before and was retired"):
        Sealer(database, KeyFile(path), ACTOR).seal()
    assert [each.retired_at is None for each in database.read(known_keys)] == [True, False]


def signers(note: str, keys: list[LogKey]) -> list[LogKey]:
    def is_signed(key: LogKey) -> bool:
        try:
            return bool(open_checkpoint(note, [key]))
        except ValueError:
            return False

    return list(filter(is_signed, keys))


@pytest.fixture
def keeping(registry: Registry) -> Registry:
    """A registry whose database keeps the key."""
    return with_secret_key(registry, audit_key="database")


def test_a_key_in_the_database_is_encrypted_and_rotates(keeping: Registry) -> None:
    database = keeping.database
    add_events(database, 1)
    LogSealing(keeping).seal()
    first = keeping.operations.audit.log_keys()
    assert [each.is_stored for each in first] == [True]
    new = keeping.operations.audit.rotate_log_key(overlap=timedelta(days=7))
    LogSealing(keeping).seal()
    note = keeping.operations.audit.log_checkpoint().note
    both = [LogKey.parse(new), LogKey.parse(first[0].key)]
    assert signers(note, both) == both
    database.transaction(
        lambda t: t.execute(
            "UPDATE pedigree.log_key SET signs_until = '2020-01-01' WHERE signs_until IS NOT NULL"
        )
    )
    add_events(database, 1)
    LogSealing(keeping).seal()
    assert signers(keeping.operations.audit.log_checkpoint().note, both) == both[:1]
    old = keeping.operations.audit.log_keys()[1]
    assert old.retired_at is not None
    assert not old.is_stored
    assert require_sealed(database) == len(contents(database))


def test_keys_rotate_while_events_arrive_and_others_seal(
    keeping: Registry, running: Registry
) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            add_events(keeping.database, 5)
            LogSealing(keeping).seal()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    add_events(keeping.database, 1)
    for _ in range(4):
        keeping.operations.audit.rotate_log_key(overlap=timedelta(0))
        LogSealing(keeping).seal()
    stop.set()
    for thread in threads:
        thread.join()
    LogSealing(keeping).seal()
    first = keeping.operations.audit.log_keys()[-1].key
    assert require_sealed(keeping.database) == len(contents(keeping.database))
    assert len(keeping.operations.audit.log_keys()) >= 4
    report = keeping.operations.audit.verify_log([first])
    # Without an overlap, nobody who knows the first key can trust those that follow.
    assert all("no known key" in problem for problem in report.problems)
    assert keeping.operations.audit.verify_log().ok


def test_a_key_in_the_database_needs_its_secret_key(keeping: Registry) -> None:
    add_events(keeping.database, 1)
    LogSealing(keeping).seal()
    from base64 import b64encode

    from pydantic import SecretStr

    other = with_secret_key(
        keeping, secret_key=SecretStr(b64encode(b"\x01" * 32).decode()), audit_key="database"
    )
    add_events(keeping.database, 1)
    with pytest.raises(SecretKeyError):
        LogSealing(other).seal()
    with pytest.raises(SecretKeyError):
        LogSealing(with_secret_key(keeping, secret_key=None))


def rsa(path: Path) -> None:
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(generate_private_key(65537, 2048).private_bytes(*pem))
    path.chmod(0o600)


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda _: None, "No such file"),
    "readable by all": (lambda path: write_key(path).chmod(0o644), "its mode is 0644"),
    "readable by the group": (lambda path: write_key(path).chmod(0o640), "its mode is 0640"),
    "of another kind": (rsa, "not an Ed25519 key"),
    "no key": (lambda path: (path.write_text("hello"), path.chmod(0o600)), "no private key"),
    "no text": (lambda path: (path.write_bytes(b"\xff\xfe"), path.chmod(0o600)), "not a PEM file"),
    "torn": (
        lambda path: (
            path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            path.chmod(0o600),
        ),
        "cannot be parsed",
    ),
    "a folder": (lambda path: path.mkdir(mode=0o700), "not a regular file|a directory"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_key_file_that_cannot_be_trusted_is_refused(
    database: Database, tmp_path: Path, kind: str
) -> None:
    make, problem = BAD_FILES[kind]
    make(path := tmp_path / "key.pem")
    add_events(database, 1)
    with pytest.raises(LogKeyError, match=problem) as refused:
        Sealer(database, KeyFile(path), ACTOR).seal()
    assert str(path) in str(refused.value)
    assert database.read(checkpoint_over) is None


@pytest.mark.parametrize("setting", [None, "key.pem", "nokms:arn"])
def test_a_setting_that_names_no_key_is_refused(registry: Registry, setting: str | None) -> None:
    changed = registry.settings.model_copy(update={"audit_key": setting})
    with pytest.raises(LogKeyError, match="PEDIGREE_AUDIT_KEY"):
        LogSealing(Registry(registry.database, registry.store, changed))


def test_a_failure_of_sealing_is_noted_and_ends(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    changed = registry.settings.model_copy(update={"audit_key": str(path)})
    sealing_ = LogSealing(Registry(registry.database, registry.store, changed))
    add_events(registry.database, 1)
    sealed, notes = sealing_.attempt()
    assert sealed == 0
    assert "audit log failed" in notes[0]
    write_key(path)
    registry.database.transaction(
        lambda t: t.execute("UPDATE pedigree.failure SET next_at = clock_timestamp()")
    )
    assert sealing_.attempt() == (1, [])
    types = [event.type for event in registry.events()]
    assert types[-2:] == [EventType.LOG_KEY_ADDED, EventType.MEMBER_RECOVERED]


@pytest.fixture
def running(keeping: Registry) -> Iterator[Registry]:
    stop = threading.Event()
    thread = threading.Thread(target=LogSealing(keeping).run, kwargs={"stop": stop})
    thread.start()
    yield keeping
    stop.set()
    thread.join()


def test_a_running_sealer_seals_within_two_seconds(running: Registry) -> None:
    add_events(running.database, 3)
    done = threading.Event()
    for _ in range(40):
        found = running.operations.audit.log_checkpoint()
        if found and found.size >= 4:
            break
        done.wait(0.05)
    assert require_sealed(running.database) == 4


SERVICE = """
from pedigree.audit.log_keys import KeyFile
from pathlib import Path

def keys(place):
    if place == "broken":
        raise RuntimeError("secret of the service")
    return KeyFile(Path(place))
"""


def test_a_key_service_is_a_plug_in(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "my_kms-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "my_kms.py").write_text(SERVICE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-kms\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pedigree.log_keys]\nmykms = my_kms:keys\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def using(setting: str) -> LogSealing:
        changed = registry.settings.model_copy(update={"audit_key": setting})
        return LogSealing(Registry(registry.database, registry.store, changed))

    add_events(registry.database, 1)
    assert using(f"mykms:{write_key(tmp_path / 'key.pem')}").seal() == 1
    assert require_sealed(registry.database) == 2
    with pytest.raises(LogKeyError, match="the plug-in failed: RuntimeError") as refused:
        using("mykms:broken")
    assert "secret" not in str(refused.value)
