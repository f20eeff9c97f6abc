"""Refusals of what needs the bytes of a version that the registry does not have."""

from collections.abc import Mapping

from pedigree.artifacts.records import Digest
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.seal_states import SealState
from pedigree.errors import NotSealedError

_REMEDIES: Mapping[SealState, str] = {
    SealState.PENDING: "Wait until it is sealed: `pedigree show {}` says so",
    SealState.FAILED: "Give its files, if somebody has them: `pedigree seal {} PATH`",
    SealState.REFERENCE: "Fetch its bytes: `pedigree seal {}`",
}


def sealed_digest(version: ModelVersion) -> Digest:
    """Return the digest of a version.

    Raises:
        NotSealedError: The registry does not have its bytes.
    """
    if version.digest is None:
        raise not_sealed(version)
    return version.digest


def sealed_flavor(version: ModelVersion) -> str:
    """Return the flavor by which a sealed version is loaded.

    Raises:
        NotSealedError: The registry does not have its bytes, or does not know its flavor.
    """
    if version.flavor is not None:
        return version.flavor
    sealed_digest(version)
    raise NotSealedError(
        "the registry does not know its flavor, so it cannot load it",
        field="reference",
        value=version.reference,
        remedy=f"`pedigree pull {version.reference} FOLDER` brings its files",
    )


def not_sealed(version: ModelVersion) -> NotSealedError:
    """Return the refusal of what needs the bytes of a version that is not sealed."""
    return NotSealedError(
        f"the registry does not have its bytes: {version.why_unsealed}",
        field="reference",
        value=version.reference,
        remedy=_REMEDIES[version.state].format(version.reference),
    )
