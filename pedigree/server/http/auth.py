"""Authentication and permissions: every route declares the permission that it requires."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pedigree.access import tokens
from pedigree.access.grants import SOME
from pedigree.access.held import Bearer
from pedigree.access.oidc.refusals import InvalidTokenError, RefusedTokenError
from pedigree.access.principal import Principal
from pedigree.access.pseudonyms import is_person
from pedigree.access.records import Permission
from pedigree.access.reserved import is_reserved
from pedigree.contract.paths import PREFIX
from pedigree.errors import ServiceBusyError
from pedigree.registry import Registry, registry_in
from pedigree.server.http.bodies import MOST_JSON_BYTES, Bodies
from pedigree.server.http.credentials import is_local, secret_of, unknown_caller
from pedigree.server.http.fair_use import FairUse, Use
from pedigree.server.http.forms import MOST_FORM_BYTES, is_form, with_document
from pedigree.server.http.grant_uses import GrantUses
from pedigree.server.http.inputs import QueryRules, require_json, require_text
from pedigree.server.http.monitors import MONITOR
from pedigree.server.http.trusted import Trusted
from pedigree.server.http.unknown_tokens import UnknownTokens
from pedigree.server.refusals import Refusal
from pedigree.server.request_metrics import RequestMetrics

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# What a request without a token has: whether there are tokens is asked again, as tokens are.
_NO_SECRET = ""


class RouteAccess(NamedTuple):
    """The access rules that a route declares."""

    permission: Permission
    checks_models: bool
    streams: bool
    takes_files: bool
    use: Use | None
    is_of_log: bool


def requires(
    permission: Permission,
    *,
    model_in_body: bool = False,
    lists: bool = False,
    streams: bool = False,
    takes_files: bool = False,
    use: Use | None = Use.REQUESTS,
    is_of_log: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Declare the permission that a caller needs for an endpoint.

    Args:
        permission: The permission.
        model_in_body: The endpoint itself checks whether the token is for the model.
        lists: The endpoint lists only what the token is for.
        streams: The endpoint reads its body as a stream, so the body may have any size.
        takes_files: A body may have small files next to its JSON.
        use: What it takes of the service, of which each principal has a share; None: nothing.
        is_of_log: It serves the audit log, which the settings can make public.
    """

    def declare(endpoint: Endpoint) -> Endpoint:
        checks_models = model_in_body or lists
        endpoint.declared = RouteAccess(  # type: ignore[attr-defined]
            permission, checks_models, streams, takes_files, use, is_of_log
        )
        return endpoint

    return declare


class Caller(NamedTuple):
    """Who sent a request, and the registry with their permissions."""

    principal: Principal
    registry: Registry


