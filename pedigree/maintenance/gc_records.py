"""The items of a garbage collection's plan, and its results."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from pedigree._record import Record
from pedigree.artifacts.records import Digest, Tier


class PlannedVersion(Record):
    """A deleted version to collect: it can then no longer be restored."""

    kind: Literal["version"] = "version"
    model_name: str
    version_id: int
    digest: Digest | None = Field(description="Null if it never had bytes here")
    deleted_at: datetime
    window_s: float = Field(description="The expired retention window, in seconds")
    objects: int = Field(description="Objects to remove with it")
    bytes: int = Field(description="The size of these objects")

    @property
    def subject(self) -> str:
        """``churn/3``."""
        return f"{self.model_name}/{self.version_id}"


class PlannedArtifact(Record):
    """An artifact whose file list is removed because no version needs it; its manifest stays."""

    kind: Literal["artifact"] = "artifact"
    digest: Digest

    @property
    def subject(self) -> str:
        """The artifact's digest."""
        return self.digest


class PlannedBlob(Record):
    """Bytes to remove because nothing will refer to them."""

    kind: Literal["blob"] = "blob"
    digest: Digest
    key: str
    bytes: int
    because_of: str | None = Field(
        description="The collected version that had them; null if nothing referred to them"
    )

    @property
    def subject(self) -> str:
        """The bytes' digest."""
        return self.digest


class PlannedTier(Record):
    """A version to move to another tier."""

    kind: Literal["tier"] = "tier"
    model_name: str
    version_id: int
    tier: Tier = Field(description="The new tier")
    why: str

    @property
    def subject(self) -> str:
        """``churn/3``."""
        return f"{self.model_name}/{self.version_id}"


class PlannedMove(Record):
    """Bytes to move to the highest tier that a version needs."""

    kind: Literal["move"] = "move"
    digest: Digest
    bytes: int
    tier: Tier = Field(description="The new tier")

    @property
    def subject(self) -> str:
        """The bytes' digest."""
        return self.digest


class PlannedUpload(Record):
    """An upload whose process has died; its bytes are removed."""

    kind: Literal["upload"] = "upload"
    upload_id: str

    @property
    def subject(self) -> str:
        """The upload's id."""
        return self.upload_id


class PlannedKey(Record):
    """A key without a blob, left by a crash or remembered for a late request."""

    kind: Literal["key"] = "key"
    key: str

    @property
    def subject(self) -> str:
        """The key."""
        return self.key


PlannedItem: TypeAlias = Annotated[
    PlannedVersion
    | PlannedArtifact
    | PlannedBlob
    | PlannedTier
    | PlannedMove
    | PlannedUpload
    | PlannedKey,
    Field(discriminator="kind"),
]
ITEM: TypeAdapter[PlannedItem] = TypeAdapter(PlannedItem)
"""Parses an item of any kind."""


class Count(Record):
    """The number of items of one kind, and their bytes if they have any."""

    items: int = 0
    bytes: int = 0

    def plus(self, size: int) -> "Count":
        """Return the count with one more item."""
        return Count(items=self.items + 1, bytes=self.bytes + size)


class Left(Record):
    """An item of the plan that was left."""

    kind: str
    subject: str


class Failed(Record):
    """An item of the plan, or an object to remove, for which the work failed."""

    subject: str
    problem: str


class Collection(Record):
    """The result of a plan."""

    plan: Digest
    done: dict[str, Count] = Field(description="The performed items, by kind")
    left: dict[str, int] = Field(
        description="The items that are in use by now, that others performed, or that failed,"
        " by kind"
    )
    examples: tuple[Left, ...] = Field(description="Some of the items that were left")
    failed: tuple[Failed, ...] = Field(
        default=(), description="What failed; the next collection tries it again"
    )
