"""Registered models: create, describe and list them."""

from collections.abc import Iterator, Mapping, Sequence

from pedigree._record import PAGE, UNCHANGED, IsUnchanged
from pedigree.catalog.records import RegisteredModel
from pedigree.client.service import ServiceGroup, changed_fields
from pedigree.contract import paths
from pedigree.contract.models import ModelContract


class RemoteModels(ServiceGroup, ModelContract):
    """Registered models: create, describe and list them."""

    def create_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        new = {"name": name, "description": description, "owners": owners, "tags": tags or {}}
        return self._service.write(RegisteredModel, "POST", paths.MODELS, new)

    def update_model(
        self,
        name: str,
        *,
        description: str | IsUnchanged | None = UNCHANGED,
        owners: Sequence[str] | IsUnchanged | None = UNCHANGED,
        tags: Mapping[str, str | None] | IsUnchanged | None = UNCHANGED,
    ) -> RegisteredModel:
        change = changed_fields(description=description, owners=owners, tags=tags)
        return self._service.write(
            RegisteredModel, "PATCH", self._service.model_path(paths.MODEL, name), change
        )

    def rename_model(self, name: str, new_name: str) -> RegisteredModel:
        return self._service.write(
            RegisteredModel,
            "POST",
            self._service.model_path(paths.MODEL_RENAME, name),
            {"new_name": new_name},
        )

    def model(self, name: str) -> RegisteredModel:
        return self._service.read(RegisteredModel, self._service.model_path(paths.MODEL, name))

    def models(self, *, limit: int = PAGE, after: str | None = None) -> tuple[RegisteredModel, ...]:
        return self._service.items(RegisteredModel, paths.MODELS, limit=limit, after=after)

    def each_model(self) -> Iterator[RegisteredModel]:
        after = None
        while page := self.models(after=after):
            yield from page
            after = page[-1].name