class Authenticator:
    """Authenticates callers, and limits the number of concurrent requests.

    Args:
        registry: The registry.
        find_bearer: Returns the token of a secret; None if no such token is valid.
        is_open: Accept requests of this machine without a token while no token exists.
        most_at_work: The largest number of concurrent requests.
        metrics: Where refusals are counted.
        uses: Where the uses of grants are noted.
        identify: Returns the principal of an OIDC provider's token; None without a provider.
        named: Returns the principal whom a proxy names in a request, if it does.
    """

    def __init__(
        self,
        registry: Registry,
        find_bearer: Callable[[str], Awaitable[Bearer | None]],
        *,
        is_open: bool,
        most_at_work: int,
        metrics: RequestMetrics,
        uses: GrantUses,
        identify: Callable[[str], Awaitable[Principal]] | None = None,
        named: Callable[[Request], Awaitable[Principal | None]] | None = None,
    ) -> None:
        self._registry = registry
        self._find_bearer = find_bearer
        self._identify = identify
        self._uses = uses
        self._named = named
        self._metrics = metrics
        self._unknown = UnknownTokens(metrics)
        self._trusted = Trusted[Caller]()
        self._is_open = is_open
        self._free = most_at_work

    async def __aenter__(self) -> None:
        if not self._free:
            self._metrics.count_refusal(Refusal.PLACES)
            raise ServiceBusyError("the service has too much to do", remedy="Try again in a second")
        self._free -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free += 1

    async def admit(
        self,
        request: Request,
        declared: RouteAccess,
        find_secret: Callable[[Request], str | None] = secret_of,
    ) -> Caller:
        """Return the caller of a request, by the token that a function finds in it.

        Raises:
            NotAuthenticatedError: The service does not know the caller.
            NotPermittedError: The caller may not do this, or not with this model.
        """
        secret = find_secret(request)
        if secret:
            caller = await self.caller_of(secret, request)
        else:
            caller = await self._without_token(request, declared)
        self.permit(caller, request, declared)
        return caller

    def permit(self, caller: Caller, request: Request, declared: RouteAccess) -> None:
        """Require that a caller may do what a route declares, and note the grants that say so.

        The operations check again, and decide. This check refuses before the body is read.

        Raises:
            NotPermittedError: The caller may not do this, or not with this model.
        """
        model = SOME if declared.checks_models else request.path_params.get("name")
        caller.principal.require(declared.permission, model, SOME)
        if used := caller.principal.used_grants(declared.permission, model):
            self._uses.note(used)

    async def caller(self, principal: Principal) -> Caller:
        """Return a principal with the registry as they may use it."""
        names = self._registry.context.names
        if not principal.known_as or is_person(principal.name):  # else nothing is looked up
            principal = await run_in_threadpool(names.principal, principal)
        # Answers are kept and compared with pseudonyms, and get the names when they are sent.
        context = self._registry.context.used_by(principal).with_pseudonyms()
        return Caller(principal, registry_in(context))

    async def caller_of(self, secret: str, request: Request) -> Caller:
        """Return the caller whose bearer token a request has.

        Raises:
            NotAuthenticatedError: No such token is valid.
            ServiceBusyError: The address of the request sent too many unknown tokens.
        """
        if known := self._trusted.fresh(secret):
            return known
        address = request.client.host if request.client else ""
        if not self._trusted.knows(secret):
            self._unknown.require_few(address)
        is_own = secret.startswith(tokens.PREFIX)
        find = self._principal_of_token if is_own else self._principal_of_provider
        try:
            caller = await self.caller(await find(secret))
        except RefusedTokenError as error:
            self._trusted.forget(secret)
            self._unknown.note(address)
            raise unknown_caller(str(error)) from None
        self._trusted.keep(secret, caller)
        return caller

    async def _principal_of_token(self, secret: str) -> Principal:
        bearer = await self._find_bearer(secret)
        if bearer is None:
            raise InvalidTokenError("no such token is valid")
        if is_reserved(bearer.token.principal):  # from before such names were refused
            raise unknown_caller("the token's name is reserved for Pedigree")
        return bearer.principal

    async def _principal_of_provider(self, text: str) -> Principal:
        if self._identify is None:
            raise unknown_caller(f"the header Authorization holds no Bearer {tokens.PREFIX}…")
        return await self._identify(text)

    async def _without_token(self, request: Request, declared: RouteAccess) -> Caller:
        if declared.is_of_log and self._registry.settings.audit_public:
            return await self.caller(MONITOR)
        if self._named is not None:
            try:
                principal = await self._named(request)
            except RefusedTokenError as error:
                raise unknown_caller(str(error)) from None
            if principal is not None:
                return await self.caller(principal)
        if not self._is_open or not is_local(request):
            raise unknown_caller("the request has no token")
        if known := self._trusted.fresh(_NO_SECRET):
            return known
        if await run_in_threadpool(self._registry.operations.tokens.has_tokens):
            raise unknown_caller("the request has no token, and there are tokens now")
        actor = await run_in_threadpool(self._registry.context.actor)
        anybody = await self.caller(Principal(actor=actor, reads_store=False))
        self._trusted.keep(_NO_SECRET, anybody)
        return anybody


class ProtectedRoute(APIRoute):
    """A route that requires the permission that its endpoint declares.

    Raises:
        TypeError: Its endpoint is not marked by :func:`requires`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        declared = getattr(endpoint, "declared", None)
        if declared is None:
            raise TypeError(f"{endpoint.__qualname__} lacks a permission: mark it by @requires(…)")
        self.declared: RouteAccess = declared
        options["tags"] = options["tags"][-1:]  # a route's own tag replaces its router's
        super().__init__(path, endpoint, **options)
        # Probes and scrapers add parameters of their own.
        self.query = QueryRules.of(self.dependant) if path.startswith(PREFIX) else None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with authentication and the limits on bodies."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            return await self.guarded(request, handle)

        return guarded

    async def guarded(
        self, request: Request, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Handle a request: authenticated, received, and within the limits of its sender.

        Args:
            request: The request.
            handle: Gets the request with its whole body, or with its document if that is a form.

        Raises:
            PedigreeError: The caller may not do this, the head or the body is refused, or a limit
                is reached.
        """
        authenticator: Authenticator = request.app.state.authenticator
        bodies: Bodies = request.app.state.bodies
        fair_use: FairUse = request.app.state.fair_use
        declared = self.declared
        # A stream may idle for long, so it does not count as a concurrent request.
        gate = nullcontext() if declared.streams else authenticator
        async with gate:
            # An answer that lasts longer than a token is trusted calls it again.
            request.state.admit = partial(authenticator.admit, request, declared)
            caller = request.state.caller = await request.state.admit()
        if self.query is not None:
            require_text(request)
            self.query.require_known(request.query_params)
        has_files = declared.takes_files and is_form(request)
        if self.body_field is not None and not has_files:
            require_json(request)
        sender = caller.principal.name
        # Not inside the gate: a body that does not arrive must not keep others out.
        most = MOST_FORM_BYTES if has_files else MOST_JSON_BYTES
        received = bodies.received(request, sender, streams=declared.streams, most=most)
        share = fair_use.share(sender, declared.use)
        async with received as complete, share, gate:
            return await handle(await with_document(complete) if has_files else complete)
