"""A witness cosigns what extends the log that it saw, once, and never goes back."""

import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.audit import tree
from pedigree.audit.verifier.cosignatures import open_cosignatures
from pedigree.audit.verifier.hashes import GrowingTree, leaf_hash
from pedigree.audit.verifier.notes import Checkpoint, LogKey, read_checkpoint, signature_line
from pedigree.audit.witness.judgement import Witness
from pedigree.audit.witness.state import Witnessed, WitnessState
from pedigree.errors import InvalidInputError
from tests.audit.witnessing import witnessing

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = LogKey("log.example/1", PRIVATE.public_key().public_bytes_raw())
NAME = "witness.example/w1"
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]
KNOWN = {(0, number): leaf for number, leaf in enumerate(LEAVES)}


def root(size: int, *, other: bool = False) -> bytes:
    grown = GrowingTree()
    for leaf in LEAVES[:size]:
        grown.append(leaf_hash(leaf) if other else leaf)
    return grown.root()


def note(
    size: int, *, origin: str = KEY.name, key: Ed25519PrivateKey = PRIVATE, **how: bool
) -> str:
    text = Checkpoint(origin, size, root(size, **how)).text()
    return f"{text}\n{signature_line(KEY._replace(name=origin), key.sign(text.encode()))}"


def request(old: int, size: int, shown: str | None = None) -> bytes:
    """A request with the true proof."""
    proof = tree.consistency_proof(KNOWN, old, size) if 0 < old < size else []
    lines = "".join(f"{b64encode(each).decode()}\n" for each in proof)
    return f"old {old}\n{lines}\n{shown or note(size)}".encode()


@pytest.fixture
def state(tmp_path: Path) -> WitnessState:
    return WitnessState(tmp_path / "state", NAME)


@pytest.fixture
def witness(state: WitnessState) -> Witness:
    return Witness(state, [KEY])


def test_a_log_that_grows_is_cosigned(witness: Witness, state: WitnessState) -> None:
    old = 0
    for size in (0, 1, 1, 7, 8, 33, 40):
        answer = witness.add_checkpoint(request(old, size))
        assert answer.status == 200
        (found,) = open_cosignatures(note(size) + answer.text, [state.key])
        assert found.line == answer.text
        old = size
    hashed = hashlib.sha256(KEY.name.encode()).hexdigest()
    served = witness.checkpoint(hashed)
    assert served.status == 200
    assert read_checkpoint(served.text).size == 40
    assert len(open_cosignatures(served.text, [state.key])) == 1
    assert witness.checkpoint("0" * 64).status == 404


