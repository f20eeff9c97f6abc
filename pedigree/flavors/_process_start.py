"""Start of the new process that verifies a saved model: its arguments, path and environment."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from pedigree.errors import UnverifiedModelError
from pedigree.flavors._new_process import ANSWER
from pedigree.settings import redact_url

REMEDY = (
    "Use only functions and classes of importable modules in the model, or register it with"
    " verify=False"
)
_LONGEST_STDERR = 1500
_SECRET_NAMES = re.compile(r"(?i)secret|token|passw|credential|key|_url$|_dsn$")
_SHORTEST_SECRET = 6
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from pedigree.flavors._new_process import answer; answer(sys.argv[2])"
)


def run_new_process(folder: Path, timeout: timedelta) -> dict[str, Any]:
    """Run the request in a folder in a new interpreter, and return its result.

    The process is not forked: it gets the search path, but no module of this process.

    Raises:
        UnverifiedModelError: It fails or times out; the message has the end of its stderr.
    """
    errors, answer = folder / "stderr", folder / ANSWER
    with errors.open("wb") as stderr:
        code = _wait(_start(folder, stderr.fileno()), timeout)
    if code is None:
        seconds = timeout.total_seconds()
        raise UnverifiedModelError(
            f"loading and calling the saved model took more than {seconds:g} s{_stderr(errors)}",
            field="model",
            remedy="Increase PEDIGREE_VERIFY_TIMEOUT, or register with verify=False",
        )
    if code or not answer.is_file():
        raise UnverifiedModelError(
            f"the process that loads and calls the saved model exited with {code}{_stderr(errors)}",
            field="model",
            remedy=REMEDY,
        )
    result: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "error" in result:
        reason = without_secrets(result["error"]).rstrip(".")
        raise UnverifiedModelError(
            f"a new process cannot load and call the saved model: {reason}{_stderr(errors)}",
            field="model",
            remedy=REMEDY,
        )
    return result


def _start(folder: Path, stderr: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT, json.dumps(search_path()), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=_environment(),
        start_new_session=True,
    )


def _wait(child: "subprocess.Popen[bytes]", timeout: timedelta) -> int | None:
    """Return the exit code, or None after the timeout; kill its whole process group."""
    try:
        return child.wait(timeout.total_seconds())
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS: for a group of zombies
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _stderr(errors: Path) -> str:
    text = without_secrets(errors.read_text("utf-8", errors="replace").strip())
    return f"; stderr: {text[-_LONGEST_STDERR:]}" if text else ""


def without_secrets(text: str) -> str:
    """Return a text without the secrets of this process's environment and of URLs."""
    secrets = (value for name, value in os.environ.items() if _SECRET_NAMES.search(name))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return redact_url(text)


def search_path() -> list[str]:
    """Return the folders in which the new process finds modules: those of this process.

    A model's own classes come from the user's code, which is usually in the folder of the program
    or in the working directory; without these folders all such models would be refused. Code that
    is bundled with an MLflow model is excluded: only this process has loaded it.
    """
    here = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is the current folder
    roots = [root for module in tuple(sys.modules.values()) if (root := _root(module))]
    found = dict.fromkeys([*here, *roots])
    return [entry for entry in found if not (Path(entry).parent / "MLmodel").is_file()]


def _root(module: Any) -> str | None:
    """Return the folder of a top-level module, which may no longer be on the path.

    Dagster adds the working directory of a code location only while it imports the location.
    """
    name, file = getattr(module, "__name__", "."), getattr(module, "__file__", None)
    if "." in name or name == "__main__" or not file or not str(file).endswith(".py"):
        return None
    folder = Path(file).absolute().parent
    return str(folder.parent if hasattr(module, "__path__") else folder)


def _environment() -> dict[str, str]:
    """Return this process's environment without the registry's settings, which include secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PEDIGREE_")}
    # Imports from the model's folder must not write files to it.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
