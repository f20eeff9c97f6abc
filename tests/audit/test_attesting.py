"""Witnesses and authorities attest anchors; what they answer wrongly is refused, and repeated."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from pedigree.audit import timestamping, witnesses
from pedigree.audit.anchors import Anchors
from pedigree.audit.export import verify_folder
from pedigree.audit.key_history import known_keys
from pedigree.audit.verifier.attestations import OutsideTrust
from pedigree.audit.verifier.authorities import read_authorities
from pedigree.audit.verifier.cosignatures import WitnessKey
from pedigree.audit.verifier.notes import LogKey
from pedigree.audit.verifier.policies import WitnessPolicy
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from tests.audit.sealing import add_events, edit, write_key
from tests.audit.stamping import Stamping, TimeAuthority, stamping
from tests.audit.witnessing import Liar, lying, witnessing
from tests.maintenance.collecting import require_sound

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture
def sealed(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with a sealed and anchored log that may ask attesters of this machine."""
    keyed = with_settings(registry, audit_key=str(write_key(tmp_path / "key.pem")))
    add_events(registry.database, 3)
    assert LogSealing(keyed).attempt() == (1, [])
    return keyed


def with_settings(registry: Registry, **changes: object) -> Registry:
    settings = registry.settings.model_copy(update={"audit_networks": HERE, **changes})
    return Registry(registry.database, registry.store, settings)


def log_key(registry: Registry) -> LogKey:
    return LogKey.parse(registry.database.read(known_keys)[0].key)


def write_policy(path: Path, known: dict[str, tuple[WitnessKey, str]], needed: str = "all") -> Path:
    lines = [f"witness {name} {key} {url}" for name, (key, url) in known.items()]
    path.write_text("\n".join([*lines, f"group g {needed} {' '.join(known)}", "quorum g"]))
    return path


@pytest.fixture
def three(sealed: Registry, tmp_path: Path) -> Iterator[dict[str, tuple[WitnessKey, str]]]:
    """Three witnesses of the log."""
    with ExitStack() as serving:
        yield {
            name: serving.enter_context(
                witnessing(tmp_path / name, log_key(sealed), name=f"{name}.example")
            )
            for name in ("w1", "w2", "w3")
        }


@pytest.fixture
def witnessed(
    sealed: Registry, three: dict[str, tuple[WitnessKey, str]], tmp_path: Path
) -> Registry:
    """The registry with three witnesses, of which two are enough."""
    return with_settings(sealed, audit_witnesses=write_policy(tmp_path / "policy", three, "2"))


def grow(registry: Registry, many: int = 1) -> int:
    """Add and seal events; return how many there are."""
    add_events(registry.database, many)
    LogSealing(registry).seal()
    return int(registry.operations.audit.newest_checkpoint().size)


def test_witnesses_cosign_each_anchor_at_most_once_in_an_interval(witnessed: Registry) -> None:
    assert LogSealing(witnessed).attempt() == (0, [])
    attested = witnessed.operations.attestations.log_attestations()
    assert (attested.witnessed, attested.has_policy) == (4, True)
    assert [(each.name, each.size, each.is_asked) for each in attested.attesters] == [
        (f"w{number}", 4, True) for number in (1, 2, 3)
    ]
    note = witnessed.operations.audit.newest_checkpoint().note
    assert note.count("\N{EM DASH} w") == 3
    size = grow(witnessed)
    Anchors(witnessed.database, witnessed.store).anchor()
    assert LogSealing(witnessed).attempt() == (0, [])
    assert witnessed.operations.attestations.log_attestations().witnessed == 4
    asked = witnessed.operations.attestations.cosign_log()
    assert [(each.size, each.problem) for each in asked] == [(size, None)] * 3
    assert [each.size for each in witnessed.operations.attestations.cosign_log()] == [0] * 3
    grow(witnessed)
    assert witnessed.operations.audit.cosigned_checkpoint().size == size
    assert witnessed.operations.audit.verify_log().ok
    require_sound(witnessed)


