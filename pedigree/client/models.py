"""Registered models over HTTP."""

from collections.abc import Iterator, Mapping, Sequence

from pedigree.catalog.records import RegisteredModel
from pedigree.client._session import PAGE, ServiceSession


class ModelOperations(ServiceSession):
    """Verbs on registered models themselves; each does what its namesake of ``Registry`` does."""

    def create_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        """Make a model that has no version yet; a registration would make it as well."""
        new = {"name": name, "description": description, "owners": owners, "tags": tags or {}}
        return self._write(RegisteredModel, "POST", "/models", new)

    def update_model(
        self,
        name: str,
        *,
        description: str | None = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredModel:
        """Replace a model's description, owners or tags; what is None stays as it is."""
        change = {"description": description, "owners": owners, "tags": tags}
        return self._write(RegisteredModel, "PATCH", self._model_path(name), change)

    def model(self, name: str) -> RegisteredModel:
        """Return a registered model."""
        return self._read(RegisteredModel, self._model_path(name))

    def models(self, *, limit: int = PAGE, after: str | None = None) -> tuple[RegisteredModel, ...]:
        """Return a page of the registered models by name."""
        return self._items(RegisteredModel, "/models", limit=limit, after=after)

    def each_model(self) -> Iterator[RegisteredModel]:
        """Give all registered models by name, a page at a time."""
        after = None
        while page := self.models(after=after):
            yield from page
            after = page[-1].name
