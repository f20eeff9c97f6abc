"""Workloads exchange their tokens for short ones of the service."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.server.http import unknown_tokens
from pedigree.server.http.exchanges import ACCESS_TOKEN, GRANT, SUBJECT_TYPES
from pedigree.settings import Settings
from tests.issuing import AUDIENCE, Issuer, issuing
from tests.server.conftest import NO_AUTHORITIES, Served, serving
from tests.server.oidc import PEOPLE, served_with, whose
from tests.server.test_hostile_tokens import HOSTILE

GITHUB = """
[[provider]]
name = "github"
kind = "github"
issuer = "{github}"
audience = "{audience}"

[[provider.rule]]
principal = "ci@{{repository}}"
when = {{ repository_id = "1", ref = "refs/heads/main" }}
roles = ["contributor"]
models = ["churn*"]

[[provider.rule]]
principal = "environment@{{repository}}"
when = {{ repository_id = "2", environment = "prod" }}
roles = ["deployer"]

[[provider]]
name = "gitlab"
kind = "gitlab"
issuer = "{gitlab}"
audience = "{audience}"

[[provider.rule]]
principal = "gitlab"
when = {{ project_id = "1", ref_protected = "true" }}
roles = ["contributor"]

[[provider]]
name = "cluster"
kind = "kubernetes"
issuer = "{cluster}"
audience = "{audience}"

[[provider.rule]]
principal = "{{/kubernetes.io/serviceaccount/name}}@{{/kubernetes.io/namespace}}"
when = {{ sub = "system:serviceaccount:ml:*", "/kubernetes.io/namespace" = "ml" }}
roles = ["reader"]
"""
MAIN: dict[str, Any] = {
    "sub": "repo:o/r:ref:refs/heads/main",
    "repository_id": "1",
    "repository_owner_id": "7",
    "repository": "o/r",
    "ref": "refs/heads/main",
    "event_name": "push",
}
GITLAB: dict[str, Any] = {
    "sub": "project_path:g/p:ref_type:branch:ref:main",
    "project_id": "1",
    "ref": "main",
    "ref_protected": "true",
    "pipeline_source": "push",
}
POD: dict[str, Any] = {
    "sub": "system:serviceaccount:ml:trainer",
    "aud": [AUDIENCE],
    "kubernetes.io": {"namespace": "ml", "serviceaccount": {"name": "trainer", "uid": "1"}},
}


@pytest.fixture(scope="module")
def issuers() -> Iterator[dict[str, Issuer]]:
    """Issuers of the shapes of GitHub, GitLab, a cluster, and one of people."""
    with issuing() as github, issuing() as gitlab, issuing() as cluster, issuing() as sso:
        yield {"github": github, "gitlab": gitlab, "cluster": cluster, "sso": sso}


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuers: dict[str, Issuer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service for the workloads of the issuers."""
    folder = tmp_path_factory.mktemp("oidc")
    urls = {name: issuer.url for name, issuer in issuers.items()}
    text = GITHUB.format(audience=AUDIENCE, **urls)
    text += PEOPLE.format(url=urls["sso"], audience=AUDIENCE, more="")
    with served_with(settings, folder, text) as served:
        yield served


@pytest.fixture
def github(issuers: dict[str, Issuer]) -> Issuer:
    """The issuer of the shape of GitHub."""
    return issuers["github"]


def workload(issuer: Issuer, given: dict[str, Any], **changes: Any) -> str:
    """A token of a workload."""
    header = changes.pop("header", {})
    return issuer.token(header={"typ": "JWT", **header}, **{**given, **changes})


def exchange(served: Served, token: str, **changes: Any) -> httpx2.Response:
    """Send an exchange, from an address of its own."""
    form = {
        "grant_type": GRANT,
        "subject_token": token,
        "subject_token_type": SUBJECT_TYPES[0],
        **changes,
    }
    form = {name: value for name, value in form.items() if value is not None}
    return httpx2.post(f"{served.url}/api/v1/token", data=form, timeout=30, verify=NO_AUTHORITIES)


def why(served: Served, token: str) -> str:
    """Return why a token is refused."""
    answer = exchange(served, token)
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:pedigree:error:ExchangeRefusedError"
    assert problem["error"] == "invalid_request"
    assert token not in answer.text
    return str(problem["detail"])


