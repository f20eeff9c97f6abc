"""Start a new process that loads what was saved: what it gets of this one, and what not."""

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
    "Let the model hold only what a module that can be imported defines, or register it with"
    " verify=False"
)
_SHOWN_OF_STDERR = 1500
_SECRET_NAMES = re.compile(r"(?i)secret|token|passw|credential|key|_url$|_dsn$")
_SHORTEST_SECRET = 6
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from pedigree.flavors._new_process import answer; answer(sys.argv[2])"
)


def run_new_process(folder: Path, timeout: timedelta) -> dict[str, Any]:
    """Let a new interpreter do what the request in a folder says, and return what it answers.

    Nothing is forked: it starts with no module of this process, and with a search path alone.

    Raises:
        UnverifiedModelError: It fails, or takes longer; the message has what it wrote.
    """
    errors, answer = folder / "stderr", folder / ANSWER
    with errors.open("wb") as stderr:
        code = _wait(_start(folder, stderr.fileno()), timeout)
    if code is None:
        seconds = timeout.total_seconds()
        raise UnverifiedModelError(
            f"the saved files were not loaded and asked within {seconds:g} s{_said(errors)}",
            field="model",
            remedy="Set PEDIGREE_VERIFY_TIMEOUT to a longer time, or register with verify=False",
        )
    if code or not answer.is_file():
        raise UnverifiedModelError(
            f"a new process that loads and asks the saved files ends with {code}{_said(errors)}",
            field="model",
            remedy=REMEDY,
        )
    said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    if "error" in said:
        why = without_secrets(said["error"]).rstrip(".")
        raise UnverifiedModelError(
            f"the saved files cannot be loaded and asked in a new process: {why}{_said(errors)}",
            field="model",
            remedy=REMEDY,
        )
    return said


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
    """Return the exit code, or None where it took too long; all that it started is ended."""
    try:
        return child.wait(timeout.total_seconds())
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS: of a group of zombies
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
