"""The plan of a garbage collection: its items, in a file."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from pedigree.artifacts.records import Digest
from pedigree.maintenance.gc_records import ITEM, Count, PlannedItem


class Plan:
    """The items of a plan, in a temporary file, so that a plan of any length fits into memory.

    The digest covers all items, so two plans with the same digest do the same.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._sha256 = hashlib.sha256()
        self._items: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, item: PlannedItem) -> None:
        """Append an item."""
        line = item.model_dump_json() + "\n"
        self._file.write(line)
        self._sha256.update(line.encode())
        self._items[item.kind] += 1
        self._bytes[item.kind] += getattr(item, "bytes", 0)

    def __iter__(self) -> Iterator[PlannedItem]:
        return map(ITEM.validate_json, self.lines())

    def lines(self) -> Iterator[str]:
        """Yield the items, each as a line of JSON."""
        self._file.seek(0)
        yield from self._file

    @property
    def digest(self) -> Digest:
        """The sha256 over the items."""
        return f"sha256:{self._sha256.hexdigest()}"

    @property
    def counts(self) -> dict[str, Count]:
        """The number of items of each kind, and their bytes."""
        return {
            kind: Count(items=items, bytes=self._bytes[kind]) for kind, items in self._items.items()
        }

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
