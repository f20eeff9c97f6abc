"""What an old database holds is there after the upgrade, and search finds it."""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from pedigree.catalog.names import name_key
from pedigree.errors import NameTakenError
from pedigree.flavors.records import BEFORE_VERIFICATION, NO_LIVE_MODEL
from pedigree.postgres import Database
from pedigree.postgres import migrate as module
from pedigree.postgres.migrate import all_migrations, migrate
from pedigree.registry import Registry
from tests.collection.collecting import require_sound
from tests.factories import promote_to_production, register, register_candidate
from tests.postgres.copying import copy_rows

# The release after which search and the stricter rule of names came.
OLD = 7
# Names whose key another rule made then: full-width letters, a raised digit, a Roman number.
RENAMED = (
    "\N{FULLWIDTH LATIN CAPITAL LETTER C}hurn",
    "risk\N{SUPERSCRIPT TWO}",
    "\N{ROMAN NUMERAL EIGHT}_plan",
)


@pytest.fixture
def filled(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with models, versions, trainings, stages, aliases and cards."""
    for content in ("a", "b", "c"):
        fields = {"metrics": {"auc": 0.9}, "tags": {"team": "growth"}, "owners": ("ann",)}
        reference = register_candidate(registry, tmp_path, content, "customer_churn", **fields)
        if content != "c":
            promote_to_production(registry, reference)
        registry.write_card(reference)
    register(registry, tmp_path, "a", "customer_churn", run_id="run-2", metrics={"auc": 0.8})
    registry.set_alias("customer_churn", "champion", 1)
    registry.delete(register(registry, tmp_path, "d", "customer_churn"), reason="a mistake")
    for name in RENAMED:
        register(registry, tmp_path, name, name, description="weekly")
    return registry


@pytest.fixture
def old_url(
    filled: Registry,
    database_url: str,
    make_database_url: Callable[..., str],
    as_role: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The URL of a database at the old release that holds what `filled` holds."""
    url = as_role(admin_url := make_database_url(template=None))
    known = all_migrations()[:OLD]
    with monkeypatch.context() as patch, Database.connect(url) as database:
        patch.setattr(module, "all_migrations", lambda: known)
        assert len(migrate(database)) == OLD
    copy_rows(database_url, admin_url)
    with psycopg.connect(admin_url) as connection:
        for name in RENAMED:
            key = unicodedata.normalize("NFC", name.casefold())
            assert key != name_key(name)
            connection.execute(
                "UPDATE pedigree.registered_model SET name_key = %s WHERE name = %s", [key, name]
            )
    return url


@pytest.fixture(params=["owner of the server", "owner of the schema"])
def as_role(request: pytest.FixtureRequest, database_url: str) -> Iterator[Callable[[str], str]]:
    """Let a role own the schema of a database; return the URL by which that role connects."""
    if request.param == "owner of the server":
        yield lambda url: url
        return
    role, owned = f"owner_{uuid4().hex}", []

    def own(url: str) -> str:
        with psycopg.connect(url) as connection:
            for statement in ("CREATE ROLE {} LOGIN PASSWORD 'owner'",
                              "CREATE SCHEMA pedigree AUTHORIZATION {}"):  # fmt: skip
                connection.execute(sql.SQL(statement).format(sql.Identifier(role)))
        owned.append(url)
        options = conninfo_to_dict(url)
        return url.replace(f"{options['user']}:{options['password']}@", f"{role}:owner@")

    yield own
    for url in owned:
        with psycopg.connect(url) as connection:
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(role)))


def test_all_that_an_old_database_holds_is_there_and_found_after_the_upgrade(
    filled: Registry, old_url: str, tmp_path: Path
) -> None:
    with Database.connect(old_url) as database:
        assert migrate(database)[0] == all_migrations()[OLD].name
        # The events are those of today's code; the tables had not all of its columns yet.
        database.run(lambda it: it.execute("UPDATE pedigree.verdict SET settings = '{}'"))
        told = Jsonb(NO_LIVE_MODEL.model_dump(mode="json"))
        trainings = database.run(
            lambda it: it.execute(
                "UPDATE pedigree.training t SET verification = %(told)s"
                " FROM pedigree.training before WHERE before.training_id = t.training_id"
                " RETURNING before.verification",
                {"told": told},
            ).fetchall()
        )
        unknown = BEFORE_VERIFICATION.model_dump(mode="json")
        assert [row["verification"] for row in trainings] == [unknown] * len(trainings)
        upgraded = Registry(database, filled.store, filled.settings)
        require_sound(upgraded)
        assert upgraded.models() == filled.models()
        for model in filled.models():
            assert upgraded.versions(model.name) == filled.versions(model.name)
            assert upgraded.timeline(model.name) == filled.timeline(model.name)
        for reference in ("customer_churn@champion", "customer_churn/2"):
            assert upgraded.trainings(reference) == filled.trainings(reference)
        for text in (
            "tags.team = 'growth' AND metrics.auc > 0.85",
            "stage = 'production' OR alias = 'champion'",
            "owner = 'ann'",
            "text MATCH 'weekly'",
            "text MATCH 'churn'",
        ):
            expected = filled.search(text, order_by="name")
            assert list(expected)
            assert list(upgraded.search(text, order_by="name")) == list(expected)
        has_trigrams = database.read("SELECT FROM pg_extension WHERE extname = 'pg_trgm'")
        near = upgraded.search("text MATCH 'custmer'")
        assert bool(list(near)) == bool(has_trigrams) == (old_url.count(":owner@") == 0)

        keys = database.read("SELECT name, name_key FROM pedigree.registered_model")
        assert {row["name"]: row["name_key"] for row in keys} == {
            model.name: name_key(model.name) for model in filled.models()
        }
        with pytest.raises(NameTakenError):
            register(upgraded, tmp_path, "e", "churn")
        # And it goes on from there.
        promote_to_production(upgraded, "customer_churn/3")
        assert register(upgraded, tmp_path, "e", "customer_churn") == "customer_churn/5"
        require_sound(upgraded)