def test_a_witness_that_saw_more_than_the_database_knows_is_asked_from_there(
    witnessed: Registry, database_url: str
) -> None:
    witnessed.operations.attestations.cosign_log()
    grow(witnessed, 300)
    edit(database_url, "DELETE FROM pedigree.log_cosignature")
    asked = witnessed.operations.attestations.cosign_log()
    assert [each.problem for each in asked] == [None] * 3


def test_the_offline_verifier_counts_the_witnesses(
    witnessed: Registry, tmp_path: Path, three: dict[str, tuple[WitnessKey, str]]
) -> None:
    LogSealing(witnessed).attempt()
    witnessed.operations.audit.export_log(tmp_path / "export")
    policy = WitnessPolicy.parse((tmp_path / "policy").read_text())
    key, folder = str(log_key(witnessed)), tmp_path / "export"
    found = verify_folder(folder, [key], trust=OutsideTrust(policy))
    assert (found.ok, found.cosignatures, found.cosigned, found.unchecked) == (True, 3, 4, [])
    unasked = verify_folder(folder, [key])
    assert unasked.ok
    assert unasked.unchecked == [
        "3 signatures of others than the log; a policy names the witnesses"
    ]
    stranger = {"x": (WitnessKey("x.example", bytes(32)), "")}
    strict = write_policy(tmp_path / "strict", {**three, **stranger}).read_text()
    missing = verify_folder(folder, [key], trust=OutsideTrust(WitnessPolicy.parse(strict)))
    assert missing.problems == [
        "no checkpoint has enough cosignatures of the witnesses of the policy"
    ]
    notes = folder / "checkpoints.jsonl"
    first = three["w1"][0]
    cosigned = notes.read_text()
    place = cosigned.index(f"{first.name} ") + len(first.name) + 20
    notes.write_text(f"{cosigned[:place]}{'AB'[cosigned[place] == 'A']}{cosigned[place + 1 :]}")
    forged = verify_folder(folder, [key], trust=OutsideTrust(policy))
    assert any("signature of w1.example is wrong" in each for each in forged.problems)


