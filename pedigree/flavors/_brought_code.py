"""Modules that are bundled with a model. A process can hold only one module per name.

MLflow puts the folder of such code on ``sys.path`` and imports from it, at once or when the model
first predicts. A second model whose modules have the same names would run the first one's code, so
it is refused. Equal code does not conflict: the same model can be loaded repeatedly.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from pedigree.errors import RefusedError

# The digest of the code of each bundled module that this process may have imported. The files may
# no longer exist: the cache evicts files that were loaded.
_bundled: dict[str, str] = {}


def reserve_modules(folder: Path, marker: str) -> None:
    """Record the modules in a folder of code that is about to be put on ``sys.path``.

    Args:
        folder: The folder of code.
        marker: The file that marks the folder of a model; the code is in the same folder.

    Raises:
        RefusedError: This process has loaded a module with the same name and different code, or a
            model whose code has such a module; nothing was loaded.
    """
    offered = {name: _digest(file) for name, file in _modules(folder)}
    for name, digest in offered.items():
        other = _other(name, folder, marker)
        if other is not None and other != digest:
            raise RefusedError(
                f"the model bundles the module {name!r}, but this process has another one",
                field="model",
                value=name,
                remedy="Load the model in a separate process, or rename the module",
            )
    _bundled.update(offered)


def _other(name: str, folder: Path, marker: str) -> str | None:
    """Return the digest of the module that this process has under a name; None if it has none."""
    elsewhere = [
        file
        for entry in map(Path, sys.path)
        if (entry.parent / marker).is_file() and entry.resolve() != folder.resolve()
        for other, file in _modules(entry)
        if other == name
    ]
    if name not in sys.modules and not elsewhere:
        return None
    if name in _bundled:
        return _bundled[name]
    loaded = _source(name)
    return _digest(loaded or elsewhere[0]) if loaded or elsewhere else ""


def _source(name: str) -> Path | None:
    """Return the file or folder of a loaded module; None if it has none."""
    module = sys.modules.get(name)
    places = [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
    return next((Path(place) for place in places if place and Path(place).exists()), None)


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules of a folder: the name, and the file or the package's folder."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = entry.name.partition(".")[0]
        is_module = entry.is_file() and entry.suffix in {".py", ".pyc", ".so", ".pyd"}
        is_package = entry.is_dir() and entry.name == name
        if name.isidentifier() and (is_module or is_package) and name != "__pycache__":
            yield name, entry


def _digest(path: Path) -> str:
    """Return the digest of a module's file, or of all files of a package except compiled ones."""
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    total = hashlib.sha256()
    for file in files:
        if "__pycache__" not in file.parts:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{content} {file.relative_to(path).as_posix()}\n".encode())
    return total.hexdigest()
