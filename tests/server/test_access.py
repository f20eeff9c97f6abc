"""Which requests are authenticated, independently of other errors in the request."""

from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest
from fastapi import APIRouter
from starlette.routing import Route

from pedigree.access.records import Permission, Role
from pedigree.errors import InvalidInputError
from pedigree.registry import Registry
from pedigree.server.app import create_app
from pedigree.server.http.auth import PREFIX, ProtectedRoute, requires
from pedigree.server.mlflow.routes import MlflowRoute
from pedigree.server.serve import require_guarded
from pedigree.server.web.form_tokens import FIELD
from pedigree.server.web.routes import PageRoute, Pages
from pedigree.settings import Settings
from tests.access.rights import table
from tests.server.conftest import Served, serving


def filled(route: Route) -> str:
    """The path of a route with values for its parameters, below or above the prefix."""
    path = route.path_format
    path = path.removeprefix(PREFIX) if path.startswith(PREFIX) else f"/../..{path}"
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", "1")
    return path


def guarded_routes() -> list[ProtectedRoute | PageRoute]:
    return [route for route in create_app().routes if isinstance(route, ProtectedRoute | PageRoute)]


def is_refused(answer: httpx2.Response) -> bool:
    """Whether the caller may not do it; a form without its token is refused to everybody."""
    return answer.status_code == 403 and answer.json().get("field") != FIELD


def test_every_route_but_of_health_documents_and_files_is_guarded() -> None:
    open_paths = {
        getattr(route, "path", None)
        for route in create_app().routes
        if not isinstance(route, ProtectedRoute | PageRoute | MlflowRoute)
    }
    documents = {"/livez", "/readyz", "/openapi.json", "/docs", "/docs/{file}", "/static/{file}"}
    # The token of the workload itself is in the body of an exchange; who logs in has none yet.
    signing = {"/sign-in", "/sign-in/issuer", "/sign-in/callback", "/sign-out"}
    # What clients of MLflow ask before they send a token, which says nothing of the registry.
    of_mlflow = {"/version", "/health"}
    of_mlflow |= {f"/{way}/3.0/mlflow/server-info" for way in ("api", "ajax-api")}
    assert open_paths == {*documents, *signing, *of_mlflow, "/api/v1/token", "/api/v1/login"}


def test_a_route_that_declares_no_permission_fails_at_start_up() -> None:
    router = APIRouter(route_class=ProtectedRoute)
    with pytest.raises(TypeError, match="lacks a permission"):
        router.get("/forgotten")(lambda: None)
    router.get("/declared")(requires(Permission.READ)(lambda: None))


def test_a_page_that_declares_no_permission_fails_at_start_up() -> None:
    pages = Pages()
    for declare in (pages.get("/forgotten"), pages.post("/forgotten", again=lambda visit: visit)):
        with pytest.raises(TypeError, match="lacks a permission"):
            declare(lambda visit: visit.lead_to("/"))


def test_a_token_of_before_with_a_name_of_pedigree_s_own_is_refused(served: Served) -> None:
    client = served.client(Role.ADMIN)
    statements = (
        "ALTER TABLE pedigree.access_token DROP CONSTRAINT access_token_principal_not_reserved",
        "UPDATE pedigree.access_token SET principal = 'service:reconciler'"
        " WHERE token_id = (SELECT max(token_id) FROM pedigree.access_token)",
        "ALTER TABLE pedigree.access_token ADD CONSTRAINT access_token_principal_not_reserved"
        " CHECK (revoked_at IS NOT NULL OR lower(principal) !~ '^(sensor|service):') NOT VALID",
    )
    for statement in statements:
        served.registry.database.transaction(lambda t, sql=statement: t.execute(sql))
    answer = client.get("/models")
    assert answer.status_code == 401
    assert "reserved for Pedigree" in answer.json()["detail"]


