"""The rules of the house that a linter cannot see: what is public, and what an import loads."""

import ast
import gc
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import pedigree
from pedigree.contract.registry import RegistryContract

ROOT = Path(__file__).parents[1]
# Slow to import, and not needed for the help, which rich and typer print.
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


@pytest.fixture(autouse=True)
def _without_garbage_collection() -> Iterator[None]:
    """Let no finalizer run while CPython 3.11 parses, which then may fail (gh-106905)."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_importing_pedigree_loads_nothing_heavy() -> None:
    assert modules_after("import pedigree") & HEAVY == set()


def test_using_the_registry_loads_no_dagster() -> None:
    loaded = modules_after(
        "from pedigree import *\nimport pedigree.registry, pedigree.cli.main\n"
        "from pedigree.cli._commands import listed, load\n"
        "list(map(load, {each.module for each in listed().values()}))"
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


def test_every_folder_says_what_belongs_in_it() -> None:
    for folder in {path.parent for path in (ROOT / "pedigree").rglob("*.py")}:
        text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
        assert text, folder
        assert "belong" in text, folder


def test_a_registry_is_composed_of_groups_of_operations() -> None:
    assert [kind.__name__ for kind in pedigree.Registry.__mro__] == [
        *("Registry", "RegistryVerbs", "object")
    ]


# The same thing on the two sides of the wire.
NAMED_TWICE = {"Page"}


def test_no_two_classes_share_a_name() -> None:
    found: dict[str, set[Path]] = {}
    for path in (ROOT / "pedigree").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).add(path)
    assert {name for name, paths in found.items() if len(paths) > 1} == NAMED_TWICE


def stems(folder: str) -> set[str]:
    """The subjects that a folder has a file for."""
    return {path.stem for path in (ROOT / "pedigree" / folder).glob("*.py")}


def test_a_subject_has_files_of_one_name() -> None:
    others = {"__init__", "_entrance", "forms", "groups", "paths", "registry", "verbs"}
    subjects = stems("contract") - others
    assert stems("server/rest") - {"__init__"} == subjects
    assert stems("client") >= subjects
    assert stems("registry") >= subjects


def test_the_files_that_a_newcomer_is_sent_to_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("| to … | open first |\n|---|---|\n")[2].partition("\n\n")[0]
    files = re.findall(r"\| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(files) == len(table.splitlines()) >= 10
    assert [file for file in files if not (ROOT / file).is_file()] == []


GROUP = re.compile(r"Remote\w+|\w+Operations")


def methods(folder: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the public methods of a folder's groups of operations, with their files."""
    for path in (ROOT / "pedigree" / folder).glob("*.py"):
        for group in ast.parse(path.read_text()).body:
            if isinstance(group, ast.ClassDef) and GROUP.match(group.name):
                yield from (
                    (path.name, each)
                    for each in group.body
                    if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
                )


@pytest.mark.parametrize("folder", ["registry", "client"])
def test_a_verb_is_documented_in_its_contract_alone(folder: str) -> None:
    verbs = {name for name in dir(RegistryContract) if not name.startswith("_")}
    for file, method in methods(folder):
        has_none = ast.get_docstring(method) is None
        assert (method.name in verbs) == has_none, (file, method.name)


@pytest.mark.parametrize("folder", ["client", "server/rest"])
def test_the_path_of_a_resource_is_written_in_the_contract_alone(folder: str) -> None:
    for path in (ROOT / "pedigree" / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"/[a-z]", node.value), (path.name, node.value)


def test_up_outside_a_project_uses_this_projects_instance() -> None:
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    elsewhere = yaml.safe_load((ROOT / "pedigree/cli/up/dagster.yaml").read_text())
    assert elsewhere == ours
