"""Whether the registry has the bytes of a version."""

from collections.abc import Mapping
from enum import StrEnum


class SealState(StrEnum):
    """Whether the registry has a version's bytes."""

    SEALED = "sealed"
    """It has a digest, which is final."""
    PENDING = "pending"
    """Its bytes are being fetched or judged; it holds no stage and no alias."""
    FAILED = "failed"
    """Its bytes could not be fetched, or did not pass; it keeps its number."""
    REFERENCE = "reference"
    """Its bytes are elsewhere, where anybody may change them."""


WITHOUT_BYTES = frozenset({SealState.PENDING, SealState.FAILED})
"""States in which a version has no bytes, neither here nor elsewhere."""
_UNSEALED: Mapping[SealState, str] = {
    SealState.PENDING: "its bytes are being fetched or judged",
    SealState.FAILED: "its registration failed",
    SealState.REFERENCE: "its bytes are elsewhere",
}


def why_unsealed(state: SealState, reason: str | None) -> str | None:
    """Return why the registry does not have the bytes of a version; None if it is sealed."""
    if state is SealState.SEALED:
        return None
    return f"{_UNSEALED[state]}{f': {reason}' if reason else ''}"


def unsealed_data_version(reference: str) -> str:
    """Return the data version of a version without a digest: ``unsealed:customer_churn/3``."""
    return f"unsealed:{reference}"
