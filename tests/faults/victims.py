"""The functions that are killed: each has its own connections, as a process would."""

from datetime import timedelta
from pathlib import Path

from pydantic_core import to_json

from pedigree.artifacts.objects import open_store
from pedigree.artifacts.records import ManifestFile, digest_of
from pedigree.cards.follower import CardFollower
from pedigree.catalog.kept_answers import KeptRequest, NewAnswer
from pedigree.postgres.database import Database
from pedigree.registry import Registry
from pedigree.registry.log_sealing import LogSealing
from pedigree.registry.pending_registrations import PendingRegistrations
from pedigree.settings import Settings
from tests.artifacts.publishing import publish_and_seal
from tests.factories import new_version


def publish(*, database_url: str, store_url: str, path: str) -> None:
    """Stage and seal the files at a path."""
    with Database.connect(database_url, connections=1) as database:
        publish_and_seal(database, open_store(store_url, Path(path)), Path(path))


def register(*, database_url: str, store_url: str, path: str, name: str) -> None:
    """Register the files at a path as a version of a model."""
    with Database.connect(database_url, connections=1) as database:
        store = open_store(store_url, Path(path))
        settings = Settings(home=Path(path), actor="victim")
        Registry(database, store, settings).register(name, Path(path), new_version())


def register_once(*, database_url: str, store_url: str, path: str, name: str) -> None:
    """Register the file at a path with an idempotency key, as the service does."""
    with Database.connect(database_url, connections=1) as database:
        store = open_store(store_url, Path(path))
        registry = Registry(database, store, Settings(home=Path(path), actor="victim"))
        registered_once(registry, Path(path), name)


def registered_once(registry: Registry, path: Path, name: str) -> bytes:
    """Register the file at a path with an idempotency key, and return the kept answer."""
    content = (path / "model.bin").read_bytes()
    digest = digest_of(content)
    request = KeptRequest("victim", name, b"same", lambda done: NewAnswer(201, {}, to_json(done)))
    created = registry.operations.registration.create(
        name,
        [ManifestFile(path="model.bin", size=len(content), digest=digest)],
        new_version(),
        {digest: content},
        request=request,
    )
    assert created.answer
    return created.answer.body


def collect(*, database_url: str, store_url: str, home: str) -> None:
    """Plan a garbage collection without grace periods, and apply it."""
    with Database.connect(database_url, connections=1) as database:
        settings = Settings(home=Path(home), actor="victim", retention_window=timedelta(0))
        registry = Registry(database, open_store(store_url, Path(home)), settings)
        with registry.plan_gc() as plan:
            registry.gc(plan)


def approve_and_promote(*, database_url: str, store_url: str, home: str, name: str) -> None:
    """Approve a model's newest candidate, and promote what is due then."""
    with Database.connect(database_url, connections=1) as database:
        settings = Settings(home=Path(home), actor="victim")
        registry = Registry(database, open_store(store_url, Path(home)), settings)
        for waiting in registry.operations.promotions.evaluate_candidates(name).waiting:
            if not waiting.passed:
                registry.approve(waiting.reference, waiting.stage, comment="looked at it")
        if due := registry.operations.promotions.evaluate_candidates(name).due:
            registry.promote(
                f"{name}/{due.version_id}",
                due.stage,
                expected_generation=due.generation,
                automatic=True,
            )


def register_and_judge(*, database_url: str, store_url: str, path: str, name: str) -> None:
    """Register the files at a path as a version of a model, and run the registry's checks."""
    with Database.connect(database_url, connections=1) as database:
        store = open_store(store_url, Path(path))
        settings = Settings(home=Path(path), actor="victim")
        Registry(database, store, settings).register(name, Path(path), new_version(), judge=True)


def draw_cards(*, database_url: str, store_url: str, home: str) -> None:
    """Draw the cards that are due."""
    with Database.connect(database_url, connections=1) as database:
        CardFollower(database, open_store(store_url, Path(home))).follow()


def seal(*, database_url: str, home: str, key: str) -> None:
    """Seal the audit log."""
    with Database.connect(database_url, connections=1) as database:
        settings = Settings(home=Path(home), audit_key=key)
        LogSealing(Registry(database, open_store(None, Path(home)), settings)).seal()


def complete_pending(*, database_url: str, store_url: str, home: str, allowed: str) -> None:
    """Complete the versions that are pending."""
    given = {"home": home, "mlflow_sources": f"file://{allowed}=seal"}
    with Database.connect(database_url, connections=8) as database:
        settings = Settings.model_validate(given)
        registry = Registry(database, open_store(store_url, Path(home)), settings)
        PendingRegistrations(registry).run()