def test_requests_without_a_valid_token_are_refused(served: Served) -> None:
    revoked = served.client(Role.ADMIN)
    served.registry.revoke_token(served.registry.tokens()[-1].token_id)
    nobody = served.client()
    forged = served.client(Authorization="Bearer pdg_guessed")
    other = served.client(Authorization="Basic YTpi")
    sent = 0
    for client in (nobody, forged, other, revoked):
        for route in guarded_routes():
            for method in route.methods or ():
                # Of one address, fewer unknown tokens are looked up.
                client.headers["X-Forwarded-For"] = f"192.0.2.{sent // 100}"
                sent += 1
                answer = client.request(method, filled(route))
                assert answer.status_code == 401, (method, route.path, answer.text)
    problem = nobody.get("/models").json()
    assert problem["type"] == "urn:pedigree:error:NotAuthenticatedError"
    assert "pedigree token create" in problem["fix"]
    assert nobody.get("/models").headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", list(Role))
def test_a_role_gets_to_the_routes_of_the_table_and_to_no_others(
    served: Served, role: Role
) -> None:
    client, rights = served.client(role), table()
    for route in guarded_routes():
        for method in (route.methods or set()) - {"HEAD"}:
            refused = is_refused(client.request(method, filled(route)))
            allowed = rights[f"{method} {route.path}"][role].every
            assert refused == (allowed == "N"), (method, route.path)


def test_a_token_for_other_models_gets_to_no_route_that_the_table_refuses(served: Served) -> None:
    client, rights = served.client(Role.ADMIN, models=("other*",)), table()
    for route in guarded_routes():
        for method in (route.methods or set()) - {"HEAD"}:
            if rights[f"{method} {route.path}"][Role.ADMIN].foreign == "N":
                answer = client.request(method, filled(route))
                assert is_refused(answer), (method, route.path)


def test_promotion_is_separate_for_each_stage(served: Served, version: Callable[..., int]) -> None:
    version()
    (model,) = served.registry.models(limit=1)
    path = f"/models/{model.name}"
    grant = served.registry.grant_access("deployer", "stager", stages=["staging"])
    secret = served.registry.create_token("stager").secret
    client = served.client(Authorization=f"Bearer {secret}")
    decision = {"approved": True, "comment": "fine"}
    requests: dict[str, tuple[str, str, dict[str, object]]] = {
        "promote": ("POST", f"{path}/versions/1/stage", {}),
        "rollback": ("POST", f"{path}/rollback", {}),
        "approve": ("POST", f"{path}/versions/1/approvals", decision),
        "reject": ("POST", f"{path}/versions/1/approvals", {**decision, "approved": False}),
        "request_stage": ("POST", f"{path}/versions/1/stage", {"request": True}),
        "retry_promotion": ("POST", f"{path}/versions/1/retries", {}),
        "withdraw_request": ("DELETE", f"{path}/versions/1/requests/{{stage}}", {}),
    }
    for verb, (method, url, body) in requests.items():
        for stage, allowed in table()[verb][Role.DEPLOYER]._asdict().items():
            if stage not in ("staging", "production"):
                continue
            sent = {"json": {"stage": stage, **body}} if method == "POST" else {}
            answer = client.request(method, url.format(stage=stage), **sent)
            assert (answer.status_code == 403) == (allowed == "N"), (verb, stage, answer.text)
    served.registry.end_grant(grant.grant_id)


def test_a_grant_and_its_end_take_effect_within_a_second(served: Served) -> None:
    secret = served.registry.create_token("granted").secret
    client = served.client(Authorization=f"Bearer {secret}")
    assert client.get("/models").status_code == 403
    grant = served.registry.grant_access("reader", "granted")
    while (answer := client.get("/models")).status_code == 403:
        pass
    assert answer.status_code == 200
    ended = served.registry.end_grant(grant.grant_id).ended_at
    assert ended is not None
    while client.get("/models").status_code == 200:
        pass
    now = served.registry.database.fetch_all("SELECT clock_timestamp() AS now")[0]["now"]
    assert now - ended < timedelta(seconds=1)


def test_the_last_use_of_a_grant_is_noted(served: Served) -> None:
    grant = served.registry.grant_access("reader", "user").grant_id
    unused = served.registry.grant_access("deployer", "user").grant_id
    client = served.client(Authorization=f"Bearer {served.registry.create_token('user').secret}")
    assert client.get("/models").status_code == 200
    while (found := used(served))[grant] is None:
        pass
    assert found[unused] is not None, "a deployer reads as well"
    assert client.get("/tokens").status_code == 403
    shared = served.registry.grant_access("auditor", "user", models=["x"]).grant_id
    assert used(served)[shared] is None


