"""Code that a model brings along, of which a process can hold only one module of a name.

MLflow puts the folder of such code on ``sys.path`` and imports from it, at once or when the model
first predicts. A second model whose modules have the same names would run the first one's code, so
it is refused. Equal code is no clash: the same model may be loaded as often as one likes.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from pedigree.errors import RefusedError

# The digest of each module's code as a model brought it to this process. The files may be gone
# since: a cache evicts what was loaded.
_brought: dict[str, str] = {}


def bring(folder: Path, marker: str) -> None:
    """Note the modules in a folder of code that is about to be put on ``sys.path``.

    Args:
        folder: The code.
        marker: The file by which the folder of a model is known; code lies beside it.

    Raises:
        RefusedError: A module of the same name and of other code is loaded in this process, or
            lies in the folder of code of a model that is; nothing was loaded.
    """
    offered = {name: _digest(file) for name, file in _modules(folder)}
    for name, digest in offered.items():
        other = _other(name, folder, marker)
        if other is not None and other != digest:
            raise RefusedError(
                f"the model brings the module {name!r}, and this process has another of that name",
                field="model",
                value=name,
                remedy="Load it in a process of its own, or give the module another name",
            )
    _brought.update(offered)


def _other(name: str, folder: Path, marker: str) -> str | None:
    """Return the digest of what a name leads to in this process; None where it leads nowhere."""
    elsewhere = [
        file
        for entry in map(Path, sys.path)
        if (entry.parent / marker).is_file() and entry.resolve() != folder.resolve()
        for other, file in _modules(entry)
        if other == name
    ]
    if name not in sys.modules and not elsewhere:
        return None
    if name in _brought:
        return _brought[name]
    loaded = _source(name)
    return _digest(loaded or elsewhere[0]) if loaded or elsewhere else ""


def _source(name: str) -> Path | None:
    """Return the file or folder that a loaded module came from; None where it has none."""
    module = sys.modules.get(name)
    places = [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
    return next((Path(place) for place in places if place and Path(place).exists()), None)


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what can be imported from a folder: the name, and the file or the package's folder."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = entry.name.partition(".")[0]
        is_module = entry.is_file() and entry.suffix in {".py", ".pyc", ".so", ".pyd"}
        is_package = entry.is_dir() and entry.name == name
        if name.isidentifier() and (is_module or is_package) and name != "__pycache__":
            yield name, entry


def _digest(path: Path) -> str:
    """Return the digest of a module's file, or of all files of a package but compiled ones."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    total = hashlib.sha256()
    for file in files:
        if "__pycache__" not in file.parts:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{content} {file.relative_to(path).as_posix()}\n".encode())
    return total.hexdigest()
