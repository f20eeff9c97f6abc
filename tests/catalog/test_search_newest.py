"""A ranked search looks at the newest hits only, however they are spread over time."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pedigree.catalog.search import ranking
from pedigree.registry import Registry
from tests.factories import register

NEWEST = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("apart", [timedelta(hours=7), timedelta(days=1), timedelta(days=17)])
def test_only_the_newest_hits_are_ranked(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: timedelta
) -> None:
    monkeypatch.setattr(ranking, "RANKED", 5)
    monkeypatch.setattr(ranking, "_FIRST_STRETCH", 2)
    for number in range(12):
        words = "weekly retention" if number % 2 else "monthly"
        register(registry, tmp_path, f"weights {number}", description=words)
    registry.database.run(
        lambda transaction: (
            transaction.execute(
                "UPDATE pedigree.model_version SET created_at = %s - (12 - version) * %s",
                [NEWEST, apart],
            ).rowcount
        )
    )
    first = registry.search("text MATCH 'weekly retention'", limit=2)
    second = registry.search("text MATCH 'weekly retention'", limit=10, after=first.next)
    found = [one.version_id for one in (*first, *second)]
    assert sorted(found, reverse=True) == [12, 10, 8, 6, 4]
    assert first.ranked_newest == 5


def test_a_long_stretch_is_asked_for_by_its_months() -> None:
    assert ranking._days(date(2026, 3, 1), date(2026, 5, 20)) == (
        "'@2026-03' | '@2026-04' | '@2026-05'"
    )
    assert ranking._days(date(2026, 3, 30), date(2026, 4, 2)) == (
        "'@2026-03-30' | '@2026-03-31' | '@2026-04'"
    )
