"""The new process that verifies a saved model: it loads the model, predicts and writes the outputs.

It is started as ``python -c`` with the search path of its parent, and reads a folder that only its
parent writes. It has no access to the parent's memory: closures, ``__main__`` and modules from
elsewhere are as absent as for anyone who loads the version later.
"""

import hashlib
import json
import pickle
import traceback
from pathlib import Path
from typing import Any

from pedigree.errors import PedigreeError, UnsupportedModelError, UntrustedModelError
from pedigree.flavors._answers import IncomparableError, leaves_of_all
from pedigree.flavors.plugins import Flavor, WeightsFlavor, get_flavor

REQUEST, SAMPLE, ANSWER = "request.json", "sample.pickle", "answer.json"


def folder_digest(folder: Path) -> str:
    """Return one digest over the names and bytes of all files of a folder."""
    found = hashlib.sha256()
    for file in sorted(item for item in folder.rglob("*") if item.is_file()):
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        found.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return found.hexdigest()


def answer(folder: str) -> None:
    """Execute the request in the folder, and write the result to the same folder."""
    place = Path(folder)
    request = json.loads((place / REQUEST).read_text("utf-8"))
    try:
        result = _outputs(request, place / SAMPLE)
    except PedigreeError as error:
        result = {"error": str(error)}
    except Exception as error:  # the model's own code can raise anything
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}"}
    (place / ANSWER).write_text(json.dumps(result), "utf-8")


def _outputs(request: dict[str, Any], sample: Path) -> dict[str, Any]:
    flavor, files = get_flavor(request["flavor"]), Path(request["files"])
    model = _load(flavor, files, request["digest"])
    try:
        inputs, empty = pickle.loads(sample.read_bytes())  # noqa: S301 - the parent wrote it
    except Exception as error:  # such as a class of the parent's program
        return {"impossible": f"the sample, or the module, cannot be unpickled here: {error}"}
    if isinstance(flavor, WeightsFlavor) and empty is not None:
        model = flavor.filled(empty, model)
    try:
        leaves = leaves_of_all(flavor.answers(model, inputs))
    except UnsupportedModelError as error:
        return {"impossible": error.message}
    except IncomparableError as error:
        return {"impossible": f"the model's output cannot be compared: it holds {error}"}
    return {"leaves": [leaf.to_json() for leaf in leaves]}


def _load(flavor: Flavor, files: Path, digest: str) -> object:
    """Load the files and trust their code: the parent has just saved them from its own memory.

    The trust is bound to the digest that the parent computed; no caller can request it.
    """
    if folder_digest(files) != digest:
        raise ValueError("the files differ from those that were saved")
    try:
        return flavor.load(files)
    except UntrustedModelError as error:
        if not error.names:
            raise
        return flavor.load(files, trust=error.names)
