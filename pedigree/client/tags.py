"""Single tags of models and versions."""

from pedigree.catalog.references import names_a_model
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.tags import TagContract


class RemoteTags(ServiceGroup, TagContract):
    """Single tags of models and versions."""

    def set_tag(self, reference: str, key: str, value: str) -> None:
        self._service.do("PUT", self._path(reference), {"key": key, "value": value})

    def delete_tag(self, reference: str, key: str) -> None:
        self._service.do("DELETE", self._path(reference), key=key)

    def _path(self, reference: str) -> str:
        if names_a_model(reference):
            return self._service.model_path(paths.MODEL_TAGS, reference)
        return self._service.version_path(paths.VERSION_TAGS, reference)
