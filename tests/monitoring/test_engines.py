"""The same expressions result in the same profile on a second engine."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pedigree.monitoring.profile import profile

pytest.importorskip("pyspark", reason="Spark is not installed: run `make spark`")
if shutil.which("java") is None:
    pytest.skip("Spark needs a Java runtime, and none is installed", allow_module_level=True)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark in this process, on one core."""
    import ibis
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("spark")))
        .getOrCreate()
    )
    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore")  # Spark's own warnings
def test_spark_and_duckdb_compute_the_same_profile(spark: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "delay": random.normal(10, 30, 500).round(1),
            "flight": random.integers(1, 40, 500),
            "carrier": random.choice(["AA", "UA", "B6"], 500, p=[0.5, 0.3, 0.2]),
            "late": random.random(500) < 0.3,
        }
    )
    frame.loc[::7, "carrier"] = None
    frame.loc[::11, "delay"] = np.nan
    frame.to_parquet(tmp_path / "flights.parquet")
    table = spark.read_parquet(tmp_path / "flights.parquet")
    here, there = profile(frame, prediction="late"), profile(table, prediction="late")
    assert there.rows == here.rows
    for ours, theirs in zip(here.columns, there.columns, strict=True):
        a, b = ours.model_dump(), theirs.model_dump()
        for measured in ("mean", "deviation", "quantiles", "edges"):  # the same but for rounding
            assert b.pop(measured, None) == pytest.approx(a.pop(measured, None))
        assert a == b
    # on the edges and values of a baseline that DuckDB made, too
    again = profile(table.filter(table.delay > 0), like=here)
    expected = profile(frame[frame["delay"] > 0], like=here)
    assert [each.counts for each in again.columns] == [each.counts for each in expected.columns]
