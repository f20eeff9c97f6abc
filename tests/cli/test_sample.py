import gzip
from pathlib import Path

import pytest

from pedigree.cli._sample import read_sample
from pedigree.errors import InvalidSignatureError
from pedigree.untrusted.expansion import LOADING
from tests.lazy import lazy

pyarrow = lazy("pyarrow")
parquet = lazy("pyarrow.parquet")


def test_a_compressed_sample_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"x,y\n1,2\n"))
    assert read_sample(file).to_dict("list") == {"x": [1], "y": [2]}
    file.write_bytes(gzip.compress(b"x,y\n" + b" " * LOADING.free))
    with pytest.raises(InvalidSignatureError, match="expands to more than 67,108,864 bytes"):
        read_sample(file)


def test_a_name_of_a_column_is_not_taken_for_a_compressed_stream(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("x,BZ\n1,2\n")
    assert read_sample(file).to_dict("list") == {"x": [1], "BZ": [2]}


def test_a_parquet_file_of_equal_values_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    equal = pyarrow.array([7]).dictionary_encode().take(pyarrow.array([0] * 1000))
    parquet.write_table(pyarrow.table({"x": equal}), file)
    assert read_sample(file)["x"].tolist() == [7] * 1000
    rows = pyarrow.nulls(1 << 20, pyarrow.int64())
    with parquet.ParquetWriter(file, pyarrow.schema({"x": pyarrow.int64()})) as writer:
        for _ in range(65):
            writer.write_table(pyarrow.table({"x": rows}))
    with pytest.raises(InvalidSignatureError, match="expands to more than 67,108,864 bytes"):
        read_sample(file)
