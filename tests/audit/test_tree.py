"""The tree is that of RFC 6962: by its vectors, and by its recursive definition for every size."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.audit import tree
from pedigree.audit.verifier.hashes import (
    GrowingTree,
    UnverifiedLogError,
    leaf_hash,
    require_consistency,
    require_inclusion,
)

# The leaves and the roots of the test of the Certificate Transparency project.
CT_LEAVES = (
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
)
CT_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
CONTENTS = [f"event {number}".encode() for number in range(300)]
LARGE = 70_000


def mth(contents: list[bytes]) -> bytes:
    """The Merkle tree hash as section 2.1 defines it."""
    if len(contents) <= 1:
        return sha256(b"\x00" + contents[0] if contents else b"").digest()
    k = split(len(contents))
    return sha256(b"\x01" + mth(contents[:k]) + mth(contents[k:])).digest()


def audit_path(m: int, contents: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of section 2.1.1."""
    if len(contents) == 1:
        return []
    k = split(len(contents))
    if m < k:
        return [*audit_path(m, contents[:k]), mth(contents[k:])]
    return [*audit_path(m - k, contents[k:]), mth(contents[:k])]


def subproof(m: int, contents: list[bytes], *, is_known: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of section 2.1.2."""
    if m == len(contents):
        return [] if is_known else [mth(contents)]
    k = split(len(contents))
    if m <= k:
        return [*subproof(m, contents[:k], is_known=is_known), mth(contents[k:])]
    return [*subproof(m - k, contents[k:], is_known=False), mth(contents[:k])]


def split(n: int) -> int:
    """The largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def nodes(leaves: list[bytes]) -> dict[tree.Node, bytes]:
    """All nodes of a tree of these leaves."""
    known = {(0, index): leaf for index, leaf in enumerate(leaves)}
    return known | tree.new_blocks({}, tiles(known, 0, len(leaves)), 0, len(leaves))


def tiles(known: dict[tree.Node, bytes], old: int, new: int) -> dict[tree.Node, bytes]:
    """The leaves of each block that changes, under the node that it makes."""
    return {
        (1, each.start // tree.WIDTH): b"".join(
            known[0, index] for index in range(each.start, each.stop)
        )
        for each in tree.new_tiles(old, new)
    }


def nodes_of(ranges: Iterable[tree.NodeRange]) -> Iterator[tree.Node]:
    """The nodes of ranges."""
    for each in ranges:
        for index in range(each.start, each.stop):
            yield each.level, index


LEAVES = [leaf_hash(content) for content in CONTENTS]
KNOWN = nodes(LEAVES)


@pytest.fixture(scope="module")
def large() -> dict[tree.Node, bytes]:
    """A tree with nodes of three levels."""
    return nodes([leaf_hash(number.to_bytes(4)) for number in range(LARGE)])


def grown(leaves: list[bytes]) -> bytes:
    """The root of leaves that came one by one."""
    growing = GrowingTree()
    for leaf in leaves:
        growing.append(leaf)
    return growing.root()


def test_roots_are_those_of_the_certificate_transparency_project() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]
    for size, expected in enumerate(CT_ROOTS):
        assert grown(leaves[:size]).hex() == expected
        if size:
            assert tree.root(nodes(leaves[:size]), size).hex() == expected


