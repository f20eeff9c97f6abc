"""The verifier accepts what is sealed, names what is not, and needs nothing else of Pedigree."""

import json
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pedigree.audit import verifier
from pedigree.audit.export import export, verify
from pedigree.audit.key_history import known_keys
from pedigree.audit.log_keys import KeyFile
from pedigree.audit.proofs import prove, prove_consistency
from pedigree.audit.sealer import Sealer, checkpoint_over
from pedigree.audit.verifier.hashes import UnverifiedLogError, require_consistency
from pedigree.audit.verifier.log import LogCheck, SignedNote
from pedigree.audit.verifier.notes import (
    Checkpoint,
    LogKey,
    open_checkpoint,
    read_checkpoint,
    signature_line,
    verify_proof,
)
from pedigree.errors import InvalidInputError, LogTamperedError, NotFoundError
from pedigree.postgres.database import Database
from tests.audit.sealing import ACTOR, add_events, contents, edit, write_key

# The example of golang.org/x/mod/sumdb/note, which C2SP made the standard.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = LogKey("log.example/1", PRIVATE.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint(KEY.name, 7, bytes(32))


def signed(checkpoint: Checkpoint = CHECKPOINT, *lines: str) -> str:
    """A note of a checkpoint, with the signature of the key and further lines."""
    text = checkpoint.text()
    own = signature_line(KEY, PRIVATE.sign(text.encode()))
    return f"{text}\n{own}{''.join(lines)}"


def test_a_key_and_a_signature_are_those_of_the_standard() -> None:
    from base64 import b64decode

    key = LogKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    signature = b64decode(GO_SIGNATURE)
    assert signature[:4] == key.key_id
    key.verify(signature[4:], GO_TEXT)
    with pytest.raises(UnverifiedLogError, match="signature of PeterNeumann is wrong"):
        key.verify(signature[4:], GO_TEXT.replace("you", "we"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "a+b+c", GO_KEY[:-4], GO_KEY.replace("c74f", "c74e"), GO_KEY[12:]),
        GO_KEY.replace("+AR", "+BR"),
    ],
)
def test_a_text_that_is_not_a_key_is_refused(text: str) -> None:
    with pytest.raises(UnverifiedLogError):
        LogKey.parse(text)


def test_unknown_signatures_are_ignored_and_a_known_one_is_required() -> None:
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    other = LogKey(KEY.name, public)
    cosigned = signed(CHECKPOINT, signature_line(other, bytes(64)))
    assert open_checkpoint(cosigned, [KEY]) == read_checkpoint(cosigned) == CHECKPOINT
    with pytest.raises(UnverifiedLogError, match=r"signature of log\.example/1 is wrong"):
        open_checkpoint(cosigned, [KEY, other])
    for keys in ([], [LogKey(KEY.name, bytes(31) + b"\x01")]):
        with pytest.raises(UnverifiedLogError, match="no known key"):
            open_checkpoint(cosigned, keys)


def test_a_key_of_another_log_signs_nothing_of_this_one() -> None:
    foreign = CHECKPOINT._replace(origin="log.example/2")
    with pytest.raises(UnverifiedLogError, match="no known key of the log"):
        open_checkpoint(signed(foreign), [KEY])


BAD_NOTES = {
    "empty": "",
    "no signature": CHECKPOINT.text(),
    "no blank line": signed().replace("\n\n", "\n"),
    "no last newline": signed()[:-1],
    "a control character": signed().replace("log", "l\rog"),
    "too many signatures": signed(CHECKPOINT, *[signature_line(KEY, bytes(64))] * 64),
    "a size with a zero": signed().replace("\n7\n", "\n07\n"),
    "a size in other digits": signed().replace("\n7\n", "\n\N{ARABIC-INDIC DIGIT SEVEN}\n"),
    "a huge size": signed().replace("\n7\n", f"\n{'9' * 5000}\n"),
    "a root that is short": signed(CHECKPOINT._replace(root=bytes(31))),
    "no origin": signed(CHECKPOINT._replace(origin="")),
    "a signature that is not base64": signed().replace(" ", " !").replace(" !log", " log"),
    "a short signature": f"{CHECKPOINT.text()}\n{signature_line(KEY, b'')}",
    "a changed size": signed().replace("\n7\n", "\n8\n"),
    "a changed origin": signed().replace("log.example/1\n7", "log.example/2\n7"),
}


