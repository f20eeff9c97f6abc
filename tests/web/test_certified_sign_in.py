"""Sign in to the page at a certified provider, and sign out of both."""

from collections.abc import Iterator

import httpx2
import pytest

from pedigree.settings import Settings
from tests.issuing import AUDIENCE
from tests.server.conftest import NO_AUTHORITIES, Served
from tests.server.oidc import PEOPLE, served_with
from tests.server.test_certified_provider import FOLDER, providing
from tests.web.browsing import Browser, words_of

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (FOLDER / ".installed").exists(), reason="`make oidc-provider` installs the provider"
    ),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with providing("page") as issuer:
        yield issuer


@pytest.fixture(scope="module")
def served(
    settings: Settings, issuer: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "secret").write_text("a secret of the page\n")
    more = (
        f'web_client_id = "pedigree-page"\nweb_secret_file = "{folder}/secret"\n'
        'scopes = ["openid", "offline_access", "models"]'
    )
    text = PEOPLE.format(url=issuer, audience=AUDIENCE, more=more)
    with served_with(settings, folder, text) as served:
        yield served


def test_a_person_signs_in_and_out_at_a_certified_provider(served: Served, issuer: str) -> None:
    with (
        Browser(served.url) as browser,
        httpx2.Client(timeout=30, verify=NO_AUTHORITIES) as at_provider,
    ):
        page = browser.get("/sign-in?next=/models/churn")
        location = browser.send(page, "/sign-in/issuer").headers["location"]
        while location.startswith(issuer):
            answer = at_provider.get(location)
            assert answer.status_code in (302, 303), answer.text
            location = str(httpx2.URL(location).join(answer.headers["location"]))
        assert location.startswith(f"{served.url}/sign-in/callback?")
        done = browser.get(location.removeprefix(served.url), **{"Sec-Fetch-Site": "cross-site"})
        assert (done.status_code, done.headers["location"]) == (303, "/models/churn"), done.text
        page = browser.get("/sign-in")
        assert "ann@sso" in words_of(page.text)
        served.registry.create_model("churn")
        assert browser.get("/models/churn").status_code == 200
        again = browser.get(location.removeprefix(served.url))
        assert again.status_code == 401
        left = browser.send(page, "/sign-out")
        assert left.headers["location"].startswith(f"{issuer}/session/end?")
        assert at_provider.get(left.headers["location"]).status_code < 500
        assert "Sign out" not in browser.get("/sign-in").text
