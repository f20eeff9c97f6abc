"""A policy of witnesses is read as its standard says, and counts the quorum."""

from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pedigree.audit.verifier.cosignatures import WitnessKey, open_cosignatures
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.notes import LogKey
from pedigree.audit.verifier.policies import WitnessPolicy

PRIVATE = [Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in range(6)]
KEYS = [
    WitnessKey(f"w{number}.example", key.public_key().public_bytes_raw())
    for number, key in enumerate(PRIVATE)
]
LOG = LogKey("log.example", PRIVATE[0].public_key().public_bytes_raw())
LINES = "".join(f"witness X{number} {key}\n" for number, key in enumerate(KEYS))
NESTED = f"""
# Two operators.
log {LOG} https://log.example
{LINES}
group\tX 2 X0  X1 X2
group Y any X3 X4 X5
group both all X Y
quorum both
"""
TEXT = "log.example\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


def test_the_quorum_of_nested_groups_is_counted() -> None:
    policy = WitnessPolicy.parse(NESTED)
    assert policy.logs == [LOG]
    assert policy.keys == tuple(KEYS)
    for many in range(7):
        for keys in combinations(KEYS, many):
            enough = len({*keys} & {*KEYS[:3]}) >= 2 and bool({*keys} & {*KEYS[3:]})
            assert policy.is_met(keys) == enough


def test_a_single_witness_or_none_can_be_the_quorum() -> None:
    assert WitnessPolicy.parse("quorum none").is_met(())
    one = WitnessPolicy.parse(f"{LINES}quorum X1")
    assert one.is_met({KEYS[1]})
    assert not one.is_met(set(KEYS) - {KEYS[1]})


BAD = {
    "no quorum": LINES,
    "two quorums": f"{LINES}quorum X1\nquorum X2",
    "an unknown quorum": f"{LINES}quorum Z",
    "a group defined later": f"{LINES}quorum G\ngroup G any X1",
    "an unknown word": "wtness a b\nquorum none",
    "a group without members": f"{LINES}group G any\nquorum none",
    "more than its members": f"{LINES}group G 3 X1 X2\nquorum G",
    "zero of its members": f"{LINES}group G 0 X1 X2\nquorum G",
    "a number with a zero": f"{LINES}group G 01 X1 X2\nquorum G",
    "the same member twice": f"{LINES}group G any X1 X1\nquorum G",
    "a member of two groups": f"{LINES}group G any X1\ngroup H any X1\nquorum G",
    "none as a member": f"{LINES}group G any none\nquorum G",
    "none as a name": f"witness none {KEYS[0]}\nquorum none",
    "the same name twice": f"{LINES}witness X1 {KEYS[1]}\nquorum none",
    "the same key twice": f"{LINES}witness again {KEYS[1]}\nquorum none",
    "the same key of a log twice": f"log {LOG}\nlog {LOG}\nquorum none",
    "the key of a log": f"witness a {LOG}\nquorum a",
    "the key of a witness": f"log {KEYS[0]}\nquorum none",
    "no key": "witness a\nquorum none",
    "too many words": f"log {LOG} a b\nquorum none",
    "a quorum of two": f"{LINES}quorum X1 X2",
    "a control character": f"{LINES}group G\x01 any X1\nquorum none",
    "a carriage return": f"{LINES}quorum X1\r\n",
    "too long": "#" * (65 << 10),
    "too many groups": LINES
    + "".join(f"group G{n} any {f'G{n - 1}' if n else 'X1'}\n" for n in range(33))
    + "quorum none",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_policy_with_a_mistake_is_refused(kind: str) -> None:
    with pytest.raises(UnverifiedLogError):
        WitnessPolicy.parse(BAD[kind])


@given(st.text("quormwitneslgpayX01+ \n\t#", max_size=80))
def test_any_text_is_refused_by_the_same_error(text: str) -> None:
    with pytest.raises(UnverifiedLogError):
        WitnessPolicy.parse(text)


def note(*lines: str) -> str:
    return f"{TEXT}\n{''.join(lines)}"


def test_a_cosignature_holds_for_its_text_time_and_key_alone() -> None:
    line = KEYS[0].cosign(PRIVATE[0].sign, TEXT, 1_679_315_147)
    (found,) = open_cosignatures(note(line), KEYS)
    assert (found.witness, found.at, found.line) == (KEYS[0], 1_679_315_147, line)
    assert open_cosignatures(note(line), KEYS[1:]) == ()
    assert len(open_cosignatures(note(line, line), KEYS)) == 1
    with pytest.raises(UnverifiedLogError, match=r"signature of w0\.example is wrong"):
        open_cosignatures(note(line).replace("\n3\n", "\n4\n"), KEYS)
    other = KEYS[0].cosign(PRIVATE[1].sign, TEXT, 1)
    with pytest.raises(UnverifiedLogError, match="is wrong"):
        open_cosignatures(note(other), KEYS)


def test_the_signed_message_is_that_of_the_standard() -> None:
    from base64 import b64decode
    from hashlib import sha256

    line = KEYS[0].cosign(PRIVATE[0].sign, TEXT, 1_679_315_147)
    dash, name, encoded = line.rstrip("\n").split(" ")
    content = b64decode(encoded)
    assert (dash, name) == ("\N{EM DASH}", "w0.example")
    assert content[:4] == sha256(b"w0.example\n\x04" + KEYS[0].public).digest()[:4]
    assert int.from_bytes(content[4:12], "big") == 1_679_315_147
    message = f"cosignature/v1\ntime 1679315147\n{TEXT}".encode()
    PRIVATE[0].public_key().verify(content[12:], message)


@pytest.mark.parametrize("at", [0, 2**63])
def test_a_cosignature_without_a_time_is_refused(at: int) -> None:
    line = KEYS[0].cosign(PRIVATE[0].sign, TEXT, at)
    with pytest.raises(UnverifiedLogError, match="another form"):
        open_cosignatures(note(line), KEYS)
