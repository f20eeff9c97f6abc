"""A service with providers on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from pedigree.access.oidc.provider_file import Providers, read_providers
from pedigree.settings import Settings
from tests.issuing import AUDIENCE, Issuer
from tests.server.conftest import Served, serving

PEOPLE = """
[[provider]]
name = "sso"
issuer = "{url}"
audience = "{audience}"
algorithms = ["RS256", "ES256", "EdDSA", "Ed25519"]
longest_lifetime = "12h"
principal = "{{sub}}@sso"
{more}

[[provider.rule]]
when = {{ groups = "deployers" }}
roles = ["deployer"]
models = ["churn*"]

[[provider.rule]]
when = {{ sub = "*" }}
roles = ["reader"]
"""


def people(issuer: Issuer, more: str = "") -> str:
    """The file of a provider whose tokens people send."""
    return PEOPLE.format(url=issuer.url, audience=AUDIENCE, more=more)


def read(text: str, folder: Path) -> Providers:
    """Read a file of providers with some content."""
    file = folder / "oidc.toml"
    file.write_text(text)
    return read_providers(file)


@contextmanager
def served_with(settings: Settings, folder: Path, text: str, **more: Any) -> Iterator[Served]:
    """Run a service with a file of providers."""
    file = folder / "oidc.toml"
    file.write_text(text)
    with serving(settings.model_copy(update={"oidc": file, **more})) as served:
        yield served


def refusal(client: httpx2.Client, token: str) -> str:
    """Send a token, and return why it is refused on both ways that a read takes."""
    headers = {"Authorization": f"Bearer {token}"}
    direct = client.get("/models/none/versions/1", headers=headers)
    framed = client.request("GET", "/models", headers=headers, content=b"")
    assert direct.status_code == framed.status_code == 401, (direct.text, framed.text)
    assert token not in direct.text + framed.text
    return str(direct.json()["detail"])


def whose(client: httpx2.Client, token: str) -> httpx2.Response:
    """Send a token on a way of its own for each request."""
    return client.get("/models", headers={"Authorization": f"Bearer {token}"})
