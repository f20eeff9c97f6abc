"""Read a file of inputs: that of ``--sample``, and those of ``profile`` and ``drift``.

Compressed buffers, dictionaries and short rows expand far beyond what a file states. So its parser
runs in a confined process (:mod:`pedigree.untrusted`), whose memory follows the file's size.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedigree.errors import InvalidSignatureError, MissingDependencyError
from pedigree.untrusted.expansion import LOADING
from pedigree.untrusted.limits import ProcessLimits
from pedigree.untrusted.processes import run_job

if TYPE_CHECKING:
    import pandas as pd

_JOB = "pedigree.cli._sample_job:read_table"
_KINDS = {
    **dict.fromkeys((".parquet", ".pq"), "Parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "Arrow"),
}
_CSV = "CSV"
# The types of the columns that pandas makes of a CSV.
_DTYPES = {"bool", "int64", "uint64", "float64", "object", "str"}

# The libraries take some 150 MiB. A text of a few bytes takes twenty times as much as an object.
_FREE_MEMORY = 1 << 30
_MEMORY_RATIO = 20
_MOST_MEMORY = 16 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _SampleFile:
    """A file of inputs, and the option or argument that names it."""

    path: Path
    field: str

    @property
    def kind(self) -> str:
        return _KINDS.get(self.path.suffix, _CSV)

    def refused(self, reason: str) -> InvalidSignatureError:
        return InvalidSignatureError(
            f"cannot be read as {self.kind}: {reason}",
            field=self.field,
            value=str(self.path),
            remedy="Name a CSV file with a header, a .parquet or an .arrow file that has inputs; of"
            " a file that is too large, some of its rows",
        )


def read_sample(path: Path, *, field: str = "--sample") -> "pd.DataFrame":
    """Return the rows of a file as a pandas DataFrame, which the models of every flavor accept.

    Args:
        path: A CSV file, compressed or not; or a Parquet or Arrow file.
        field: The option or argument that names it, for errors.

    Raises:
        InvalidSignatureError: The file cannot be read, or reading it needs too much.
        MissingDependencyError: The library that reads it is not installed.
        ServiceBusyError: As many files as are allowed at once are being read.
        UnavailableError: The process that reads it cannot start.
    """
    file = _SampleFile(path=path, field=field)
    _require_library(file)
    try:
        if not path.is_file():
            raise file.refused("it is not a file")
        size = path.stat().st_size
        request = {"file": str(path.absolute()), "kind": file.kind}
        answers = run_job(_JOB, request, _limits(size))
        reason = next(
            (each["refused"] for each in answers.lines if "refused" in each), answers.stopped
        )
        if reason is not None:
            raise file.refused(str(reason))
        return _from_columns(answers.lines) if file.kind == _CSV else _from_arrow(answers.lines)
    # The process that answers is trusted as little as the file.
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise file.refused(str(error)) from error


def _require_library(file: _SampleFile) -> None:
    library = "pandas"
    try:
        import pandas as pd  # noqa: F401

        if file.kind != _CSV:
            library = "pyarrow"
            import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"a {file.kind} file for {file.field} needs {library}, which is not installed",
            remedy=f"Run: pip install {library}, or give --signature",
        ) from error


def _limits(size: int) -> ProcessLimits:
    return ProcessLimits(
        memory=min(_MOST_MEMORY, _FREE_MEMORY + _MEMORY_RATIO * size),
        output=2 * LOADING.most(size),  # texts of JSON and base64 are longer than the values
    )


def _from_columns(answers: Sequence[Any]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for each in answers:
        if each["dtype"] not in _DTYPES:
            raise ValueError(f"a column has the type {each['dtype']}")
        columns[str(each["name"])] = pd.Series(each["values"], dtype=each["dtype"])
    return pd.DataFrame(columns)


def _from_arrow(answers: Sequence[Any]) -> "pd.DataFrame":
    import pyarrow as pa

    content = b"".join(b64decode(each["arrow"]) for each in answers)
    with pa.ipc.open_stream(content) as stream:
        table = stream.read_all()
    table.validate(full=True)
    frame: pd.DataFrame = table.to_pandas()
    return frame
