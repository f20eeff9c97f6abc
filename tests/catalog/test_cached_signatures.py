"""What a process keeps in memory of signatures is bounded."""

from pathlib import Path

from pedigree.catalog import rows
from pedigree.registry import Registry
from pedigree.signatures.records import Column, ColumnType, Signature
from tests.factories import register


def test_large_signatures_are_not_kept_in_memory(registry: Registry, tmp_path: Path) -> None:
    rows._SIGNATURES.clear()
    columns = tuple(Column(name=f"c{n}", type=ColumnType.DOUBLE) for n in range(1_000))
    wide = Signature(inputs=columns, outputs=columns[:1])
    reference = register(registry, tmp_path, signature=wide)
    assert registry.get(reference).signature == wide
    assert registry.versions("churn")[0].signature == wide
    found = registry.operations.search.find_page(
        None, order_by=None, limit=1, after=None, count=False, facets=()
    )
    assert b"c999" in found.json()
    assert [text for text in rows._SIGNATURES if len(text) > rows._LONGEST_CACHED] == []