@pytest.fixture
def liar(sealed: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    """A witness that lies, and is the only one; the registry waits for it for a moment only."""
    monkeypatch.setattr(witnesses, "TIMEOUT_S", 0.5)
    with lying() as found:
        write_policy(tmp_path / "policy", {"liar": (found.key, found.url)})
        yield found


def problem_of(registry: Registry, tmp_path: Path) -> str:
    """What is wrong with the answer of the only witness."""
    asking = with_settings(registry, audit_witnesses=tmp_path / "policy")
    (asked,) = asking.operations.attestations.cosign_log()
    return asked.problem or ""


NOW = int(time.time())
LIES = {
    "an error": (lambda *_: (500, b"secret text"), "status 500"),
    "nothing": (lambda *_: (200, b""), "no cosignature of its key"),
    "no text": (lambda *_: (200, b"\xff"), "not text"),
    "another text": (lambda *_: (200, b"hello\n"), "not a signed note"),
    "too much": (lambda *_: (200, b"x" * (17 << 10)), "more than 16,384 bytes"),
    "a cosignature of another origin": (
        lambda liar, request: (200, liar.cosign(request.replace("\npedigree/", "\nother/"), NOW)),
        "signature of liar.example is wrong",
    ),
    "a cosignature of another size": (
        lambda liar, request: (200, liar.cosign(request.replace("\n4\n", "\n3\n"), NOW)),
        "signature of liar.example is wrong",
    ),
    "the cosignature of an unknown key": (
        lambda liar, request: (200, liar.cosign(request, NOW, WitnessKey("x", bytes(32)))),
        "no cosignature of its key",
    ),
    "a time before the checkpoint": (
        lambda liar, request: (200, liar.cosign(request, NOW - 3600)),
        "a time before the checkpoint, or in the future",
    ),
    "a time in the future": (
        lambda liar, request: (200, liar.cosign(request, NOW + 3600)),
        "a time before the checkpoint, or in the future",
    ),
    "a conflict without a size": (lambda *_: (409, b"many\n"), "names no size"),
    "a conflict without end": (lambda *_: (409, b"2\n"), "status 409"),
    "that it does not know the log": (lambda *_: (404, b""), "add the key of the log"),
    "that it knows another log": (lambda *_: (422, b""), "run `pedigree audit verify`"),
    "a longer log": (lambda *_: (409, b"9\n"), "cosigned 9 events of this log, which has 4"),
}


def test_a_witness_that_answers_wrongly_is_refused(
    sealed: Registry, liar: Liar, tmp_path: Path
) -> None:
    for kind, (answer, problem) in LIES.items():
        liar.answer = lambda request, answer=answer: answer(liar, request)
        found = problem_of(sealed, tmp_path)
        assert problem in found, kind
        assert "secret" not in found
    assert sealed.operations.audit.newest_checkpoint().note.count("\N{EM DASH}") == 1
    assert len(list(sealed.store.sizes("log/"))) == 1


def test_a_witness_that_answers_slowly_is_given_up(
    sealed: Registry, liar: Liar, tmp_path: Path
) -> None:
    liar.drips.set()
    liar.answer = lambda _: (200, b"")
    assert "no answer in time" in problem_of(sealed, tmp_path)


def test_a_witness_whose_time_goes_back_is_refused(
    sealed: Registry, liar: Liar, tmp_path: Path
) -> None:
    liar.answer = lambda request: (200, liar.cosign(request, int(time.time()) + 60))
    assert problem_of(sealed, tmp_path) == ""
    grow(sealed)
    liar.answer = lambda request: (200, liar.cosign(request, int(time.time())))
    assert "older time than its previous one" in problem_of(sealed, tmp_path)


def test_a_witness_beyond_the_allowed_networks_is_not_reached(
    sealed: Registry, liar: Liar, tmp_path: Path
) -> None:
    alone = with_settings(sealed, audit_witnesses=tmp_path / "policy", audit_networks=())
    (asked,) = alone.operations.attestations.cosign_log()
    assert "the address 127.0.0.1 is not public" in (asked.problem or "")
    assert liar.requests == []


def test_a_witness_that_fails_is_asked_again_and_delays_no_other(
    sealed: Registry, liar: Liar, tmp_path: Path
) -> None:
    with witnessing(tmp_path / "w1", log_key(sealed)) as good:
        policy = write_policy(
            tmp_path / "policy", {"liar": (liar.key, liar.url), "good": good}, "any"
        )
        asking = with_settings(sealed, audit_witnesses=policy)
        _, notes = LogSealing(asking).attempt()
        assert "witness liar failed" in notes[0]
        assert asking.operations.attestations.log_attestations().witnessed == 4
        _, notes = LogSealing(asking).attempt()
        assert "is tried again" in notes[0]
        assert len(liar.requests) == 1
        liar.answer = lambda request: (200, liar.cosign(request, int(time.time())))
        sealed.database.transaction(
            lambda t: t.execute("UPDATE pedigree.failure SET next_at = clock_timestamp()")
        )
        assert LogSealing(asking).attempt()[1] == []
        found = asking.operations.attestations.log_attestations().attesters
        assert [each.size for each in found] == [4, 4]


def test_while_one_process_asks_no_other_does(sealed: Registry, liar: Liar, tmp_path: Path) -> None:
    asking = with_settings(sealed, audit_witnesses=tmp_path / "policy")
    sealed.database.transaction(
        lambda t: t.execute(
            "INSERT INTO pedigree.log_asking"
            " VALUES ('witness liar', clock_timestamp() + interval '1 minute')"
        )
    )
    assert LogSealing(asking).attempt()[1] == []
    assert liar.requests == []
    sealed.database.transaction(
        lambda t: t.execute("UPDATE pedigree.log_asking SET until = clock_timestamp()")
    )
    assert len(LogSealing(asking).attempt()[1]) == 1
    assert len(liar.requests) == 1


def test_a_log_that_lost_events_is_found_by_a_witness(
    witnessed: Registry, database_url: str
) -> None:
    grow(witnessed, 5)
    witnessed.operations.attestations.cosign_log()
    edit(
        database_url,
        "DELETE FROM pedigree.log_cosignature; DELETE FROM pedigree.log_anchor;"
        " DELETE FROM pedigree.log_checkpoint WHERE size > 4;"
        " DELETE FROM pedigree.feed WHERE seq > 4",
    )
    for each in witnessed.operations.attestations.cosign_log():
        assert "says that it cosigned 9 events of this log, which has 4" in (each.problem or "")


def test_a_log_that_is_sealed_again_with_the_stolen_key_is_not_cosigned(
    witnessed: Registry, database_url: str
) -> None:
    witnessed.operations.attestations.cosign_log()
    edit(
        database_url,
        "DELETE FROM pedigree.log_cosignature; DELETE FROM pedigree.log_anchor;"
        " DELETE FROM pedigree.log_checkpoint; DELETE FROM pedigree.log_block;"
        " UPDATE pedigree.event SET leaf = sha256(leaf) WHERE id = 2",
    )
    witnessed.store.delete([key for key, _ in witnessed.store.sizes("log/")])
    grow(witnessed)
    for each in witnessed.operations.attestations.cosign_log():
        assert "status 422" in (each.problem or "")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority"), with_root=True)


@pytest.fixture
def clock(authority: TimeAuthority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stamping]:
    monkeypatch.setattr(timestamping, "TIMEOUT_S", 3.0)
    with stamping(authority) as served:
        yield served


@pytest.fixture
def stamped(sealed: Registry, clock: Stamping) -> Registry:
    """The registry with an authority of time stamps."""
    return with_settings(
        sealed,
        audit_timestamp_urls=(clock.url,),
        audit_timestamp_ca_file=clock.authority.roots,
    )


def test_an_authority_stamps_an_anchor_and_openssl_agrees(
    stamped: Registry, clock: Stamping, tmp_path: Path
) -> None:
    assert LogSealing(stamped).attempt() == (0, [])
    assert LogSealing(stamped).attempt() == (0, [])
    assert len(clock.requests) == 1
    grow(stamped)
    (asked,) = stamped.operations.attestations.timestamp_log()
    assert (asked.size, asked.problem) == (5, None)
    (shown,) = stamped.operations.attestations.log_attestations().attesters
    assert (shown.kind, shown.size) == ("authority", 5)
    objects = stamped.settings.home_folder / "objects" / "log"
    (reply,) = objects.rglob("*005.*.tsr")
    note = reply.with_name(reply.name.partition(".")[0])
    assert clock.authority.agrees(note.read_bytes(), reply.read_bytes())
    roots = OutsideTrust(authorities=read_authorities(clock.authority.roots.read_bytes()))
    done = stamped.operations.audit.export_log(tmp_path / "export")
    assert done.timestamps == 2
    key = [str(log_key(stamped))]
    found = verify_folder(tmp_path / "export", key, trust=roots)
    assert (found.ok, found.timestamps, found.timestamped) == (True, 2, 5)
    both = verify_folder(tmp_path / "export", key, objects, roots)
    assert (both.ok, both.timestamps, both.anchors, both.anchored) == (True, 4, 2, 5)
    assert verify_folder(tmp_path / "export", key).unchecked == [
        "2 time stamps, since no certificate of an authority is given"
    ]
    assert stamped.operations.audit.verify_log().timestamps == 4
    require_sound(stamped)


def test_a_stamp_of_another_note_or_a_missing_one_is_found(
    stamped: Registry, clock: Stamping, tmp_path: Path, database_url: str
) -> None:
    LogSealing(stamped).attempt()
    grow(stamped)
    stamped.operations.attestations.timestamp_log()
    edit(
        database_url,
        "UPDATE pedigree.log_timestamp t SET reply = o.reply FROM pedigree.log_timestamp o"
        " WHERE o.size <> t.size",
    )
    roots = OutsideTrust(authorities=read_authorities(clock.authority.roots.read_bytes()))
    stamped.operations.audit.export_log(tmp_path / "export")
    key = [str(log_key(stamped))]
    swapped = verify_folder(tmp_path / "export", key, trust=roots)
    assert all("imprint differs" in each for each in swapped.problems[:2])
    (tmp_path / "export" / "timestamps.jsonl").write_text("")
    missing = verify_folder(tmp_path / "export", key, trust=roots)
    assert missing.problems == ["no checkpoint has a time stamp of a trusted authority"]


def other_reply(clock: Stamping) -> bytes:
    from pedigree.audit.verifier.timestamps import request_of

    return clock.authority.reply(request_of(b"something else", 1))


def test_an_authority_that_answers_wrongly_is_refused(stamped: Registry, clock: Stamping) -> None:
    lies = {
        "imprint differs": (200, other_reply(clock)),
        "lack an element": (200, b""),
        "status 500": (500, b"secret text"),
        "more than 65,536 bytes": (200, bytes(70_000)),
    }
    for problem, (clock.status, clock.answer) in lies.items():
        (asked,) = stamped.operations.attestations.timestamp_log()
        assert problem in (asked.problem or "")
        assert "secret" not in (asked.problem or "")


def test_a_reply_to_an_earlier_request_is_refused(
    stamped: Registry, clock: Stamping, database_url: str
) -> None:
    stamped.operations.attestations.timestamp_log()
    clock.answer = clock.authority.reply(clock.requests[0])
    edit(database_url, "DELETE FROM pedigree.log_timestamp")
    (asked,) = stamped.operations.attestations.timestamp_log()
    assert "its nonce differs" in (asked.problem or "")


def test_an_authority_whose_clock_is_wrong_is_refused(
    stamped: Registry, clock: Stamping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timestamping, "CLOCKS_DIFFER", timedelta(0))
    (asked,) = stamped.operations.attestations.timestamp_log()
    assert "its clock differs" in (asked.problem or "")


def test_settings_that_name_no_attester_or_a_bad_one_are_refused(
    sealed: Registry, tmp_path: Path
) -> None:
    operations = sealed.operations.attestations
    with pytest.raises(InvalidInputError, match="PEDIGREE_AUDIT_WITNESSES names no witness"):
        operations.cosign_log()
    with pytest.raises(InvalidInputError, match="are not set"):
        operations.timestamp_log()
    key = WitnessKey("w.example", bytes(32))
    bad = tmp_path / "bad"
    for text in ("hello", f"witness w {key} ftp://w.example\nquorum w", "\udcff"):
        bad.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(InvalidInputError, match="PEDIGREE_AUDIT_WITNESSES"):
            LogSealing(with_settings(sealed, audit_witnesses=bad))
    url = ("http://ann:secret@clock.example/",)
    with pytest.raises(InvalidInputError, match="PEDIGREE_AUDIT_TIMESTAMP_CA_FILE"):
        LogSealing(with_settings(sealed, audit_timestamp_urls=url))
    bad.write_text("no certificate")
    with pytest.raises(InvalidInputError) as refused:
        LogSealing(with_settings(sealed, audit_timestamp_urls=url, audit_timestamp_ca_file=bad))
    assert "secret" not in str(refused.value)
    with pytest.raises(InvalidInputError, match="PEDIGREE_AUDIT_TIMESTAMP_CA_FILE"):
        LogSealing(with_settings(sealed, audit_timestamp_ca_file=bad))
