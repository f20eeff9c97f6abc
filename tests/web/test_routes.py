"""Laws of the routes of pages; a new page cannot forget one."""

from collections.abc import Iterator
from itertools import combinations

import httpx2
import pytest
from starlette.routing import Route

from pedigree._setting_lists import Door
from pedigree.access.records import Role
from pedigree.server.app import create_app
from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.web.form_tokens import FIELD
from pedigree.server.web.rendering import policy
from pedigree.server.web.routes import PageRoute
from pedigree.server.web.static_files import static_name
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.server.conftest import Served, serving
from tests.server.fuzz import furnish
from tests.server.routes import MISSING, pages, send

# Other doors begin with these, and no page may.
RESERVED = (
    *("api", "ajax-api", "v2", "hf", "log", "health", "version", "get-artifact"),
    "model-versions",
)
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def furnished(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with records of every kind."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        furnish(served.registry, tmp_path_factory.mktemp("furnished"))
        yield served


@pytest.fixture
def reader(furnished: Served) -> httpx2.Client:
    return furnished.client(Role.READER, **PERSON)


def segments(route: Route) -> tuple[str, ...]:
    return tuple(route.path.strip("/").split("/"))


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a path could be of both."""
    if not one or not other:
        return one == other
    if one[0].endswith(":path}") or other[0].endswith(":path}"):
        return True
    is_free = one[0].startswith("{") or other[0].startswith("{")
    return (is_free or one[0] == other[0]) and overlap(one[1:], other[1:])


def routes() -> Iterator[tuple[str, Route]]:
    for route in create_app().routes:
        assert isinstance(route, Route)
        for method in route.methods or ():
            yield method, route


def test_no_two_routes_of_any_doors_match_one_path() -> None:
    assert overlap(("a", "{x}"), ("{y}", "b"))
    assert not overlap(("a", "{x}"), ("a", "b", "c"))
    twice = [
        (method, one.path, other.path)
        for (method, one), (other_method, other) in combinations(routes(), 2)
        if method == other_method
        and overlap(segments(one), segments(other))
        # What is passed on to another server is what no route before has.
        and (one.path.endswith("/{rest:path}") or not other.path.endswith("/{rest:path}"))
    ]
    assert twice == []


def test_no_page_begins_with_what_belongs_to_other_doors_or_with_a_name() -> None:
    for target in pages():
        first = segments(target.route)[0]
        assert first not in RESERVED, target
        assert not first.startswith("{"), target


def test_pages_come_after_the_api_so_that_its_fast_paths_try_as_few_routes_as_before() -> None:
    kinds = [type(route) for route in create_app().routes]
    assert PageRoute in kinds
    assert ProtectedRoute not in kinds[kinds.index(PageRoute) :]


def test_every_page_is_html_to_a_reader_or_refused_in_html(
    furnished: Served, reader: httpx2.Client
) -> None:
    for target in filter(lambda each: each.is_page, pages("GET")):
        for client in (reader, furnished.client(Role.ADMIN, **PERSON)):
            answer = send(client, target)
            known = (200, 403, MISSING.get(target.route.name))
            assert answer.status_code in known, (target, answer.text)
            assert answer.headers["content-type"] == "text/html; charset=utf-8", target
            assert answer.headers["content-security-policy"].startswith(policy()[:200]), target
            assert answer.headers["cache-control"] == "private, no-cache", target
            assert answer.headers["referrer-policy"] == "same-origin", target
            assert answer.text.count("<h1") == 1, target
            assert answer.text.count("<main") == 1, target
            assert " style=" not in answer.text, target


def test_a_person_whom_nobody_knows_is_led_to_the_page_of_sign_in(furnished: Served) -> None:
    nobody = furnished.client(**PERSON)
    for target in pages("GET"):
        answer = send(nobody, target)
        assert answer.status_code == 303, target
        assert answer.headers["location"].startswith("/sign-in"), target
    for target in pages("POST"):
        assert send(nobody, target).status_code == 401, target


def test_a_program_whom_nobody_knows_gets_problem_details(furnished: Served) -> None:
    nobody = furnished.client()
    for target in pages():
        answer = send(nobody, target)
        assert answer.status_code == 401, target
        assert answer.headers["content-type"] == "application/problem+json", target


def test_no_form_is_taken_without_its_token_or_from_another_site(furnished: Served) -> None:
    admin = furnished.client(Role.ADMIN)
    for target in pages("POST"):
        answer = send(admin, target)
        assert (answer.status_code, answer.json()["field"]) == (403, FIELD), target
        for site in ("cross-site", "same-site"):
            answer = send(admin, target, headers={"Sec-Fetch-Site": site})
            assert (answer.status_code, answer.json()["field"]) == (403, "Sec-Fetch-Site"), target


def test_files_of_pages_need_nobody_and_never_change(served: Served) -> None:
    client = served.client()
    for name in ("pedigree.css", "pedigree.js", "icon.svg", "inter.woff2"):
        answer = client.get(f"{served.url}/static/{static_name(name)}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].partition(";")[0] in {
            *("text/css", "text/javascript", "image/svg+xml", "font/woff2")
        }
    for other in ("pedigree.css", "OFL.txt", "..%2Frouting.py", "pedigree.0000000000.css"):
        assert client.get(f"{served.url}/static/{other}").status_code == 404


@pytest.mark.parametrize("door", Door)
def test_a_process_serves_only_the_doors_of_its_setting(settings: Settings, door: Door) -> None:
    with serving(settings.model_copy(update={"doors": (door,)})) as served:
        client = served.client(Role.READER)
        for path, wanted in {
            "/livez": None,
            "/readyz": None,
            "/metrics": None,
            "/api/v1/models": Door.REST,
            "/openapi.json": Door.REST,
            "/docs": Door.REST,
            f"/static/{static_name('pedigree.css')}": Door.WEB,
            "/health": Door.MLFLOW,
        }.items():
            status = client.get(f"{served.url}{path}").status_code
            assert status == (200 if wanted in (None, door) else 404), path


@pytest.mark.parametrize("words", ["rest wbe", "WEB", ""])
def test_a_word_that_is_no_door_fails_at_start_up_with_a_message_that_names_it(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("PEDIGREE_DOORS", words)
    with pytest.raises(
        ValueError, match=r"(not a|no) door of the service; the doors are rest, web and mlflow"
    ):
        Settings()
    monkeypatch.setenv("PEDIGREE_DOORS", "web rest")
    assert Settings().doors == (Door.WEB, Door.REST)
