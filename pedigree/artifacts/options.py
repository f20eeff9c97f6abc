"""How a store shall keep what is written to it: encrypted by whom, and in which storage class."""

from typing import Self

from pedigree._record import Record
from pedigree.artifacts.records import Tier
from pedigree.errors import InvalidInputError
from pedigree.settings import Settings


class StoreOptions(Record):
    """What is asked of a remote store with every object. None leaves it to the bucket."""

    encryption: str | None = None
    """``AES256``, ``aws:kms`` or ``aws:kms:dsse``: who holds the key on the server's side."""
    kms_key_id: str | None = None
    storage_class: str | None = None
    archive_class: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take what the ``PEDIGREE_STORE_*`` settings say.

        Raises:
            InvalidInputError: A key is named for an encryption that uses none.
        """
        encryption, key = settings.store_sse, settings.store_sse_kms_key_id
        if key and not (encryption or "").startswith("aws:kms"):
            raise InvalidInputError(
                "a key is named, and no encryption that uses it",
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
        """Return the storage class of a tier; without one of its own, an archive is no other."""
        archived = self.archive_class if tier is Tier.ARCHIVE else None
        return archived or self.storage_class
