"""Answers to registrations, which keep their answer themselves if the request has a key."""

from collections.abc import Callable

from pydantic_core import to_json
from starlette.responses import Response

from pedigree.catalog.creation_calls import Created
from pedigree.catalog.kept_answers import KeptAnswer, KeptRequest, NewAnswer
from pedigree.catalog.records import Registration
from pedigree.server.http.etags import etag_of
from pedigree.server.http.idempotency import Answer
from pedigree.server.http.requests import WriteRequest


def register_once(
    call: WriteRequest,
    work: Callable[[KeptRequest | None], Created],
    location: Callable[[Registration], str],
) -> Response:
    """Register a version, once for each key; 201 if it is new, 200 if the model has the bytes.

    Args:
        call: The request.
        work: Registers the version; it gets the request if that has a key.
        location: Returns the URL of the version of a registration.
    """

    def answer(done: Registration) -> NewAnswer:
        status = 201 if done.created else 200
        return NewAnswer(status, {"Location": location(done)}, to_json(done))

    key = call.key
    created = work(KeptRequest(*key, answer) if key else None)
    found = created.answer or answer(created.new())
    shown = call.caller.registry.context.names.shown_json(found.body)
    headers = {**found.headers, "ETag": etag_of(shown)}
    if isinstance(found, KeptAnswer) and found.is_replayed:
        headers["Idempotency-Replayed"] = "true"
    return Answer(found.status, headers, shown).response()
