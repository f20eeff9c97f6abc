"""After an upgrade, all rows of an old database are still there and search finds them."""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from pedigree.access.reserved import is_pseudonym
from pedigree.audit.records import Actor
from pedigree.catalog.names import name_key
from pedigree.catalog.records import Training
from pedigree.errors import AliasNotFoundError, NameTakenError
from pedigree.flavors.records import BEFORE_VERIFICATION, NO_LIVE_MODEL
from pedigree.lifecycle.records import Policy
from pedigree.lineage.records import Certainty, NodeKind
from pedigree.lineage.store import trained_on
from pedigree.postgres import Database
from pedigree.postgres import migrate as module
from pedigree.postgres.migrate import all_migrations, migrate
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.lifecycle.deciding import policy_of
from tests.lifecycle.named_before import give_stored_policy, hold_as_before, staged
from tests.lineage.graphs import graph, missing, node
from tests.maintenance.collecting import require_sound
from tests.postgres.copying import copy_names, copy_rows

# The last release whose lineage has no certainty.
UNCERTAIN = 32
# The rows of a training and its step as that release wrote them.
EARLIER_TRAINING = """
WITH training AS (
    INSERT INTO pedigree.training (
        training_id, model_id, version, run_id, git_commit, git_dirty, git_source, metrics,
        params, created_at, created_by, created_by_source
    )
    SELECT gen_random_uuid(), model_id, version, 'run-9', git_commit, git_dirty, git_source, '{}',
        '{}', created_at, created_by, created_by_source
    FROM pedigree.training WHERE version = 5
    RETURNING training_id
)
INSERT INTO pedigree.lineage_node (training_id, node_id, kind, asset)
SELECT training_id, 0, 'step', 'models/churn' FROM training
"""
# The last release without search and the stricter naming rule.
OLD = 7
# The release that introduced a rule for the names of stages and aliases.
NAMES = 35
# The release that keeps the names of people apart.
PSEUDONYMS = 71
# Names whose key was computed differently: full-width letters, a superscript, a Roman numeral.
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
    """The URL of a database at the old release with the content of `filled`."""
    url = as_role(admin_url := make_database_url(template=None))
    migrate_to(url, OLD, monkeypatch)
    copy_rows(database_url, admin_url)
    with psycopg.connect(admin_url) as connection:
        for name in RENAMED:
            key = unicodedata.normalize("NFC", name.casefold())
            assert key != name_key(name)
            connection.execute(
                "UPDATE pedigree.registered_model SET name_key = %s WHERE name = %s", [key, name]
            )
    return url


