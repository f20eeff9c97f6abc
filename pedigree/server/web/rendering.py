"""Templates become answers: escaped, compressed, with an ETag, and a policy for the browser."""

import gzip
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as TemplateContext
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from pedigree.server.http.etags import etag_of, is_known
from pedigree.server.web import words
from pedigree.server.web.escaping import PageContext, PageGenerator, escaped
from pedigree.server.web.form_tokens import FIELD, KEY_FIELD, PLACE, FormKey, new_key
from pedigree.server.web.static_files import accepts_gzip, static_name

# Pages change, and belong to who asked for them.
_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
_LEAST_COMPRESSED = 1_000
# Templates use one processor, whatever the number of threads: one after the other, each is done
# sooner, and threads that only wait for the database get their turn.
_RENDERING = Lock()


def policy(issuers: tuple[str, ...] = ()) -> str:
    """Return the content security policy of a page.

    Args:
        issuers: Origins that a form of the page leads to by a redirect; Chromium applies the
            policy to that as well.
    """
    forms = " ".join(("'self'", *issuers))
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self';"
        f" connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


class PageEnvironment(Environment):
    """The templates of pages."""

    code_generator_class = PageGenerator
    context_class = PageContext
    escaped = staticmethod(escaped)


@cache
def environment() -> Environment:
    """Return the templates, compiled once in each process."""
    made = PageEnvironment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(words.FILTERS, held=_held, moment=_moment)
    # A page with the key of a form differs each time, so that no browser shows a used one again.
    made.globals.update(
        static=static_name,
        form_token=Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, PLACE),
        form_key=lambda: Markup('<input type="hidden" name="{}" value="{}">').format(
            KEY_FIELD, new_key()
        ),
    )
    return made


def page(
    request: Request,
    template: str,
    context: dict[str, Any],
    *,
    form_key: FormKey,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """Render a template as the answer to a request; 304 if the caller already has it.

    Tokens of forms differ in every answer, so the ETag is that of the page before they are put
    in.

    Args:
        request: The request.
        template: The name of the template.
        context: What it shows.
        form_key: Makes the tokens of its forms.
        status: The status of the answer.
        headers: Further headers, such as another policy.
    """
    with _RENDERING:
        text = environment().get_template(template).render(context)
    known = {"Content-Security-Policy": policy(), **_CACHING, **_ISOLATED, **(headers or {})}
    if status == 200:
        known["ETag"] = etag_of(text.encode())
        if is_known(request.headers.get("if-none-match"), known["ETag"]):
            return Response(status_code=304, headers=known)
    body = text.replace(PLACE, form_key.token()).encode() if PLACE in text else text.encode()
    if len(body) >= _LEAST_COMPRESSED and accepts_gzip(request):
        known["Content-Encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=4, mtime=0)
    return Response(body, status, headers=known, media_type="text/html; charset=utf-8")


def part(template: str, context: dict[str, Any]) -> Markup:
    """Return a part of a page."""
    return Markup(environment().get_template(template).render(context))  # noqa: S704


_ISOLATED = {"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"}


def now_of(context: TemplateContext) -> datetime:
    """Return the time of a page: all its ages are counted to one moment."""
    now: datetime = context["now"]
    return now


@pass_context
def _held(context: TemplateContext, since: datetime | None) -> str:
    return words.held(since, now_of(context))


@pass_context
def _moment(context: TemplateContext, at: datetime | None) -> Markup:
    return words.moment(at, now_of(context))


def clock() -> datetime:
    """Return the time to which a page counts ages."""
    return datetime.now(UTC)
