"""Requests as endpoints see them: the registry with the caller's permissions, and answers."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.responses import Response

from pedigree.catalog.store import lock_model
from pedigree.delivery.signing import SecretBox
from pedigree.errors import NotFoundError
from pedigree.postgres.transaction import Transaction
from pedigree.registry import Registry, registry_in
from pedigree.server.http.auth import Caller
from pedigree.server.http.etags import require, state_of
from pedigree.server.http.idempotency import Answer, Key, once
from pedigree.server.http.parameters import IdempotencyKey, IfMatch, IfNoneMatch
from pedigree.server.http.proxies import public_path
from pedigree.server.http.reads import ReadRequest

T = TypeVar("T")


class WriteRequest:
    """A request that writes; with an ``Idempotency-Key`` the client may repeat it."""

    def __init__(self, request: Request, key: str | None, body: bytes) -> None:
        self._request = request
        self._key = key
        self._body = body

    @property
    def caller(self) -> Caller:
        """The authenticated caller."""
        caller: Caller = self._request.state.caller
        return caller

    def path(self, endpoint: str, **parameters: object) -> str:
        """Return the path of another endpoint."""
        path = quote(self._request.app.url_path_for(endpoint, **parameters))
        return public_path(self._request.scope, path)

    def write(
        self,
        work: Callable[[Registry], object],
        *,
        status: int | Callable[[Any], int] = 200,
        location: Callable[[Any], str] | None = None,
        secret: bool = False,
        pipelined: bool = False,
    ) -> Response:
        """Do the work, once for each key, and answer with its result; 204 if that is None.

        Args:
            work: Called with the caller's registry; with a key, its verbs are one transaction.
            status: The status of the answer, or a function of the result.
            location: Returns the URL of the created resource from the result.
            secret: The answer holds a secret, so the stored answer is encrypted.
            pipelined: The statements may be sent without waiting for answers.
        """

        def answered(registry: Registry) -> Answer:
            return self._answer(registry, work(registry), status, location)

        if self._key is None and not self._is_conditional:
            return self.response(answered(self.caller.registry))
        context = self.caller.registry.context
        box = SecretBox(context.settings) if secret else None
        answer = context.transaction(
            lambda joined: self._joined(answered, box, registry_in(joined)), pipelined=pipelined
        )
        return self.response(answer)

    def repeat(self, work: Callable[[Registry], object], *, status: int = 200) -> Response:
        """Do work that uses the store, outside a transaction; a repeated request does it again."""
        registry = self.caller.registry
        return self.response(self._answer(registry, work(registry), status, None))

    def response(self, answer: Answer) -> Response:
        """Return the response with an answer, in which people are named."""
        shown = self.caller.registry.context.names.shown_json(answer.body)
        return answer._replace(body=shown).response()

    _is_conditional = False

    def _require_state(self, registry: Registry) -> None:
        """Refuse the work if the request's headers require another state."""

    def _joined(
        self, answered: Callable[[Registry], Answer], box: SecretBox | None, registry: Registry
    ) -> Answer:
        def work() -> Answer:
            self._require_state(registry)
            return answered(registry)

        key = self.key
        if key is None:
            return work()
        return registry.database.read(lambda transaction: once(transaction, key, work, box))

    @property
    def key(self) -> Key | None:
        """The idempotency key with the fingerprint of the request; None without a key."""
        if self._key is None:
            return None
        request, principal = self._request, self.caller.principal
        # Another token of the same name with fewer permissions must not get this token's answer.
        rights = " ".join(sorted(each.sentence for each in principal.grants))
        asked = f"{request.method} {request.scope['path']}?{request.url.query}\n{rights}\n"
        fingerprint = hashlib.sha256(asked.encode() + self._body).digest()
        return Key(principal.name, self._key, fingerprint)

    def _answer(
        self,
        registry: Registry,
        value: object,
        status: int | Callable[[Any], int],
        location: Callable[[Any], str] | None,
    ) -> Answer:
        if value is None:
            return Answer(204, {}, b"")
        state = state_of(value, registry)
        headers = {"ETag": state.etag}
        if location:
            headers["Location"] = location(value)
        known = status if isinstance(status, int) else status(value)
        return Answer(known, headers, state.body)


class ConditionalRequest(WriteRequest):
    """A request that changes a resource; with ``If-Match`` only if nobody else has changed it."""

    def __init__(
        self,
        request: Request,
        key: str | None,
        body: bytes,
        if_match: str | None,
        if_none_match: str | None,
    ) -> None:
        super().__init__(request, key, body)
        self._if_match = if_match
        self._if_none_match = if_none_match
        self._look: Callable[[Registry], object] | None = None
        self._lock: Callable[[Transaction], object] = self._lock_model
        self._is_conditional = if_match is not None or if_none_match is not None

    def of(
        self,
        look: Callable[[Registry], object],
        lock: Callable[[Transaction], object] | None = None,
    ) -> "ConditionalRequest":
        """Set how to read the resource whose state the headers name.

        Args:
            look: Returns the resource.
            lock: Locks it against other changes; locks the path's model when None.
        """
        self._look = look
        self._lock = lock or self._lock
        return self

    def _lock_model(self, transaction: Transaction) -> object:
        return lock_model(transaction, self._request.path_params["name"])

    def _require_state(self, registry: Registry) -> None:
        if not self._is_conditional or self._look is None:
            return
        try:
            # Nobody changes it between this read and the work.
            registry.database.read(self._lock)
            current = state_of(self._look(registry), registry)
        except NotFoundError:
            current = None
        require(self._if_match, self._if_none_match, current, registry)


# Asynchronous even without an await: a synchronous dependency would take a thread for each request.
async def _reading(request: Request, if_none_match: IfNoneMatch = None) -> ReadRequest:
    return ReadRequest(request, if_none_match)


async def _writing(request: Request, idempotency_key: IdempotencyKey = None) -> WriteRequest:
    return WriteRequest(request, idempotency_key, await request.body())


async def _changing(
    request: Request,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> ConditionalRequest:
    return ConditionalRequest(
        request, idempotency_key, await request.body(), if_match, if_none_match
    )


ReadCall = Annotated[ReadRequest, Depends(_reading)]
WriteCall = Annotated[WriteRequest, Depends(_writing)]
ChangeCall = Annotated[ConditionalRequest, Depends(_changing)]
