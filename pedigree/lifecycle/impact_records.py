"""Records of the impact of some data."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import Field

from pedigree._record import Record
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, NO_STAGE, Tenure
from pedigree.lineage.records import TrainedOn
from pedigree.lineage.usages import Usage

# A version in these stages is not in use.
_AT_REST = frozenset({f"stage:{stage}" for stage in (NO_STAGE, CANDIDATE, ARCHIVED)})


class Affected(TrainedOn):
    """A version that depends or may depend on the data, with its stages and aliases over time."""

    tenures: tuple[Tenure, ...] = Field(description="Its stages and aliases, oldest first")
    outputs: tuple[Usage, ...] = Field(
        description="The last data that it wrote to each asset and partition, as far as known"
    )

    @property
    def holds(self) -> tuple[str, ...]:
        """The stages and aliases that it holds now."""
        return tuple(tenure.pointer for tenure in self.tenures if tenure.until is None)

    @property
    def in_use(self) -> bool:
        """Whether it may be in use now."""
        return any(pointer not in _AT_REST for pointer in self.holds)


class Impact(Record):
    """The versions that depend on an asset or one of its partitions, also unknown cases."""

    asset: str
    partition: str | None
    since: datetime | None
    certain: tuple[Affected, ...] = Field(description="The versions that depend on it")
    possible: tuple[Affected, ...] = Field(
        description="Those that possibly do: it is one of several states of data that fit what is "
        "recorded"
    )
    unknown: tuple[Affected, ...] = Field(
        description="Versions with unknown dependency, since their upstream is not fully known"
    )
    without_lineage: int = Field(
        description="How many further versions have a training without recorded lineage, so that "
        "nothing is known about them"
    )
    is_limited: bool = Field(
        default=False,
        description="The caller may read only some models; all of this is about those",
    )
    next: str | None = Field(
        default=None, description="The cursor of the next page; null on the last one"
    )

    def with_versions(self, affected: Iterable[Affected]) -> Self:
        """Return a copy with other versions, grouped by their certainty."""
        groups: defaultdict[str, list[Affected]] = defaultdict(list)
        for one in affected:
            groups["certain" if one.certainty.certain else one.certainty.value].append(one)
        names = ("certain", "possible", "unknown")
        return self.model_copy(update={name: tuple(groups[name]) for name in names})

    @property
    def versions(self) -> tuple[Affected, ...]:
        """All versions, certain ones first."""
        return (*self.certain, *self.possible, *self.unknown)

    @property
    def none(self) -> bool:
        """Whether it is known that no version that the caller may read depends on it."""
        return self.next is None and not (
            self.certain or self.possible or self.unknown or self.without_lineage
        )
