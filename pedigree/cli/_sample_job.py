"""The job of a confined process that reads a file of inputs.

Its answers are plain values: the columns of a CSV as JSON, the table of a Parquet or Arrow file as
an uncompressed stream of Arrow.
"""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pedigree.untrusted.expansion import ExpansionError, ExpansionMeter, expanded

if TYPE_CHECKING:
    import pyarrow as pa

_COMPRESSED = (".gz", ".bz2", ".xz")
_PIECE = 1 << 20


def read_table(request: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the content of the file ``file``, of the kind ``CSV``, ``Parquet`` or ``Arrow``.

    A file that its reader refuses is one answer with the reason, under ``refused``.
    """
    file = Path(request["file"])
    readers = {"CSV": _csv, "Parquet": _parquet, "Arrow": _arrow}
    try:
        yield from readers[request["kind"]](file)
    except (OSError, ValueError, ExpansionError) as error:  # pandas' and arrow's are ValueErrors
        yield {"refused": str(error)}


def _csv(file: Path) -> Iterator[dict[str, Any]]:
    if file.suffix in _COMPRESSED:
        with expanded(file) as stream:
            frame = pd.read_csv(stream)
    else:
        frame = pd.read_csv(file, compression=None)
    _meter(file).add(int(frame.memory_usage(deep=True).sum()))
    for name, column in frame.items():
        yield {"name": name, "dtype": str(column.dtype), "values": column.tolist()}


def _parquet(file: Path) -> Iterator[dict[str, Any]]:
    _use_little_memory()
    from pyarrow import parquet

    opened = parquet.ParquetFile(file)
    # Equal values cost nothing in the file: a value takes a byte at least when it is read.
    _meter(file).add(opened.metadata.num_rows * opened.metadata.num_columns)
    yield from _pieces(file, opened.read(use_threads=False))


def _arrow(file: Path) -> Iterator[dict[str, Any]]:
    _use_little_memory()
    from pyarrow import feather

    yield from _pieces(file, feather.read_table(file, memory_map=False, use_threads=False))


def _use_little_memory() -> None:
    """Let arrow allocate what it needs; its own allocator and its threads reserve far more."""
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def _pieces(file: Path, table: "pa.Table") -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    _meter(file).add(table.nbytes)
    # The parent does the same: what needs too much memory must fail in this process.
    table.to_pandas()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content = memoryview(sink.getvalue())
    for start in range(0, len(content), _PIECE):
        yield {"arrow": b64encode(content[start : start + _PIECE]).decode()}


def _meter(file: Path) -> ExpansionMeter:
    return ExpansionMeter(file.stat().st_size)
