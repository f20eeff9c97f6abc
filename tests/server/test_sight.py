"""No route answers with a version of a model that the token is not for."""

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from pedigree.access.records import Role
from pedigree.contract.paths import PREFIX
from pedigree.server.app import create_app
from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.web.routes import PageRoute
from tests.access.test_sight import leaks, make_family
from tests.server.conftest import Served

KNOWN = {
    "version": "1",
    "alias": "best",
    "stage": "production",
    "path": "model.bin",
    "digest": "sha256:" + "0" * 64,
    "upload_id": "00000000-0000-4000-8000-000000000000",
}
ASKED = {
    "a": "churn/1",
    "b": "churn/2",
    "to": "staging",
    "stage": "staging",
    "asset": "models/secret",
    "moment": "2026-03-01T12:00:00Z",
}


def path_of(route: Route, name: str) -> str:
    path = route.path_format
    path = path.removeprefix(PREFIX) if path.startswith(PREFIX) else f"/../..{path}"
    for parameter in route.param_convertors:
        path = path.replace(f"{{{parameter}}}", {**KNOWN, "name": name}.get(parameter, "1"))
    return path


def test_no_route_answers_with_a_version_of_another_model(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Staleness asks the asset graph, whose Dagster instance is in the home of the environment.
    monkeypatch.setenv("PEDIGREE_HOME", str(served.registry.settings.home_folder))
    family = make_family(served.registry, tmp_path)
    client = served.client(Role.ADMIN, models=("churn*",))
    routes = [
        route
        for route in create_app().routes
        if isinstance(route, ProtectedRoute | PageRoute) and "GET" in (route.methods or ())
    ]
    assert len(routes) > 40
    statuses, found = [], {}
    for route in routes:
        asked = route.dependant.query_params if isinstance(route, APIRoute) else ()
        required = {each.alias for each in asked if each.field_info.is_required()}
        query = {name: value for name, value in ASKED.items() if name in required}
        for name in ("churn", "secret"):
            if isinstance(route, PageRoute) or route.path_format.startswith(PREFIX):
                answer = client.get(path_of(route, name), params=query)
                statuses.append(answer.status_code)
                # An answer may repeat the asset that was asked for.
                text = answer.text.replace(query.get("asset", "\0"), "")
                if marks := leaks(family, text + str(answer.headers)):
                    found[route.path_format, name] = marks
    assert found == {}
    assert statuses.count(200) > 20
