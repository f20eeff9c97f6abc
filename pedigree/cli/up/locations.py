"""What ``pedigree up`` loads: ``-w``, the folder's workspace or dg project, or the registry."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pedigree.errors import InvalidInputError

Toml: TypeAlias = dict[str, Any]
"""A table of a configuration file whose format Dagster defines."""


@dataclass(frozen=True, kw_only=True)
class CodeLocation:
    """A code location that a process on this machine serves."""

    name: str
    target: tuple[str, ...]  # such as ("--python-file", "definitions.py")
    working_directory: Path
    python: str = sys.executable


@dataclass(frozen=True, kw_only=True)
class Loads:
    """The code locations, those served elsewhere in Dagster's form, and why these."""

    why: str
    locations: tuple[CodeLocation, ...]
    elsewhere: tuple[Toml, ...] = ()


def find(workspace: Path | None, folder: Path, python_file: Path | None = None) -> Loads:
    """Decide what to load.

    Args:
        workspace: The file that ``-w`` names, if it was given.
        folder: Where the command was started.
        python_file: The file of definitions that ``-f`` names, if it was given.

    Raises:
        InvalidInputError: A file cannot be read, or it has nothing to load.
    """
    if workspace is not None and python_file is not None:
        raise InvalidInputError(
            "excludes --python-file", field="--workspace", remedy="Give one of the two"
        )
    if python_file is not None:
        return _file(python_file)
    if workspace is not None:
        return _workspace(workspace, f"the workspace {workspace} (by -w)")
    if (folder / "workspace.yaml").is_file():
        return _workspace(folder / "workspace.yaml", "this folder's workspace.yaml")
    if (config := _dg_config(folder)) is not None:
        return Loads(why="this folder's [tool.dg]", locations=_dg_locations(folder, config))
    only = CodeLocation(
        name="pedigree",
        target=("--module-name", "pedigree.dagster.instance.standalone"),
        working_directory=folder,
    )
    return Loads(
        why="only the registry: there is no -w, workspace.yaml or [tool.dg] here", locations=(only,)
    )


def _file(file: Path) -> Loads:
    if not file.is_file():
        raise InvalidInputError(
            "there is no such file",
            field="--python-file",
            value=str(file),
            remedy="Name a Python file that defines a dagster.Definitions",
        )
    location = CodeLocation(
        name=file.stem,
        target=("--python-file", str(file.absolute())),
        working_directory=file.absolute().parent,
    )
    return Loads(why=f"{file} (by -f)", locations=(location,))


def _workspace(file: Path, why: str) -> Loads:
    import yaml

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        entries = document["load_from"]
    except (OSError, ValueError, yaml.YAMLError, RecursionError, TypeError, KeyError) as error:
        raise _unusable(file, f"cannot be read as a Dagster workspace ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise _unusable(file, "has no entry under load_from")
    base = file.absolute().parent
    locations: list[CodeLocation] = []
    elsewhere: list[Toml] = []
    for entry in entries:
        if isinstance(entry, dict) and "grpc_server" in entry:
            elsewhere.append(entry)
        else:
            locations.append(_entry(file, base, entry))
    return Loads(why=why, locations=tuple(locations), elsewhere=tuple(elsewhere))


# For each kind of entry: the key that names its target, if the entry is not plain text, and the
# option of a code server for it.
_KINDS = {
    "python_file": ("relative_path", "--python-file"),
    "python_module": ("module_name", "--module-name"),
    "python_package": ("package_name", "--package-name"),
}


def _entry(file: Path, base: Path, entry: object) -> CodeLocation:
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in _KINDS:
        raise _unusable(file, f"has an entry that is not understood: {entry!r}")
    (kind, given), *_ = entry.items()
    key, option = _KINDS[kind]
    config = {key: given} if isinstance(given, str) else given
    if not isinstance(config, dict) or not isinstance(config.get(key), str):
        raise _unusable(file, f"has a {kind} without {key}")
    target = config[key]
    attribute = config.get("attribute")
    name = target if attribute is None else f"{target}:{attribute}"
    return CodeLocation(
        name=config.get("location_name") or name,
        target=(
            option,
            str(base / target) if kind == "python_file" else target,
            *(("--attribute", attribute) if attribute else ()),
        ),
        working_directory=base / config.get("working_directory", "."),
        python=config.get("executable_path") or sys.executable,
    )


def _dg_config(folder: Path) -> Toml | None:
    for name, path in (("dg.toml", ()), ("pyproject.toml", ("tool", "dg"))):
        file = folder / name
        if not file.is_file():
            continue
        try:
            config: Toml = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise _unusable(file, f"cannot be read as TOML ({error})") from error
        for part in path:
            config = config.get(part, {})
        if config:
            return config
    return None


def _dg_locations(folder: Path, config: Toml) -> tuple[CodeLocation, ...]:
    if config.get("directory_type") == "workspace":
        projects = config.get("workspace", {}).get("projects", [])
        paths = [folder / project["path"] for project in projects]
        return tuple(_dg_project(path, _dg_config(path) or {}) for path in paths)
    return (_dg_project(folder, config),)


def _dg_project(folder: Path, config: Toml) -> CodeLocation:
    project = config.get("project", {})
    root = project.get("root_module")
    if not isinstance(root, str):
        raise _unusable(folder / "pyproject.toml", "[tool.dg.project] names no root_module")
    module = project.get("code_location_target_module") or f"{root}.definitions"
    own_python = folder / ".venv" / "bin" / "python"
    return CodeLocation(
        name=project.get("code_location_name") or folder.name,
        target=("--module-name", module),
        working_directory=folder / "src" if (folder / "src" / root).is_dir() else folder,
        python=str(own_python) if own_python.is_file() else sys.executable,
    )


def _unusable(file: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        why,
        field=file.name,
        value=str(file),
        remedy="See https://docs.dagster.io/deployment/code-locations/workspace-yaml",
    )
