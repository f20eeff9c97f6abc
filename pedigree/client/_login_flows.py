"""The two ways to log in: a browser with PKCE (RFC 7636, RFC 8252), or a device (RFC 8628)."""

import base64
import hashlib
import hmac
import html
import json
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pedigree.client._identity_provider import IdentityProvider, TokenRefusal, failed, require_tls

_CALLBACK = "callback"
_WAIT_S = 300.0
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_INTERVAL_S = 60.0
_AGAIN = "Run `pedigree login` again"


def by_browser(provider: IdentityProvider, open_page: Callable[[str], object]) -> dict[str, Any]:
    """Log in with a browser on this machine, and return the provider's answer with tokens.

    Args:
        provider: The provider.
        open_page: Opens a URL in the browser.

    Raises:
        LoginFailedError: The person refuses, the answer is not of this login, or nobody answers.
    """
    if provider.authorization is None:
        raise failed("the provider has no page for browsers", "Use --device")
    verifier, state, nonce = (secrets.token_urlsafe(48) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    with _Callback() as callback:
        asked = {
            "response_type": "code",
            "client_id": provider.offer.client_id,
            "redirect_uri": callback.url,
            "scope": " ".join(provider.offer.scopes),
            "resource": provider.offer.audience,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
            "prompt": "consent",
        }
        mark = "&" if urlsplit(provider.authorization).query else "?"
        open_page(f"{provider.authorization}{mark}{urlencode(asked)}")
        code = _code(callback.wait(), provider, state)
        answered = _answered(
            provider.ask(
                provider.token,
                grant_type="authorization_code",
                code=code,
                redirect_uri=callback.url,
                code_verifier=verifier,
                resource=provider.offer.audience,
            )
        )
    _require_nonce(answered, nonce)
    return answered


def by_device(provider: IdentityProvider, show: Callable[[str, str], object]) -> dict[str, Any]:
    """Log in with a browser anywhere, and return the provider's answer with tokens.

    Args:
        provider: The provider.
        show: Shows the person a URL and a code.

    Raises:
        LoginFailedError: The provider has no such flow, the person refuses, or nobody answers.
    """
    if provider.device is None:
        raise failed("the provider does not log in devices", "Run it where there is a browser")
    begun = _answered(
        provider.ask(
            provider.device,
            scope=" ".join(provider.offer.scopes),
            resource=provider.offer.audience,
        ),
        "device_code",
    )
    page = str(begun.get("verification_uri_complete") or begun.get("verification_uri"))
    require_tls(page)
    show(page, str(begun.get("user_code")))
    interval = min(float(begun.get("interval", 5)), _LONGEST_INTERVAL_S)
    until = monotonic() + min(float(begun.get("expires_in", _WAIT_S)), _WAIT_S)
    while monotonic() < until:
        sleep(interval)
        answer = provider.ask(
            provider.token, grant_type=_DEVICE, device_code=str(begun["device_code"])
        )
        if not isinstance(answer, TokenRefusal):
            return _answered(answer)
        if answer.error == "slow_down":
            interval = min(interval + 5, _LONGEST_INTERVAL_S)
        elif answer.error != "authorization_pending":
            raise failed(f"the provider refused: {_code_of(answer)}", _AGAIN)
    raise failed("nobody confirmed the code in time", _AGAIN)


def _answered(
    answer: dict[str, Any] | TokenRefusal, required: str = "access_token"
) -> dict[str, Any]:
    if isinstance(answer, TokenRefusal):
        raise failed(f"the provider refused: {_code_of(answer)}", _AGAIN)
    if not isinstance(answer.get(required), str):
        raise failed(f"the provider answered without {required}")
    return answer


def _code_of(refusal: TokenRefusal) -> str:
    return refusal.error[:100] if refusal.error.isprintable() else "an unreadable error"


def _code(query: dict[str, str], provider: IdentityProvider, state: str) -> str:
    """Return the code of the answer that a browser brought."""
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        raise failed("the answer belongs to another login", _AGAIN)
    issuer = query.get("iss")
    if issuer != provider.offer.issuer and (issuer is not None or provider.states_issuer):
        raise failed("the answer is of another provider", _AGAIN)
    if "error" in query:
        raise failed(f"the provider refused: {_code_of(TokenRefusal(query['error']))}", _AGAIN)
    if "code" not in query:
        raise failed("the answer has no code", _AGAIN)
    return query["code"]


def _require_nonce(answered: dict[str, Any], nonce: str) -> None:
    """Compare the nonce of the ID token, which came over TLS from the provider itself."""
    text = answered.get("id_token")
    if text is None:
        return
    try:
        part = str(text).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        given = str(claims["nonce"])
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        given = ""
    if not hmac.compare_digest(given.encode(), nonce.encode()):
        raise failed("the ID token belongs to another login", _AGAIN)


class _Callback:
    """A server on a free port of this machine that waits for the browser's answer."""

    def __enter__(self) -> "_Callback":
        self._query: dict[str, str] | None = None
        waiting = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path != f"/{_CALLBACK}":
                    self.send_error(404)
                    return
                found = parse_qs(parts.query, keep_blank_values=True)
                # A parameter that is given twice has no value.
                waiting._query = {name: each[0] for name, each in found.items() if len(each) == 1}
                text = "You can close this page and go back to the terminal."
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", "default-src 'none'")
                self.end_headers()
                self.wfile.write(f"<!doctype html><p>{html.escape(text)}</p>".encode())

            def log_message(self, *_: object) -> None:
                """Log nothing: the code is in the path."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.timeout = 1.0
        self.url = f"http://127.0.0.1:{self._server.server_port}/{_CALLBACK}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self) -> dict[str, str]:
        """Return the parameters of the answer.

        Raises:
            LoginFailedError: There is none in time.
        """
        until = monotonic() + _WAIT_S
        while self._query is None:
            if monotonic() > until:
                raise failed("the browser brought no answer in time", _AGAIN)
            self._server.handle_request()
        return self._query
