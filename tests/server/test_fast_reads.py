"""The fast path answers reads as the framework does."""

from collections.abc import Callable

import httpx2
import pytest

from pedigree.access.records import Role
from tests.server.conftest import Served

# A request with a body, even an empty one, goes through the framework.
ORDINARY = {"Content-Length": "0"}


def both_ways(client: httpx2.Client, path: str, **headers: str) -> tuple[httpx2.Response, ...]:
    return client.get(path, headers=headers), client.get(path, headers={**headers, **ORDINARY})


def comparable(answer: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    changing = {"date", "x-request-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200),
        ("/versions/1", 200),
        ("/aliases/champion", 200),
        ("/aliases/nobody", 404),
        ("/versions/9", 404),
        ("/versions/none", 400),
        ("/versions/+1", 400),
        ("/versions/1_0", 400),
        ("/versions/1.0", 400),
        ("/versions/01", 400),
        ("/versions/%201", 400),
        ("/versions/%D9%A1", 400),
        ("/timeline?limit=%2B1", 400),
        ("/aliases/CHAMPION", 200),
        ("/aliases/" + "a" * 300, 400),
        ("/timeline?limit=1&limit=2", 400),
        ("/timeline?limit=2&limit=0", 400),
        ("/versions/1/explain", 400),
    ],
)
def test_both_paths_give_the_same_answers_and_problems(
    admin: httpx2.Client,
    served: Served,
    version: Callable[..., int],
    name: str,
    path: str,
    status: int,
) -> None:
    version()
    served.registry.set_alias(name, "champion", 1)
    straight, ordinary = both_ways(admin, f"/models/{name}{path}")
    assert straight.status_code == status
    assert comparable(straight) == comparable(ordinary)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=1&count=yes&facets=stage&facets=tag&order_by=version+DESC", 200),
        ("filter=&unknown=1", 400),
        ("filter=&limit=1&limit=1", 400),
        ("filter=colour%20%3D%20%27%C3%A9%27", 422),
        ("facets=stage&facets=colour", 400),
        ("limit=", 400),
        ("count=perhaps", 400),
    ],
)
def test_both_paths_parse_a_query_alike(
    admin: httpx2.Client, version: Callable[..., int], query: str, status: int
) -> None:
    for content in ("a", "b"):
        version(content, tags={"of": content})
    straight, ordinary = both_ways(admin, f"/search?{query}")
    # The service draws the cards of new versions at any time, which is a new revision of each.
    while comparable(straight) != comparable(ordinary) and comparable(ordinary) != comparable(
        both_ways(admin, f"/search?{query}")[1]
    ):
        straight, ordinary = both_ways(admin, f"/search?{query}")
    assert straight.status_code == status
    assert comparable(straight) == comparable(ordinary)


def test_both_paths_answer_304_and_accept_any_etag(
    admin: httpx2.Client, version: Callable[..., int], name: str
) -> None:
    version()
    path = f"/models/{name}/versions/1"
    for known, status in ((admin.get(path).headers["etag"], 304), ("two  spaces", 400)):
        straight, ordinary = both_ways(admin, path, **{"If-None-Match": known})
        assert straight.status_code == status
        assert comparable(straight) == comparable(ordinary)


def test_the_fast_path_requires_a_token(
    served: Served, version: Callable[..., int], name: str
) -> None:
    version()
    others = served.client(Role.READER, models=("other*",))
    for client, status in ((served.client(), 401), (others, 403)):
        straight, ordinary = both_ways(client, f"/models/{name}")
        assert straight.status_code == status
        assert comparable(straight) == comparable(ordinary)
