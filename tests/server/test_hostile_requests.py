"""Hostile requests have no effect: short in every run, and all of them in the system tests."""

from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import READS
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, register
from tests.server.conftest import Served, serving
from tests.server.hostile_requests import Attempt, attempts, effect_of


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with what the attempts are about."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    folder = tmp_path_factory.mktemp("attacked")
    with serving(settings.model_copy(update=more)) as served:
        for content in ("a", "b"):
            reference = register(served.registry, folder, content, "churn")
            served.registry.card(reference)
        served.registry.create_webhook("https://ci.example/hook")
        served.registry.quarantine("customers", "May", reason="doubled rows")
        yield served


def effects(served: Served, chosen: list[Attempt]) -> tuple[Counter[str], list[str]]:
    """Send attempts as an admin; return their number by class, and every effect."""
    issued = served.registry.create_token("hostile", roles=[Role.ADMIN])
    honest = served.client(Role.READER)
    before = served.registry.events(limit=1000)
    tried: Counter[str] = Counter()
    found: list[str] = []
    with httpx2.Client(base_url=served.url, timeout=30) as client:
        for attempt in chosen:
            tried[attempt.kind] += 1
            headers = {"Authorization": f"Bearer {issued.secret}"} | dict(attempt.headers)
            answer = client.request(
                attempt.method,
                attempt.path,
                params=attempt.query or None,
                headers=[
                    (name.encode(), value.encode("latin-1")) for name, value in headers.items()
                ],
                content=attempt.content,
            )
            if effect := effect_of(attempt, answer):
                found.append(f"{attempt}: {effect}")
            if sum(tried.values()) % 50 == 0 and honest.get("/models/churn").status_code != 200:
                found.append(f"an honest request failed after {attempt}")
    written = served.registry.events(limit=1000)[len(before) :]
    found += [f"wrote {event.type}" for event in written if event.type not in READS]
    return tried, found


def test_some_hostile_requests_of_each_class_have_no_effect(served: Served) -> None:
    every = list(attempts())
    by_kind: dict[str, list[Attempt]] = {}
    for attempt in every:
        by_kind.setdefault(attempt.kind, []).append(attempt)
    chosen = [each for kind in by_kind.values() for each in kind[:: max(1, len(kind) // 12)]]
    tried, found = effects(served, chosen)
    assert found == []
    assert tried.keys() == by_kind.keys()


@pytest.mark.system
def test_all_hostile_requests_have_no_effect(served: Served) -> None:
    tried, found = effects(served, list(attempts()))
    assert found == []
    assert tried.total() >= 2_000, tried
    assert min(tried.values()) >= 5, tried