@pytest.mark.parametrize("kind", BAD_NOTES)
def test_a_bad_note_is_refused(kind: str) -> None:
    with pytest.raises(UnverifiedLogError):
        open_checkpoint(BAD_NOTES[kind], [KEY])


@given(st.text(max_size=200) | st.text("\n\N{EM DASH} 0aA+/=", max_size=100))
def test_any_text_is_refused_by_the_same_error(text: str) -> None:
    with pytest.raises(UnverifiedLogError):
        open_checkpoint(text, [KEY])
    with pytest.raises(UnverifiedLogError):
        verify_proof(text, b"{}", [KEY])
    with pytest.raises(UnverifiedLogError):
        LogKey.parse(text)


class SealedLog:
    """A log of a few hundred events, sealed in three parts."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database = database
        self.sealer = Sealer(database, KeyFile(write_key(path)), ACTOR)
        for many in (3, 260, 40):
            add_events(database, many)
            self.sealer.seal()
        self.keys = [LogKey.parse(each.key) for each in database.read(known_keys)]


@pytest.fixture
def sealed(database: Database, tmp_path: Path) -> SealedLog:
    return SealedLog(database, tmp_path / "key.pem")


def test_every_event_is_proved_by_a_file(sealed: SealedLog) -> None:
    database, events = sealed.database, contents(sealed.database)
    for seq in (1, 2, 256, 257, 303, 304):
        proof = database.read(lambda transaction, seq=seq: prove(transaction, seq))
        assert proof.event.encode() == events[seq - 1]
        assert proof.proof.startswith(f"c2sp.org/tlog-proof@v1\nindex {seq - 1}\n")
        found = verify_proof(proof.proof, events[seq - 1], sealed.keys)
        assert found == (seq - 1, read_checkpoint(database.read(checkpoint_over).note))
        extra = proof.proof.replace("\nindex", f"\nextra {b64encode(b'x').decode()}\nindex")
        assert verify_proof(extra, events[seq - 1], sealed.keys) == found
        for changed in (
            proof.proof.replace("index ", "index 1"),
            proof.proof.replace("@v1", "@v2"),
            proof.proof.replace("\nindex", "\nnext"),
        ):
            with pytest.raises(UnverifiedLogError):
                verify_proof(changed, events[seq - 1], sealed.keys)
        with pytest.raises(UnverifiedLogError):
            verify_proof(proof.proof, events[seq - 2], sealed.keys)
    add_events(database, 1)
    sealed_too = sealed.sealer.seal()
    assert sealed_too == 1


@pytest.mark.parametrize("seq", [0, 305, 2**40])
def test_an_event_that_is_not_there_or_not_sealed_has_no_proof(sealed: SealedLog, seq: int) -> None:
    with pytest.raises(NotFoundError, match="no such event"):
        sealed.database.read(lambda transaction: prove(transaction, seq))


def test_an_event_that_waits_for_the_sealer_has_no_proof(sealed: SealedLog) -> None:
    from pedigree.audit import log

    add_events(sealed.database, 1)
    log.sequence(sealed.database)
    with pytest.raises(NotFoundError, match="not sealed yet"):
        sealed.database.read(lambda transaction: prove(transaction, 305))


def test_every_size_is_consistent_with_every_larger_one(sealed: SealedLog) -> None:
    from base64 import b64decode

    for old, new in ((1, 1), (1, 304), (4, 264), (256, 257), (255, 304), (303, 303), (304, 304)):
        found = sealed.database.read(
            lambda transaction, old=old, new=new: prove_consistency(transaction, old, new)
        )
        require_consistency(
            (old, bytes.fromhex(found.old_root)),
            (new, bytes.fromhex(found.new_root)),
            [b64decode(each) for each in found.proof],
        )
        assert open_checkpoint(found.checkpoint, sealed.keys).size == 304
    for bad in ((0, 4), (5, 4)):
        with pytest.raises(InvalidInputError):
            sealed.database.read(lambda transaction, bad=bad: prove_consistency(transaction, *bad))
    with pytest.raises(NotFoundError, match="fewer sealed events"):
        sealed.database.read(lambda transaction: prove_consistency(transaction, 4, 305))


def test_an_edited_event_has_no_proof(sealed: SealedLog, database_url: str) -> None:
    edit(database_url, "UPDATE pedigree.event SET canonical = '{}' WHERE id = 10")
    with pytest.raises(LogTamperedError, match="not the one that was sealed"):
        sealed.database.read(lambda transaction: prove(transaction, 10))


def test_a_sound_log_verifies(sealed: SealedLog) -> None:
    add_events(sealed.database, 2)
    for keys in ([], sealed.keys):
        report = verify(sealed.database, keys)
        assert report.ok
        assert (report.events, report.checkpoints, report.sealed) == (304, 3, 304)
    assert [line for line in report.lines() if "PROBLEM" in line] == []


def test_a_log_without_a_known_key_does_not_verify(sealed: SealedLog) -> None:
    report = verify(sealed.database, [LogKey(sealed.keys[0].name, KEY.public)])
    assert not report.ok
    assert report.checkpoints == 0
    assert "no checkpoint of the log is signed by a known key" in report.problems


def test_a_new_key_is_trusted_through_the_old_one_and_no_other_way(
    database: Database, tmp_path: Path
) -> None:
    old, new, stranger = (Ed25519PrivateKey.generate() for _ in range(3))
    path = tmp_path / "key.pem"
    for keys in ((old,), (new, old), (new,), (stranger,)):
        write_key(path, *keys)
        for _ in range(2):
            add_events(database, 1)
            Sealer(database, KeyFile(path), ACTOR).seal()
    first = LogKey.parse(database.read(known_keys)[-1].key)
    assert first.public == old.public_key().public_bytes_raw()
    report = verify(database, [first])
    # Nobody who was trusted signed the event of the third key.
    assert report.checkpoints == 6
    assert len(report.problems) == 2
    assert all("no known key" in problem for problem in report.problems)


def test_notes_that_are_out_of_order_are_named() -> None:
    check = LogCheck([KEY], [SignedNote(signed(), "b"), SignedNote(signed(), "a")])
    report = check.run([b"{}"] * 3)
    assert [problem.partition(",")[0] for problem in report.problems[:1]] == [
        "b: it covers 7 events"
    ]


VERIFY = """
import runpy, sys
sys.path.insert(0, ".")
sys.argv[0] = "verifier"
try:
    runpy.run_module("verifier", run_name="__main__", alter_sys=True)
