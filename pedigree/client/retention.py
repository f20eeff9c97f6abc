"""Retention of versions: delete, restore and hold them."""

from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_number
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.retention import RetentionContract
from pedigree.lifecycle.records import RetentionRule


class RemoteRetention(ServiceGroup, RetentionContract):
    """Retention of versions: delete, restore and hold them."""

    def delete(self, reference: str, *, reason: str) -> None:
        self._service.do(
            "DELETE", self._service.version_path(paths.VERSION, reference), reason=reason
        )

    def delete_model(self, name: str, *, reason: str) -> None:
        self._service.do("DELETE", self._service.model_path(paths.MODEL, name), reason=reason)

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        parse_number(reference)
        path = self._service.version_path(paths.VERSION_RESTORE, reference)
        return self._service.write(ModelVersion, "POST", path, {"reason": reason})

    def restore_model(self, name: str, *, reason: str | None = None) -> tuple[int, ...]:
        path = self._service.model_path(paths.MODEL_RESTORE, name)
        return self._service.write(tuple[int, ...], "POST", path, {"reason": reason})

    def retention(self, name: str) -> RetentionRule:
        return self._service.read(RetentionRule, self._service.model_path(paths.RETENTION, name))

    def set_retention(self, name: str, rule: RetentionRule) -> RetentionRule:
        return self._service.write(
            RetentionRule, "PUT", self._service.model_path(paths.RETENTION, name), rule
        )

    def hold(self, reference: str, *, reason: str) -> None:
        self._service.do(
            "PUT", self._service.version_path(paths.HOLD, reference), {"reason": reason}
        )

    def lift_hold(self, reference: str, *, reason: str | None = None) -> None:
        self._service.do("DELETE", self._service.version_path(paths.HOLD, reference), reason=reason)
