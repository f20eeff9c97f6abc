"""Places of artifacts: paths of a version's files that a rename of its model leaves as they are."""

from typing import NamedTuple

from pedigree.access.records import Permission
from pedigree.catalog.artifact_places import name_of_model, place_of_version
from pedigree.catalog.references import parse_number
from pedigree.errors import NotFoundError, NotPermittedError
from pedigree.registry.context import ContextGroup


class ArtifactPlace(NamedTuple):
    """A version by its model's id, which no rename changes and no other model gets."""

    model_id: int
    version: int


class ArtifactPlaceOperations(ContextGroup):
    """Places of artifacts."""

    def place(self, reference: str) -> ArtifactPlace:
        """Return the place of a version's files.

        Args:
            reference: Names the version by its number.

        Raises:
            NotPermittedError: The principal may not read the model.
            NotFoundError: There is no such version.
        """
        parsed, number = parse_number(reference)
        self._context.require(Permission.READ, parsed.name)
        model_id = self._context.database.read(
            lambda transaction: place_of_version(transaction, parsed.name, number)
        )
        return ArtifactPlace(model_id, number)

    def reference(self, place: ArtifactPlace) -> str:
        """Return the reference of the version at a place, by the present name of its model.

        Raises:
            NotPermittedError: The principal may not read the model. One who may read only some
                models does not learn which others exist.
            NotFoundError: There is no such model.
        """
        name = self._context.database.read(
            lambda transaction: name_of_model(transaction, place.model_id)
        )
        if name is not None:
            self._context.require(Permission.READ, name)
            return f"{name}/{place.version}"
        if self._context.is_limited:
            raise NotPermittedError(
                "the token is limited to some models",
                field="Authorization",
                remedy="Ask an admin for a token or a grant with it",
            )
        raise NotFoundError(
            "there is no such model", field="path", value=place.model_id, remedy="Ask for its URI"
        )
