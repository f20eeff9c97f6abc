"""Data versions that are hashes of the content.

Dagster's default data version is a hash of the code version and of the inputs' versions, so a root
asset has the same one whatever it contains. These are hashes of the content::

    @dg.asset
    def raw_customers() -> dg.MaterializeResult[pd.DataFrame]:
        frame = read_customers()
        return dg.MaterializeResult(value=frame, data_version=content_version(frame))
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


def content_version(
    content: "pd.DataFrame | pd.Series[Any] | Path | bytes | str",
) -> dg.DataVersion:
    """Return the data version of a frame, of a file or folder (a ``Path``), or of bytes or text.

    Two frames that differ for a model have different versions. The version depends on the order,
    names and types of the columns, the index, the type and value of every cell (1 differs from
    ``"1"``, a date from its text), and the order of categories. Equal frames have equal versions in
    every process. A folder's version depends on its files' relative paths and bytes.

    Raises:
        InvalidInputError: The content has another type, the path does not exist, or a column
            contains values of an unsupported type, such as objects of a custom class.
    """
    if isinstance(content, Path):
        digest = _path_digest(content)
    elif isinstance(content, bytes | str):
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(raw).hexdigest()
    else:
        digest = _frame_digest(content)
    return dg.DataVersion(f"sha256:{digest}")


def _path_digest(path: Path) -> str:
    if path.is_file():
        return _file_digest(path)
    if not path.is_dir():
        raise InvalidInputError("does not exist", field="path", value=str(path))
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file():
            name = os.fsencode(file.relative_to(path))  # a name may not be valid text
            total.update(b"%d %b %b\n" % (len(name), name, _file_digest(file).encode()))
    return total.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _frame_digest(frame: "pd.DataFrame | pd.Series[Any]") -> str:
    # Importing pandas takes a third of a second, and a definition that only imports this function
    # does not need it.
    import pandas as pd  # noqa: PLC0415

    from pedigree.dagster.capture.frame_content import frame_content  # noqa: PLC0415 - needs pandas

    if not isinstance(frame, pd.DataFrame | pd.Series):
        raise InvalidInputError(
            "is of a type that cannot be hashed",
            field="content",
            value=type(frame).__name__,
            remedy="Pass a pandas frame, a Path, bytes or text, or create a dg.DataVersion",
        )
    total = hashlib.sha256()
    for part in frame_content(frame):
        total.update(part)
    return total.hexdigest()