def test_a_workload_gets_a_token_of_15_minutes_with_the_rights_of_its_rule(
    served: Served, github: Issuer
) -> None:
    answer = exchange(served, workload(github, MAIN))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    secret = given.pop("access_token")
    assert given == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "contributor",
    }
    token = served.registry.tokens()[-1]
    assert (token.principal, token.roles, token.models) == (
        *("ci@o/r", (Role.CONTRIBUTOR,)),
        ("churn*",),
    )
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).total_seconds() == 900
    headers = {"Authorization": f"Bearer {secret}"}
    client = served.client()
    made = client.post("/models", json={"name": "churn-ci"}, headers=headers)
    assert made.json()["created_by"] == "ci@o/r"
    assert client.post("/models", json={"name": "fraud"}, headers=headers).status_code == 403
    served.registry.revoke_token(token.token_id)
    while client.get("/models", headers=headers).status_code == 200:
        pass


def test_the_event_names_the_workload(served: Served, github: Issuer) -> None:
    text = workload(github, MAIN, jti="the-one")
    assert exchange(served, text).status_code == 200
    event = served.registry.events(types=[EventType.TOKEN_CREATED])[-1]
    assert (event.actor.name, event.actor.source) == ("ci@o/r", "workload github")
    assert event.body["workload"] == {
        "provider": "github",
        "issuer": github.url,
        "subject": "repo:o/r:ref:refs/heads/main",
        "rule": 1,
        "claims": {"repository_id": "1", "ref": "refs/heads/main"},
        "jti": "the-one",
    }
    assert text not in event.model_dump_json()


def test_gitlab_and_kubernetes_have_claims_of_their_own(
    served: Served, issuers: dict[str, Issuer]
) -> None:
    assert exchange(served, workload(issuers["gitlab"], GITLAB)).status_code == 200
    token = issuers["cluster"].token(header={"typ": None}, **POD)
    assert exchange(served, token).status_code == 200
    assert [each.principal for each in served.registry.tokens()[-2:]] == ["gitlab", "trainer@ml"]


def test_each_token_is_exchanged_once_also_by_many_at_once(served: Served, github: Issuer) -> None:
    token = workload(github, MAIN)
    before = len(served.registry.tokens())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: exchange(served, token), range(16)))
    assert sorted(each.status_code for each in answers) == [200] + [400] * 15
    assert len(served.registry.tokens()) == before + 1
    assert "exchanged before" in why(served, token)


def test_what_expired_long_ago_is_forgotten(served: Served, github: Issuer) -> None:
    assert exchange(served, workload(github, MAIN)).status_code == 200
    database = served.registry.database
    database.transaction(
        lambda t: t.execute(
            "UPDATE pedigree.exchanged_token SET expires_at = expires_at - interval '2 hours'"
        )
    )
    assert exchange(served, workload(github, MAIN)).status_code == 200
    (left,) = database.fetch_all("SELECT count(*) AS n FROM pedigree.exchanged_token")
    assert left["n"] == 1


