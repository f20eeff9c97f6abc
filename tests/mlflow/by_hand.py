"""Requests by hand: every route with each of its fields missing, null and of wrong types."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.mlflow.sides import API, Sent

AJAX = "/ajax-api/2.0/mlflow"


class Hand(NamedTuple):
    """A route with a request that it accepts."""

    method: str
    path: str
    fields: dict[str, Any]

    @property
    def is_query(self) -> bool:
        """Whether the fields go into the query."""
        return self.method == "GET"

    def sent(self, fields: dict[str, Any], prefix: str = API) -> Sent:
        """Return the request with some fields."""
        path = f"{prefix}/{self.path}"
        if not self.is_query:
            return Sent(self.method, path, body=fields)
        query = tuple((name, value) for name, value in fields.items() if isinstance(value, str))
        return Sent(self.method, path, query)


PREPARED = (
    Sent("POST", f"{API}/registered-models/create", body={"name": "hand", "description": "d"}),
    *(
        Sent("POST", f"{API}/model-versions/create", body={"name": "hand", "source": source})
        for source in ("s3://bucket/one", "s3://bucket/two", "s3://bucket/two")
    ),
    Sent(
        "POST",
        f"{API}/registered-models/alias",
        body={"name": "hand", "alias": "champion", "version": "2"},
    ),
)
"""What the requests below are about."""

HANDS = (
    Hand(
        "POST",
        "registered-models/create",
        {"name": "made", "tags": [{"key": "k", "value": "v"}], "description": "d"},
    ),
    Hand("GET", "registered-models/get", {"name": "hand"}),
    Hand("PATCH", "registered-models/update", {"name": "hand", "description": "new"}),
    Hand("POST", "registered-models/rename", {"name": "made", "new_name": "renamed"}),
    Hand("DELETE", "registered-models/delete", {"name": "renamed"}),
    Hand("POST", "registered-models/get-latest-versions", {"name": "hand", "stages": ["None"]}),
    Hand("GET", "registered-models/get-latest-versions", {"name": "hand", "stages": "None"}),
    Hand("POST", "registered-models/set-tag", {"name": "hand", "key": "a", "value": "b"}),
    Hand("DELETE", "registered-models/delete-tag", {"name": "hand", "key": "a"}),
    Hand(
        "POST", "registered-models/alias", {"name": "hand", "alias": "challenger", "version": "1"}
    ),
    Hand("GET", "registered-models/alias", {"name": "hand", "alias": "champion"}),
    Hand("DELETE", "registered-models/alias", {"name": "hand", "alias": "challenger"}),
    Hand(
        "POST",
        "model-versions/create",
        {
            "name": "hand",
            "source": "s3://bucket/three",
            "run_id": "",
            "run_link": "http://runs/1",
            "description": "third",
            "tags": [{"key": "k", "value": "v"}],
            "model_id": "",
        },
    ),
    Hand("GET", "model-versions/get", {"name": "hand", "version": "1"}),
    Hand("PATCH", "model-versions/update", {"name": "hand", "version": "1", "description": "x"}),
    Hand(
        "POST",
        "model-versions/transition-stage",
        {
            "name": "hand",
            "version": "1",
            "stage": "Staging",
            "archive_existing_versions": False,
        },
    ),
    Hand("GET", "model-versions/get-download-uri", {"name": "hand", "version": "1"}),
    Hand(
        "POST",
        "model-versions/set-tag",
        {"name": "hand", "version": "1", "key": "a", "value": "b"},
    ),
    Hand("DELETE", "model-versions/delete-tag", {"name": "hand", "version": "1", "key": "a"}),
    Hand("DELETE", "model-versions/delete", {"name": "hand", "version": "3"}),
    Hand("GET", "registered-models/search", {"filter": "name = 'hand'", "max_results": "10"}),
    Hand("GET", "model-versions/search", {"filter": "name = 'hand'", "max_results": "10"}),
)
"""Each route once; in this order every request is accepted."""

WRONG: tuple[Any, ...] = (None, "", "  ", 5, 1.5, True, ["x"], {"y": 1}, "nothing/such")
WORDS = ("", "  ", "nothing/such", "a:b", "-1", "1e3", "true", "9" * 30)
BODIES = ("", "no json", "[]", "5", "null", "true", '"{}"', '{"name": "hand"', '"text"')
TYPES = ("text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "")


def requests_by_hand() -> Iterator[Sent]:
    """Yield all requests, the prepared ones first."""
    yield from PREPARED
    for hand in HANDS:
        yield hand.sent(hand.fields)
    for hand in HANDS:
        yield from _wrong_fields(hand)
        yield hand.sent({**hand.fields, "name": "nowhere", "unknown": "ignored"})
        if not hand.is_query:
            yield from _wrong_bodies(hand)
    for hand in HANDS:
        yield hand.sent(hand.fields, AJAX)
    yield from _unroutable()


def _wrong_fields(hand: Hand) -> Iterator[Sent]:
    for name in hand.fields:
        yield hand.sent({key: value for key, value in hand.fields.items() if key != name})
        values = WORDS if hand.is_query else WRONG
        if name == "model_id":  # MLflow looks for a text among its own logged models
            values = tuple(each for each in WRONG if not isinstance(each, str))
        for value in values:
            yield hand.sent({**hand.fields, name: value})
        if hand.is_query:
            sent = hand.sent(hand.fields)
            yield sent._replace(query=(*sent.query, (name, "twice")))
    yield hand.sent({})


def _wrong_bodies(hand: Hand) -> Iterator[Sent]:
    path = f"{API}/{hand.path}"
    for raw in BODIES:
        yield Sent(hand.method, path, raw=raw, headers=(("Content-Type", "application/json"),))
    for kind in TYPES:
        headers = (("Content-Type", kind),) if kind else ()
        yield Sent(hand.method, path, raw='{"name": "nowhere"}', headers=headers)
    twice = '"{\\"name\\": \\"nowhere\\"}"'
    yield Sent(hand.method, path, raw=twice, headers=(("Content-Type", "application/json"),))


def _unroutable() -> Iterator[Sent]:
    yield Sent("GET", f"{API}/registered-models/nothing")
    yield Sent("PUT", f"{API}/registered-models/get")
    yield Sent("GET", "/version")
    yield Sent("GET", "/health")
    named = (("X-MLFLOW-WORKSPACE", "team-a"),)
    yield Sent("GET", f"{API}/registered-models/get", (("name", "hand"),), headers=named)
