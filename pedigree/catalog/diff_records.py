"""Records of the differences between two versions."""

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.lineage.records import Certainty


class ValueChange(Record):
    """A value that differs; None where a version has none."""

    name: str
    a: JsonValue
    b: JsonValue


class MetricChange(Record):
    """A metric of either version, also if both values are equal."""

    name: str
    a: float | None
    b: float | None
    delta: float | None = Field(description="b - a; None if one of them has no such metric")


class SignatureChange(Record):
    """A difference between the signatures."""

    what: str
    breaks: bool = Field(description="Callers of a cannot call b the same way")


class DataChange(Record):
    """A direct input, by partition, whose data differs; None if it was not read."""

    asset: str
    partition: str | None
    read_by_a: bool
    read_by_b: bool
    a: str | None = Field(description="The data version that a was trained on")
    b: str | None = Field(description="The data version that b was trained on")
    certainty_a: Certainty | None = Field(description="How certain it is that a used it")
    certainty_b: Certainty | None = Field(description="How certain it is that b used it")


class FileChange(Record):
    """A file whose bytes differ; a size is None if the version has no such file."""

    path: str
    size_a: int | None
    size_b: int | None


class VersionComparison(Record):
    """All differences between two versions; the first training of each is compared."""

    a: str
    b: str
    metrics: tuple[MetricChange, ...]
    params: tuple[ValueChange, ...]
    tags: tuple[ValueChange, ...]
    signature: tuple[SignatureChange, ...]
    signature_known: bool = Field(
        default=True, description="False if a signature is not known, so callers may break"
    )
    data: tuple[DataChange, ...]
    data_certain: bool = Field(
        description="False if not all direct inputs of both are certain, so more or less data "
        "may differ"
    )
    code: tuple[ValueChange, ...]
    packages: tuple[ValueChange, ...] = Field(description="Name and the version in each")
    files: tuple[FileChange, ...]
    files_known: bool = Field(
        default=True, description="False if the registry does not have the bytes of one of them"
    )
    about: tuple[ValueChange, ...] = Field(description="Flavor, description, owners, …")

    @property
    def breaks(self) -> bool:
        """Whether callers of a cannot call b the same way."""
        return any(change.breaks for change in self.signature)


class UpstreamChange(Record):
    """A direct or indirect input (asset or partition) in different states in both versions.

    If a version depends on several states, they are joined by commas; None if on none.
    """

    asset: str
    partition: str | None
    distance: int = Field(description="1: one of the trainings read it directly")
    in_a: bool
    in_b: bool
    data_a: str | None
    data_b: str | None
    code_a: str | None
    code_b: str | None
    certainty_a: Certainty | None = Field(description="How certain it is that a depends on it")
    certainty_b: Certainty | None = Field(description="How certain it is that b depends on it")


class LineageDifference(Record):
    """All lineage differences between two versions; the first training of each is compared."""

    a: str
    b: str
    data: tuple[UpstreamChange, ...]
    code: tuple[ValueChange, ...]
    packages: tuple[ValueChange, ...] = Field(description="Name and the version in each")
    raced_a: bool
    raced_b: bool
    certain_a: bool = Field(description="False if any of a's lineage is not certain")
    certain_b: bool = Field(description="False if any of b's lineage is not certain")

    @property
    def same(self) -> bool | None:
        """Whether the same code trained both on the same data; None if that is not known."""
        if self.code or self.packages or any(map(self._differs, self.data)):
            return False
        return True if self.certain_a and self.certain_b else None

    def _differs(self, change: UpstreamChange) -> bool:
        """Return whether a difference is certain, also if a side does not depend on it at all."""
        return all(
            known if certainty is None else certainty.certain
            for certainty, known in (
                (change.certainty_a, self.certain_a),
                (change.certainty_b, self.certain_b),
            )
        )
