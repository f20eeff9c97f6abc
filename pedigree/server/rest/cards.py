"""Model cards."""

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.cards.records import CardNotes, ModelCard
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("judging")


class Notes(Record):
    """People's notes in a model card."""

    notes: CardNotes | None = Field(
        default=None, description="The notes of the previous card when null"
    )


@router.get(paths.CARD, tags=["provenance"], responses={200: {"model": ModelCard}})
@requires(Permission.READ)
def get_card(call: ReadCall, name: Name, version: Number) -> Response:
    """Return a version's latest model card."""
    card = call.registry.card(f"{name}/{version}")
    # The server's location is of no use to a client.
    return call.answer(card.model_copy(update={"location": None}))


@router.put(paths.CARD, responses={200: {"model": ModelCard}})
@requires(Permission.DESCRIBE)
def write_card(call: WriteCall, name: Name, version: Number, notes: Notes) -> Response:
    """Write a version's model card from its current record; an unchanged card stays."""
    reference = f"{name}/{version}"
    return call.repeat(
        lambda registry: registry.write_card(reference, notes.notes).model_copy(
            update={"location": None}
        )
    )


@router.get(paths.CARD_FIELDS, responses={200: {"model": dict[str, bool]}})
@requires(Permission.READ)
def get_card_fields(call: ReadCall, name: Name, version: Number) -> Response:
    """Return for each field of a version's model card whether it is provided."""
    return call.answer(dict(call.registry.card_fields(f"{name}/{version}")))
