"""Many clients change one model at once: no change is lost, and each is one event."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Event
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from pedigree.server.mlflow.routes import API
from tests.factories import with_secret_key
from tests.maintenance.collecting import require_sound
from tests.server.conftest import Served

pytestmark = pytest.mark.system

CLIENTS, ROUNDS = 16, 8
STAGES = ("Staging", "Production", "Archived", "None")


class Changing:
    """One client, which changes a model and its own version of it.

    Args:
        served: The service.
        model: The model.
        number: The number of the client, and of its version.
    """

    def __init__(self, served: Served, model: str, number: int) -> None:
        self._client = served.client(Role.CONTRIBUTOR, Role.DEPLOYER)
        self._base = f"{served.url}{API}"
        self._model, self._number = model, number
        self.made: Counter[EventType] = Counter()
        self.statuses: Counter[int] = Counter()

    def change(self, rounds: int) -> None:
        """Change tags, aliases and stages, each to another value than before."""
        version = {"name": self._model, "version": str(self._number)}
        named = {"name": self._model}
        for each in range(rounds):
            value = f"{self._number}-{each}"
            own = {"key": f"of/{self._number}", "value": value}
            self._post("registered-models/set-tag", EventType.MODEL_UPDATED, **named, **own)
            shared = {"key": "shared", "value": value}
            self._post("registered-models/set-tag", EventType.MODEL_UPDATED, **named, **shared)
            self._post("model-versions/set-tag", EventType.VERSION_UPDATED, **version, **own)
            of_first = {"name": self._model, "version": "1", "key": f"by/{value}", "value": value}
            self._post("model-versions/set-tag", EventType.VERSION_UPDATED, **of_first)
            alias = {"alias": f"of-{self._number}", "version": str(each % CLIENTS + 1)}
            self._post("registered-models/alias", EventType.ALIAS_SET, **named, **alias)
            shared_alias = {"alias": "champion", "version": str(self._number)}
            self._post("registered-models/alias", None, **named, **shared_alias)
            moved = {"stage": STAGES[each % 4], "archive_existing_versions": False}
            stage = EventType.VERSION_STAGE_CHANGED
            self._post("model-versions/transition-stage", stage, **version, **moved)

    def _post(self, path: str, event: EventType | None, **fields: Any) -> None:
        while True:
            got = self._client.post(f"{self._base}/{path}", json=fields)
            self.statuses[got.status_code] += 1
            if got.status_code != 429:
                break
        if got.status_code == 200 and event:
            self.made[event] += 1


@pytest.fixture
def model(served: Served, name: str) -> str:
    """A model of MLflow's clients, with a version for each of them."""
    client = served.client(Role.CONTRIBUTOR)
    base = f"{served.url}{API}"
    client.post(f"{base}/registered-models/create", json={"name": name}).raise_for_status()
    for number in range(CLIENTS):
        made = {"name": name, "source": f"s3://models/{number}"}
        client.post(f"{base}/model-versions/create", json=made).raise_for_status()
    return name


def test_no_change_of_many_clients_is_lost_and_each_is_one_event(
    served: Served, model: str
) -> None:
    registry = served.registry
    begun = max(each.seq for each in registry.events(model=model))
    clients = [Changing(served, model, number) for number in range(1, CLIENTS + 1)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda each: each.change(ROUNDS), clients))
    statuses = sum((each.statuses for each in clients), Counter[int]())
    assert statuses.keys() <= {200, 429}, statuses
    last = {f"of/{number}": f"{number}-{ROUNDS - 1}" for number in range(1, CLIENTS + 1)}
    tags = registry.model(model).tags
    assert {key: value for key, value in tags.items() if key != "shared"} == last
    of_first = registry.get(f"{model}/1").tags
    assert len(of_first) == CLIENTS * ROUNDS + 1
    require_one_event_a_change(clients, list(events_after(registry, model, begun)))
    require_sound(registry)
    sealing = with_secret_key(registry, audit_key="database")
    LogSealing(sealing).seal()
    report = sealing.operations.audit.verify_log()
    assert report.ok, report.problems
    assert report.sealed == report.events


def events_after(registry: Registry, model: str, seq: int) -> Iterator[Event]:
    """All events of a model after a place of the feed, page by page."""
    while page := registry.events(after=seq, model=model):
        yield from page
        seq = page[-1].seq


def require_one_event_a_change(clients: list[Changing], events: list[Event]) -> None:
    """Every change that was answered is one event, and no event of a client is of anything else."""
    # The service itself writes cards meanwhile, which state the tags.
    events = [each for each in events if each.actor.source == "token"]
    shared = [
        each for each in events if each.type is EventType.ALIAS_SET and "champion" in str(each.body)
    ]
    # Who points the alias to where it is already changes nothing.
    versions = [each.version for each in shared]
    assert all(one != other for one, other in pairwise(versions))
    assert len(shared) <= CLIENTS * ROUNDS
    counted = Counter(each.type for each in events if each not in shared)
    assert counted == sum((each.made for each in clients), Counter[EventType]())
