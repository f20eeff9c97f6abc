"""Verification of a model that was just saved: a new process loads it and predicts the sample.

A separate process is needed, because in this process closures, ``__main__`` and modules from
elsewhere would let a model load that cannot be loaded anywhere else.
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

# Number of calls of a model that is not deterministic, to estimate the spread of its outputs.
_CALLS_TO_ESTIMATE_SPREAD = 8
_VARIES = "the model's own predictions vary, between calls or with the memory layout of its arrays"


class _ImpossibleError(Exception):
    """Verification is not possible; the text says why."""


def verify_saved(
    flavor: str, files: Path, model: object, sample: object, *, timeout: timedelta
) -> Verification:
    """Compare the predictions of saved files in a new process with those of the model here.

    Args:
        flavor: The flavor that saved the model.
        files: The folder of the saved files; nothing else may write to it.
        model: The model that was saved.
        sample: A few rows of input; None if there are none.
        timeout: The time limit of the process.

    Returns:
        That the model is verified, or why verification is not possible.

    Raises:
        UnverifiedModelError: The files do not load, predict something else, or time out.
        InvalidSampleError: The model rejects the sample.
    """
    if sample is None:
        return not_possible("no sample was given")
    if not sys.executable:
        return not_possible("this process does not know its Python interpreter")
    plugin = get_flavor(flavor)
    try:
        own = [_answer(plugin, model, sample) for _ in range(2)]
        pickled = _pickled(plugin, model, sample)
        found = _of_new_process(flavor, files, pickled, timeout)
        compared = _compared(plugin, model, sample, own, found)
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
            f"the model's output cannot be compared: it holds {error}"
        ) from error


def _pickled(flavor: Flavor, model: object, sample: object) -> bytes:
    """Return the sample for a new process, and the empty module if only weights are saved."""
    try:
        empty = flavor.emptied(model) if isinstance(flavor, WeightsFlavor) else None
        return pickle.dumps((sample, empty))
    except Exception as error:  # a value's own reduction can raise anything
        raise _ImpossibleError(
            f"the sample, or the module, cannot be pickled for a new process: {error}"
        ) from error


def _of_new_process(flavor: str, files: Path, sample: bytes, timeout: timedelta) -> list[Leaf]:
    """Return the leaves of the saved model's outputs in a new process."""
    before = _stamps(files)
    with tempfile.TemporaryDirectory(prefix="pedigree-verify-") as temporary:
        folder = Path(temporary)
        request = {"flavor": flavor, "files": str(files), "digest": folder_digest(files)}
        (folder / REQUEST).write_text(json.dumps(request), "utf-8")
        (folder / SAMPLE).write_bytes(sample)
        result = run_new_process(folder, timeout)
    if _stamps(files) != before:
        raise UnverifiedModelError(
            "loading the saved files changes them", field="model", remedy=REMEDY
        )
    if "impossible" in result:
        reason = without_secrets(result["impossible"])
        raise _ImpossibleError(f"loaded by the flavor {flavor} it cannot be compared: {reason}")
    return [Leaf.from_json(leaf) for leaf in result["leaves"]]


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((str(file), file.lstat()) for file in folder.rglob("*") if not file.is_dir())
    return {name: (state.st_size, state.st_mtime_ns) for name, state in found}


def _compared(
    flavor: Flavor, model: object, sample: object, own: list[list[Leaf]], found: list[Leaf]
) -> Compared:
    """Compare, with more of the model's own outputs if there is a difference to explain."""
    compared = compare(own, found)
    if compared.difference or compared.varies:
        more = _CALLS_TO_ESTIMATE_SPREAD - len(own)
        own = own + [_answer(flavor, model, sample) for _ in range(more)]
        if any(outline(answer) != outline(own[0]) for answer in own):
            raise _ImpossibleError("the model's own outputs for the sample differ in structure")
        compared = compare(own, found)
    if compared.difference:
        with laid_out_as_loaded(model) as differs:
            if differs:
                compared = compare([*own, _answer(flavor, model, sample)], found)
    return compared


def _comparison(compared: Compared) -> str | None:
    if not compared.varies:
        return None
    tolerance = f"their spread of {compared.spread:.6g}" if compared.spread else "these values"
    return f"{_VARIES}; compared within {tolerance}"


def _differs(difference: Difference, spread: float | None) -> UnverifiedModelError:
    place, expected, found = difference
    beyond = f", beyond the model's own spread of {spread:.6g}" if spread else ""
    error = UnverifiedModelError(
        f"the saved bytes do not predict what the model predicts: at {place} the model returns"
        f" {expected}, and the saved bytes, loaded in a new process, return {found}{beyond}",
        field="model",
        remedy="Nothing was registered. Save the model with another flavor, such as joblib; or, if"
        " the difference is intended, register it with verify=False",
    )
    error.expected, error.found = expected, found
    return error
