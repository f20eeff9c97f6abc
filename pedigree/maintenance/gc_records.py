"""What a garbage collection would do, item by item, and what became of it."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from pedigree._record import Record
from pedigree.artifacts.records import Digest, Tier


class PlannedVersion(Record):
    """A deleted version that can be restored no longer."""

    kind: Literal["version"] = "version"
    model_name: str
    version_id: int
    digest: Digest
    deleted_at: datetime
    window_s: float = Field(description="The retention window that is over, in seconds")
    objects: int = Field(description="Objects that go because of it")
    bytes: int = Field(description="Their size")

    @property
    def subject(self) -> str:
        """``churn/3``."""
        return f"{self.model_name}/{self.version_id}"


class PlannedArtifact(Record):
    """An artifact whose list of files goes, since no version needs it; its manifest stays."""

    kind: Literal["artifact"] = "artifact"
    digest: Digest

    @property
    def subject(self) -> str:
        """The artifact's digest."""
        return self.digest


class PlannedBlob(Record):
    """Bytes that go, since nothing will refer to them."""

    kind: Literal["blob"] = "blob"
    digest: Digest
    key: str
    bytes: int
    because_of: str | None = Field(
        description="The collected version that had them; None: nothing referred to them"
    )

    @property
    def subject(self) -> str:
        """The bytes' digest."""
        return self.digest


class PlannedTier(Record):
    """A version that another tier is right for."""

    kind: Literal["tier"] = "tier"
    model_name: str
    version_id: int
    tier: Tier = Field(description="Where it shall lie")
    why: str

    @property
    def subject(self) -> str:
        """``churn/3``."""
        return f"{self.model_name}/{self.version_id}"


class PlannedMove(Record):
    """Bytes that move to the highest tier that a living version needs."""

    kind: Literal["move"] = "move"
    digest: Digest
    bytes: int
    tier: Tier = Field(description="Where they shall lie")

    @property
    def subject(self) -> str:
        """The bytes' digest."""
        return self.digest


class PlannedUpload(Record):
    """An upload whose process has not been heard of; what it brought goes."""

    kind: Literal["upload"] = "upload"
    upload_id: str

    @property
    def subject(self) -> str:
        """The upload's id."""
        return self.upload_id


class PlannedKey(Record):
    """A key that no blob names, left by a crash, or remembered for a late request."""

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
"""Reads an item of any kind."""


class Count(Record):
    """How many items of one kind, and their bytes where they have any."""

    items: int = 0
    bytes: int = 0

    def plus(self, size: int) -> "Count":
        """Return the count with one more item."""
        return Count(items=self.items + 1, bytes=self.bytes + size)


class Left(Record):
    """An item of the plan that was not done."""

    kind: str
    subject: str


class Collection(Record):
    """What became of a plan."""

    plan: Digest
    done: dict[str, Count] = Field(description="By kind of item")
    left: dict[str, int] = Field(
        description="By kind: what came to be needed meanwhile, or was done by somebody else"
    )
    examples: tuple[Left, ...] = Field(description="Some of what was left")
