"""The frame of the door for MLflow: requests, credentials, permissions and errors of its routes."""

import base64
from typing import Any

import httpx2
import pytest

from pedigree._setting_lists import Door
from pedigree.access.records import Permission, Role
from pedigree.server.app import create_app
from pedigree.server.mlflow.routes import AJAX, API, MlflowRoute
from pedigree.settings import Settings
from tests.server.conftest import Served, serving
from tests.server.routes import KNOWN, of_mlflow

SEE = " See the API docs for more information about request parameters."


@pytest.fixture
def admin(served: Served) -> httpx2.Client:
    client = served.client(Role.ADMIN)
    client.base_url = f"{served.url}{API}"
    return client


def sent(client: httpx2.Client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = client.request(method, path, json=body)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


def refusal(message: str, code: str = "INVALID_PARAMETER_VALUE") -> dict[str, str]:
    names = {"RESOURCE_DOES_NOT_EXIST": "RESOURCE_NOT_FOUND"}
    return {
        "error_code": code,
        "message": message,
        "sqlstate": "KAM00",
        "error_class": names.get(code, code),
    }


def test_every_route_exists_below_both_prefixes_and_in_no_openapi_document() -> None:
    app = create_app()
    routes = [each for each in app.routes if isinstance(each, MlflowRoute)]
    paths = {(each.method, each.path) for each in routes}
    below_api = {(m, p.removeprefix(API)) for m, p in paths if p.startswith(f"{API}/")}
    below_ajax = {(m, p.removeprefix(AJAX)) for m, p in paths if p.startswith(f"{AJAX}/")}
    assert below_api == below_ajax != set()
    assert not {path for path in app.openapi()["paths"] if "mlflow" in path}


def test_without_the_door_its_routes_are_404(settings: Settings) -> None:
    doors = (Door.REST, Door.WEB)
    with serving(settings.model_copy(update={"doors": doors})) as served:
        client = served.client(Role.ADMIN)
        for target in of_mlflow():
            answer = client.request(target.method, f"{served.url}{target.path}")
            assert answer.status_code == 404, target
        assert client.get(f"{served.url}/version").status_code == 404


def test_a_request_without_a_field_is_refused_in_the_words_of_mlflow(
    admin: httpx2.Client,
) -> None:
    missing = refusal(f"Missing value for required parameter 'name'.{SEE}")
    for body in ({}, {"name": None}, {"name": ""}, {"other": 1}):
        assert sent(admin, "DELETE", "/registered-models/delete", body) == (400, missing)
    answer = admin.request(
        "POST",
        "/registered-models/alias",
        content=b"not json",
        headers={"content-type": "application/json"},
    )
    assert answer.json() == missing


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [(5, "5", "int"), (["a"], '["a"]', "list"), ({"b": 1}, '{"b":1}', "dict")],
)
def test_a_value_of_a_wrong_type_is_refused_in_the_words_of_mlflow(
    admin: httpx2.Client, value: object, shown: str, kind: str
) -> None:
    message = (
        f"Invalid value {shown} for parameter 'name' supplied:  Hint: Value was of type '{kind}'."
    )
    answer = sent(admin, "DELETE", "/registered-models/delete", {"name": value})
    assert answer == (400, refusal(message + SEE))


def test_types_are_looked_at_only_if_one_is_wrong_somewhere(admin: httpx2.Client) -> None:
    body = {"name": None, "alias": 5, "version": "1"}
    status, answer = sent(admin, "POST", "/registered-models/alias", body)
    assert (status, answer["message"]) == (
        400,
        "Invalid value null for parameter 'name' supplied:  Hint: Value was of type 'NoneType'."
        + SEE,
    )


def test_only_json_is_a_body_of_post(admin: httpx2.Client) -> None:
    answer = admin.post("/registered-models/alias", data={"name": "a"})
    allowed = "Bad Request. Content-Type must be one of ['application/json']."
    assert (answer.status_code, answer.json()) == (400, refusal(allowed))
    bare = admin.post("/registered-models/alias")
    assert bare.json() == refusal("Bad Request. Content-Type header is missing.")
    with_charset = {"content-type": "application/json; charset=utf-8"}
    answer = admin.post("/registered-models/alias", content=b"{}", headers=with_charset)
    assert answer.json()["message"].startswith("Missing value")


def test_old_clients_may_encode_their_object_twice(admin: httpx2.Client) -> None:
    status, answer = sent(admin, "DELETE", "/registered-models/delete", '{"name": "nowhere"}')
    missing = "Registered Model with name=nowhere not found"
    assert (status, answer) == (404, refusal(missing, "RESOURCE_DOES_NOT_EXIST"))


