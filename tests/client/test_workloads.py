"""``PEDIGREE_TOKEN=auto``: jobs and pods use a service without a secret of it."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pedigree
from pedigree.client import _workloads
from pedigree.client._attempts import Patience
from pedigree.client._connection import Connection
from pedigree.errors import ExchangeRefusedError, NotAuthenticatedError
from pedigree.settings import Settings
from tests.client.test_ci import BASH, COMMIT, TRAIN, filled, jobs, run, steps_of_github
from tests.databases import Databases
from tests.issuing import Issuer, issuing
from tests.server.conftest import Served
from tests.server.oidc import served_with
from tests.server.test_token_exchange import GITHUB, GITLAB, MAIN, POD


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer of the shape of GitHub, GitLab and a cluster at once."""
    with issuing() as issuer:
        issuer.job = MAIN
        yield issuer


@pytest.fixture(scope="module")
def served(
    databases: Databases, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service of which the audience is ``registry``."""
    folder = tmp_path_factory.mktemp("served")
    with databases.lend() as make:
        settings = Settings(home=folder / "home", database_url=make(), actor="tester")
        yield from serving(settings, issuer, folder)


def serving(settings: Settings, issuer: Issuer, folder: Path) -> Iterator[Served]:
    first, *others = GITHUB.split("[[provider]]")[1:]
    urls = {name: f"{issuer.url}/{name}" for name in ("gitlab", "cluster")}
    text = f"[[provider]]{first}" + "".join(f"[[provider]]{each}" for each in others)
    text = text.format(audience="registry", github=issuer.url, **urls)
    for name, url in urls.items():
        issuer.answers[f"/{name}/.well-known/openid-configuration"] = json.dumps(
            {"issuer": url, "jwks_uri": f"{issuer.url}/keys"}
        ).encode()
    with served_with(settings, folder, text) as served:
        yield served


@pytest.fixture
def environment(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Set the variables of a job or a pod."""
    for name in [each for each in os.environ if each.startswith("ACTIONS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PEDIGREE_API_URL", served.url)
    monkeypatch.setenv("PEDIGREE_TOKEN", "auto")

    def put(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return put


def on_github(issuer: Issuer) -> dict[str, str]:
    return {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/job?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        "PEDIGREE_AUDIENCE": "registry",
    }


def jobs_of(issuer: Issuer) -> list[tuple[str, str]]:
    """The requests of jobs, and what they were authorized by."""
    asked = zip(issuer.requests, issuer.headers, strict=True)
    return [(path, sent["Authorization"]) for path, sent in asked if path.startswith("/job")]


def of_gitlab(issuer: Issuer, **changes: Any) -> str:
    claims = {"iss": f"{issuer.url}/gitlab", "aud": "registry", **GITLAB, **changes}
    return issuer.token(header={"typ": "JWT"}, **claims)


def created(name: str) -> str:
    """Create a model as the environment says, and return by whom."""
    with pedigree.connect() as registry:
        return registry.create_model(name).created_by


def test_a_job_of_github_asks_for_its_token_and_exchanges_it(
    environment: Callable[..., None], issuer: Issuer
) -> None:
    environment(**on_github(issuer))
    before = len(jobs_of(issuer))
    assert created("churn-github") == "ci@o/r"
    assert jobs_of(issuer)[before:] == [
        ("/job?api-version=2.0&audience=registry", "Bearer of-the-job")
    ]


def test_a_token_that_is_about_to_expire_is_replaced(
    environment: Callable[..., None], issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(**on_github(issuer))
    before = len(jobs_of(issuer))
    with pedigree.connect() as registry:
        registry.models()
        registry.models()
        assert len(jobs_of(issuer)) == before + 1
        monkeypatch.setattr(_workloads, "_MARGIN_S", 1000.0)
        registry.models()
        assert len(jobs_of(issuer)) == before + 2


def test_the_processes_of_a_job_of_gitlab_share_what_its_token_is_exchanged_for(
    environment: Callable[..., None], issuer: Issuer, tmp_path: Path, served: Served
) -> None:
    environment(PEDIGREE_ID_TOKEN=of_gitlab(issuer))
    command = [str(Path(sys.executable).with_name("pedigree")), "models", "--json"]
    before = len(served.registry.tokens())
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert created("of-gitlab") == "gitlab"
    assert len(served.registry.tokens()) == before + 1
    (kept,) = (tmp_path / "cache" / "pedigree" / "tokens").glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_have_written_is_not_used(
    environment: Callable[..., None], issuer: Issuer, tmp_path: Path
) -> None:
    environment(PEDIGREE_ID_TOKEN=of_gitlab(issuer))
    assert created("of-gitlab-2") == "gitlab"
    (kept,) = (tmp_path / "cache" / "pedigree" / "tokens").glob("*.json")
    kept.chmod(0o644)
    with pytest.raises(ExchangeRefusedError, match="exchanged before"):
        created("of-gitlab-3")


def test_without_a_folder_a_process_keeps_its_token_alone(
    environment: Callable[..., None], issuer: Issuer, tmp_path: Path
) -> None:
    (tmp_path / "no-folder").touch()
    token = of_gitlab(issuer)
    environment(PEDIGREE_ID_TOKEN=token, XDG_CACHE_HOME=tmp_path / "no-folder")
    with pedigree.connect() as registry:
        registry.models()
        registry.models()
    with pytest.raises(ExchangeRefusedError), pedigree.connect() as registry:
        registry.models()


def test_the_file_of_a_pod_is_read_at_each_exchange(
    environment: Callable[..., None],
    issuer: Issuer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mounted = tmp_path / "token"
    environment(PEDIGREE_TOKEN_FILE=mounted)
    claims = {"iss": f"{issuer.url}/cluster", **POD, "aud": ["registry"]}
    mounted.write_text(issuer.token(header={"typ": None}, **claims) + "\n")
    with pedigree.connect() as registry:
        registry.models()
        monkeypatch.setattr(_workloads, "_MARGIN_S", 1000.0)
        registry.models()  # the same file: what it was exchanged for is valid
        mounted.write_text(issuer.token(header={"typ": None}, **claims))
        registry.models()
    kept = list((tmp_path / "cache" / "pedigree" / "tokens").glob("*.json"))
    assert len(kept) == 2


def test_what_is_missing_is_named(environment: Callable[..., None]) -> None:
    with pytest.raises(NotAuthenticatedError) as refused:
        created("never")
    assert "PEDIGREE_ID_TOKEN" in str(refused.value)
    assert "docs/ci.md" in str(refused.value.remedy)


def test_a_refusal_of_the_service_is_its_error_and_shows_no_token(
    environment: Callable[..., None], issuer: Issuer
) -> None:
    token = of_gitlab(issuer, ref_protected="false")
    environment(PEDIGREE_ID_TOKEN=token)
    with pytest.raises(ExchangeRefusedError, match="no rule") as refused:
        created("never")
    assert token not in repr(refused.value)


def test_the_token_is_not_sent_to_another_origin(issuer: Issuer) -> None:
    # The origin of a store whose URL begins like that of the service.
    service = issuer.url[:-1]
    connection = Connection(service, lambda: "pdg_secret", Patience(5, 0, 5))
    issuer.headers.clear()
    assert b"".join(connection.stream(f"{issuer.url}/keys"))
    assert [each.get("Authorization") for each in issuer.headers] == [None]
    connection.close()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that can be trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "train.py").write_text(TRAIN.format(content=str(tmp_path)))


def test_the_job_for_github_registers_by_its_own_token(
    environment: Callable[..., None], issuer: Issuer, served: Served, checkout: None
) -> None:
    environment(**on_github(issuer), GITHUB_SHA=COMMIT, GITHUB_RUN_ID="79")
    job = jobs()["GitHub Actions"]["jobs"]["register"]
    assert job["permissions"]["id-token"] == "write"
    for lines, variables in steps_of_github(job):
        run(BASH, lines, filled(variables, {"PEDIGREE_API_URL": served.url}))
    assert served.registry.get("churn@latest").created_by == "ci@o/r"


def test_the_job_for_gitlab_registers_by_its_own_token(
    environment: Callable[..., None], issuer: Issuer, served: Served, checkout: None
) -> None:
    job = jobs()["GitLab"]["register"]
    (variable,) = job["id_tokens"]
    environment(**{variable: of_gitlab(issuer)}, CI_COMMIT_SHA=COMMIT, CI_PIPELINE_ID="80")
    for lines in job["script"]:
        run(["sh", "-ec"], lines, {**job["variables"], "PEDIGREE_API_URL": served.url})
    assert served.registry.get("churn@latest").created_by == "gitlab"
