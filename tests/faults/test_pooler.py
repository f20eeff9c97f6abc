"""Through PgBouncer in transaction mode, each transaction may get another session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pedigree.artifacts.objects import open_store
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.databases import Databases
from tests.factories import free_policy, register
from tests.maintenance.collecting import collect, require_sound
from tests.pooling import MISSING, PROGRAM, pooled

pytestmark = [pytest.mark.system, pytest.mark.skipif(not PROGRAM, reason=MISSING)]


@pytest.fixture
def pooled_url(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[str]:
    """An empty database, through a pooler."""
    with databases.lend() as make, pooled(postgres.url("postgres")) as shown:
        yield shown(make(None))


def test_a_registry_works_through_a_pooler_in_transaction_mode(
    pooled_url: str, home: Path, tmp_path: Path
) -> None:
    with Database.connect(pooled_url) as database:
        migrate(database)
        registry = Registry(database, open_store(None, home), Settings(home=home, actor="tester"))

        def work(number: int) -> str:
            name = f"model-{number % 3}"
            if number >= 3:
                registry.set_policy(name, free_policy())
            reference = register(registry, tmp_path, f"content {number}", name)
            registry.set_alias(name, "best", int(reference.rpartition("/")[2]))
            return reference

        first = [work(number) for number in range(3)]
        with ThreadPoolExecutor(8) as threads:
            references = [*first, *threads.map(work, range(3, 24))]
        assert len(set(references)) == 24
        assert registry.promote(references[-1], "production").moved
        assert len(registry.search("stage = 'production'").records) == 1
        collect(registry)
        require_sound(registry)