BAD: dict[str, tuple[bytes, int]] = {
    "another log": (request(7, 8, note(8, origin="log.example/2")), 404),
    "another key": (request(7, 8, note(8, key=Ed25519PrivateKey.generate())), 403),
    "no signature of the log": (
        request(7, 8, note(8).replace("\N{EM DASH} log.example/1", "\N{EM DASH} other")),
        403,
    ),
    "a smaller size": (request(8, 7), 400),
    "the wrong old size": (request(6, 8), 409),
    "from nothing again": (request(0, 8), 409),
    "another root of the same size": (request(7, 7, note(7, other=True)), 422),
    "a fork": (request(7, 8, note(8, other=True)), 422),
    "a wrong proof": (
        request(7, 8).replace(b"\n\n", b"\n" + b64encode(bytes(32)) + b"\n\n", 1),
        422,
    ),
    "no proof": (f"old 7\n\n{note(8)}".encode(), 422),
    "a short hash": (f"old 7\nAAAA\n\n{note(8)}".encode(), 400),
    "no base64": (f"old 7\n!\n\n{note(8)}".encode(), 400),
    "too many hashes": (
        b"old 7\n" + (b64encode(bytes(32)) + b"\n") * 64 + b"\n" + note(8).encode(),
        400,
    ),
    "no old size": (f"\n{note(8)}".encode(), 400),
    "a size with a zero": (request(7, 8).replace(b"old 7", b"old 07"), 400),
    "no note": (b"old 7\n\nhello", 400),
    "no text": (b"\xff", 400),
    "nothing": (b"", 400),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_does_not_extend_the_log_is_not_cosigned(
    witness: Witness, state: WitnessState, kind: str
) -> None:
    assert witness.add_checkpoint(request(0, 7)).status == 200
    before = state.newest(KEY.name)
    body, status = BAD[kind]
    answer = witness.add_checkpoint(body)
    assert answer.status == status
    if status == 409:
        assert (answer.text, answer.content_type) == ("7\n", "text/x.tlog.size")
    assert state.newest(KEY.name) == before


def test_a_proof_from_nothing_is_empty(witness: Witness) -> None:
    body = f"old 0\n{b64encode(bytes(32)).decode()}\n\n{note(8)}".encode()
    assert witness.add_checkpoint(body).status == 422
    forged = Checkpoint(KEY.name, 0, bytes(32)).text()
    signed = f"{forged}\n{signature_line(KEY, PRIVATE.sign(forged.encode()))}"
    assert witness.add_checkpoint(f"old 0\n\n{signed}".encode()).status == 422


@given(
    content=st.binary(max_size=200) | st.text("old 07\n=A\N{EM DASH} ", max_size=80).map(str.encode)
)
def test_any_bytes_have_an_answer(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    with WitnessState(tmp_path_factory.mktemp("any") / "state", NAME) as state:
        assert Witness(state, [KEY]).add_checkpoint(content).status == 400


@settings(max_examples=30)
@given(shown=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12))
def test_the_sizes_of_a_witness_never_shrink(
    shown: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, newest = tmp_path_factory.mktemp("law") / "state", 0
    for old, size in shown:
        with WitnessState(path, NAME) as state:  # started again before each request
            answer = Witness(state, [KEY]).add_checkpoint(request(old, size))
            is_next = old == newest <= size
            assert (answer.status == 200) == is_next
            newest = size if is_next else newest
            kept = state.newest(KEY.name)
            assert (kept.size if kept else 0) == newest


def test_times_never_go_back(state: WitnessState) -> None:
    times = iter([1000.0, 10.0, 2000.0])
    witness = Witness(state, [KEY], lambda: next(times))
    at = []
    for old, size in ((0, 1), (1, 2), (2, 3)):
        answer = witness.add_checkpoint(request(old, size))
        at.append(open_cosignatures(note(size) + answer.text, [state.key])[0].at)
    assert at == [1000, 1000, 2000]
    with pytest.raises(ValueError, match="never goes back"):
        state.advance(KEY.name, Witnessed(note(2), 3000))


def test_the_state_is_one_file_that_only_its_owner_reads(
    state: WitnessState, witness: Witness, tmp_path: Path
) -> None:
    witness.add_checkpoint(request(0, 7))
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(InvalidInputError, match="another process uses the file"):
        WitnessState(file, None)
    state.close()
    with WitnessState(file, None) as again:
        assert again.key == state.key
        assert again.newest(KEY.name) == state.newest(KEY.name)
    with pytest.raises(InvalidInputError, match=r"has the name witness\.example/w1"):
        WitnessState(file, "another")
    file.chmod(0o640)
    with pytest.raises(InvalidInputError, match="its mode is 0640"):
        WitnessState(file, None)


def test_a_state_that_was_edited_is_refused(state: WitnessState, witness: Witness) -> None:
    witness.add_checkpoint(request(0, 7))
    path = state._path
    state.close()
    content = json.loads(path.read_text())
    edits = [
        {},
        {**content, "key": "AAAA"},
        {**content, "name": 7},
        {**content, "logs": {"log.example/2": content["logs"][KEY.name]}},
        {**content, "logs": {KEY.name: {**content["logs"][KEY.name], "at": 1}}},
        {**content, "logs": {KEY.name: {"note": note(3), "at": 1}}},
    ]
    for edited in (*map(json.dumps, edits), "", "[", "[" * 10_000):
        path.write_text(edited)
        with pytest.raises(InvalidInputError, match="not the state of a witness"):
            WitnessState(path, None)


def test_a_state_that_cannot_be_written_cosigns_nothing(
    state: WitnessState, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.add_checkpoint(request(0, 7))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InvalidInputError, match="No space left"):
        witness.add_checkpoint(request(7, 8))
    monkeypatch.undo()
    assert witness.add_checkpoint(request(7, 8)).status == 200
    assert [each.name for each in state._path.parent.iterdir()] == ["state"]


@pytest.mark.parametrize("name", [None, "", "a b", "a+b"])
def test_a_new_witness_needs_a_name(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(InvalidInputError, match="needs a name"):
        WitnessState(tmp_path / "state", name)
    assert list(tmp_path.iterdir()) == []


def test_a_link_or_a_folder_is_no_state(tmp_path: Path, state: WitnessState) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "state")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder", "nowhere/state"):
        with pytest.raises(InvalidInputError):
            WitnessState(tmp_path / name, NAME)


def test_it_serves_by_http(tmp_path: Path) -> None:
    with witnessing(tmp_path / "state", KEY) as (key, url), httpx2.Client(base_url=url) as client:
        answer = client.post("/add-checkpoint", content=request(0, 7))
        assert answer.status_code == 200
        assert open_cosignatures(note(7) + answer.text, [key])
        conflict = client.post("/add-checkpoint", content=request(0, 8))
        assert (conflict.status_code, conflict.text) == (409, "7\n")
        assert conflict.headers["content-type"] == "text/x.tlog.size"
        hashed = hashlib.sha256(KEY.name.encode()).hexdigest()
        assert client.get(f"/{hashed}/checkpoint").status_code == 200
        for path in ("/", "/checkpoint", f"/{hashed}", "/x/checkpoint"):
            assert client.get(path).status_code == 404
        assert client.post("/other", content=b"x").status_code == 404
        assert client.post("/add-checkpoint", content=b"x" * (65 << 10)).status_code == 413

        def chunks():
            yield b"old 0"

        assert client.post("/add-checkpoint", content=chunks()).status_code == 411


def test_connections_that_send_nothing_leave_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.audit.witness import serving

    monkeypatch.setattr(serving, "_CONNECTION_S", 0.2)
    with witnessing(tmp_path / "state", KEY) as (_, url):
        port = int(url.rpartition(":")[2])
        idle = [socket.create_connection(("::1", port)) for _ in range(70)]
        try:
            ended = [each.recv(1) for each in idle]  # each is closed, at the latest after a time
            assert ended == [b""] * 70
            assert httpx2.post(f"{url}/add-checkpoint", content=request(0, 7)).status_code == 200
        finally:
            for each in idle:
                each.close()


@pytest.mark.system
def test_the_command_serves_until_it_is_killed_and_goes_on(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "pedigree", "witness", "--json", "--port", "0"),
        *("--state", str(tmp_path / "state"), "--name", NAME, "--log", str(KEY)),
    ]
    keys, size = set(), 0
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = b""
            while not lines.endswith(b"}\n"):
                lines += process.stdout.readline()
            shown = json.loads(lines)
            keys.add(shown["key"])
            answer = httpx2.post(f"{shown['url']}/add-checkpoint", content=request(size, size + 5))
            assert answer.status_code == 200
            size += 5
            process.kill()
    assert len(keys) == 1
