"""Read the file of inputs that ``--sample`` names."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pedigree.errors import InvalidSignatureError, MissingDependencyError
from pedigree.untrusted.expansion import ExpansionError, ExpansionMeter, expanded

if TYPE_CHECKING:
    import pandas as pd

_COMPRESSED = (".gz", ".bz2", ".xz")


def read_sample(file: Path) -> "pd.DataFrame":
    """Return the rows of a file as a pandas DataFrame, which the models of every flavor accept.

    Raises:
        InvalidSignatureError: The file cannot be read.
        MissingDependencyError: The library that reads it is not installed.
    """
    kind, library, read = _reader(file.suffix)
    try:
        return read(file)
    except ImportError as error:
        raise MissingDependencyError(
            f"a {kind} file for --sample needs {library}, which is not installed",
            remedy=f"Run: pip install {library}, or give --signature",
        ) from error
    except (OSError, ValueError, ExpansionError) as error:  # pandas' and arrow's are ValueErrors
        raise InvalidSignatureError(
            f"cannot be read as {kind}: {error}",
            field="--sample",
            value=str(file),
            remedy="Name a CSV file with a header, a .parquet or an .arrow file that has inputs",
        ) from error


def _reader(suffix: str) -> tuple[str, str, "Callable[[Path], pd.DataFrame]"]:
    if suffix in {".parquet", ".pq"}:
        return "Parquet", "pyarrow", _read_parquet
    if suffix in {".arrow", ".feather", ".ipc"}:
        return "Arrow", "pyarrow", _read_arrow
    return "CSV", "pandas", _read_csv


def _read_csv(file: Path) -> "pd.DataFrame":
    import pandas as pd

    if file.suffix in _COMPRESSED:
        with expanded(file) as stream:
            return pd.read_csv(stream)
    return pd.read_csv(file, compression=None)


def _read_parquet(file: Path) -> "pd.DataFrame":
    from pyarrow import parquet

    # Equal values cost nothing in the file: a value takes a byte at least when it is read.
    content = parquet.read_metadata(file)
    groups = (content.row_group(place) for place in range(content.num_row_groups))
    size = max(content.num_rows * content.num_columns, sum(each.total_byte_size for each in groups))
    ExpansionMeter(file.stat().st_size).add(size)
    frame: pd.DataFrame = parquet.read_table(file).to_pandas()
    return frame


def _read_arrow(file: Path) -> "pd.DataFrame":
    from pyarrow import feather

    frame: pd.DataFrame = feather.read_feather(file)
    return frame
