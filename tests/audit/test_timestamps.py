"""Time stamps are checked offline as `openssl` checks them, and none of something else passes."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from pedigree.audit.verifier.authorities import read_authorities, require_authority
from pedigree.audit.verifier.der import Reader, encoded, encoded_integer
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.timestamps import LARGEST_REPLY, open_timestamp, request_of
from tests.audit.stamping import EC, RSA, TimeAuthority

NOTE = b"pedigree/7\n3\nAAAA=\n\n\xe2\x80\x94 pedigree/7 abcd\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def reply(authority: TimeAuthority) -> bytes:
    return authority.reply(request_of(NOTE, 77))


def roots(authority: TimeAuthority) -> tuple[object, ...]:
    return read_authorities(authority.roots.read_bytes())


@pytest.mark.parametrize("essential", ["sha1", "sha256"])
@pytest.mark.parametrize("with_root", [False, True])
@pytest.mark.parametrize("key", [EC, RSA], ids=["ec", "rsa"])
def test_a_stamp_verifies_here_and_with_openssl(
    tmp_path: Path, key: tuple[str, ...], with_root: bool, essential: str
) -> None:
    authority = TimeAuthority(tmp_path / "it", key, essential=essential, with_root=with_root)
    reply = authority.reply(request_of(NOTE, 2**63 + 5))
    stamp = open_timestamp(reply, NOTE, roots(authority), 2**63 + 5)
    assert (stamp.authority, stamp.nonce) == ("CN=a clock", 2**63 + 5)
    assert authority.agrees(NOTE, reply)
    for changed in (NOTE + b" ", b""):
        assert not authority.agrees(changed, reply)
        with pytest.raises(UnverifiedLogError, match="imprint differs"):
            open_timestamp(reply, changed, roots(authority))


def test_a_stamp_that_answers_another_request_is_refused(
    authority: TimeAuthority, reply: bytes
) -> None:
    assert open_timestamp(reply, NOTE, roots(authority), None).nonce == 77
    with pytest.raises(UnverifiedLogError, match="nonce differs"):
        open_timestamp(reply, NOTE, roots(authority), 78)


def test_a_stamp_of_an_authority_that_nobody_trusts_is_refused(
    authority: TimeAuthority, reply: bytes, tmp_path: Path
) -> None:
    other = TimeAuthority(tmp_path / "other", with_root=True)
    for trusted in ((), roots(other)):
        with pytest.raises(UnverifiedLogError, match="no trusted authority"):
            open_timestamp(reply, NOTE, trusted)
    with pytest.raises(UnverifiedLogError, match="no trusted authority"):
        open_timestamp(other.reply(request_of(NOTE, 1)), NOTE, roots(authority))


@pytest.mark.parametrize(
    "purpose",
    [
        "extendedKeyUsage=timeStamping",
        "extendedKeyUsage=critical,timeStamping,serverAuth",
        "extendedKeyUsage=critical,serverAuth",
        "keyUsage=digitalSignature",
    ],
)
def test_a_certificate_that_is_not_one_for_time_stamps_is_refused(
    tmp_path: Path, authority: TimeAuthority, reply: bytes, purpose: str
) -> None:
    other = TimeAuthority(tmp_path / "other", purpose=purpose)
    certificate = x509.load_pem_x509_certificate((other.folder / "signer.pem").read_bytes())
    with pytest.raises(UnverifiedLogError, match="not one for time stamps"):
        require_authority(certificate, (), roots(other), datetime.now(UTC))


def test_a_refusal_and_a_reply_that_is_too_large_are_refused(authority: TimeAuthority) -> None:
    bad = encoded(0x30, encoded(0x30, encoded_integer(2)))
    with pytest.raises(UnverifiedLogError, match="status is 2"):
        open_timestamp(bad, NOTE, roots(authority))
    with pytest.raises(UnverifiedLogError, match="more than"):
        open_timestamp(bytes(LARGEST_REPLY + 1), NOTE, roots(authority))


@given(st.data())
def test_a_reply_with_a_changed_byte_states_nothing_else(
    authority: TimeAuthority, reply: bytes, data: st.DataObject
) -> None:
    before = open_timestamp(reply, NOTE, roots(authority))
    place = data.draw(st.integers(0, len(reply) - 1))
    changed = bytearray(reply)
    changed[place] ^= data.draw(st.integers(1, 255))
    with suppress(UnverifiedLogError):
        # Parts that nothing signs may differ, such as the status and the versions.
        assert open_timestamp(bytes(changed), NOTE, roots(authority)) == before


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_the_same_error(authority: TimeAuthority, content: bytes) -> None:
    with pytest.raises(UnverifiedLogError):
        open_timestamp(content, NOTE, roots(authority))


@given(st.binary(max_size=400), st.integers(0, 2**70))
def test_what_is_written_is_read(content: bytes, number: int) -> None:
    written = encoded(0x30, encoded(0x04, content), encoded_integer(number))
    reader = Reader(written)
    parts = reader.take(0x30).children()
    assert parts.take(0x04).content == content
    assert parts.take(0x02).integer() == number
    parts.end()
    reader.end()


@pytest.mark.parametrize(
    "text", ["30", "3081", "308001", "30810100", "3082000100", "30850000000001", "300200", "04"]
)
def test_lengths_that_are_not_der_are_refused(text: str) -> None:
    with pytest.raises(UnverifiedLogError):
        Reader(bytes.fromhex(text)).take(int(text[:2], 16))


def test_a_file_without_certificates_is_refused() -> None:
    for content in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"):
        with pytest.raises(UnverifiedLogError):
            read_authorities(content)
