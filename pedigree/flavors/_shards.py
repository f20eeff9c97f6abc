"""The files of a folder that hold a model's weights: one file, or several shards.

The layouts are those of Hugging Face's libraries: ``model.safetensors``; or
``model-00001-of-00002.safetensors`` and so on with ``model.safetensors.index.json``, whose
``weight_map`` maps tensors to shards; ``pytorch_model.bin`` likewise. A folder often has other
weights, too (``consolidated.safetensors``, an adapter, a variant), which are another model.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pedigree.errors import InvalidArtifactError
from pedigree.flavors._files import files_of, unreadable
from pedigree.untrusted.documents import read_json

_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<total>\d+)")
_REMEDY = "Register only the complete weights: one file, or all shards with their index"


@dataclass(frozen=True)
class Shard:
    """A file of weights, and the names of its tensors if an index lists them."""

    file: Path
    names: frozenset[str] | None = None


@dataclass
class _Model:
    """The files that belong to one model according to their names."""

    whole: Path | None = None
    index: Path | None = None
    numbered: dict[tuple[int, int], Path] = field(default_factory=dict)


def shards_of(path: Path, suffixes: Collection[str], usual: Iterable[str]) -> list[Shard]:
    """Return the files of weights of a folder, or the only file; only the index is read.

    Args:
        path: The folder, or the only file.
        suffixes: The suffixes of files of weights.
        usual: The usual names of the model's file, by preference, for a folder with several models.

    Raises:
        InvalidArtifactError: There are no weights, a shard is missing or superfluous, the index
            cannot be read, or it is ambiguous which of several files is the model.
    """
    models = _by_name(path, suffixes)
    listed = {name: _listed(model.index) for name, model in models.items() if model.index}
    # A file that an index lists is part of that model, whatever its name.
    claimed = {file for listing in listed.values() for file in listing}
    models = {
        name: model
        for name, model in models.items()
        if model.index or model.numbered or (model.whole and model.whole.name not in claimed)
    }
    name = _chosen(models, suffixes, usual)
    return _shards(models[name], listed.get(name))


def read_shards(
    shards: Iterable[Shard], read: Callable[[Path], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the tensors of all shards by name.

    Raises:
        InvalidArtifactError: A shard does not match the index, two shards have a tensor with the
            same name, or there are no tensors.
    """
    arrays: dict[str, Any] = {}
    for shard in shards:
        found = read(shard.file)
        if shard.names is not None and found.keys() != shard.names:
            missing, unlisted = shard.names - found.keys(), found.keys() - shard.names
            fault = f"lacks {min(missing)!r}" if missing else f"also has {min(unlisted)!r}"
            raise bad_weights(f"{shard.file.name} does not match the index: it {fault}")
        if duplicates := sorted(arrays.keys() & found.keys()):
            raise bad_weights(f"two files have the tensor {duplicates[0]!r}")
        arrays.update(found)
    if not arrays:
        raise bad_weights("the files have no tensors")
    return arrays


def bad_weights(fault: str) -> InvalidArtifactError:
    """Return the error for weights that cannot be identified or are incomplete."""
    return InvalidArtifactError(fault, field="path", remedy=_REMEDY)


def _by_name(path: Path, suffixes: Collection[str]) -> dict[str, _Model]:
    """Group the files of a folder by the name of their model."""
    models: dict[str, _Model] = defaultdict(_Model)
    endings = "|".join(re.escape(suffix) for suffix in suffixes)
    index_of = re.compile(rf"(?P<stem>.+)(?P<suffix>{endings})\.index(?P<variant>\..+)?\.json")
    for file in files_of(path):
        if index := index_of.fullmatch(file.name):
            stem = f"{index['stem']}{index['variant'] or ''}"
            models[f"{stem}{index['suffix']}"].index = file
        elif file.suffix in suffixes:
            if part := _NUMBERED.fullmatch(file.stem):
                name = f"{part['stem']}{file.suffix}"
                models[name].numbered[int(part["number"]), int(part["total"])] = file
            else:
                models[file.name].whole = file
    return models


def _listed(index: Path) -> dict[str, set[str]]:
    """Return the names of the tensors that an index lists, by the name of their file."""
    try:
        weight_map = read_json(index)["weight_map"]
        by_file: dict[str, set[str]] = defaultdict(set)
        for tensor, file in weight_map.items():
            if Path(file).name != file:
                raise ValueError(f"{file!r} is not a file name")
            by_file[file].add(tensor)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(index, "JSON", error) from error
    if not by_file:
        raise bad_weights(f"{index.name} lists no tensors")
    return by_file


def _chosen(models: Mapping[str, _Model], suffixes: Collection[str], usual: Iterable[str]) -> str:
    if len(models) == 1:
        return next(iter(models))
    for name in usual:
        if name in models:
            return name
    if not models:
        kinds = " or ".join(suffixes)
        raise bad_weights(f"the folder has no {kinds} file")
    raise bad_weights(f"it is ambiguous which of {', '.join(sorted(models))} is the model")


def _shards(model: _Model, listed: Mapping[str, set[str]] | None) -> list[Shard]:
    if listed is not None and model.index is not None:
        return _indexed(model, model.index, listed)
    if model.whole and model.numbered:
        raise bad_weights(f"{model.whole.name} and {_first_shard(model)} are the same model")
    if model.whole:
        return [Shard(model.whole)]
    totals = {total for _, total in model.numbered}
    if len(totals) > 1:
        raise bad_weights(f"{_first_shard(model)} and others belong to different sets of shards")
    (total,) = totals
    present = {number for number, _ in model.numbered}
    missing = sorted(set(range(1, total + 1)) - present)
    if missing or len(present) > total:
        raise bad_weights(
            f"of the {total} shards of {_first_shard(model)}, {len(present)} are present"
        )
    return [Shard(file) for _, file in sorted(model.numbered.items())]


def _indexed(model: _Model, index: Path, listed: Mapping[str, set[str]]) -> list[Shard]:
    unlisted = {file.name for file in model.numbered.values()} - listed.keys()
    if model.whole and model.whole.name not in listed:
        unlisted.add(model.whole.name)
    if unlisted:
        raise bad_weights(
            f"{index.name} does not list {min(unlisted)}, which is in the same folder"
        )
    shards = [Shard(index.parent / file, frozenset(listed[file])) for file in sorted(listed)]
    for shard in shards:
        if not shard.file.is_file():
            raise bad_weights(f"{shard.file.name} is missing, but {index.name} lists it")
    return shards


def _first_shard(model: _Model) -> str:
    return min(file.name for file in model.numbered.values())
