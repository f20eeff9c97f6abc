"""Filters of SCIM find what a loop over the users finds, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.settings import Settings
from tests.server.conftest import serving
from tests.server.provisioning import created, names, provider, refusal, user

USERS = [
    user("ann@example.com", externalId="A-1", emails=[{"value": "ann@example.com"}]),
    user("Ben@Example.com", externalId="a-1", emails=[{"value": "BEN@work.example"}]),
    user("cy", active=False),
    user("ann", externalId='x"y\\z', emails=[{"value": "ann@work.example"}]),
    user("dörte@example.com", externalId="*%_", active=False),
]
ATTRIBUTES = ("userName", "externalId", "emails.value", "emails.type", "active", "emails")
EXACT = {"externalId"}
TEXTS = ("ann", "ANN@example.com", "a-1", "A-1", "@", "work", "", "*%_", 'x"y\\z', "dörte", "cy")


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[httpx2.Client]:
    """A provider that provisioned some users."""
    with serving(settings) as served:
        client = provider(served)
        for each in USERS:
            created(client, "/Users", each)
        yield client


class Naive:
    """A filter as text, and as a question about a user."""

    def __init__(self, text: str, holds: Any) -> None:
        self.text = text
        self.holds = holds

    def __repr__(self) -> str:
        return self.text


def values(document: dict[str, Any], attribute: str) -> list[Any]:
    """The values of an attribute; none if it is not set."""
    if attribute.startswith("emails"):
        part = "type" if attribute == "emails.type" else "value"
        return [{"type": "work", **each}[part] for each in document.get("emails", ())]
    return [document[attribute]] if attribute in document else []


def compared(attribute: str, operator: str, text: str) -> Naive:
    """A comparison of texts: without regard to case, unless the attribute is exact."""

    def key(value: str) -> str:
        return value if attribute in EXACT else value.lower()

    def one(value: str) -> bool:
        found, wanted = key(value), key(text)
        return {
            "eq": found == wanted,
            "co": wanted in found,
            "sw": found.startswith(wanted),
            "ew": found.endswith(wanted),
        }[operator]

    def holds(document: dict[str, Any]) -> bool:
        found = values(document, attribute)
        if operator == "ne":
            return all(key(each) != key(text) for each in found)
        return any(one(each) for each in found)

    return Naive(f"{attribute} {operator} {json.dumps(text)}", holds)


texts = st.builds(
    compared,
    st.sampled_from([each for each in ATTRIBUTES if each != "active"]),
    st.sampled_from(["eq", "ne", "co", "sw", "ew"]),
    st.sampled_from(TEXTS),
)
present = st.builds(
    lambda name: Naive(f"{name} pr", lambda document: any(v != "" for v in values(document, name))),
    st.sampled_from(ATTRIBUTES),
)
active = st.builds(
    lambda wanted: Naive(
        f"active eq {json.dumps(wanted)}", lambda document: document["active"] is wanted
    ),
    st.booleans(),
)
filters = st.recursive(
    st.one_of(texts, present, active),
    lambda inner: st.one_of(
        st.builds(lambda a: Naive(f"not ({a.text})", lambda d: not a.holds(d)), inner),
        st.builds(
            lambda a, b: Naive(f"({a.text}) and ({b.text})", lambda d: a.holds(d) and b.holds(d)),
            inner,
            inner,
        ),
        st.builds(
            lambda a, b: Naive(f"({a.text}) or ({b.text})", lambda d: a.holds(d) or b.holds(d)),
            inner,
            inner,
        ),
    ),
    max_leaves=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(filters)
def test_a_filter_finds_what_a_loop_finds(client: httpx2.Client, asked: Naive) -> None:
    found = names(client.get("/Users", params={"filter": asked.text}))
    assert found == [each["userName"] for each in USERS if asked.holds(each)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "ANN"', ["ann"]),
        ('USERNAME EQ "ann" AND ACTIVE PR', ["ann"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "cy"', ["cy"]),
        ('emails[type eq "work" and value co "@work"]', ["Ben@Example.com", "ann"]),
        ('emails[type eq "work"].value eq "ann@work.example"', ["ann"]),
        ('emails[type eq "home"]', []),
        ('externalId eq "x\\"y\\\\z"', ["ann"]),
        ('userName eq "ann" or 1=1', None),
        ("userName eq 'ann'", None),
        ('userName eq "ann"; DROP TABLE pedigree.principal', None),
        ("userName eq \"' OR '1'='1\"", []),
        ('userName eq "x\' UNION SELECT secret_hash FROM pedigree.access_token --"', []),
        ('userName co "%"', []),
        ('userName eq "\\u0000"', "invalidValue"),
        ('userName eq "\\ud800"', "invalidValue"),
        ('userName co "\\u0000"', []),
        ("password pr", None),
        ('nickName eq "ann"', None),
        ('members eq "x"', None),
        ("active gt true", None),
        ("userName eq true", None),
        ('emails[value eq "a"', None),
        ("", None),
        ("(" * 3000 + "active pr" + ")" * 3000, None),
        ("(" * 100 + 'userName eq "cy"' + ")" * 100, ["cy"]),
        ("not (" * 40 + "active pr" + ")" * 40, None),
        ("active pr" + " or active pr" * 500, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_filter_is_what_it_says_or_is_refused(
    client: httpx2.Client, text: str, found: list[str] | str | None
) -> None:
    answer = client.get("/Users", params={"filter": text})
    if isinstance(found, list):
        assert names(answer) == found
    else:
        assert refusal(answer) == (400, found or "invalidFilter")


def test_a_filter_looks_at_a_bounded_number_of_values(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.server.scim import listing, users

    monkeypatch.setattr(listing, "_MOST_LOOKS", 2 * len(USERS))
    assert len(names(client.get("/Users?filter=active pr or id pr"))) == len(USERS)
    assert refusal(client.get("/Users?filter=active pr or id pr or id pr")) == (400, "tooMany")
    within = client.get("/Users?filter=emails[value pr and (type pr or not (type pr))]")
    assert refusal(within) == (400, "tooMany")
    many = " and ".join(["active pr"] * 9)
    assert names(client.get(f'/Users?filter=userName eq "ann" and {many}')) == ["ann"]
    monkeypatch.setattr(users, "MOST_SEARCHED", len(USERS) - 1)
    assert refusal(client.get("/Users?filter=active pr")) == (400, "tooMany")
    assert names(client.get('/Users?filter=userName eq "cy" and active pr')) == ["cy"]
