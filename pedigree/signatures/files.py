"""The signature in a model's own files.

>>> from pathlib import Path
>>> from pedigree.signatures.files import stated_signature
>>> stated_signature(Path("model"))  # doctest: +SKIP
Signature(inputs=…, outputs=…)

Two kinds of files state one: the ``MLmodel`` of an MLflow model, and an ONNX graph. No code runs.
"""

from pathlib import Path

from pedigree.signatures._mlmodel import mlmodel_signature
from pedigree.signatures._onnx import graph_signature
from pedigree.signatures.records import Signature

MLMODEL = "MLmodel"
ONNX_SUFFIX = ".onnx"


def stated_signature(path: Path) -> Signature | None:
    """Return the signature that a file or folder states; None if it states none.

    In a folder the ``MLmodel`` is read first, then the ``.onnx`` file if there is only one: it is
    ambiguous which of several is the model.

    Raises:
        InvalidSignatureError: The signature is not supported, or cannot be read.
        MissingDependencyError: The library that reads the file is not installed.
    """
    files = [path] if path.is_file() else sorted(item for item in path.glob("*") if item.is_file())
    for file in files:
        if file.name == MLMODEL and (stated := mlmodel_signature(file)):
            return stated
    graphs = [file for file in files if file.suffix == ONNX_SUFFIX]
    return graph_signature(graphs[0]) if len(graphs) == 1 else None
