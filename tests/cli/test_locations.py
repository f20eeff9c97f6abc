"""What `pedigree up` loads, by where it is started."""

import sys
from pathlib import Path

import pytest

from pedigree.cli.up.locations import find
from pedigree.errors import InvalidInputError


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_any_project_only_the_registry_is_loaded(tmp_path: Path) -> None:
    loads = find(None, tmp_path)
    assert "only the registry" in loads.why
    (location,) = loads.locations
    assert location.target == ("--module-name", "pedigree.dagster.instance.standalone")


def test_every_kind_of_entry_of_a_workspace_is_understood(tmp_path: Path) -> None:
    file = write(
        tmp_path / "deploy" / "workspace.yaml",
        """
        load_from:
          - python_file: ours.py
          - python_file:
              relative_path: sub/theirs.py
              working_directory: sub
              attribute: defs
              executable_path: /opt/their/python
          - python_module: {module_name: pipelines, location_name: production}
          - python_package: plain_package
          - grpc_server: {host: far, port: 4000, location_name: far}
        """,
    )
    loads = find(file, tmp_path)
    assert "-w" in loads.why
    base = file.parent
    assert [
        (one.name, one.target, one.working_directory, one.python) for one in loads.locations
    ] == [
        ("ours.py", ("--python-file", str(base / "ours.py")), base, sys.executable),
        (
            "sub/theirs.py:defs",
            ("--python-file", str(base / "sub/theirs.py"), "--attribute", "defs"),
            base / "sub",
            "/opt/their/python",
        ),
        ("production", ("--module-name", "pipelines"), base, sys.executable),
        ("plain_package", ("--package-name", "plain_package"), base, sys.executable),
    ]
    assert loads.elsewhere == (
        {"grpc_server": {"host": "far", "port": 4000, "location_name": "far"}},
    )


def test_a_file_of_definitions_can_be_named(tmp_path: Path) -> None:
    file = write(tmp_path / "shop.py", "")
    (location,) = find(None, tmp_path, file).locations
    assert (location.name, location.target) == ("shop", ("--python-file", str(file)))
    with pytest.raises(InvalidInputError, match="no such file"):
        find(None, tmp_path, tmp_path / "nowhere.py")
    with pytest.raises(InvalidInputError, match="excludes"):
        find(file, tmp_path, file)


def test_the_folders_workspace_goes_before_its_dg_project(tmp_path: Path) -> None:
    write(tmp_path / "workspace.yaml", "load_from: [{python_file: ours.py}]")
    write(tmp_path / "pyproject.toml", '[tool.dg]\ndirectory_type = "project"')
    assert "workspace.yaml" in find(None, tmp_path).why


def test_a_dg_project_is_loaded_by_its_target_module(tmp_path: Path) -> None:
    text = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "shop"\n'
    write(tmp_path / "pyproject.toml", text)
    write(tmp_path / "src" / "shop" / "__init__.py", "")
    loads = find(None, tmp_path)
    assert "[tool.dg]" in loads.why
    (location,) = loads.locations
    assert location.target == ("--module-name", "shop.definitions")
    assert location.working_directory == tmp_path / "src"
    assert location.name == tmp_path.name
    write(tmp_path / "pyproject.toml", text + 'code_location_target_module = "entry"\n')
    assert find(None, tmp_path).locations[0].target == ("--module-name", "entry")


def test_a_dg_workspace_loads_each_of_its_projects_with_its_own_python(tmp_path: Path) -> None:
    write(
        tmp_path / "dg.toml",
        'directory_type = "workspace"\n[[workspace.projects]]\npath = "a"\n'
        '[[workspace.projects]]\npath = "b"\n',
    )
    for name in ("a", "b"):
        write(
            tmp_path / name / "dg.toml",
            f'directory_type = "project"\n[project]\nroot_module = "{name}"\n',
        )
    own = write(tmp_path / "b" / ".venv" / "bin" / "python", "")
    first, second = find(None, tmp_path).locations
    assert (first.name, first.python) == ("a", sys.executable)
    assert (second.name, second.python) == ("b", str(own))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read"),
        ("load_from: [", "cannot be read"),
        ("other: 1", "cannot be read"),
        ("load_from: 2020-13-45", "cannot be read"),
        pytest.param("[" * 3000, "cannot be read", id="deep"),
        ("load_from: []", "no entry"),
        ("load_from: [{python_fiel: a.py}]", "python_fiel"),
        ("load_from: [{python_file: {attribute: defs}}]", "relative_path"),
    ],
)
def test_an_unusable_workspace_names_the_file_and_the_fault(
    text: str | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "workspace.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidInputError, match=why) as caught:
        find(file, tmp_path)
    assert caught.value.value == str(file)
