"""The report of a transfer: what was carried, under which name, what was not, and why."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from pedigree._record import Record


class Fate(StrEnum):
    """What became of a part of a registry."""

    CARRIED = "carried"
    """It is here now."""
    UNCHANGED = "unchanged"
    """It was here already, and is the same."""
    RENAMED = "renamed"
    """It is here under another name."""
    REFUSED = "refused"
    """It is not here; the line says why."""


class RegistryPart(StrEnum):
    """A part of a registry."""

    MODEL = "model"
    VERSION = "version"
    TOMBSTONE = "tombstone"
    """A number that the origin gave out, and has no more."""
    TAG = "tag"
    ALIAS = "alias"
    STAGE = "stage"
    METRIC = "metric"
    PARAM = "param"
    DESCRIPTION = "description"
    FILES = "files"


class ReportLine(Record):
    """A part that is named by itself: one that has another name here, or that was left."""

    part: RegistryPart
    fate: Fate
    model: str
    """The name at the origin."""
    version: int | None = None
    name: str | None = None
    """Of the part, such as the key of a tag; of a model, its name here."""
    reason: str | None = None

    def __str__(self) -> str:
        where = self.model if self.version is None else f"{self.model}/{self.version}"
        if self.part is RegistryPart.MODEL:
            named = f" as {self.name}" if self.name and self.name != self.model else ""
        else:
            named = f" {self.name}" if self.name else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{where}: {self.part} {self.fate}{named}{why}"


class TransferReport(Record):
    """What a transfer did, or would do."""

    origin: str
    """Where the registry was read, without credentials."""
    dry_run: bool
    counts: dict[RegistryPart, dict[Fate, int]]
    lines: tuple[ReportLine, ...]
    """What has another name here, and all that was left."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left."""
        return all(line.fate is not Fate.REFUSED for line in self.lines)

    def texts(self) -> Iterator[str]:
        """Yield the report for people."""
        yield f"{'Would carry' if self.dry_run else 'From'} {self.origin}"
        for part, fates in self.counts.items():
            yield f"  {part}: {', '.join(f'{number} {fate}' for fate, number in fates.items())}"
        for line in self.lines:
            yield f"  {line}"
        yield "Nothing was left." if self.is_complete else "Something was left; see above."


class Reporting:
    """Collects a report; only what is named by itself is kept in memory."""

    def __init__(self) -> None:
        self._counts: dict[RegistryPart, Counter[Fate]] = {}
        self._lines: list[ReportLine] = []

    def count(self, part: RegistryPart, fate: Fate, number: int = 1) -> None:
        """Count parts that are not named by themselves."""
        if number:
            self._counts.setdefault(part, Counter())[fate] += number

    def refuse(
        self,
        part: RegistryPart,
        reason: str,
        *,
        model: str,
        version: int | None = None,
        name: str | None = None,
    ) -> None:
        """Note a part that is left, and why."""
        self.name(
            ReportLine(
                part=part,
                fate=Fate.REFUSED,
                model=model,
                version=version,
                name=name,
                reason=reason,
            )
        )

    def name(self, line: ReportLine) -> None:
        """Note a part that is named by itself."""
        self.count(line.part, line.fate)
        self._lines.append(line)

    def made(self, origin: str, *, dry_run: bool) -> TransferReport:
        """Return the report."""
        counts = {
            part: dict(sorted(self._counts[part].items()))
            for part in RegistryPart
            if part in self._counts
        }
        return TransferReport(
            origin=origin, dry_run=dry_run, counts=counts, lines=tuple(self._lines)
        )
