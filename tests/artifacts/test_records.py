import hashlib
import random
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pedigree.artifacts.records import Manifest, ManifestFile, digest_of
from pedigree.signatures.records import Column, ColumnType
from tests.artifacts.publishing import SIGNATURE

names = st.text("abcdefgäß/", min_size=1, max_size=6).filter(lambda name: "/" not in name)
trees = st.dictionaries(names, st.binary(max_size=8), min_size=1, max_size=5)


def manifest_of(tree: Mapping[str, bytes], *, seed: int = 0, flavor: str = "generic") -> Manifest:
    files = [
        ManifestFile(path=path, size=len(content), digest=digest_of(content))
        for path, content in tree.items()
    ]
    random.Random(seed).shuffle(files)
    return Manifest(flavor=flavor, signature=SIGNATURE, files=tuple(files))


@given(trees, st.integers())
def test_the_digest_does_not_depend_on_the_order_of_files(
    tree: Mapping[str, bytes], seed: int
) -> None:
    assert manifest_of(tree).digest == manifest_of(tree, seed=seed).digest


@given(trees, trees)
def test_digests_are_equal_exactly_when_names_and_bytes_are(
    one: Mapping[str, bytes], other: Mapping[str, bytes]
) -> None:
    assert (manifest_of(one).digest == manifest_of(other).digest) == (one == other)


def test_the_digest_covers_flavor_and_signature() -> None:
    manifest = manifest_of({"model": b"x"})
    wider = SIGNATURE.model_copy(update={"inputs": (Column(name="age", type=ColumnType.DOUBLE),)})
    digests = {
        manifest.digest,
        manifest.model_copy(update={"flavor": "sklearn"}).model_copy(deep=True).flavor,
        Manifest(flavor="sklearn", signature=SIGNATURE, files=manifest.files).digest,
        Manifest(flavor="generic", signature=wider, files=manifest.files).digest,
    }
    assert len(digests) == 4


@given(trees)
def test_the_canonical_bytes_give_the_manifest_back(tree: Mapping[str, bytes]) -> None:
    manifest = manifest_of(tree)
    again = Manifest.model_validate_json(manifest.canonical)
    assert again == manifest
    assert manifest.digest == f"sha256:{hashlib.sha256(again.canonical).hexdigest()}"
