"""Look things up over HTTP: versions, where they come from, and who held what."""

from collections.abc import Collection, Sequence
from datetime import datetime

from pedigree.audit.records import Event, EventType
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training
from pedigree.catalog.references import parse_reference
from pedigree.catalog.search.records import Facet, SearchPage
from pedigree.client._session import PAGE, Page, ServiceSession
from pedigree.lifecycle.records import RecordedVerdict, Tenure
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.staleness import Staleness


class ReadingOperations(ServiceSession):
    """Verbs that only read; each does what its namesake of ``Registry`` does."""

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference names: ``churn/3``, ``churn@production``, …."""
        parsed = parse_reference(reference)
        if parsed.pointer is not None:
            return self._read(ModelVersion, self._pointer_path(parsed.name, parsed.pointer))
        return self._read(ModelVersion, self._version_path(reference))

    def versions(
        self,
        name: str,
        *,
        limit: int = PAGE,
        after: int | None = None,
        newest_first: bool = False,
    ) -> tuple[ModelVersion, ...]:
        """Return a page of a model's versions, the oldest first."""
        path = self._model_path(name, "/versions")
        return self._items(ModelVersion, path, limit=limit, after=after, newest_first=newest_first)

    def trainings(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        """Return a page of the runs that produced a version's bytes, the first one first."""
        path = self._version_path(reference, "/trainings")
        return self._items(Training, path, limit=limit, after=after)

    def environment(self, reference: str) -> tuple[str, ...]:
        """Return the packages that a version was trained with; none where that is not known."""
        return self._read(tuple[str, ...], self._version_path(reference, "/environment"))

    def timeline(
        self,
        name: str,
        pointer: str | None = None,
        *,
        limit: int = PAGE,
        before: int | None = None,
    ) -> tuple[Tenure, ...]:
        """Return which version held which stage and alias and when: the newest, in order."""
        path, found = self._model_path(name, "/timeline"), tuple[Tenure, ...]()
        while True:
            wanted = min(limit - len(found), PAGE)
            page = self._read(Page[Tenure], path, pointer=pointer, limit=wanted, before=before)
            found = page.items + found
            if page.next is None or len(found) >= limit:
                return found
            before = int(page.next)

    def as_of(self, name: str, moment: datetime, pointer: str | None = None) -> tuple[Tenure, ...]:
        """Return what a model's stages and aliases pointed to at a moment, and who moved them."""
        path = self._model_path(name, "/as-of")
        return self._read(tuple[Tenure, ...], path, moment=_in_words(moment), pointer=pointer)

    def tenures(self, reference: str) -> tuple[Tenure, ...]:
        """Return which stages and aliases a version held and when, the oldest tenure first."""
        return self._read(tuple[Tenure, ...], self._version_path(reference, "/tenures"))

    def compare(self, a: str, b: str) -> VersionComparison:
        """Return in what version ``b`` differs from version ``a``; they may be of two models."""
        return self._read(VersionComparison, "/compare", a=a, b=b)

    def events(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        types: Collection[EventType] | None = None,
        model: str | None = None,
    ) -> tuple[Event, ...]:
        """Return the feed's events behind a place, oldest first."""
        kinds = None if types is None else list(types)
        found: tuple[Event, ...] = ()
        while True:
            wanted = min(limit - len(found), PAGE)
            query = {"type": kinds, "model": model, "limit": wanted}
            page = self._read(Page[Event], "/events", after=after, **query)
            found += page.items
            if len(page.items) < wanted or len(found) >= limit:
                return found
            after = page.items[-1].seq

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Return the newest verdict of each check on a version, by the check's name."""
        path = self._version_path(reference, "/verdicts")
        return self._read(dict[str, tuple[RecordedVerdict, ...]], path)["verdicts"]

    def lineage(self, reference: str, *, newest: bool = False) -> LineageGraph:
        """Return what a version was trained on, down to the sources that are known."""
        return self._read(LineageGraph, self._version_path(reference, "/lineage"), newest=newest)

    def stale(self, reference: str) -> Staleness:
        """Say how many data and code versions a version is behind, by input and partition."""
        return self._read(Staleness, self._version_path(reference, "/staleness"))

    def search(
        self,
        filter: str | None = None,
        *,
        order_by: str | Sequence[str] | None = None,
        limit: int = 100,
        after: str | None = None,
        count: bool = False,
        facets: Collection[Facet] = (),
    ) -> SearchPage:
        """Return a page of the living versions that a filter finds; see ``docs/search.md``."""
        if order_by is not None and not isinstance(order_by, str):
            order_by = ", ".join(order_by)
        return self._read(
            SearchPage,
            "/search",
            filter=filter,
            order_by=order_by,
            limit=limit,
            after=after,
            count=count,
            facets=list(facets) or None,
        )


def _in_words(moment: datetime) -> str:
    return moment.isoformat()
