"""The Merkle tree of RFC 6962 over the feed: roots, blocks and proofs from known hashes.

Leaf ``i`` is the event with ``seq`` ``i + 1``. A node ``(level, i)`` is the hash of the leaves from
``i * 256**level`` to ``(i + 1) * 256**level``, as in https://c2sp.org/tlog-tiles: level 0 has the
leaves, and level 1 the hashes of their full blocks of 256. All other hashes follow from these.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from pedigree.audit.verifier.hashes import node_hash

HEIGHT = 8
"""The levels of the binary tree between two levels of nodes."""
WIDTH = 1 << HEIGHT
"""How many nodes make a full block."""
HASH_BYTES = 32
"""The bytes of a hash."""

Node: TypeAlias = tuple[int, int]
"""The level of a node, and its index within the level."""
Hashes: TypeAlias = Mapping[Node, bytes]


class NodeRange(NamedTuple):
    """Successive nodes of one level, without the one at ``stop``."""

    level: int
    start: int
    stop: int


def count(size: int, level: int) -> int:
    """Return how many nodes of a level a tree of some leaves has.

    >>> count(70_000, 0), count(70_000, 1), count(70_000, 2)
    (70000, 273, 1)
    """
    return size >> (HEIGHT * level)


def edge(size: int) -> Iterator[NodeRange]:
    """Yield the nodes of a tree that are in no full block: they determine its root."""
    level = 0
    while count(size, level):
        start = count(size, level + 1) << HEIGHT
        if start < count(size, level):
            yield NodeRange(level, start, count(size, level))
        level += 1


def path(index: int, size: int) -> Iterator[NodeRange]:
    """Yield the blocks, full or not, above a leaf of a tree of some leaves."""
    level = 0
    while count(size, level):
        start = count(index, level + 1) << HEIGHT
        stop = min(start + WIDTH, count(size, level))
        if start < stop:
            yield NodeRange(level, start, stop)
        level += 1


def new_blocks(hashes: Hashes, tiles: Hashes, old: int, new: int) -> dict[Node, bytes]:
    """Return the full blocks that a tree gains when it grows.

    Args:
        hashes: The edge of the old tree.
        tiles: The leaves of each full block of leaves that is new, one after the other; each under
            the node that it makes.
        old: The number of leaves before.
        new: The number of leaves afterwards.
    """
    known = dict(hashes)
    found: dict[Node, bytes] = {}
    level = 1
    while count(old, level) < count(new, level):
        for index in range(count(old, level), count(new, level)):
            row = tiles[level, index] if level == 1 else _row(known, level - 1, index)
            known[level, index] = found[level, index] = folded(row)
        level += 1
    return found


def new_tiles(old: int, new: int) -> Iterator[NodeRange]:
    """Yield the leaves of each block, full or not, that changes when a tree grows."""
    for start in range(count(old, 1) << HEIGHT, new, WIDTH):
        yield NodeRange(0, start, min(start + WIDTH, new))


def root(hashes: Hashes, size: int) -> bytes:
    """Return the root of a tree that has leaves, from its edge."""
    return _subtree(hashes, 0, size)


def inclusion_proof(hashes: Hashes, index: int, size: int) -> list[bytes]:
    """Return the hashes that prove a leaf, from its sibling up (RFC 6962, section 2.1.1).

    Args:
        hashes: The path of the leaf and the edge of the tree.
        index: The leaf.
        size: The number of leaves of the tree.
    """
    proof = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _left(stop - start)
        if index < middle:
            proof.append(_subtree(hashes, middle, stop))
            stop = middle
        else:
            proof.append(_subtree(hashes, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(hashes: Hashes, old: int, new: int) -> list[bytes]:
    """Return the hashes that prove that a tree extends another (RFC 6962, section 2.1.2).

    Args:
        hashes: The nodes of :func:`consistency_nodes`.
        old: The number of leaves of the other tree, at least 1.
        new: The number of leaves of the tree.
    """
    proof = []
    start, stop = 0, new
    while stop != old:
        middle = start + _left(stop - start)
        if old <= middle:
            proof.append(_subtree(hashes, middle, stop))
            stop = middle
        else:
            proof.append(_subtree(hashes, start, middle))
            start = middle
    if start:  # the verifier does not know the hash of the old tree's last part
        proof.append(_subtree(hashes, start, stop))
    return proof[::-1]


def inclusion_nodes(index: int, size: int) -> set[NodeRange]:
    """Return the nodes that an inclusion proof needs."""
    return {*path(index, size), *edge(size)}


def consistency_nodes(old: int, new: int) -> set[NodeRange]:
    """Return the nodes that a consistency proof needs."""
    return {*path(old - 1, new), *path(min(old, new - 1), new), *edge(new)}


def _subtree(hashes: Hashes, start: int, stop: int) -> bytes:
    """Return the hash of some leaves, which are a subtree of the binary tree."""
    width, level = stop - start, 0
    while width % WIDTH == 0:
        width, level = width >> HEIGHT, level + 1
    if width & (width - 1) == 0:  # it is full
        first = count(start, level)
        return folded(b"".join([hashes[level, first + each] for each in range(width)]))
    middle = start + _left(stop - start)
    return node_hash(_subtree(hashes, start, middle), _subtree(hashes, middle, stop))


def _left(size: int) -> int:
    """Return the largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


def _row(known: Hashes, level: int, index: int) -> bytes:
    first = index << HEIGHT
    return b"".join([known[level, first + each] for each in range(WIDTH)])


def folded(row: bytes) -> bytes:
    """Return the root of a power of two of hashes, which are one after the other."""
    while len(row) > HASH_BYTES:
        # All of it in one expression: a sealer spends most of its time here.
        row = b"".join(
            [
                sha256(b"\x01" + row[at : at + 2 * HASH_BYTES]).digest()
                for at in range(0, len(row), 2 * HASH_BYTES)
            ]
        )
    return row
