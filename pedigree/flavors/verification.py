"""Verify a model that was just saved: a new process loads it, and predicts what the model did.

A process of its own, since here closures, ``__main__`` and modules that were loaded from elsewhere
would make a model load that nobody else can load.
"""

import json
import pickle
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from pedigree.errors import UnsupportedModelError, UnverifiedModelError
from pedigree.flavors._answers import IncomparableError, Leaf, leaves_of_all
from pedigree.flavors._comparing import Compared, Difference, compare, outline
from pedigree.flavors._layout import laid_out_as_loaded
from pedigree.flavors._new_process import REQUEST, SAMPLE, folder_digest
from pedigree.flavors._process_start import REMEDY, run_new_process, without_secrets
from pedigree.flavors.plugins import Flavor, WeightsFlavor, get_flavor
from pedigree.flavors.records import Verification, VerificationStatus, not_possible

# How often the model itself is asked where its answers differ, to see how far they lie apart.
_ANSWERS_OF_ONE_THAT_VARIES = 8
_VARIES = "the model itself answers differently each time, or as its arrays lie in memory"


class _ImpossibleError(Exception):
    """There is nothing to compare; the text says why."""


def verify_saved(
    flavor: str, files: Path, model: object, sample: object, *, timeout: timedelta
) -> Verification:
    """Let a new process load saved files and predict a sample, as the model itself does here.

    Args:
        flavor: How the model was saved.
        files: The folder it was saved in; nobody else may write there.
        model: The model that was saved.
        sample: A few inputs; None where there are none.
        timeout: How long the process may take.

    Returns:
        That it is verified, or why that is not possible.

    Raises:
        UnverifiedModelError: The files do not load there, predict something else, or take longer.
        InvalidSampleError: The model refuses the sample.
    """
    if sample is None:
        return not_possible("no sample was given")
    if not sys.executable:
        return not_possible("this process does not know its Python interpreter")
    asked = get_flavor(flavor)
    try:
        own = [_answer(asked, model, sample) for _ in range(2)]
        given = _packed(asked, model, sample)
        found = _of_new_process(flavor, files, given, timeout)
        compared = _compared(asked, model, sample, own, found)
    except _ImpossibleError as error:
        return not_possible(str(error))
    if compared.difference:
        raise _differs(compared.difference, compared.spread)
    return Verification(
        status=VerificationStatus.VERIFIED, reason=_comparison(compared), spread=compared.spread
    )


def _answer(flavor: Flavor, model: object, sample: object) -> list[Leaf]:
    try:
        return leaves_of_all(flavor.answers(model, sample))
    except UnsupportedModelError as error:
        raise _ImpossibleError(
            f"the flavor {flavor.name} cannot predict: {error.message}"
        ) from error
    except IncomparableError as error:
        raise _ImpossibleError(
            f"what the model gives cannot be compared: it holds {error}"
        ) from error


def _packed(flavor: Flavor, model: object, sample: object) -> bytes:
    """Return the sample for a new process, and the module to fill where only weights are stored."""
    try:
        empty = flavor.emptied(model) if isinstance(flavor, WeightsFlavor) else None
        return pickle.dumps((sample, empty))
    except Exception as error:  # whatever a value's own reduction raises
        raise _ImpossibleError(
            f"the sample, or the module, cannot go to a new process: {error}"
        ) from error


def _of_new_process(flavor: str, files: Path, sample: bytes, timeout: timedelta) -> list[Leaf]:
    """Return what the files give in a new process."""
    before = _stamps(files)
    with tempfile.TemporaryDirectory(prefix="pedigree-verify-") as made:
        folder = Path(made)
        request = {"flavor": flavor, "files": str(files), "digest": folder_digest(files)}
        (folder / REQUEST).write_text(json.dumps(request), "utf-8")
        (folder / SAMPLE).write_bytes(sample)
        said = run_new_process(folder, timeout)
    if _stamps(files) != before:
        raise UnverifiedModelError(
            "loading the saved files changes them", field="model", remedy=REMEDY
        )
    if "impossible" in said:
        why = without_secrets(said["impossible"])
        raise _ImpossibleError(f"loaded by the flavor {flavor} it cannot be compared: {why}")
    return [Leaf.from_json(leaf) for leaf in said["leaves"]]


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((str(file), file.lstat()) for file in folder.rglob("*") if not file.is_dir())
    return {name: (state.st_size, state.st_mtime_ns) for name, state in found}


def _compared(
    flavor: Flavor, model: object, sample: object, own: list[list[Leaf]], found: list[Leaf]
) -> Compared:
    """Compare, with more of the model's own answers where there is a difference to explain."""
    compared = compare(own, found)
    if compared.difference or compared.varies:
        more = _ANSWERS_OF_ONE_THAT_VARIES - len(own)
        own = own + [_answer(flavor, model, sample) for _ in range(more)]
        if any(outline(answer) != outline(own[0]) for answer in own):
            raise _ImpossibleError("the model's own answers to the sample differ in their form")
        compared = compare(own, found)
    if compared.difference:
        with laid_out_as_loaded(model) as differs:
            if differs:
                compared = compare([*own, _answer(flavor, model, sample)], found)
    return compared


def _comparison(compared: Compared) -> str | None:
    if not compared.varies:
        return None
    within = f"their spread of {compared.spread:.6g}" if compared.spread else "the values seen"
    return f"{_VARIES}; compared within {within}"


def _differs(difference: Difference, spread: float | None) -> UnverifiedModelError:
    place, expected, found = difference
    beyond = f", beyond the model's own spread of {spread:.6g}" if spread else ""
    error = UnverifiedModelError(
        f"the saved bytes do not predict what the model does: at {place} the model gives"
        f" {expected}, and the saved bytes, loaded in a new process, give {found}{beyond}",
        field="model",
        remedy="Nothing was registered. Save the model by another flavor, such as joblib; or, if"
        " the difference is meant, register it with verify=False",
    )
    error.expected, error.found = expected, found
    return error
