"""Flows against a certified provider: browser, device, clients without a person, rotation."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import RSAKey

import pedigree
from pedigree.access.records import Role
from pedigree.client import _login_flows, _logins
from pedigree.client._logins import Login
from pedigree.client.login import log_in, log_out
from pedigree.errors import LoginFailedError, NotAuthenticatedError
from pedigree.server import oidc_keys
from pedigree.settings import Settings
from tests.documents import ROOT
from tests.issuing import AUDIENCE
from tests.server.conftest import NO_AUTHORITIES, Served
from tests.server.oidc import PEOPLE, served_with, whose

FOLDER = ROOT / ".oidc-provider"
SOURCE = Path(__file__).parent / "oidc_provider" / "provider.mjs"
MORE = 'client_id = "pedigree-cli"\nscopes = ["openid", "offline_access", "models"]'

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (FOLDER / ".installed").exists(), reason="`make oidc-provider` installs the provider"
    ),
]


def keys(kid: str) -> str:
    """A private key set of a provider."""
    key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})
    return json.dumps({"keys": [key.as_dict(private=True)]})


@contextmanager
def providing(kid: str, port: int = 0) -> Iterator[str]:
    """Run the provider, and give its issuer."""
    program = FOLDER / f"provider-{os.getpid()}.mjs"
    program.write_text(SOURCE.read_text())
    environment = {**os.environ, "KEYS": keys(kid), "PORT": str(port)}
    running = subprocess.Popen(
        ["node", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
    finally:
        running.kill()
        running.communicate()
        program.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The issuer of the module's provider."""
    with providing("first") as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service that accepts its tokens."""
    folder = tmp_path_factory.mktemp("oidc")
    text = PEOPLE.format(url=issuer, audience=AUDIENCE, more=MORE)
    with served_with(settings, folder, text) as served:
        yield served


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_login_flows, "_WAIT_S", 20.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


class Browser:
    """A browser without a window: it follows redirects, keeps cookies, and sends forms."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []

    def open(self, url: str) -> None:
        """Open a page while the caller waits for what comes of it."""
        self._start(self._visit, url)

    def enter(self, url: str, code: str) -> None:
        """Open the page of a device, and confirm its code."""
        assert code
        self._start(self._confirm, url)

    def close(self) -> None:
        """Wait for the pages."""
        for thread in self.threads:
            thread.join(30)
        assert self.failures == []

    def _start(self, work: Callable[[str], object], url: str) -> None:
        def run() -> None:
            try:
                work(url)
            except BaseException as error:
                self.failures.append(error)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def _visit(self, url: str) -> None:
        with self._client() as client:
            assert client.get(url).status_code == 200

    def _confirm(self, url: str) -> None:
        with self._client() as client:
            page = client.get(url)
            for _ in range(3):  # the code, the confirmation, and the log-in on the way
                form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
                if form is None:
                    break
                inputs = re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
                fields = {name: unescape(value) for name, value in inputs}
                page = client.post(unescape(form[1]), data={**fields, "confirm": "yes"})
            assert page.status_code == 200

    @staticmethod
    def _client() -> httpx2.Client:
        return httpx2.Client(follow_redirects=True, timeout=30, verify=NO_AUTHORITIES)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser that is closed with the test."""
    browser = Browser()
    yield browser
    browser.close()


def refuse(*_: str) -> None:
    raise AssertionError("this flow shows no code")


def test_a_login_by_browser_needs_no_token_of_the_service(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    log_in(served.url, audience=AUDIENCE, open_page=browser.open, show_code=refuse)
    with pedigree.connect(served.url) as registry:
        found = registry.whoami()
    assert (found.principal, found.source) == ("ann@sso", "oidc sso")
    assert (found.roles, found.models) == ((Role.DEPLOYER,), ("churn*",))
    assert found.expires_at is not None
    (kept,) = (tmp_path / "config" / "pedigree" / "logins").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_login_by_device_waits_until_the_code_is_confirmed(
    served: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(_login_flows, "sleep", waited.append)

    def enter(page: str, code: str) -> None:
        browser.enter(page, code)
        browser.close()

    log_in(served.url, audience=AUDIENCE, open_page=None, show_code=enter)
    assert waited == [5.0]
    with pedigree.connect(served.url) as registry:
        assert registry.whoami().principal == "ann@sso"


def token_of_batch(issuer: str) -> str:
    """A token of a client by its own credentials."""
    answer = httpx2.post(
        f"{issuer}/token",
        data={"grant_type": "client_credentials", "scope": "models", "resource": AUDIENCE},
        auth=("batch", "a secret of the tests".replace(" ", "%20")),
        verify=NO_AUTHORITIES,
    )
    return str(answer.json()["access_token"])


def test_a_client_without_a_person_acts_by_its_own_name(served: Served, issuer: str) -> None:
    token = token_of_batch(issuer)
    found = served.client().get("/whoami", headers={"Authorization": f"Bearer {token}"}).json()
    assert (found["principal"], found["roles"]) == ("batch@sso", ["reader"])


def test_refresh_tokens_rotate_under_load_and_nobody_is_logged_out(
    served: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(served.url, audience=AUDIENCE, open_page=browser.open, show_code=refuse)
    monkeypatch.setattr(_logins, "_MARGIN_S", 100_000.0)  # each request wants a new token

    def ask(_: int) -> str:
        return Login(served.url).token()

    with ThreadPoolExecutor(4) as threads:
        tokens = list(threads.map(ask, range(16)))
    assert len(set(tokens)) == 16
    client = served.client()
    assert {whose(client, token).status_code for token in tokens} == {200}


def test_a_refresh_token_that_was_used_ends_the_login(
    served: Served, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(served.url, audience=AUDIENCE, open_page=browser.open, show_code=refuse)
    (kept,) = (tmp_path / "config" / "pedigree" / "logins").glob("*.json")
    old = kept.read_text()
    monkeypatch.setattr(_logins, "_MARGIN_S", 100_000.0)
    Login(served.url).token()
    kept.write_text(old)
    with pytest.raises(NotAuthenticatedError, match="ended the login"):
        Login(served.url).token()
    assert not kept.exists()


def test_logging_out_revokes_at_the_provider(
    served: Served, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(served.url, audience=AUDIENCE, open_page=browser.open, show_code=refuse)
    (kept,) = (tmp_path / "config" / "pedigree" / "logins").glob("*.json")
    old = kept.read_text()
    assert log_out(served.url) is True
    assert log_out(served.url) is None
    kept.write_text(old)
    kept.chmod(0o600)
    monkeypatch.setattr(_logins, "_MARGIN_S", 100_000.0)
    with pytest.raises(NotAuthenticatedError, match="ended the login"):
        Login(served.url).token()


def test_new_keys_of_the_provider_are_found(
    settings: Settings, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_keys, "FETCH_INTERVAL_S", 0.0)
    with providing("before") as issuer:
        text = PEOPLE.format(url=issuer, audience=AUDIENCE, more=MORE)
        service = served_with(settings, tmp_path, text)
        served = service.__enter__()
        old = token_of_batch(issuer)
        assert whose(served.client(), old).status_code == 200
    with providing("after", int(issuer.rpartition(":")[2])) as again:
        assert again == issuer
        assert whose(served.client(), token_of_batch(issuer)).status_code == 200
        assert whose(served.client(), old).status_code == 401, "its key is not published"
        service.__exit__(None, None, None)


def test_a_person_who_refuses_is_not_logged_in(served: Served) -> None:
    def refuse_page(url: str) -> None:
        query = dict(httpx2.URL(url).params)
        answer = {"error": "access_denied", "state": query["state"]}

        def send() -> None:
            httpx2.get(query["redirect_uri"], params=answer, verify=NO_AUTHORITIES)

        threading.Thread(target=send).start()

    with pytest.raises(LoginFailedError, match="another provider"):
        log_in(served.url, audience=AUDIENCE, open_page=refuse_page, show_code=refuse)