def used(served: Served) -> dict[int, object]:
    """The last use of each grant."""
    return {each.grant_id: each.last_used_at for each in served.registry.access_grants()}


def test_a_denial_overrides_what_a_token_has(served: Served) -> None:
    client = served.client(Role.ADMIN)
    principal = served.registry.tokens()[-1].principal
    served.registry.create_model("secret-plan")
    denial = served.registry.grant_access("admin", principal.upper(), models=["secret*"], deny=True)
    while client.get("/models/secret-plan").status_code == 200:
        pass
    refused = client.get("/models/secret-plan")
    assert refused.status_code == 403
    assert f"grant {denial.grant_id} denies" in refused.json()["detail"]
    assert client.get("/models/%EF%BD%93ecret-plan").status_code == 403
    assert "secret-plan" not in [each["name"] for each in client.get("/models").json()["items"]]
    assert client.get("/tokens").status_code == 403
    assert served.registry.end_grant(denial.grant_id).ended_by == "tester"


def test_a_token_for_some_models_is_refused_for_others_and_for_all(served: Served) -> None:
    served.registry.create_model("theirs")
    client = served.client(Role.ADMIN, models=("ours*",))
    assert client.post("/models", json={"name": "ours-1"}).status_code == 201
    assert client.get("/models/ours-1").status_code == 200
    assert client.post("/models", json={"name": "mine"}).status_code == 403
    assert client.get("/models/theirs").status_code == 403
    assert client.delete("/models/theirs", params={"reason": "x"}).status_code == 403
    assert [each["name"] for each in client.get("/models").json()["items"]] == ["ours-1"]
    refused = client.get("/webhooks")
    assert refused.status_code == 403
    assert "limited to some models" in refused.json()["detail"]


def test_a_revoked_token_is_refused_within_a_second(served: Served) -> None:
    client = served.client(Role.READER)
    token_id = served.registry.tokens()[-1].token_id
    assert client.get("/models").status_code == 200
    revoked = served.registry.revoke_token(token_id).revoked_at
    assert revoked is not None
    while (answer := client.get("/models")).status_code == 200:
        pass
    assert answer.status_code == 401
    now = served.registry.database.fetch_all("SELECT clock_timestamp() AS now")[0]["now"]
    assert now - revoked < timedelta(seconds=1)


def test_the_principal_of_the_token_is_the_actor(served: Served) -> None:
    client = served.client(Role.CONTRIBUTOR)
    principal = served.registry.tokens()[-1].principal
    assert client.post("/models", json={"name": "acted"}).json()["created_by"] == principal
    actor = served.registry.events()[-1].actor
    assert (actor.name, actor.source) == (principal, "token")


def test_without_any_token_the_service_is_refused_but_on_loopback(registry: Registry) -> None:
    assert require_guarded(registry, "127.0.0.1")
    assert require_guarded(registry, "::1")
    for host in ("0.0.0.0", "::", "10.0.0.7", "registry.example"):
        with pytest.raises(InvalidInputError, match="pedigree token create"):
            require_guarded(registry, host)
    registry.create_token("ci", roles=[Role.READER])
    assert not require_guarded(registry, "0.0.0.0")
    assert not require_guarded(registry, "127.0.0.1")


def test_an_open_service_lets_in_this_machine_alone_until_there_is_a_token(
    database_url: str, settings: Settings
) -> None:
    opened = settings.model_copy(update={"database_url": database_url, "serve_open": True})
    with serving(opened) as served:
        anybody = served.client()
        assert anybody.post("/models", json={"name": "a"}).json()["created_by"] == "tester"
        # What a page of another host could make a browser on this machine send.
        for lure in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert anybody.get("/models", headers=lure).status_code == 401
        served.registry.create_token("ci", roles=[Role.READER])
        while (answer := anybody.get("/models")).status_code == 200:
            pass
        assert answer.status_code == 401


def test_documents_and_health_need_no_token(served: Served) -> None:
    with httpx2.Client(base_url=served.url, timeout=30) as client:
        assert client.get("/livez").json()["ready"]
        assert client.get("/readyz").json()["parts"] == {"database": "ok", "store": "ok"}
        assert client.get("/docs").status_code == 200
        document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"token": []}]