finally:
    tops = {name.partition(".")[0] for name in sys.modules}
    others = tops - sys.stdlib_module_names
    assert not tops & {"pedigree", "pydantic", "psycopg"}, tops
"""


def test_the_verifier_runs_alone(sealed: SealedLog, tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    shutil.copytree(
        Path(verifier.__file__).parent, folder / "verifier", ignore=lambda *_: ["__pycache__"]
    )
    done = export(sealed.database, folder / "export")
    assert done == (304, 3, 0)
    lines = (folder / "export" / "events.jsonl").read_bytes().splitlines()
    assert lines == contents(sealed.database)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", VERIFY, *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    key = str(sealed.keys[0])
    (folder / "anchors").mkdir()
    note = sealed.database.read(checkpoint_over).note
    (folder / "anchors" / "304").write_text(note, encoding="utf-8")
    sound = run("export", "--key", key, "--anchors", "anchors")
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "304 events are covered by a checkpoint, 304 by an anchor" in sound.stdout
    events = folder / "export" / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b'"number":7', b'"number":8', 1))
    edited = run("export", "--key", key)
    assert edited.returncode == 1
    assert "PROBLEM: checkpoint in line 2: the first 264 events are not those" in edited.stdout
    refused = run("export", "--key", "nonsense")
    assert (refused.returncode, "is not" in refused.stderr) == (1, True)
    assert run("nowhere", "--key", key).returncode == 1


def test_an_export_goes_to_a_new_folder(sealed: SealedLog, tmp_path: Path) -> None:
    export(sealed.database, tmp_path / "export")
    with pytest.raises(InvalidInputError, match="File exists"):
        export(sealed.database, tmp_path / "export")
    checkpoints = (tmp_path / "export" / "checkpoints.jsonl").read_text(encoding="utf-8")
    assert [read_checkpoint(json.loads(line)).size for line in checkpoints.splitlines()] == [
        *(4, 264, 304)
    ]


def test_an_export_of_a_feed_with_a_gap_is_refused(
    sealed: SealedLog, database_url: str, tmp_path: Path
) -> None:
    edit(database_url, "DELETE FROM pedigree.feed WHERE seq = 7")
    with pytest.raises(LogTamperedError, match="lacks the event 7"):
        export(sealed.database, tmp_path / "export")
