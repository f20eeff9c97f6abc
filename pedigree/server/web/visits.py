"""A visit: one request of a page, with who opens it, and the answers that a page gives."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pedigree.access.principal import Principal
from pedigree.errors import InvalidInputError, PedigreeError
from pedigree.lifecycle.awaited_decisions import AwaitedDecisions
from pedigree.registry import Registry, registry_in
from pedigree.server.http.idempotency import Answer, Key, once
from pedigree.server.http.problems import status_of
from pedigree.server.web.form_tokens import FIELD, KEY_FIELD
from pedigree.server.web.forms import fields_of
from pedigree.server.web.frame import Frame
from pedigree.server.web.issuers import policy_for
from pedigree.server.web.links import Links
from pedigree.server.web.live_page import LivePage, Watched
from pedigree.server.web.rendering import clock, page
from pedigree.server.web.visitors import Visitor, awaited_by

T = TypeVar("T")


class Visit:
    """One request of a page.

    Args:
        request: The request.
        visitor: Who opens the page.
        body: The body of a form; empty for a page that is only read.
    """

    def __init__(self, request: Request, visitor: Visitor, body: bytes = b"") -> None:
        self.request = request
        self.visitor = visitor
        self.body = body
        self.refused: PedigreeError | None = None
        """Why the form was refused that the page shows again."""
        self.awaited: AwaitedDecisions | None = None
        """What waits for the visitor, and as of which event; None if they may read no model."""

    def look_around(self) -> None:
        """Read what every page shows, before the page reads anything else.

        So all events of which the page may lack something come after the place that it has.
        """
        self.awaited = self.request.state.awaited = awaited_by(self.visitor)

    @cached_property
    def registry(self) -> Registry:
        """The registry with the permissions of the visitor; it names people."""
        return registry_in(self.visitor.caller.registry.context.with_names())

    @property
    def principal(self) -> Principal:
        """The visitor."""
        return self.visitor.caller.principal

    @property
    def query(self) -> QueryParams:
        """The query of the page's URL."""
        return self.request.query_params

    @cached_property
    def now(self) -> datetime:
        """The time to which the page counts ages."""
        return clock()

    @cached_property
    def links(self) -> Links:
        """Links to other pages."""
        return Links(self.request.scope, self.request.app.state.dagster_address.of(self.request))

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of the form that was sent.

        Raises:
            InvalidInputError: It is not a form, or a field is there twice.
        """
        return fields_of(self.body)

    @property
    def typed(self) -> Mapping[str, str]:
        """What a form begins with: what was sent if it was refused, else what the URL says."""
        return self.query if self.refused is None else self.form

    def require_own_form(self) -> None:
        """Require that a page of ours sent the form, in this browser.

        Raises:
            NotPermittedError: Another site sent it, or it was made for another session.
        """
        self.visitor.form_key.require(self.form.get(FIELD))

    def page(
        self,
        template: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        watches: Sequence[Watched] | None = None,
        lists: bool = False,
        **context: Any,
    ) -> Response:
        """Answer with a template.

        Args:
            template: The name of the template.
            status: The status of the answer; that of the error if a form was refused.
            headers: Further headers, which replace those of every page.
            watches: The models or versions that it shows; those of its path when None.
            lists: It lists requests for stages.
            context: What the template shows.
        """
        status = status or self._status
        frame = Frame.of(self.visitor, self.request.url.path, self.awaited)
        known = {"links": self.links, "frame": frame, "now": self.now, "query": self.query}
        if self.awaited is not None and self.request.method == "GET" and status == 200:
            known["live"] = LivePage.of(self.request, self.awaited.place, watches, lists=lists)
        return page(
            self.request,
            template,
            {**known, **context},
            form_key=self.visitor.form_key,
            status=status,
            headers={**policy_for(self.request, self.visitor.session), **(headers or {})},
        )

    @property
    def _status(self) -> int:
        return 200 if self.refused is None else status_of(self.refused)

    def act(self, work: Callable[[Registry], object], then: str) -> Response:
        """Do what a form asks for, once for each form, and lead to a page.

        Args:
            work: Called with the visitor's registry, within a transaction.
            then: The link that the browser follows.

        Raises:
            RequestInFlightError: The same form is being processed.
            KeyReusedError: The form's key came with other fields before.
        """
        self.once(work)
        return self.lead_to(then)

    def once(self, work: Callable[[Registry], T]) -> T | None:
        """Do what a form asks for, once for each form; None if it was done before.

        The form's key and the work are one transaction.

        Args:
            work: Called with the visitor's registry, within a transaction.

        Raises:
            RequestInFlightError: The same form is being processed.
            KeyReusedError: The form's key came with other fields before.
        """
        given = self.form.get(KEY_FIELD)
        if not given:
            raise InvalidInputError(
                "is missing", field=KEY_FIELD, remedy="Open the page again, and send its form"
            )
        key = Key(self.principal.name, given, self._fingerprint())

        def joined(registry: Registry) -> T | None:
            results: list[T] = []

            def done() -> Answer:
                results.append(work(registry))
                return Answer(303, {}, b"")

            registry.database.read(lambda transaction: once(transaction, key, done))
            return results[0] if results else None

        return self.registry.context.transaction(lambda context: joined(registry_in(context)))

    def lead_to(self, link: str) -> Response:
        """Lead the browser to another page."""
        return RedirectResponse(link, status_code=303, headers={"Cache-Control": "no-store"})

    def _fingerprint(self) -> bytes:
        """Return what a form with one key must repeat; its token differs each time."""
        fields = sorted((name, value) for name, value in self.form.items() if name != FIELD)
        return hashlib.sha256(repr((self.request.url.path, fields)).encode()).digest()
