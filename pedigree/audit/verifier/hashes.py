"""Hashes and proofs of a Merkle tree (RFC 6962)."""

import hashlib
from collections.abc import Sequence


class UnverifiedLogError(ValueError):
    """A note, a proof or a log is not what it claims to be."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two nodes (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root of leaves that arrive one by one, in memory that grows with their logarithm."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            rest >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        if not self._peaks:
            return hashlib.sha256().digest()
        *others, root = self._peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


def require_inclusion(
    leaf: bytes, index: int, proof: Sequence[bytes], *, size: int, root: bytes
) -> None:
    """Require that a proof leads from a leaf to the root of a tree (RFC 9162, section 2.1.3.2).

    Raises:
        UnverifiedLogError: It does not.
    """
    first, last, found = index, size - 1, leaf
    if not 0 <= first <= last:
        raise UnverifiedLogError(f"a log of {size} events has no leaf {index}")
    for each in proof:
        if last == 0:
            raise UnverifiedLogError("the inclusion proof is too long")
        if first & 1 or first == last:
            found = node_hash(each, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, each)
        first, last = first >> 1, last >> 1
    if last or found != root:
        raise UnverifiedLogError("the inclusion proof does not lead to the root")


def require_consistency(
    old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]
) -> None:
    """Require that a tree extends another (RFC 9162, section 2.1.4.2).

    Args:
        old: The size and the root of the other tree.
        new: The size and the root of the tree.
        proof: The hashes that lead to both roots.

    Raises:
        UnverifiedLogError: It is smaller, or has other leaves, or the proof is wrong.
    """
    if old[0] > new[0]:
        raise UnverifiedLogError(f"the log had {old[0]} events, and now has {new[0]}")
    if old[0] in (0, new[0]):
        if proof or (old[0] and old[1] != new[1]):
            raise UnverifiedLogError(f"the log has another root at {old[0]} events")
        return
    if _roots(old, new[0], proof) != (old[1], new[1]):
        raise UnverifiedLogError(f"the log is not what it was at {old[0]} events")


def _roots(old: tuple[int, bytes], size: int, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the roots to which a proof leads; None if it has another length."""
    first, last = old[0] - 1, size - 1
    # The proof leaves out the root of a tree that is a subtree of the other.
    hashes = [old[1], *proof] if old[0] & first == 0 else list(proof)
    while first & 1:
        first, last = first >> 1, last >> 1
    if not hashes:
        return None
    older = newer = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return None
        if first & 1 or first == last:
            older, newer = node_hash(each, older), node_hash(each, newer)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            newer = node_hash(newer, each)
        first, last = first >> 1, last >> 1
    return None if last else (older, newer)
