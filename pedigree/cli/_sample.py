"""Infer a signature from a file of inputs, by loading the model and asking it."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pedigree.artifacts.paths import scan
from pedigree.errors import InvalidSignatureError, MissingDependencyError
from pedigree.signatures.records import Signature

if TYPE_CHECKING:
    import pandas as pd


def sampled_signature(
    flavor_name: str, path: Path, sample: Path, trust: Collection[str]
) -> Signature:
    """Return the signature by what the model gives for the rows of a file.

    Raises:
        InvalidInputError: The model or the sample cannot be read, or has no type in a signature.
        UntrustedModelError: Loading the model would run what ``trust`` does not name.
        MissingDependencyError: The flavor's library, or the one that reads the file, is missing.
    """
    from pedigree.flavors.plugins import get_flavor

    flavor = get_flavor(flavor_name)
    files = scan(path)
    rows = _read(sample)
    if path.is_dir():
        return flavor.infer_signature(flavor.load(path, trust=trust), rows)
    with tempfile.TemporaryDirectory() as folder:  # a flavor loads a folder, as it will be pulled
        shutil.copyfile(path, Path(folder) / files[0].path)
        return flavor.infer_signature(flavor.load(Path(folder), trust=trust), rows)


def _read(file: Path) -> "pd.DataFrame":
    kind, library, read = _reader(file.suffix)
    try:
        return read(file)
    except ImportError as error:
        raise MissingDependencyError(
            f"a {kind} file as --sample needs {library}, which is not installed",
            remedy=f"Run: pip install {library}, or give --signature",
        ) from error
    except (OSError, ValueError) as error:  # pandas' and arrow's own are ValueErrors
        raise InvalidSignatureError(
            f"cannot be read as {kind}: {error}",
            field="--sample",
            value=str(file),
            remedy="Name a CSV file with a header, a .parquet or an .arrow file, of inputs",
        ) from error


def _reader(suffix: str) -> tuple[str, str, "Callable[[Path], pd.DataFrame]"]:
    if suffix in {".parquet", ".pq"}:
        return "Parquet", "pyarrow", _read_parquet
    if suffix in {".arrow", ".feather", ".ipc"}:
        return "Arrow", "pyarrow", _read_arrow
    return "CSV", "pandas", _read_csv


def _read_csv(file: Path) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(file)


# As frames of pandas, which every flavor's models take.
def _read_parquet(file: Path) -> "pd.DataFrame":
    from pyarrow import parquet

    frame: pd.DataFrame = parquet.read_table(file).to_pandas()
    return frame


def _read_arrow(file: Path) -> "pd.DataFrame":
    from pyarrow import feather

    frame: pd.DataFrame = feather.read_feather(file)
    return frame
