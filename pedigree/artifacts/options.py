"""The encryption and the storage classes of objects in a store."""

from typing import Self

from pedigree._record import Record
from pedigree.artifacts.records import Tier
from pedigree.errors import InvalidInputError
from pedigree.settings import Settings


class StoreOptions(Record):
    """The options of each object in a remote store. None leaves it to the bucket."""

    encryption: str | None = None
    """``AES256``, ``aws:kms`` or ``aws:kms:dsse``: the key management on the server."""
    kms_key_id: str | None = None
    storage_class: str | None = None
    archive_class: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the options of the ``PEDIGREE_STORE_*`` settings.

        Raises:
            InvalidInputError: A key is given for an encryption that uses no key.
        """
        encryption, key = settings.store_sse, settings.store_sse_kms_key_id
        if key and not (encryption or "").startswith("aws:kms"):
            raise InvalidInputError(
                "a key is given, but no encryption that uses it",
                field="PEDIGREE_STORE_SSE_KMS_KEY_ID",
                remedy="Set PEDIGREE_STORE_SSE=aws:kms as well",
            )
        return cls(
            encryption=encryption,
            kms_key_id=key,
            storage_class=settings.store_class,
            archive_class=settings.store_archive_class,
        )

    def class_of(self, tier: Tier) -> str | None:
        """Return the storage class of a tier; an archive without its own uses the standard one."""
        archived = self.archive_class if tier is Tier.ARCHIVE else None
        return archived or self.storage_class
