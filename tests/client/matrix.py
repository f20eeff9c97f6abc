"""Install the client's wheel alone, by every Python that is here, and run its behaviour there.

::

    python -m tests.client.matrix                       # or: make sdk-matrix
    python -m tests.client.matrix --python /opt/python3.14/bin/python3

The service runs in this environment, the client in one of its own for each Python, into which
nothing is installed but the wheel without extras, and pytest.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.server.conftest import Served, serving

ROOT = Path(__file__).parents[2]
MINORS = (11, 12, 13, 14)
# What a service, a database or an asset graph takes: nothing of it comes with the wheel.
SERVER_PARTS = frozenset(
    {
        *("boto3", "cryptography", "dagster", "fastapi", "jinja2", "numpy", "obstore", "pandas"),
        *("psycopg", "psycopg-binary", "psycopg-pool", "sqlalchemy", "sqlglot", "starlette"),
        *("uvicorn", "uvloop"),
    }
)
# Tests of a registry in the same process, which the bare wheel does not have.
IN_PROCESS = (
    "both_have_the_verbs",
    "errors_are_the_same",
    "refusal_lists_all_gates",
    "policy_from_before",
)
PYTEST = (
    *("-m", "pytest", "-q", "--noconftest", "-p", "tests.client.remote"),
    *("--import-mode=importlib", "-p", "no:cacheprovider"),
    *("-k", " and ".join(f"not {name}" for name in IN_PROCESS)),
    "tests/client/test_same_behaviour.py",
)


def main() -> str | None:
    """Try each Python; say of each what it came to, and what failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", action="append", default=[], help="one more, by its path")
    asked = parser.parse_args()
    found = [*pythons(), *map(Path, asked.python)]
    failed = []
    with tempfile.TemporaryDirectory(prefix="matrix-") as name:
        folder = Path(name)
        wheel = build(folder)
        with _served(folder) as served:
            for python in found:
                version = _version(python)
                outcome = try_python(python, folder / version, wheel, served)
                sys.stdout.write(f"Python {version}: {outcome or 'passed'}\n")
                failed += [version] if outcome else []
    missing = {f"3.{minor}" for minor in MINORS} - {_minor(each) for each in map(_version, found)}
    sys.stdout.write(f"not here: {', '.join(sorted(missing)) or 'none'}\n")
    return f"failed: {', '.join(failed)}" if failed else None


def pythons() -> Iterator[Path]:
    """Give the newest Python of each minor version that is on the path, or that pyenv has."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob("3.*"), key=_numbers, reverse=True)
    for minor in MINORS:
        name = f"python3.{minor}"
        candidates = [home / "bin" / name for home in homes if home.name.startswith(f"3.{minor}.")]
        on_path = shutil.which(name)
        candidates += [Path(on_path)] if on_path else []
        works = (each for each in candidates if each.exists() and _version(each))
        yield from list(works)[:1]


def build(folder: Path) -> Path:
    """Build the wheel of this checkout, by the locked builder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def try_python(python: Path, folder: Path, wheel: Path, served: Served) -> str | None:
    """Install the wheel and run the behaviour; say what is wrong."""
    environment = folder / "environment"
    inside = environment / "bin" / "python"
    _run(["uv", "venv", "--quiet", "--python", python, environment])
    _run(["uv", "pip", "install", "--quiet", "--python", inside, wheel])
    installed = _installed(inside)
    if installed & SERVER_PARTS:
        return f"the bare wheel brings along {', '.join(sorted(installed & SERVER_PARTS))}"
    _run(["uv", "pip", "install", "--quiet", "--python", inside, "pytest"])
    return _behaviour(inside, folder, served)


def _behaviour(inside: Path, folder: Path, served: Served) -> str | None:
    # A copy: beside the checkout its own package would be imported, not the one of the wheel.
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    token = served.registry.create_token("tester", roles=[Role.ADMIN]).secret
    done = subprocess.run(
        [inside, "-W", "error", *PYTEST],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(folder),
            "PEDIGREE_API_URL": served.url,
            "PEDIGREE_TOKEN": token,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]


def _served(folder: Path) -> AbstractContextManager[Served]:
    settings = Settings(
        home=folder / "home", actor="tester", secret_key=SECRET_KEY, serve_delivers=False
    )
    return serving(settings)


def _installed(inside: Path) -> set[str]:
    listed = _run(["uv", "pip", "freeze", "--python", inside])
    return {re.split(r"[ =@]", line)[0].lower().replace("_", "-") for line in listed.splitlines()}


def _version(python: Path) -> str:
    """Return ``3.13.0``; nothing where it does not run."""
    asked = [str(python), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _numbers(home: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", home.name)]


def _run(words: Sequence[object]) -> str:
    program, *rest = map(str, words)
    found = Path(sys.executable).with_name(program)
    done = subprocess.run([found, *rest], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
