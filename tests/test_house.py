"""The rules of the house that a linter cannot see: what is public, and what an import loads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import pedigree

ROOT = Path(__file__).parents[1]
# Slow to import, and of no use to somebody who asks for help. rich and typer are what answers.
HEAVY = {
    *(
        "boto3",
        "dagster",
        "fastapi",
        "great_expectations",
        "uvicorn",
        "jinja2",
        "numpy",
        "obstore",
        "pandas",
        "psycopg",
    ),
    *("pydantic", "scipy", "skops", "sklearn", "sqlalchemy"),
}


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


def test_importing_pedigree_loads_nothing_heavy() -> None:
    assert modules_after("import pedigree") & HEAVY == set()


def test_using_the_registry_loads_no_dagster() -> None:
    loaded = modules_after(
        "from pedigree import *\nimport pedigree.registry, pedigree.cli.main\n"
        "from pedigree.cli._commands import MODULES, load\nlist(map(load, MODULES))"
    )
    assert not {name for name in loaded if name.startswith("dagster")}
    assert not loaded & {"great_expectations", "opentelemetry", "pandas", "sklearn", "boto3"}


@pytest.mark.parametrize("words", [["--help"], ["register", "--help"], ["up", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "from pedigree.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as ended:\n    assert not ended.code"
    )
    loaded = modules_after(code)
    assert "typer" in loaded
    typers_own = {"pydantic"} if len(words) > 1 else set()  # typer looks for it to read options
    assert loaded & HEAVY <= typers_own


def test_all_lists_the_public_names() -> None:
    assert pedigree.__all__ == sorted(pedigree.__all__)
    for name in pedigree.__all__:
        assert getattr(pedigree, name).__doc__, name
    assert set(dir(pedigree)) == set(pedigree.__all__)
    offered = _imports_for_the_type_checker()
    assert offered == set(pedigree.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        pedigree.nonsense  # noqa: B018


def _imports_for_the_type_checker() -> set[str]:
    tree = ast.parse((ROOT / "pedigree" / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_no_module_is_long() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in (ROOT / "pedigree").rglob("*.py")
    }
    assert {path: n for path, n in lengths.items() if n > 300} == {}


def test_up_outside_a_project_uses_this_projects_instance() -> None:
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    elsewhere = yaml.safe_load((ROOT / "pedigree/cli/up/dagster.yaml").read_text())
    assert elsewhere == ours
