"""The content of the wheel, and the consistency of the project's files."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.client.matrix import MINORS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout, built by the locked hatchling, so that no index is asked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_only_top_level_name_is_pedigree(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pedigree"}


def test_the_wheel_holds_what_is_no_python(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    sources = (
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "pedigree").rglob("*")
        if path.suffix in {".sql", ".j2", ".toml", ".tsv", ".yaml", ".typed"}
    )
    assert sorted(set(sources) - names) == []
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = wheel.read(path).decode()
    assert path == "pedigree_registry-0.1.0.dist-info/METADATA"
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: <3.15,>=3.11" in metadata


def test_the_base_wheel_brings_no_part_of_a_server_or_of_dagster() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {_name(requirement) for requirement in project["dependencies"]}
    assert "httpx2" in base
    assert not base & {"dagster", "fastapi", "obstore", "psycopg", "uvicorn"}


def test_the_pythons_that_it_says_are_those_that_it_is_tried_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    said = {line.rpartition(" ")[2] for line in project["classifiers"] if ":: 3." in line}
    assert said == {f"3.{minor}" for minor in MINORS}
    assert project["requires-python"] == f">=3.{MINORS[0]},<3.{MINORS[-1] + 1}"


def test_the_lock_names_no_index_and_pins_by_hash() -> None:
    locks = [ROOT / "requirements.lock", *ROOT.glob("tests/**/requirements.lock")]
    assert len(locks) >= 2
    for lock in locks:
        text = lock.read_text()
        assert re.search(r"(?m)^ *--?(index|extra-index|find-links|i |f )", text) is None
        assert "://" not in text
        pins = re.findall(r"(?m)^[A-Za-z0-9][^\n]*==", text)
        assert text.count("--hash=sha256:") >= len(pins) > 0


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    return {_name(requirement) for requirement in wanted} - {"pedigree-registry"}


def test_every_direct_dependency_is_locked() -> None:
    # torch has a list of its own: which build of it fits is the machine's affair.
    locked = {
        _name(line)
        for lock in ("requirements.lock", "tests/flavors/torch.txt")
        for line in (ROOT / lock).read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    }
    assert sorted(direct_dependencies() - locked) == []


def test_the_architecture_has_a_row_for_every_direct_dependency_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    first_cells = re.findall(r"(?m)^\| ((?:`[\w-]+`(?:, )?)+) \|", section)
    listed = [name for cell in first_cells for name in re.findall(r"`([\w-]+)`", cell)]
    assert sorted(listed) == sorted(direct_dependencies())


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
