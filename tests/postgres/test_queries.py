"""Named queries are read with their descriptions."""

from importlib.resources import files

import pytest

from pedigree.postgres.queries import load_queries


def test_queries_are_read_with_their_description():
    queries = load_queries("pedigree.postgres")
    first, second, *_ = queries["applied_migrations"].splitlines()
    assert first.startswith("-- ")
    assert second.startswith("SELECT")


def _packages() -> list[str]:
    root = files("pedigree")
    return sorted(
        f"pedigree.{entry.name}" for entry in root.iterdir() if (entry / "queries.sql").is_file()
    )


@pytest.mark.parametrize("package", _packages())
def test_every_query_has_a_description(package):
    queries = load_queries(package)
    assert queries
    assert [name for name, text in queries.items() if not text.startswith("-- ")] == []


def test_a_duplicate_name_is_refused(tmp_path, monkeypatch):
    package = tmp_path / "twice"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "queries.sql").write_text("-- name: one\nSELECT 1;\n\n-- name: one\nSELECT 2;\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="twice"):
        load_queries("twice")
