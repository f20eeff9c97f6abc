"""A browser without a window: it keeps cookies, opens pages, and sends forms."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

PERSON = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
}
_WITHIN_WORDS = frozenset({"a", "b", "bdi", "code", "span", "time"})
_FORM = "application/x-www-form-urlencoded"


@dataclass
class FoundForm:
    """A form of a page, with the values that it has when the page is opened."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Reads the forms and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FoundForm] = []
        self.words: list[str] = []
        self._is_open = False
        self._select: str | None = None
        self._is_button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._apart(tag)
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_open = True
            self.forms.append(FoundForm(given.get("action", ""), given.get("method", "get")))
        elif self._is_open and tag in ("input", "textarea") and "name" in given:
            is_off = given.get("type") in ("checkbox", "radio") and "checked" not in given
            if not is_off:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif self._is_open and tag == "select":
            self._select = given.get("name")
        elif self._is_open and tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in given or self._select not in fields:
                fields[self._select] = given.get("value", "")
        elif tag == "button":
            self._is_button = True

    def handle_endtag(self, tag: str) -> None:
        self._apart(tag)
        if tag == "form":
            self._is_open = False
        elif tag == "select":
            self._select = None
        elif tag == "button":
            self._is_button = False

    def _apart(self, tag: str) -> None:
        """Keep the words of two blocks apart."""
        if tag not in _WITHIN_WORDS:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._is_button and self._is_open:
            self.forms[-1].buttons.append(data.strip())


def forms_of(text: str) -> list[FoundForm]:
    """The forms of a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms


def words_of(text: str) -> str:
    """What a page says, with single spaces."""
    reader = _Reader()
    reader.feed(re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL))
    return " ".join("".join(reader.words).split())


class Browser:
    """A browser at one service.

    Args:
        url: The address of the service.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.person = PERSON
        self.cookies: dict[str, str] = {}
        self._client = httpx2.Client(timeout=30)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Open a page, and follow no redirect."""
        return self._sent("GET", path, headers, None)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        """Send a form."""
        sent = {"Content-Type": _FORM, **headers}
        return self._sent("POST", path, sent, urlencode(fields).encode())

    def send(self, page: httpx2.Response, place: str, **fields: str) -> httpx2.Response:
        """Fill in and send the form of a page whose action ends in some text."""
        (form,) = [each for each in forms_of(page.text) if each.action.endswith(place)][:1]
        return self.post(form.action, {**form.fields, **fields})

    def sign_in(self, secret: str, way_back: str = "/") -> httpx2.Response:
        """Sign in by a token."""
        page = self.get(f"/sign-in?{urlencode({'next': way_back})}")
        return self.send(page, "/sign-in", token=secret)

    def _sent(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> httpx2.Response:
        known = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**self.person, **({"Cookie": known} if known else {}), **headers}
        answer = self._client.request(method, f"{self.url}{path}", headers=sent, content=content)
        for each in answer.headers.get_list("set-cookie"):
            pair, _, rest = each.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0" in rest.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address, each of which it has once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
