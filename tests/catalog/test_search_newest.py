"""A ranked search reads only the newest hits, regardless of their distribution over time."""

from datetime import UTC, datetime, timedelta
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
    for number in range(12):
        words = "weekly retention" if number % 2 else "monthly"
        register(registry, tmp_path, f"weights {number}", description=words)
    _spread(registry, apart)
    first = registry.search("text MATCH 'weekly retention'", limit=2)
    second = registry.search("text MATCH 'weekly retention'", limit=10, after=first.next)
    found = [one.version_id for one in (*first, *second)]
    assert sorted(found, reverse=True) == [12, 10, 8, 6, 4]
    assert first.ranked_newest == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('"weekly retention"', [6, 4, 2]),
        ("-monthly", [6, 5, 4, 3, 2, 1]),
        ('weekly -"weekly retention"', [5, 3, 1]),
        ('monthly or "retention weekly"', [7, 5, 3, 1]),
    ],
)
def test_each_hit_is_found_once_and_in_its_own_month(
    registry: Registry, tmp_path: Path, words: str, expected: list[int]
) -> None:
    for number in range(6):
        text = "weekly retention" if number % 2 else "retention weekly"
        register(registry, tmp_path, f"weights {number}", description=text)
    register(registry, tmp_path, "weights 7", description="monthly")
    _spread(registry, timedelta(days=40))
    found = registry.search(f"text MATCH '{words}'", count=True)
    assert sorted((one.version_id for one in found), reverse=True) == expected
    assert found.total == len(expected)


def _spread(registry: Registry, apart: timedelta) -> None:
    """Let versions have been registered so far apart."""
    registry.database.transaction(
        lambda transaction: (
            transaction.execute(
                "UPDATE pedigree.model_version SET created_at = %s - (12 - version) * %s",
                [NEWEST, apart],
            ).rowcount
        )
    )