# A token of another workload, or of the same one in another run: all are of the same key.
FOREIGN: dict[str, dict[str, Any]] = {
    "a pull request": {
        "sub": "repo:o/r:pull_request",
        "event_name": "pull_request",
        "ref": "refs/pull/1/merge",
    },
    "a pull request to main": {"event_name": "pull_request_target"},
    "a comment": {"event_name": "issue_comment"},
    "a run after one of others": {"event_name": "workflow_run"},
    "no event": {"event_name": None},
    "a fork": {"repository_id": "99", "repository": "evil/r", "repository_owner_id": "66"},
    "a repository of the same name": {"repository_id": "98"},
    "another branch": {"ref": "refs/heads/next"},
    "another case": {"ref": "refs/heads/Main"},
    "a branch like ours": {"ref": "refs/heads/main2"},
    "a tag": {"ref": "refs/tags/main"},
    "an id as a number": {"repository_id": 1},
    "an environment of a pull request": {
        "repository_id": "2",
        "environment": "prod",
        "event_name": "pull_request",
    },
    "another audience": {"aud": "https://other.example"},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "jti as a number": {"jti": 7},
    "a week": {"exp": int(time.time()) + 7 * 86_400},
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_token_of_another_run_is_refused(served: Served, github: Issuer, what: str) -> None:
    before = len(served.registry.tokens())
    why(served, workload(github, MAIN, **FOREIGN[what]))
    assert len(served.registry.tokens()) == before


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_token_is_not_exchanged(served: Served, github: Issuer, what: str) -> None:
    before = len(served.registry.tokens())
    why(served, HOSTILE[what](github))
    assert len(served.registry.tokens()) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"pipeline_source": "merge_request_event"},
        {"pipeline_source": "parent_pipeline"},
        {"ref_protected": "false"},
        {"project_id": "99"},
    ],
)
def test_a_merge_request_or_a_fork_of_gitlab_is_refused(
    served: Served, issuers: dict[str, Issuer], changes: dict[str, Any]
) -> None:
    assert "no rule" in why(served, workload(issuers["gitlab"], GITLAB, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "system:serviceaccount:ml2:trainer"},
        {"sub": "system:serviceaccount:other:trainer"},
        {"kubernetes.io": {"namespace": "other", "serviceaccount": {"name": "trainer"}}},
        {"kubernetes.io": "ml"},
        {"aud": ["https://kubernetes.default.svc", AUDIENCE]},
    ],
)
def test_another_service_account_is_refused(
    served: Served, issuers: dict[str, Issuer], changes: dict[str, Any]
) -> None:
    why(served, issuers["cluster"].token(header={"typ": "none"}, **{**POD, **changes}))


def test_a_token_is_for_one_use(served: Served, github: Issuer, issuers: dict[str, Issuer]) -> None:
    assert whose(served.client(), workload(github, MAIN)).status_code == 401
    assert "for this use" in why(served, issuers["sso"].token())
    pdg = exchange(served, workload(github, MAIN)).json()["access_token"]
    assert "not a signed" in why(served, pdg)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"grant_type": "password"}, "grant_type", "unsupported_grant_type"),
        ({"grant_type": None}, "grant_type", "unsupported_grant_type"),
        ({"subject_token_type": "saml2"}, "subject_token_type", "invalid_request"),
        ({"subject_token": None}, "subject_token", "invalid_request"),
        ({"subject_token": ""}, "subject_token", "invalid_request"),
        ({"requested_token_type": "jwt"}, "requested_token_type", "invalid_request"),
        ({"actor_token": "x"}, "actor_token", "invalid_request"),
        ({"grant_type": [GRANT, GRANT]}, "body", "invalid_request"),
        ({f"more{n}": "x" for n in range(30)}, "body", "invalid_request"),
    ],
)
def test_a_form_that_is_no_exchange_is_refused(
    served: Served, github: Issuer, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = exchange(served, workload(github, MAIN), **changes)
    assert answer.status_code == 400
    assert (answer.json()["field"], answer.json()["error"]) == (field, code)


def test_other_bodies_are_refused(served: Served) -> None:
    url = f"{served.url}/api/v1/token"
    assert httpx2.post(url, json={"grant_type": GRANT}).status_code == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpx2.post(url, content=b"\xff=\xff", headers=form).status_code == 400
    assert httpx2.post(url, content=b"", headers=form).status_code == 400
    assert httpx2.post(url, content=b"a" * (2 << 20), headers=form).status_code == 413
    assert httpx2.get(url).status_code == 405


def test_an_address_that_sends_many_wrong_tokens_is_held_up(
    settings: Settings, github: Issuer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_tokens, "_MOST", 5)
    monkeypatch.setattr(unknown_tokens, "_SECONDS", 300.0)
    urls = {name: f"{github.url}/{name}" for name in ("gitlab", "cluster")}
    text = GITHUB.format(audience=AUDIENCE, github=github.url, **urls)
    with served_with(settings, tmp_path, text) as served:
        token = workload(github, MAIN, ref="refs/heads/other")
        codes = [exchange(served, token).status_code for _ in range(6)]
        assert codes == [*[400] * 5, 429]


def test_without_providers_nothing_is_exchanged(settings: Settings, github: Issuer) -> None:
    with serving(settings) as served:
        assert "PEDIGREE_OIDC" in why(served, workload(github, MAIN))
