"""The signature that a model's own files state.

>>> from pathlib import Path
>>> from pedigree.signatures.files import stated_signature
>>> stated_signature(Path("model"))  # doctest: +SKIP
Signature(inputs=…, outputs=…)

Two kinds of files do: the ``MLmodel`` of an MLflow model, and an ONNX graph. Nothing is run.
"""

from pathlib import Path

from pedigree.signatures._mlmodel import mlmodel_signature
from pedigree.signatures._onnx import graph_signature
from pedigree.signatures.records import Signature

MLMODEL = "MLmodel"
ONNX_SUFFIX = ".onnx"


def stated_signature(path: Path) -> Signature | None:
    """Return the signature that a file or folder states; None where nothing in it states one.

    In a folder the ``MLmodel`` is asked first, then the ``.onnx`` file beside it, if it is the only
    one: which of several is the model is not for us to say.

    Raises:
        InvalidSignatureError: It states one that has no place in ours, or that cannot be read.
        MissingDependencyError: The library that reads the file is not installed.
    """
    files = [path] if path.is_file() else sorted(each for each in path.glob("*") if each.is_file())
    for file in files:
        if file.name == MLMODEL and (stated := mlmodel_signature(file)):
            return stated
    graphs = [file for file in files if file.suffix == ONNX_SUFFIX]
    return graph_signature(graphs[0]) if len(graphs) == 1 else None
