"""Versions: look them up, edit and compare them."""

from collections.abc import Mapping, Sequence

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training
from pedigree.catalog.references import parse_reference
from pedigree.client.service import ServiceGroup, changed_fields
from pedigree.contract import paths
from pedigree.contract.versions import VersionContract


class RemoteVersions(ServiceGroup, VersionContract):
    """Versions: look them up, edit and compare them."""

    def get(self, reference: str) -> ModelVersion:
        parsed = parse_reference(reference)
        if parsed.pointer is not None:
            return self._service.read(
                ModelVersion,
                self._service.model_path(paths.ALIAS, parsed.name, alias=parsed.pointer),
            )
        return self._service.read(
            ModelVersion, self._service.version_path(paths.VERSION, reference)
        )

    def versions(
        self,
        name: str,
        *,
        limit: int = PAGE,
        after: int | None = None,
        newest_first: bool = False,
    ) -> tuple[ModelVersion, ...]:
        path = self._service.model_path(paths.VERSIONS, name)
        return self._service.items(
            ModelVersion, path, limit=limit, after=after, newest_first=newest_first
        )

    def update(
        self,
        reference: str,
        *,
        description: str | IsUnchanged | None = UNCHANGED,
        owners: Sequence[str] | IsUnchanged | None = UNCHANGED,
        tags: Mapping[str, str | None] | IsUnchanged | None = UNCHANGED,
    ) -> ModelVersion:
        change = changed_fields(description=description, owners=owners, tags=tags)
        return self._service.write(
            ModelVersion, "PATCH", self._service.version_path(paths.VERSION, reference), change
        )

    def trainings(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        path = self._service.version_path(paths.TRAININGS, reference)
        return self._service.items(Training, path, limit=limit, after=after)

    def environment(self, reference: str) -> tuple[str, ...]:
        return self._service.read(
            tuple[str, ...], self._service.version_path(paths.ENVIRONMENT, reference)
        )

    def compare(self, a: str, b: str) -> VersionComparison:
        return self._service.read(VersionComparison, paths.COMPARISON, a=a, b=b)
