"""Model cards."""

from collections.abc import Mapping

from pedigree.cards.records import CardNotes, ModelCard
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.cards import CardContract


class RemoteCards(ServiceGroup, CardContract):
    """Model cards."""

    def card(self, reference: str) -> ModelCard:
        return self._service.read(ModelCard, self._service.version_path(paths.CARD, reference))

    def write_card(self, reference: str, notes: CardNotes | None = None) -> ModelCard:
        path = self._service.version_path(paths.CARD, reference)
        return self._service.write(ModelCard, "PUT", path, {"notes": notes})

    def renew_card(self, reference: str) -> None:
        self.card(reference)

    def card_fields(self, reference: str) -> Mapping[str, bool]:
        return self._service.read(
            dict[str, bool], self._service.version_path(paths.CARD_FIELDS, reference)
        )
