"""Errors about the bytes of versions; :mod:`pedigree.errors` has them all."""

from pedigree._error import RefusedError


class BytesCollectedError(RefusedError):
    """Garbage collection removed the deleted version's bytes; only its record is left."""


class BytesMissingError(RefusedError):
    """The registry lacks files of the new version; ``digests`` has their digests."""

    digests: tuple[str, ...] = ()


class BytesTakenError(RefusedError):
    """An active version of the model has the same bytes as the deleted one."""


class AlreadySealedError(RefusedError):
    """The version has a digest, which is final."""


class NotSealedError(RefusedError):
    """The registry does not have the bytes of the version, or not yet."""
