"""A ``dg`` project with the layout of ``create-dagster``."""

from pathlib import Path

PYPROJECT = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{name}"
"""
DEFINITIONS = """\
from pathlib import Path

from dagster import definitions, load_from_defs_folder


@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


def make_project(folder: Path, name: str) -> Path:
    """Write the project's files, and return the folder of its definitions."""
    package = folder / "src" / name
    (package / "defs").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name))
    (package / "definitions.py").write_text(DEFINITIONS)
    for file in (package / "__init__.py", package / "defs" / "__init__.py"):
        file.touch()
    return package / "defs"
