"""Edit, delete, restore, hold and quarantine over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pedigree.catalog.records import ModelVersion, Quarantine, Quarantined
from pedigree.catalog.references import parse_number
from pedigree.client._session import PAGE, ServiceSession


class KeepingOperations(ServiceSession):
    """Verbs that keep, mark and remove; each does what its namesake of ``Registry`` does."""

    def update(
        self,
        reference: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Replace a version's description, owners or tags; what is None stays as it is."""
        change = {"description": description, "owners": owners, "tags": tags}
        return self._write(ModelVersion, "PATCH", self._version_path(reference), change)

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number never comes back."""
        self._do("DELETE", self._version_path(reference), reason=reason)

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name never comes back."""
        self._do("DELETE", self._model_path(name), reason=reason)

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Bring a deleted version back, in the stage that it had; a living one stays as it is."""
        parse_number(reference)
        path = self._version_path(reference, "/restore")
        return self._write(ModelVersion, "POST", path, {"reason": reason})

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        """Bring a deleted model back, with those versions deleted with it whose bytes are there."""
        path = self._model_path(name, "/restore")
        return self._write(tuple[int, ...], "POST", path, {"reason": reason})

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until that is lifted."""
        self._do("PUT", self._version_path(reference, "/hold"), {"reason": reason})

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        """Take a version's legal hold away; a version without one is left as it is."""
        self._do("DELETE", self._version_path(reference, "/hold"), reason=reason)

    def quarantine(
        self,
        asset: str,
        partition: str | None = None,
        *,
        reason: str,
        since: datetime | None = None,
        only_certain: bool = False,
    ) -> Quarantined:
        """Put data in quarantine: no version that depends on it enters a stage until released."""
        new = {
            "asset": asset,
            "partition": partition,
            "reason": reason,
            "since": since,
            "only_certain": only_certain,
        }
        return self._write(Quarantined, "POST", "/quarantines", new)

    def release(
        self, asset: str, partition: str | None = None, *, reason: str | None = None
    ) -> tuple[Quarantine, ...]:
        """End the quarantines of an asset or of one of its partitions, and return them."""
        query = {"asset": asset, "partition": partition, "reason": reason}
        ended = self._write(dict[str, tuple[Quarantine, ...]], "DELETE", "/quarantines", **query)
        return ended["quarantines"]

    def quarantine_version(self, reference: str, *, reason: str) -> ModelVersion:
        """Put one version in quarantine, whatever it depends on."""
        path = self._version_path(reference, "/quarantine")
        return self._write(ModelVersion, "PUT", path, {"reason": reason})

    def release_version(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Take one version out of every quarantine; its data stays in its own."""
        path = self._version_path(reference, "/quarantine")
        return self._write(ModelVersion, "DELETE", path, reason=reason)

    def quarantines(
        self, *, limit: int = PAGE, before: int | None = None
    ) -> tuple[Quarantine, ...]:
        """Return a page of what is in quarantine, the newest first."""
        return self._items(Quarantine, "/quarantines", limit=limit, cursor="before", before=before)
