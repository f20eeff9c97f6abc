"""Data versions that say something about the data.

Dagster's default data version is a hash of the code version and of the inputs' versions, so a root
asset has the same one whatever it holds. These are hashes of the content::

    @dg.asset
    def raw_customers() -> dg.MaterializeResult[pd.DataFrame]:
        frame = read_customers()
        return dg.MaterializeResult(value=frame, data_version=content_version(frame))
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 1 << 20


def content_version(content: "pd.DataFrame | pd.Series | Path | bytes | str") -> dg.DataVersion:
    """Return the data version of a frame, of a file or folder (a ``Path``), or of bytes or text.

    A frame's version depends on its columns' order, names and types, on its index and on every
    cell; a folder's on its files' relative paths and bytes.

    Raises:
        InvalidInputError: The content is none of these, the path does not exist, or a column holds
            values that cannot be hashed, such as lists.
    """
    if isinstance(content, Path):
        digest = _path_digest(content)
    elif isinstance(content, bytes | str):
        raw = content if isinstance(content, bytes) else content.encode()
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
            name = file.relative_to(path).as_posix()
            total.update(f"{len(name)} {name} {_file_digest(file)}\n".encode())
    return total.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _frame_digest(frame: "pd.DataFrame | pd.Series") -> str:
    # pandas costs a third of a second, and a definition that only names this helper needs none.
    import pandas as pd  # noqa: PLC0415

    if isinstance(frame, pd.Series):
        frame = frame.to_frame()
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            "has no content that could be hashed here",
            field="content",
            value=type(frame).__name__,
            remedy="Give a pandas frame, a Path, bytes or text, or make a dg.DataVersion yourself",
        )
    total = hashlib.sha256(f"{len(frame)} rows\n".encode())
    total.update(pd.util.hash_pandas_object(frame.index).to_numpy().tobytes())
    for position, (name, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        total.update(f"{name!r} {dtype}\n".encode())
        try:
            hashes = pd.util.hash_pandas_object(frame.iloc[:, position], index=False)
        except TypeError as error:
            raise InvalidInputError(
                "holds values that cannot be hashed",
                field=f"column {name!r}",
                value=str(error),
                remedy="Turn them into text or numbers first",
            ) from error
        total.update(hashes.to_numpy().tobytes())
    return total.hexdigest()