@pytest.mark.parametrize("body", [[], 5, True, 1.5, "[]"])
def test_json_that_is_no_object_is_400(admin: httpx2.Client, body: object) -> None:
    status, answer = sent(admin, "DELETE", "/registered-models/delete", body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "ignored": {"deep": ["\\udfff"]}}',
        b'{"\\u0000": 1, "name": "a"}',
        b'{"name": ' + b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_no_text_may_have_is_400(admin: httpx2.Client, raw: bytes) -> None:
    answer = admin.request(
        "DELETE",
        "/registered-models/delete",
        content=raw,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_password_of_basic_is_a_token(served: Served) -> None:
    secret = served.registry.create_token("basic", roles=[Role.READER]).secret
    url = f"{served.url}{API}/registered-models/delete"

    def status(credential: str) -> int:
        headers = {"authorization": credential.encode("latin-1")}
        with httpx2.Client(headers=headers) as client:
            return client.request("DELETE", url, json={"name": "a"}).status_code

    def basic(text: str) -> str:
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    assert status(basic(f"anybody:{secret}")) == 403
    assert status(basic(f":{secret}")) == 403
    assert status(f"Bearer {secret}") == 403
    for wrong in (basic(f"{secret}:"), basic("a:pdg_no"), basic("a"), "Basic é", "Digest x"):
        assert status(wrong) == 401, wrong


def test_every_route_refuses_whom_it_does_not_know(served: Served) -> None:
    nobody = served.client()
    for target in of_mlflow():
        answer = nobody.request(target.method, f"{served.url}{target.path}")
        assert answer.status_code == 401, target
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"] == 'Basic realm="pedigree", Bearer'


def test_every_route_refuses_a_role_without_its_permission(served: Served) -> None:
    reader = served.client(Role.READER)
    for target in of_mlflow():
        if target.declared.permission is Permission.READ:
            continue
        url = f"{served.url}{target.path}"
        answer = reader.request(target.method, url, params=target.query, json=dict(KNOWN))
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_a_token_for_some_models_may_do_nothing_with_others(served: Served, name: str) -> None:
    served.registry.create_model(name)
    client = served.client(Role.ADMIN, models=("other-*",))
    url = f"{served.url}{API}/registered-models/delete"
    answer = client.request("DELETE", url, json={"name": name})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert served.registry.model(name).name == name


def test_a_workspace_is_refused_but_the_default_one(admin: httpx2.Client) -> None:
    def asked(workspace: str) -> tuple[int, Any]:
        answer = admin.request(
            "DELETE",
            "/registered-models/delete",
            json={"name": "nowhere"},
            headers={"X-MLFLOW-WORKSPACE": workspace},
        )
        return answer.status_code, answer.json()["error_code"]

    assert asked("default") == asked("") == (404, "RESOURCE_DOES_NOT_EXIST")
    assert asked("team-a") == (400, "FEATURE_DISABLED")


def test_an_unknown_endpoint_and_a_wrong_method_are_refused_in_the_form_of_mlflow(
    admin: httpx2.Client,
) -> None:
    status, answer = sent(admin, "GET", "/registered-models/nothing")
    assert (status, answer["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    status, answer = sent(admin, "PUT", "/registered-models/alias", {})
    assert (status, answer["error_code"]) == (405, "ENDPOINT_NOT_FOUND")


def test_a_model_is_deleted_and_an_alias_is_moved_and_deleted(
    served: Served, admin: httpx2.Client, name: str, version: Any
) -> None:
    number = version()
    moved = {"name": name, "alias": "champion", "version": str(number)}
    assert sent(admin, "POST", "/registered-models/alias", moved) == (200, {})
    assert served.registry.model(name).aliases == {"champion": number}
    named = {"name": name, "alias": "champion"}
    assert sent(admin, "DELETE", "/registered-models/alias", named) == (200, {})
    assert sent(admin, "DELETE", "/registered-models/alias", named) == (200, {})
    assert served.registry.model(name).aliases == {}
    assert sent(admin, "DELETE", "/registered-models/delete", {"name": name}) == (200, {})
    missing = refusal(f"Registered Model with name={name} not found", "RESOURCE_DOES_NOT_EXIST")
    assert sent(admin, "DELETE", "/registered-models/delete", {"name": name}) == (404, missing)
    lost = refusal(f"Model Version (name={name}, version=9) not found", "RESOURCE_DOES_NOT_EXIST")
    body = {"name": name, "alias": "a", "version": "9"}
    assert sent(admin, "POST", "/registered-models/alias", body) == (404, lost)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "a/b"}, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ({"alias": "a b"}, "Invalid alias name: 'a b'. Names may only contain"),
        ({"alias": "Latest"}, "'latest' alias name (case insensitive) is reserved."),
        ({"alias": "v1"}, "Version alias name 'v1' is reserved."),
        ({"alias": "a" * 256}, "'Registered model alias name' exceeds the maximum length of 255"),
        ({"version": "abc"}, "Parameter 'version' must be an integer, got 'abc'."),
        (
            {"name": ".."},
            "Invalid value \"..\" for parameter 'name' supplied: Names may be treated",
        ),
    ],
)
def test_values_are_refused_in_the_words_of_mlflow(
    admin: httpx2.Client, body: dict[str, str], message: str
) -> None:
    given = {"name": "churn", "alias": "champion", "version": "1", **body}
    status, answer = sent(admin, "POST", "/registered-models/alias", given)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer["message"].startswith(message)
