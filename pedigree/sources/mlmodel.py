"""What a fetched model says of itself in its ``MLmodel`` file, read as data.

https://mlflow.org/docs/latest/ml/model/#storage-format. No flavor of MLflow is imported, and
nothing of the model is run: a flavor and a signature that are not known here stay unknown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.files import MLMODEL, stated_signature
from pedigree.signatures.records import Signature
from pedigree.untrusted.documents import DocumentError, read_yaml

# PyYAML parses about a megabyte in ten seconds, and a model of a thousand columns has 100 kB.
_LONGEST = 512 << 10
_FLAVOR = "mlflow"


class StatedModel(NamedTuple):
    """What is known of a folder without loading it; None is unknown."""

    flavor: str | None = None
    signature: Signature | None = None
    run_id: str | None = None
    """The run that logged it, as the file says."""
    model_id: str | None = None
    note: str | None = None
    """Why something is unknown although the folder has such a file."""


def stated_model(folder: Path) -> StatedModel:
    """Return what a folder of fetched files says of itself.

    Raises:
        MissingDependencyError: PyYAML is not installed.
    """
    file = folder / MLMODEL
    if not file.is_file():
        return StatedModel()
    try:
        content = read_yaml(file, extra="registry", longest=_LONGEST, allows_aliases=False)
    except (DocumentError, OSError) as error:
        return StatedModel(note=f"the MLmodel cannot be read: {error}")
    if not isinstance(content, Mapping) or not isinstance(content.get("flavors"), Mapping):
        return StatedModel(note="the MLmodel names no flavors")
    signature, note = _signature(folder)
    return StatedModel(
        flavor=_FLAVOR,
        signature=signature,
        run_id=_text(content.get("run_id")),
        model_id=_text(content.get("model_id")),
        note=note,
    )


def _signature(folder: Path) -> tuple[Signature | None, str | None]:
    try:
        return stated_signature(folder), None
    except InvalidSignatureError as error:
        return None, f"{error.field}: {error.message}" if error.field else error.message


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
