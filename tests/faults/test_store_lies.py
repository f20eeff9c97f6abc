"""An object store that fails at random, or lies about what it has: nothing acknowledged is lost."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from pedigree.artifacts import _remote_client
from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import open_store
from pedigree.errors import PedigreeError, StoreUnavailableError
from pedigree.lifecycle.policy import default_policy
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.conftest import server_credentials, servers
from tests.artifacts.servers.faulty import Fault, FaultyProxy
from tests.artifacts.servers.sharing import BUCKET
from tests.factories import artifact, new_version, register
from tests.maintenance.collecting import require_sound

__all__ = ["server_credentials", "servers"]
pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

LARGE = 6 << 20  # more than one part, and more than is held in memory


class Behind(NamedTuple):
    """A registry, and what is between it and its store."""

    registry: Registry
    proxy: FaultyProxy


@pytest.fixture
def behind(
    database: Database,
    home: Path,
    server_credentials: Callable[[str], StoreCredentials],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Behind]:
    few = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}
    monkeypatch.setattr(_remote_client, "_RETRY", few)
    direct = server_credentials("swift")
    assert direct.endpoint_url
    with FaultyProxy(direct.endpoint_url) as proxy:
        through = direct.model_copy(update={"endpoint_url": proxy.endpoint})
        store = open_store(f"s3://{BUCKET}/{uuid4().hex}", home, through)
        yield Behind(Registry(database, store, Settings(home=home, actor="tester")), proxy)
        proxy.mend()


@pytest.mark.parametrize("size", [10, LARGE], ids=["held in memory", "in parts"])
def test_what_a_store_acknowledges_and_does_not_keep_is_not_registered(
    size: int, behind: Behind, tmp_path: Path
) -> None:
    registry, proxy = behind
    register(registry, tmp_path, "first")
    before = len(registry.events())
    path = artifact(tmp_path / "second", "x" * size)
    proxy.break_all(Fault.NOTHING, "PUT")
    with pytest.raises(StoreUnavailableError):
        registry.register("churn", path, new_version())
    assert len(registry.events()) == before
    proxy.mend()
    assert registry.register("churn", path, new_version()).created
    require_sound(registry)


def test_an_emptied_bucket_is_not_filled_anew(behind: Behind, tmp_path: Path) -> None:
    registry, proxy = behind
    register(registry, tmp_path, "first")
    before = len(registry.events())
    proxy.break_all(Fault.GONE, "HEAD", "GET")
    proxy.requests.clear()
    for content in ("first", "second"):
        with pytest.raises(PedigreeError, match=r"none of the registry's objects|lost bytes"):
            register(registry, tmp_path, content, "twin")
    assert "PUT" not in {request.method for request in proxy.requests}
    assert len(registry.events()) == before
    proxy.mend()
    register(registry, tmp_path, "second", "twin")
    require_sound(registry)


def test_bytes_that_change_on_the_way_back_fail_the_check_of_the_artifact(
    behind: Behind, tmp_path: Path
) -> None:
    registry, proxy = behind
    registry.create_model("churn")
    registry.set_policy("churn", default_policy())
    reference = register(registry, tmp_path, "first")
    proxy.break_all(Fault.WRONG_BYTES, "GET")
    assert not registry.run_check(reference, "artifact_intact").passed
    proxy.mend()
    assert registry.run_check(reference, "artifact_intact").passed


def test_a_store_that_fails_at_random_loses_nothing_that_was_acknowledged(
    behind: Behind, tmp_path: Path
) -> None:
    registry, proxy = behind
    choices = random.Random(4)
    faults = [Fault.BUSY, Fault.RESET, Fault.LOST_REPLY, Fault.NOTHING]
    proxy.fault = lambda _: choices.choice(faults) if choices.random() < 0.25 else None
    acknowledged, failed = set(), 0
    for number in range(24):
        try:
            # Every content comes twice: the second time its bytes may be there already.
            name = f"model-{number % 2}"
            acknowledged.add(register(registry, tmp_path, f"content {number // 2}", name))
        except PedigreeError:
            failed += 1
    proxy.mend()
    assert failed
    assert len(acknowledged) > 5
    for reference in acknowledged:
        assert registry.get(reference)
    require_sound(registry)
