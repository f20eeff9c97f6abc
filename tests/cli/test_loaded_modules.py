"""What a command that only reads loads: most of its time is the import of modules."""

import subprocess
import sys
from pathlib import Path

import pytest

from pedigree.registry import Registry
from tests.factories import register

# Each costs tens of milliseconds or more. `show` draws the model card, so it loads jinja2.
HEAVY = frozenset(
    {
        *("boto3", "cryptography", "dagster", "fastapi", "great_expectations", "httpx", "jinja2"),
        *("numpy", "opentelemetry", "pandas", "scipy", "sklearn", "sqlalchemy", "uvicorn", "yaml"),
    }
)


def modules_after(*commands: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after some commands."""
    code = f"""
import gc, sys
from pedigree.cli.main import main

for command in {commands!r}:
    sys.argv[1:] = command.split()
    try:
        main()
    except SystemExit as ended:
        assert not ended.code
    assert gc.isenabled()
print(*(name.partition(".")[0] for name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.usefixtures("registry_of_this_test")
def test_commands_that_read_the_database_load_nothing_heavy(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path)
    loaded = modules_after(
        "stats", "models", "versions churn", "lineage churn/1", "search --limit 1"
    )
    assert "psycopg" in loaded
    assert loaded & HEAVY == set()


def test_the_version_loads_no_registry() -> None:
    assert not modules_after("--version") & {*HEAVY, "psycopg", "pydantic"}
