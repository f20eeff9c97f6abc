"""A version has one text, and one ETag, on every path; a lost connection is not noticed."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.cards.records import CardNotes
from pedigree.catalog.records import ModelVersion
from pedigree.settings import Settings
from tests.factories import free_policy
from tests.server.conftest import Served, serving

Version = Callable[..., int]

# The sessions of the service, but not the one that ends them.
END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""


@pytest.fixture
def champion(served: Served, name: str, version: Version) -> str:
    """A model whose first version is in production and has an alias, both of mixed case."""
    version("a", tags={"team": '\u00e9 \u2028 " \\ \x7f'}, metrics={"auc": 1e300, "low": 1e-7})
    served.registry.set_policy(name, free_policy())
    for stage in ("candidate", "staging", "production"):
        served.registry.promote(f"{name}/1", stage)
    served.registry.set_alias(name, "Champion", 1)
    served.registry.write_card(f"{name}/1", CardNotes(contact="ann"))
    return name


def paths(name: str) -> list[str]:
    """Every way to read the first version, plain ones and others."""
    pointers = ("Champion", "champion", "production", "PRODUCTION", "latest", "LATEST")
    return [
        f"/models/{name}/versions/1",
        *(f"/models/{name}/aliases/{each}" for each in pointers),
        *(f"/models/{name}/stages/{each}" for each in ("production", "Production")),
    ]


def test_a_version_has_one_text_and_one_etag_on_every_path(
    admin: httpx2.Client, served: Served, champion: str
) -> None:
    path = paths(champion)[0]
    while True:
        before = admin.get(path)
        answers = [admin.get(each) for each in paths(champion)]
        answers += [admin.get(each, headers={"Content-Length": "0"}) for each in paths(champion)]
        record = served.registry.get(f"{champion}/1")
        listed = admin.get(f"/models/{champion}/versions").text
        found = admin.get("/search", params={"filter": f"name = '{champion}'"}).text
        # The service draws the version's card at any time, and that is another text.
        if admin.get(path).headers["etag"] == before.headers["etag"]:
            break
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1
    assert ModelVersion.model_validate_json(before.content) == record
    assert listed == f'{{"items":[{before.text}],"next":null}}'
    assert found.startswith(f'{{"records":[{before.text}],')


def test_a_change_answers_with_the_text_and_the_etag_of_the_read_after_it(
    admin: httpx2.Client, champion: str
) -> None:
    path = f"/models/{champion}/versions/1"
    etag = admin.get(path).headers["etag"]
    for number in range(3):
        seen = {"If-Match": etag}
        changed = admin.patch(path, json={"tags": {"n": str(number)}}, headers=seen)
        assert changed.status_code == 200, changed.text
        assert admin.patch(path, json={"owners": ["x"]}, headers=seen).status_code == 412
        read = admin.get(path)
        # The service draws the version's card at any time, and that alone may differ.
        apart = {"model_card_uri": None}
        assert changed.json() | apart == read.json() | apart
        etag = changed.headers["etag"]
    moved = admin.put(
        f"/models/{champion}/aliases/Champion", json={"version": 1}, headers={"If-Match": etag}
    )
    assert moved.status_code == 200, moved.text
    assert admin.patch(path, json={}, headers={"If-Match": "*"}).status_code == 200


def test_what_names_no_version_or_several_has_a_message(
    admin: httpx2.Client, served: Served, name: str, version: Version
) -> None:
    version("a")
    version("b")
    served.registry.set_policy(name, free_policy())
    for number in (1, 2):
        served.registry.promote(f"{name}/{number}", "candidate")
    expected = {
        f"/models/{name}/versions/3": (404, "VersionNotFoundError"),
        f"/models/{name}/aliases/nobody": (404, "AliasNotFoundError"),
        f"/models/{name}/aliases/candidate": (409, "AmbiguousStageError"),
        f"/models/{name}/stages/staging": (404, "StageEmptyError"),
        f"/models/{name.upper()}/versions/1": (404, "ModelNotFoundError"),
        "/models/nobody-here/aliases/champion": (404, "ModelNotFoundError"),
    }
    for path, (status, kind) in expected.items():
        answer = admin.get(path)
        assert (answer.status_code, kind in answer.json()["type"]) == (status, True), answer.text
    newest = admin.get(f"/models/{name}/stages/candidate")
    assert newest.json()["version_id"] == 2


def test_a_limited_token_reads_its_own_models_alone(served: Served, champion: str) -> None:
    own = served.client(Role.READER, models=(f"{champion[:-1]}*",))
    other = served.client(Role.READER, models=("other-*",))
    for path in (*paths(champion), f"/models/{champion}/versions"):
        assert own.get(path).status_code == 200
        refused = other.get(path)
        assert refused.status_code == 403
        assert champion not in json.dumps(refused.json().get("current", ""))


@pytest.fixture
def second(settings: Settings, served: Served) -> Iterator[Served]:
    """Another process's service over the same database."""
    with serving(settings) as other:
        yield other


def test_a_change_by_one_service_is_read_at_once_by_another(
    admin: httpx2.Client, second: Served, champion: str
) -> None:
    elsewhere = second.client(Role.READER)
    path = f"/models/{champion}/versions/1"
    for number in range(20):
        etag = admin.patch(path, json={"description": f"change {number}"}).headers["etag"]
        read = elsewhere.get(f"/models/{champion}/aliases/Champion")
        assert read.json()["description"] == f"change {number}"
        assert admin.patch(path, json={}, headers={"If-Match": etag}).status_code == 200


def test_reads_in_progress_survive_the_end_of_every_session(
    admin: httpx2.Client, served: Served, champion: str
) -> None:
    path = f"/models/{champion}/aliases/Champion"
    expected = admin.get(path).json()["version_id"]

    def read(_: int) -> tuple[int, int]:
        answer = admin.get(path)
        return answer.status_code, answer.json().get("version_id")

    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            reads = pool.map(read, range(60))
            served.registry.database.fetch_all(END_SESSIONS)
            assert set(reads) == {(200, expected)}
