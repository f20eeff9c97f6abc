"""Every named query is described, and all are read."""

from importlib.resources import files

import pytest

from pedigree.postgres.queries import load_queries


def test_queries_are_read_with_their_description():
    queries = load_queries("pedigree.postgres")
    assert queries["applied_migrations"].startswith("-- What was applied, oldest first.\nSELECT")


def _packages() -> list[str]:
    root = files("pedigree")
    return sorted(
        f"pedigree.{entry.name}" for entry in root.iterdir() if (entry / "queries.sql").is_file()
    )


@pytest.mark.parametrize("package", _packages())
def test_every_query_says_what_it_does(package):
    for name, text in load_queries(package).items():
        assert text.startswith("-- "), f"{package}: {name}"