def test_every_root_and_proof_is_that_of_the_definition() -> None:
    for size in [*range(1, 70), *range(70, 255, 37), *range(254, 260), 299, 300]:
        contents, leaves = CONTENTS[:size], LEAVES[:size]
        root = mth(contents)
        assert tree.root(KNOWN, size) == grown(leaves) == root
        for index in {0, 1, size // 2, size - 1, min(255, size - 1), min(256, size - 1)}:
            if index >= size:
                continue
            proof = tree.inclusion_proof(KNOWN, index, size)
            assert proof == audit_path(index, contents)
            require_inclusion(leaves[index], index, proof, size=size, root=root)
        for old in {1, 2, 3, size // 2 or 1, max(size - 1, 1), min(256, size), size}:
            if old > size:
                continue
            proof = tree.consistency_proof(KNOWN, old, size)
            assert proof == subproof(old, contents, is_known=True)
            require_consistency((old, mth(contents[:old])), (size, root), proof)


def test_every_size_to_300_has_the_root_of_the_definition() -> None:
    growing = GrowingTree()
    for size, content in enumerate(CONTENTS, 1):
        growing.append(leaf_hash(content))
        assert tree.root(KNOWN, size) == growing.root() == mth(CONTENTS[:size])


@given(st.data())
def test_proofs_need_only_the_nodes_of_their_blocks(
    large: dict[tree.Node, bytes], data: st.DataObject
) -> None:
    sizes = st.integers(1, LARGE) | st.sampled_from([255, 256, 257, 65_535, 65_536, 65_537, LARGE])
    size = data.draw(sizes)
    index, old = (data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size)))
    needed = {node: large[node] for node in nodes_of(tree.inclusion_nodes(index, size))}
    proof = tree.inclusion_proof(needed, index, size)
    root = tree.root({node: large[node] for node in nodes_of(tree.edge(size))}, size)
    require_inclusion(large[0, index], index, proof, size=size, root=root)
    needed = {node: large[node] for node in nodes_of(tree.consistency_nodes(old, size))}
    older = tree.root(large, old)
    require_consistency((old, older), (size, root), tree.consistency_proof(needed, old, size))
    assert len(needed) <= 2 * tree.WIDTH * 3


@given(st.integers(0, LARGE), st.integers(1, LARGE))
def test_a_tree_that_grows_in_steps_gains_the_blocks_of_one_that_grows_at_once(
    large: dict[tree.Node, bytes], old: int, more: int
) -> None:
    new = min(old + more, LARGE)
    known = {node: large[node] for node in nodes_of(tree.edge(old))}
    gained = tree.new_blocks(known, tiles(large, old, new), old, new)
    known |= {(0, index): large[0, index] for index in range(old, new)}
    assert gained == {
        (level, index): large[level, index]
        for level in (1, 2, 3)
        for index in range(tree.count(old, level), tree.count(new, level))
    }
    assert tree.root(known | gained, new) == tree.root(large, new)


@given(st.data())
def test_a_changed_proof_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root, older = tree.root(KNOWN, size), tree.root(KNOWN, old)
    included = tree.inclusion_proof(KNOWN, index, size)
    with pytest.raises(UnverifiedLogError):
        require_inclusion(LEAVES[index], index, damaged(data, included), size=size, root=root)
    with pytest.raises(UnverifiedLogError):
        require_inclusion(LEAVES[index - 1], index, included, size=size, root=root)
    consistent = tree.consistency_proof(KNOWN, old, size)
    with pytest.raises(UnverifiedLogError):
        require_consistency((old, older), (size, root), damaged(data, consistent))
    other = sha256(older).digest()
    with pytest.raises(UnverifiedLogError):
        require_consistency((old, other), (size, root), consistent)


def damaged(data: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """A proof with a hash more, a hash less or another hash."""
    place = data.draw(st.integers(0, max(len(proof) - 1, 0)))
    more = [*proof[:place], sha256(b64encode(bytes([place]))).digest(), *proof[place:]]
    if not proof:
        return more
    less = [*proof[:place], *proof[place + 1 :]]
    other = [*less[:place], sha256(proof[place]).digest(), *less[place:]]
    return data.draw(st.sampled_from([more, less, other]))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_of_the_tree_is_not_in_it(index: int, size: int) -> None:
    with pytest.raises(UnverifiedLogError, match="has no leaf"):
        require_inclusion(LEAVES[0], index, [], size=size, root=LEAVES[0])


def test_a_shorter_tree_is_not_consistent() -> None:
    with pytest.raises(UnverifiedLogError, match="had 5 events, and now has 4"):
        require_consistency((5, tree.root(KNOWN, 5)), (4, tree.root(KNOWN, 4)), [])
