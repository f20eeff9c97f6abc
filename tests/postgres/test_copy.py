"""COPY into the catalog's tables: triggers update search as for an operation."""

from collections.abc import Callable
from pathlib import Path

from pedigree.cards.records import CardNotes
from pedigree.postgres import Database
from pedigree.registry import Registry
from tests.factories import promote_to_production, register, register_candidate
from tests.maintenance.collecting import require_sound
from tests.postgres.copying import copy_rows


def test_search_finds_rows_that_were_copied_into_a_registry(
    registry: Registry, database_url: str, make_database_url: Callable[..., str], tmp_path: Path
) -> None:
    for content in ("a", "b"):
        fields = {"metrics": {"auc": 0.9}, "tags": {"team": "growth"}, "description": "weekly"}
        reference = register_candidate(registry, tmp_path, content, **fields)
        promote_to_production(registry, reference)
        registry.write_card(reference, CardNotes(primary_uses="To find who leaves."))
    registry.set_alias("churn", "champion", 1)
    register(registry, tmp_path, "c", "customer_value", params={"depth": 3})
    registry.delete(register(registry, tmp_path, "d", "customer_value"), reason="a mistake")

    copied_url = make_database_url()
    copy_rows(database_url, copied_url)

    with Database.connect(copied_url) as database:
        copy = Registry(database, registry.store, registry.settings)
        require_sound(copy)
        for text in (
            "tags.team = 'growth' AND metrics.auc > 0.85",
            "stage = 'archived' AND alias = 'champion'",
            "text MATCH 'weekly leaves'",  # a word of the description, and one of the card's notes
            "text MATCH 'custmer'",
            "params.depth = 3",
        ):
            expected = list(registry.search(text, order_by="version"))
            assert expected, text
            assert list(copy.search(text, order_by="version")) == expected
        # Operations continue after the copy, and search includes them.
        copy.rollback("churn", reason="worse")
        assert register(copy, tmp_path, "e", "customer_value") == "customer_value/3"
        found = copy.search("stage = 'production' OR version = 3", order_by="name")
        assert [one.reference for one in found] == ["churn/1", "customer_value/3"]
        require_sound(copy)
