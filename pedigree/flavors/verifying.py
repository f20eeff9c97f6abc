"""Verify a model that was just saved: a new process loads it, and predicts what the model did.

A process of its own, since here closures, ``__main__`` and modules that were loaded from elsewhere
would make a model load that nobody else can load.
"""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from pedigree.errors import UnsupportedModelError, UnverifiedModelError
from pedigree.flavors._answers import IncomparableError, Leaf, leaves_of
from pedigree.flavors._comparing import Compared, Difference, compare, outline
from pedigree.flavors._new_process import ANSWER, REQUEST, SAMPLE, folder_digest
from pedigree.flavors.plugins import Flavor, WeightsFlavor, get_flavor
from pedigree.flavors.records import Verification, VerificationStatus, not_possible
from pedigree.settings import redact_url

# How often the model itself is asked where its answers differ, to see how far they lie apart.
_ANSWERS_OF_ONE_THAT_VARIES = 8
_SHOWN_OF_STDERR = 1500
_SECRET_NAMES = re.compile(r"(?i)secret|token|passw|credential|key|_url$|_dsn$")
_SHORTEST_SECRET = 6
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from pedigree.flavors._new_process import answer; answer(sys.argv[2])"
)
_REMEDY = (
    "Let the model hold only what a module that can be imported defines, or register it with"
    " verify=False"
)


def verify_saved(
    flavor: str, files: Path, model: object, sample: object, *, timeout: timedelta
) -> Verification:
    """Let a new process load saved files and predict a sample, and compare with what the model gives.

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
        own = [_leaves(asked, model, sample) for _ in range(2)]
    except UnsupportedModelError as error:
        return not_possible(f"the flavor {flavor} cannot predict: {error.message}")
    except IncomparableError as error:
        return not_possible(f"what the model gives cannot be compared: it holds {error}")
    try:
        empty = asked.emptied(model) if isinstance(asked, WeightsFlavor) else None
        given = pickle.dumps((sample, empty))
    except Exception as error:  # whatever a value's own reduction raises
        return not_possible(f"the sample, or the module, cannot go to a new process: {error}")
    found = _of_new_process(flavor, files, given, timeout)
    if isinstance(found, Verification):
        return found
    return _judged(asked, model, sample, own, found)


def _leaves(flavor: Flavor, model: object, sample: object) -> list[Leaf]:
    return list(leaves_of(flavor.answers(model, sample)))


def _judged(
    flavor: Flavor, model: object, sample: object, own: list[list[Leaf]], found: list[Leaf]
) -> Verification:
    compared = compare(own, found)
    if compared.difference or compared.varies:
        more = _ANSWERS_OF_ONE_THAT_VARIES - len(own)
        own += [_leaves(flavor, model, sample) for _ in range(more)]
        if any(outline(answer) != outline(own[0]) for answer in own):
            return not_possible("the model's own answers to the sample differ in their form")
        compared = compare(own, found)
    if compared.difference:
        raise _differs(compared.difference, compared)
    return Verification(
        status=VerificationStatus.VERIFIED, reason=_comparison(compared), spread=compared.spread
    )


def _comparison(compared: Compared) -> str | None:
    if not compared.varies:
        return None
    within = f"their spread of {compared.spread:.6g}" if compared.spread else "the values seen"
    return f"the model itself answers differently each time; compared within {within}"


def _differs(difference: Difference, compared: Compared) -> UnverifiedModelError:
    place, expected, found = difference
    beyond = f", beyond the spread of {compared.spread:.6g}" if compared.spread else ""
    error = UnverifiedModelError(
        f"the saved bytes do not predict what the model does: at {place} the model gives"
        f" {expected}, and the saved bytes, loaded in a new process, give {found}{beyond}",
        field="model",
        remedy="Nothing was registered. If the difference is meant, register it with verify=False;"
        " else save the model by another flavor, such as joblib",
    )
    error.expected, error.found = expected, found
    return error


def _of_new_process(
    flavor: str, files: Path, sample: bytes, timeout: timedelta
) -> list[Leaf] | Verification:
    """Return what the files give in a new process, or why that cannot be compared."""
    before = _stamps(files)
    with tempfile.TemporaryDirectory(prefix="pedigree-verify-") as made:
        folder = Path(made)
        request = {"flavor": flavor, "files": str(files), "digest": folder_digest(files)}
        (folder / REQUEST).write_text(json.dumps(request), "utf-8")
        (folder / SAMPLE).write_bytes(sample)
        said = _run(folder, timeout)
    if _stamps(files) != before:
        raise UnverifiedModelError(
            "loading the saved files changes them", field="model", remedy=_REMEDY
        )
    if "impossible" in said:
        return not_possible(f"as loaded by the flavor {flavor}, it cannot predict: {said['impossible']}")
    return [Leaf.from_json(leaf) for leaf in said["leaves"]]


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((str(file), file.lstat()) for file in folder.rglob("*") if not file.is_dir())
    return {name: (state.st_size, state.st_mtime_ns) for name, state in found}


def _run(folder: Path, timeout: timedelta) -> dict[str, Any]:
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, json.dumps(search_path()), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=_environment(),
            start_new_session=True,
        )
        try:
            code = child.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired as error:
            raise UnverifiedModelError(
                f"the saved files were not loaded and asked within {timeout.total_seconds():g} s"
                f"{_said(errors)}",
                field="model",
                remedy="Give it longer by PEDIGREE_VERIFY_TIMEOUT, or register it with verify=False",
            ) from error
        finally:
            _end(child)
    answer = folder / ANSWER
    if code or not answer.is_file():
        raise UnverifiedModelError(
            f"a new process that loads the saved files and asks them ends with {code}"
            f"{_said(errors)}",
            field="model",
            remedy=_REMEDY,
        )
    said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "error" in said:
        raise UnverifiedModelError(
            f"the saved files cannot be loaded and asked in a new process: "
            f"{without_secrets(said['error'])}{_said(errors)}",
            field="model",
            remedy=_REMEDY,
        )
    return said


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the process with all that it started."""
    if child.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _said(errors: Path) -> str:
    text = without_secrets(errors.read_text("utf-8", errors="replace").strip())
    return f"; it wrote: {text[-_SHOWN_OF_STDERR:]}" if text else ""


def without_secrets(text: str) -> str:
    """Return a text without the secrets of this process's environment and those in URLs."""
    secrets = (value for name, value in os.environ.items() if _SECRET_NAMES.search(name))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return redact_url(text)


def search_path() -> list[str]:
    """Return where the new process finds modules: where this one does.

    A model's own classes come from the user's code, which mostly lies beside the program or in the
    folder where it was started; without these folders all such models would be refused. What an
    MLflow model brought along is left out: only this process has loaded it.
    """
    here = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is where we are
    roots = [root for module in tuple(sys.modules.values()) if (root := _root(module))]
    found = dict.fromkeys([*here, *roots])
    return [entry for entry in found if not (Path(entry).parent / "MLmodel").is_file()]


def _root(module: Any) -> str | None:
    """Return the folder of a module at the top, which may have left the path since its import.

    Dagster adds the working directory of a code location while it imports it, and no longer.
    """
    name, file = getattr(module, "__name__", "."), getattr(module, "__file__", None)
    if "." in name or name == "__main__" or not file or not str(file).endswith(".py"):
        return None
    folder = Path(file).absolute().parent
    return str(folder.parent if hasattr(module, "__path__") else folder)


def _environment() -> dict[str, str]:
    """Return this process's environment without the registry's settings, some of them secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PEDIGREE_")}
    # What it imports out of the model's folder must leave nothing there.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
