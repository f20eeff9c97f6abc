from benchmarks._million import fill
from benchmarks._million_rows import Shape, name_of, unique_commit
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.registry import Registry
from tests.postgres.test_schema import DUMP, dump_schema

SHAPES = (Shape(models=6, versions=40), Shape(models=1, versions=90, first_model=7))


def test_what_is_copied_is_a_registry_like_any_other(
    registry: Registry, database: Database, database_url: str, postgres: EmbeddedPostgres
) -> None:
    fill(database_url, *SHAPES)
    assert dump_schema(postgres, database_url) == DUMP.read_text(encoding="utf-8")
    assert [model.name for model in registry.models()] == sorted(map(name_of, range(1, 8)))
    for number in range(1, 8):
        name = name_of(number)
        versions = registry.versions(name)
        assert [one.version_id for one in versions] == list(range(1, 91 if number == 7 else 41))
        assert list(versions) == sorted(versions, key=lambda one: one.created_at)
        for holder in registry.model(name).stages.get("production", ()):
            assert registry.get(f"{name}@champion") == versions[holder - 1]
        assert registry.manifest(f"{name}/1").digest == versions[0].digest
        commits = [one.git_commit for one in versions]
        assert commits.count(unique_commit(number)) == 1
        assert any(registry.lineage(one.reference).inputs() for one in versions)
    held = [one for one in registry.timeline(name) if one.pointer == "stage:production"]
    assert [one.until for one in held] == [*[one.since for one in held[1:]], None]
