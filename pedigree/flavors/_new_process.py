"""What a new process does with a model that another one has just saved: load it, ask it, write.

It is started as ``python -c`` with the search path of its parent, and reads a folder that only its
parent writes. It has nothing of the parent's memory: closures, ``__main__`` and modules that the
parent loaded from elsewhere are as absent as for whoever loads the version later.
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
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        found.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return found.hexdigest()


def answer(folder: str) -> None:
    """Do what the request in the folder says, and write what came of it beside it."""
    place = Path(folder)
    request = json.loads((place / REQUEST).read_text("utf-8"))
    try:
        said = _asked(request, place / SAMPLE)
    except PedigreeError as error:
        said = {"error": str(error)}
    except Exception as error:  # whatever the model's own code raises
        traceback.print_exc()
        said = {"error": f"{type(error).__name__}: {error}"}
    (place / ANSWER).write_text(json.dumps(said), "utf-8")


def _asked(request: dict[str, Any], sample: Path) -> dict[str, Any]:
    flavor, files = get_flavor(request["flavor"]), Path(request["files"])
    model = _load(flavor, files, request["digest"])
    try:
        given, empty = pickle.loads(sample.read_bytes())  # noqa: S301 - the parent's own
    except Exception as error:  # such as a class of the parent's program
        return {"impossible": f"the sample, or the module, cannot be made here: {error}"}
    if isinstance(flavor, WeightsFlavor) and empty is not None:
        model = flavor.filled(empty, model)
    try:
        leaves = leaves_of_all(flavor.answers(model, given))
    except UnsupportedModelError as error:
        return {"impossible": error.message}
    except IncomparableError as error:
        return {"impossible": f"what the model gives cannot be compared: it holds {error}"}
    return {"leaves": [leaf.to_json() for leaf in leaves]}


def _load(flavor: Flavor, files: Path, digest: str) -> object:
    """Load the files, whatever they run: the parent has just made them of a model in its memory.

    This trust is bound to the digest that the parent took; no caller can ask for it.
    """
    if folder_digest(files) != digest:
        raise ValueError("the files are others than those that were saved")
    try:
        return flavor.load(files)
    except UntrustedModelError as error:
        if not error.names:
            raise
        return flavor.load(files, trust=error.names)
