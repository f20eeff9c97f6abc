"""Every name that the documents show is imported from `pedigree` or `pedigree.dagster`."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest

from pedigree.dagster.assets import scaffold

ROOT = Path(__file__).parents[2]
PUBLIC = ("pedigree", "pedigree.dagster")
DOCUMENTS = sorted(
    path
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    # They are about the code of the project, for those who change it.
    if path.name not in ("architecture.md", "testing.md")
)
# The error tree has its own module.
MODULES = {"pedigree.errors"}
GROUPS = {point.group for point in distribution("pedigree-registry").entry_points}
SCHEMA = (ROOT / "pedigree" / "postgres" / "schema.sql").read_text(encoding="utf-8")
TABLES = set(re.findall(r"CREATE (?:TABLE|VIEW) (pedigree\.\w+)", SCHEMA))


def blocks(text: str) -> Iterator[str]:
    yield from re.findall(r"```(?:python|py)\n(.*?)```", text, flags=re.DOTALL)


def imported(code: str) -> Iterator[tuple[str, str]]:
    """The names that some code imports from Pedigree, each with its module.

    Documents leave out parts of their code, so it is not parsed.
    """
    pattern = r"(?m)^[ \t]*from (pedigree[\w.]*) import (?:\(([^)]*)\)|(.+))"
    for module, several, plain in re.findall(pattern, code):
        for name in re.findall(r"\w+", several or plain.partition("#")[0]):
            yield module, name


def classes() -> Iterator[str]:
    """The public classes of the code."""
    for path in (ROOT / "pedigree").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name


CLASSES = frozenset(classes())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_imports_of_a_document_are_public(document: Path) -> None:
    for code in blocks(document.read_text(encoding="utf-8")):
        for module, name in imported(code):
            assert module in PUBLIC, (module, name)
            assert hasattr(import_module(module), name), (module, name)
            assert name in import_module(module).__all__


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_classes_that_a_document_uses_are_public(document: Path) -> None:
    public = {name for module in PUBLIC for name in import_module(module).__all__}
    for code in blocks(document.read_text(encoding="utf-8")):
        used = set(re.findall(r"\b([A-Z]\w+)\b", code)) & CLASSES
        assert used <= public


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_dotted_names_of_a_document_are_public(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for dotted in re.findall(r"`(pedigree(?:\.[A-Za-z_]+)+)", text):
        if dotted in {*PUBLIC, *MODULES, *GROUPS, *TABLES}:
            continue
        module, _, name = dotted.rpartition(".")
        assert module in PUBLIC, dotted
        assert name in import_module(module).__all__, dotted


def test_the_imports_of_scaffolded_code_are_public() -> None:
    source = Path(scaffold.__file__).read_text(encoding="utf-8")
    templates = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = {
        match
        for text in templates
        for match in re.findall(r"(?m)^\s*from (pedigree[\w.]*) import (\w+)", text)
    }
    assert found
    for module, name in found:
        assert module in PUBLIC, (module, name)
        assert name in import_module(module).__all__


def test_the_names_that_a_deployment_needs_are_public() -> None:
    for module, names in {
        "pedigree": ("load_policy", "default_policy", "connect", "MetricRule"),
        "pedigree.dagster": ("registry_resources", "registry_definitions", "with_lineage"),
    }.items():
        assert set(names) <= set(import_module(module).__all__)
