"""The guide's steps in a project that the pinned `create-dagster` scaffolds."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.documents import blocks_of, python_of

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
UV_SECTION, PIP_SECTION = blocks_of("docs/guide.md", "toml")
# What uv says if no package index answers.
NO_INDEX = ("Failed to fetch", "error sending request", "Could not connect", "dns error")
SECOND_MODEL = """\
import dagster as dg
from pedigree.dagster import TrainedModel, model_asset, registry_definitions, with_lineage


@model_asset(name="second", flavor="generic")
def second() -> TrainedModel: ...


defs = with_lineage(dg.Definitions.merge(dg.Definitions([second]), registry_definitions(second)))
"""


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(BIN.parent),
        "PYTHONPATH": str(folder / "src"),
        **variables,
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    scaffold = [str(BIN / "create-dagster"), "project", "shop", "--no-uv-sync"]
    done = run(tmp_path, *scaffold)
    assert done.returncode == 0, done.stderr
    return tmp_path / "shop"


def change(project: Path, section: str) -> None:
    """Change the project's file as the guide says: its lines of [project], and its new tables."""
    path = project / "pyproject.toml"
    text = path.read_text()
    own, _, tables = section.partition("\n\n")
    assert own.startswith("[project]\n")
    assert '"dagster==1.13.27",' in text
    for pattern in (r"(?m)^requires-python = .*$", r"(?m)^dependencies = \[\n(?:.*\n)*?\]$"):
        (new,) = re.findall(pattern, own)
        text, count = re.subn(pattern, lambda _, new=new: new, text, count=1)
        assert count == 1
    changed = f"{text.rstrip()}\n\n{tables}"
    tomllib.loads(changed)
    path.write_text(changed.replace("https://…", ROOT.as_uri()))


def test_uv_resolves_the_project_after_the_guide_s_change_and_not_before(project: Path) -> None:
    lock = [str(BIN / "uv"), "lock", "--python", sys.executable]
    before = project / "pyproject.toml"
    scaffolded = before.read_text()
    change(project, UV_SECTION)
    done = run(project, *lock)
    if done.returncode and any(words in done.stderr for words in NO_INDEX):
        pytest.skip(f"no package index answers: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    locked = {
        each["name"]: each for each in tomllib.loads((project / "uv.lock").read_text())["package"]
    }
    assert locked["dagster"]["version"] == "1.13.27"
    assert "pedigree-registry" in locked
    # the change of Python is needed
    old = re.findall(r"(?m)^requires-python = .*$", scaffolded)[0]
    text = re.sub(r"(?m)^requires-python = .*$", old, before.read_text())
    before.write_text(text)
    assert "Python" in run(project, *lock).stderr


def test_hatchling_builds_the_project_with_the_address_in_its_dependencies(project: Path) -> None:
    change(project, PIP_SECTION)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = run(project, *build)
    assert done.returncode == 0, done.stderr
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("allow-direct-references = true", ""))
    assert "allow-direct-references" in run(project, *build).stderr


def test_the_guide_s_code_and_a_second_file_load_as_definitions_of_the_project(
    project: Path, home: Path
) -> None:
    change(project, UV_SECTION)
    defs = project / "src" / "shop" / "defs"
    (defs / "tumour.py").write_text(python_of("docs/guide.md")[1])
    (defs / "second.py").write_text(SECOND_MODEL)
    done = run(project, str(BIN / "dg"), "list", "defs", "--json", PEDIGREE_HOME=str(home))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assets = {asset["asset_key"] for asset in found["assets"]}
    assert {"models/tumour/production", "models/second/production", "diagnoses"} <= assets
    assert sorted(sensor["name"] for sensor in found["sensors"]) == [
        *("following", "pedigree_lineage", "pedigree_mirror", "pedigree_promotion")
    ]
