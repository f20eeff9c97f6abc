import gzip
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.cli import _sample
from pedigree.cli._sample import read_sample
from pedigree.errors import InvalidSignatureError
from pedigree.untrusted.expansion import LOADING
from tests.cli.conftest import Cli
from tests.lazy import lazy

pd = lazy("pandas")
pyarrow = lazy("pyarrow")
feather = lazy("pyarrow.feather")
parquet = lazy("pyarrow.parquet")

needs_limits = pytest.mark.skipif(
    sys.platform != "linux", reason="other kernels do not limit memory"
)


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


def test_a_csv_is_the_frame_that_pandas_reads(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "whole,huge,part,text,flag,none,large\n"
        f"1,{2**63},0.1,ä,True,,{2**70}\n-2,7,,,False,,x\n3,8,inf,NULL,True,,1e3\n"
    )
    pd.testing.assert_frame_equal(read_sample(file), pd.read_csv(file))
    file.write_text("x,y\n")
    pd.testing.assert_frame_equal(read_sample(file), pd.read_csv(file))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_other_files_keep_the_types_of_their_columns(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{suffix}"
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-01-01T00:00Z", None]),
            "kind": pd.Categorical(["a", "b"], categories=["b", "a"], ordered=True),
            "many": [[1, 2], []],
            "raw": [b"\x00", None],
            "small": pd.array([1, None], dtype="Int8"),
        },
    )
    {"parquet": frame.to_parquet, "arrow": frame.to_feather}[suffix](file)
    read = {"parquet": pd.read_parquet, "arrow": pd.read_feather}[suffix]
    pd.testing.assert_frame_equal(read_sample(file), read(file))


def compressed_zeros(folder: Path) -> Path:
    file = folder / "zeros.arrow"
    zeros = pyarrow.array(memoryview(bytes(300 << 20)).cast("q"))
    feather.write_feather(pyarrow.table({"x": zeros}), file, compression="zstd")
    return file


def a_dictionary_of_one_long_text(folder: Path) -> Path:
    file = folder / "dictionary.parquet"
    places = pyarrow.array([0] * 2000, pyarrow.int32())
    texts = pyarrow.DictionaryArray.from_arrays(places, pyarrow.array(["x" * 1_000_000]))
    table = pyarrow.table({"x": texts})
    parquet.write_table(table, file, compression="zstd", store_schema=False)
    return file


def rows_without_bytes(folder: Path) -> Path:
    file = folder / "nulls.arrow"
    with pyarrow.ipc.new_file(file, pyarrow.schema({"x": pyarrow.null()})) as stream:
        stream.write_batch(pyarrow.record_batch({"x": pyarrow.nulls(1 << 30)}))
    return file


def short_rows_under_a_wide_header(folder: Path) -> Path:
    file = folder / "wide.csv"
    file.write_text(",".join(f"c{place}" for place in range(4000)) + "\n" + "1\n" * 20_000)
    return file


@needs_limits
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(compressed_zeros, marks=pytest.mark.system),
        pytest.param(a_dictionary_of_one_long_text, marks=pytest.mark.system),
        pytest.param(rows_without_bytes, marks=pytest.mark.system),
        short_rows_under_a_wide_header,
    ],
)
def test_a_small_file_that_needs_much_memory_is_refused_and_takes_none_of_this_process(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sample, "_FREE_MEMORY", 384 << 20)
    file = make(tmp_path)
    assert file.stat().st_size < 1 << 20
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that from now on
    before = peak()
    with pytest.raises(
        InvalidSignatureError, match=r"reading it needs more than 3\d\d MiB"
    ) as refused:
        read_sample(file, field="DATA")
    assert (refused.value.field, refused.value.value) == ("DATA", str(file))
    assert "some of its rows" in str(refused.value.remedy)
    assert peak() - before < 32 << 10


def peak() -> int:
    """Return this process's highest memory in KiB."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(found)


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("rows.parquet", b"PAR1 nonsense PAR1", "cannot be read as Parquet: "),
        ("rows.arrow", b"ARROW1 nonsense", "cannot be read as Arrow: "),
        ("rows.csv", b"", "cannot be read as CSV: No columns"),
        ("rows.csv", b"\xff\xfe\n", "cannot be read as CSV: "),
    ],
)
def test_nonsense_is_refused(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidSignatureError, match=reason):
        read_sample(tmp_path / name)


def test_a_folder_is_refused_with_the_name_of_its_argument(cli: Cli, tmp_path: Path) -> None:
    for words, field in (
        (("profile", "churn/1", "--keep", tmp_path), "--keep"),
        (("drift", "measure", "churn/1", tmp_path, "--asset", "customers"), "DATA"),
    ):
        refused = cli(*words, "--json")
        assert refused.code == 2
        assert refused.error["type"] == "InvalidSignatureError"
        assert refused.error["field"] == field
        assert refused.error["value"] == str(tmp_path)
        assert refused.error["message"] == "cannot be read as CSV: it is not a file"