def migrate_to(url: str, release: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrate an empty database to an old release."""
    known = all_migrations()[:release]
    with monkeypatch.context() as patch, Database.connect(url) as database:
        patch.setattr(module, "all_migrations", lambda: known)
        assert len(migrate(database)) == release


@pytest.fixture(params=["owner of the server", "owner of the schema"])
def as_role(request: pytest.FixtureRequest, database_url: str) -> Iterator[Callable[[str], str]]:
    """Return a function that makes a role the schema's owner, and returns the role's URL."""
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


def without_statements(trainings: tuple[Training, ...]) -> tuple[Training, ...]:
    """Return trainings as they were stored before they had stated fields."""
    nothing: dict[str, object] = {"description": None, "owners": (), "tags": {}}
    return tuple(
        each.model_copy(update={"metadata": each.metadata.model_copy(update=nothing)})
        for each in trainings
    )


def set_verifications(database: Database) -> None:
    """Give migrated trainings the verification of today's events."""
    verification = Jsonb(NO_LIVE_MODEL.model_dump(mode="json"))
    trainings = database.transaction(
        lambda it: it.execute(
            "UPDATE pedigree.training t SET verification = %(verification)s"
            " FROM pedigree.training before WHERE before.training_id = t.training_id"
            " RETURNING before.verification",
            {"verification": verification},
        ).fetchall()
    )
    unknown = BEFORE_VERIFICATION.model_dump(mode="json")
    assert [row["verification"] for row in trainings] == [unknown] * len(trainings)


def test_all_rows_of_an_old_database_remain_and_are_found_after_the_upgrade(
    filled: Registry, old_url: str, database_url: str, tmp_path: Path
) -> None:
    with Database.connect(old_url) as database:
        assert migrate(database)[0] == all_migrations()[OLD].name
        copy_names(database_url, old_url)
        # The events are those of today's code, but the tables lacked some of its columns.
        database.transaction(lambda it: it.execute("UPDATE pedigree.verdict SET settings = '{}'"))
        set_verifications(database)
        upgraded = Registry(database, filled.store, filled.settings)
        require_sound(upgraded)
        assert upgraded.models() == filled.models()
        for model in filled.models():
            assert upgraded.versions(model.name) == filled.versions(model.name)
            assert upgraded.timeline(model.name) == filled.timeline(model.name)
        for reference in ("customer_churn@champion", "customer_churn/2"):
            assert upgraded.trainings(reference) == without_statements(filled.trainings(reference))
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
        has_trigrams = database.fetch_all("SELECT FROM pg_extension WHERE extname = 'pg_trgm'")
        near = upgraded.search("text MATCH 'custmer'")
        assert bool(list(near)) == bool(has_trigrams) == (old_url.count(":owner@") == 0)

        keys = database.fetch_all("SELECT name, name_key FROM pedigree.registered_model")
        assert {row["name"]: row["name_key"] for row in keys} == {
            model.name: name_key(model.name) for model in filled.models()
        }
        with pytest.raises(NameTakenError):
            register(upgraded, tmp_path, "e", "churn")
        # New operations work on the upgraded database.
        promote_to_production(upgraded, "customer_churn/3")
        assert register(upgraded, tmp_path, "e", "customer_churn") == "customer_churn/5"
        require_sound(upgraded)


def test_people_from_before_names_were_kept_apart_keep_their_names(
    registry: Registry,
    make_database_url: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = make_database_url(template=None)
    known = [each for each in all_migrations() if each.number < PSEUDONYMS]
    with monkeypatch.context() as patch, Database.connect(url) as database:
        patch.setattr(module, "all_migrations", lambda: known)
        migrate(database)
    policy = policy_of(approvals={"by": ["cy", "*@risk.example", "group:risk"]})
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO pedigree.registered_model (name, name_key, owners, created_at, created_by,"
            " policy) VALUES ('churn', 'churn', '{ben}', now(), 'Ann', %s)",
            [Jsonb(policy.model_dump(mode="json"))],
        )
    with Database.connect(url) as database:
        migrate(database)
        rows = database.fetch_all("SELECT pseudonym, name FROM pedigree.pseudonym ORDER BY name")
        assert [(row["pseudonym"], row["name"]) for row in rows] == [
            (name, name) for name in ("Ann", "ben", "cy")
        ]
        upgraded = Registry(database, registry.store, registry.settings)
        ann = upgraded.acting_as(Actor(name="ann", source="git user.email"))
        ann.update_model("churn", description="who leaves")
        assert upgraded.events()[-1].actor.name == "Ann"
        assert upgraded.set_policy("churn", policy) == 0, "it is the same policy"
        erased = upgraded.erase_person("ann")
        assert (erased.pseudonyms, erased.keeps_older_names) == ((), True)
        assert upgraded.model("churn").created_by == "Ann"
        assert is_pseudonym(upgraded.context.names.pseudonym("ann"))


@pytest.fixture
def closures(
    registry: Registry,
    database_url: str,
    make_database_url: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Registry]:
    """A registry on a database of the previous release, with its closures."""
    january = node(1, "features", "2024-01")
    lineages = {
        "followed": graph(january, behind=(node(2, "loans", "2024-02"),)),
        "fanned_in": graph(missing(1, "features")),
        "without inputs": graph(),
        "named": graph(node(1, "s3://lake/loans.csv", kind=NodeKind.EXTERNAL, at=None)),
    }
    for content, lineage in lineages.items():
        register(registry, tmp_path, content, lineage=lineage)
    register(registry, tmp_path, "from a path")
    url = make_database_url(template=None)
    migrate_to(url, UNCERTAIN, monkeypatch)
    copy_rows(database_url, url)
    with Database.connect(url) as database:
        migrate(database)
        set_verifications(database)
        yield Registry(database, registry.store, registry.settings)


def test_closures_of_the_previous_release_are_possible_or_unknown(closures: Registry) -> None:
    followed, fanned_in = closures.lineage("churn/1"), closures.lineage("churn/2")
    assert [edge.certainty for edge in followed.edges] == [Certainty.POSSIBLE] * 2
    assert [edge.certainty for edge in fanned_in.edges] == [Certainty.UNKNOWN]
    assert followed.not_ruled_out() is None
    assert fanned_in.not_ruled_out() is None
    assert closures.lineage("churn/4").not_ruled_out() == ()
    (features, loans) = closures.upstream("churn/1").states
    assert (features.upstream, loans.upstream) == ((), ())


def test_closures_of_the_previous_release_rule_nothing_out(closures: Registry) -> None:
    def found(asset: str, partition: str | None = None) -> dict[int, Certainty]:
        with_it = closures.database.read(lambda it: trained_on(it, asset, partition, None))
        return {one.version: one.certainty for one in with_it.versions}

    possible, unknown = Certainty.POSSIBLE, Certainty.UNKNOWN
    assert found("loans", "2024-02") == {1: possible, 2: unknown, 3: unknown}
    assert found("loans", "2024-01") == {1: unknown, 2: unknown, 3: unknown}
    assert found("bureau") == {1: unknown, 2: unknown, 3: unknown}
    assert found("features") == {1: possible, 2: possible, 3: unknown}
    assert found("s3://lake/loans.csv") == {1: unknown, 2: unknown, 3: unknown, 4: possible}
    assert closures.impact("never-read").without_lineage == 1
    marked = closures.quarantine("loans", "2024-02", reason="doubled rows")
    assert (marked.possible, marked.unknown) == (("churn/1",), ("churn/2", "churn/3"))
    require_sound(closures)


def test_rows_that_the_previous_release_writes_during_the_upgrade_rule_nothing_out(
    closures: Registry,
) -> None:
    """The previous release does not set the new columns."""
    closures.database.transaction(lambda it: it.execute(EARLIER_TRAINING))
    found = closures.database.read(lambda it: trained_on(it, "bureau", None, None))
    assert (found.versions[-1].version, found.versions[-1].certainty) == (5, Certainty.UNKNOWN)
    assert found.without_lineage == 0


def test_stage_and_alias_names_older_than_their_rule_remain_readable(
    registry: Registry,
    database_url: str,
    make_database_url: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = make_database_url(template=None)
    known = [each for each in all_migrations() if each.number < NAMES]
    with monkeypatch.context() as patch, Database.connect(url) as database:
        patch.setattr(module, "all_migrations", lambda: known)
        migrate(database)
    for content in ("a", "b", "c"):
        register(registry, tmp_path, content)
    give_stored_policy(registry, "churn", staged("latest", "QA", "qa", "", "live"))
    for number, stage in ((1, "latest"), (2, "QA"), (3, "qa")):
        hold_as_before(registry, number, "stage", stage)
    for alias in ("3", "v1", "live", "a/b"):
        hold_as_before(registry, 1, "alias", alias)
    copy_rows(database_url, url)

    with Database.connect(url) as database:
        assert migrate(database)[0].startswith(f"{NAMES:04}")
        upgraded = Registry(database, registry.store, registry.settings)
        (model,) = upgraded.models()
        assert model.stages == {"latest": (1,), "QA": (2,), "qa": (3,)}
        assert model.aliases == dict.fromkeys(("3", "v1", "live", "a/b"), 1)
        assert [rule.name for rule in upgraded.policy("churn").stages][:2] == ["latest", "QA"]
        for reference, number in (
            *(("churn@QA", 2), ("churn@qa", 3), ("churn@3", 1), ("churn@v1", 1)),
            ("churn@latest", 3),  # the newest version, and no stage
        ):
            assert upgraded.get(reference).version_id == number
        with pytest.raises(AliasNotFoundError):
            upgraded.get("churn@Qa")
        for number, stage in ((1, "latest"), (2, "QA"), (3, "qa")):
            held = upgraded.holder("churn", stage)
            assert held is not None
            assert held.version_id == number
        assert len(upgraded.timeline("churn")) == 7
        for alias in ("3", "v1", "live", "a/b"):
            upgraded.delete_alias("churn", alias)
        for number in (1, 2, 3):
            assert upgraded.promote(f"churn/{number}", "live").moved
        upgraded.set_policy("churn", Policy.model_validate(staged("live", "qa")))
        assert copy_again(url, make_database_url()) == 10


def copy_again(url: str, other: str) -> int:
    """Copy the rows into a database that has the rule; return the number of tenures."""
    copy_rows(url, other)
    with psycopg.connect(other) as connection:
        (row,) = connection.execute("SELECT count(*) FROM pedigree.tenure").fetchall()
    return int(row[0])
