"""Canonical skops archives: equal models have equal bytes, whichever process saves them.

A skops archive is a zip of ``schema.json`` and array files. Two dumps of one object differ in the
memory addresses that identify objects and files, in the order of sets (which depends on the hash
seed), and in the zip's times. Here files are named by their content, addresses become small numbers
in the order of the schema (only for shared objects), sets are sorted, and the zip has constant
headers. skops reads the result like its own archives.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pedigree.errors import UnsupportedModelError

SCHEMA = "schema.json"

# Immutable values need no identity: whether two equal strings are one object depends on the
# interpreter. Mutable values keep their identity, because a shared array must stay shared.
_VALUES = frozenset(
    {"BytesNode", "DTypeNode", "FunctionNode", "JsonNode", "SliceNode", "TupleNode", "TypeNode"}
)
# Attributes that hold a memory address: text vectorizers cache the id of the list of stop words
# that they have checked, and check again if the id differs.
_ADDRESSES = frozenset({"_stop_words_id"})
_NOTHING = {
    "__class__": "str",
    "__module__": "builtins",
    "__loader__": "JsonNode",
    "content": "null",
    "is_json": True,
}
_NPY_HEADER = 4096  # bytes that hold the dtype of a .npy file; the dtype of padding is '|V7'
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def write_canonical(source: Path, destination: Path) -> None:
    """Write the archive at ``source`` in canonical form to ``destination``.

    Raises:
        UnsupportedModelError: A dictionary of the model has keys that are equal in JSON.
    """
    with ZipFile(source) as dumped:
        schema = json.loads(dumped.read(SCHEMA), object_pairs_hook=_require_unique_keys)
        names = _content_names(dumped)
        canonical = _Canonical(schema, names).schema
        with ZipFile(destination, "w", ZIP_STORED) as archive:
            text = json.dumps(canonical, separators=(",", ":"))
            archive.writestr(_header(SCHEMA), text)
            for name, origin in sorted({new: old for old, new in names.items()}.items()):
                archive.writestr(_header(name), _content(dumped, origin))


def _require_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        duplicate, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise UnsupportedModelError(
            f"a dictionary of the model has several keys that are {duplicate!r} in JSON",
            field="model",
            remedy="Use keys of one type, such as strings",
        )
    return content


def _content_names(archive: ZipFile) -> dict[str, str]:
    """Map the files of an archive to names that are digests of their content."""
    return {
        name: f"{hashlib.sha256(_content(archive, name)).hexdigest()}{PurePosixPath(name).suffix}"
        for name in archive.namelist()
        if name != SCHEMA
    }


def _content(archive: ZipFile, name: str) -> bytes:
    """Return a file's bytes, with zeros in the padding of a structured array.

    scikit-learn zeroes the padding of a tree's nodes when it grows them, but copies them with
    uninitialized padding in ``Tree.__setstate__``. Without zeros, a model that was trained in
    another process, or was loaded, would be saved as different bytes.
    """
    data = archive.read(name)
    if not name.endswith(".npy") or b"'|V" not in data[:_NPY_HEADER]:
        return data
    import numpy as np  # noqa: PLC0415

    records = np.load(BytesIO(data), allow_pickle=False)
    if not records.dtype.names:
        return data
    padded = np.zeros(records.shape, records.dtype)
    for field in records.dtype.names:
        padded[field] = records[field]
    buffer = BytesIO()
    np.save(buffer, padded, allow_pickle=False)
    return buffer.getvalue()


def _header(name: str) -> ZipInfo:
    header = ZipInfo(name, _EARLIEST)
    header.create_system = 3  # Unix, on every platform
    header.external_attr = 0o644 << 16
    return header


class _Canonical:
    """The schema of one archive, rewritten."""

    def __init__(self, schema: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self._names = names
        seen = Counter(_identities(schema))
        self._shared = {identity for identity, times in seen.items() if times > 1}
        self._numbers: dict[int, int] = {}
        self.schema = self._rewritten(schema, numbered=True)

    def _rewritten(self, value: Any, *, numbered: bool) -> Any:
        if isinstance(value, list):
            return [self._rewritten(item, numbered=numbered) for item in value]
        if not isinstance(value, dict):
            return value
        if not _is_state(value):
            return {
                key: _NOTHING if key in _ADDRESSES else self._rewritten(item, numbered=numbered)
                for key, item in value.items()
            }
        return self._rewritten_state(value, numbered=numbered)

    def _rewritten_state(self, state: dict[str, Any], *, numbered: bool) -> dict[str, Any]:
        number = self._number(state) if numbered else None
        rewritten: dict[str, Any] = {} if number is None else {"__id__": number}
        for key, item in state.items():
            if key == "__id__":
                continue
            if key == "file":
                rewritten[key] = self._names[item]
            elif key == "content" and _is_set(state):
                rewritten[key] = self._rewritten(self._sorted_set(item), numbered=numbered)
            elif key == "content" and state["__loader__"] == "PartialNode":
                rewritten[key] = self._rewritten(_without_empty_namespace(item), numbered=numbered)
            else:
                rewritten[key] = self._rewritten(item, numbered=numbered)
        return rewritten

    def _number(self, state: Mapping[str, Any]) -> int | None:
        identity = state.get("__id__")
        if identity not in self._shared or _is_value(state):
            return None
        return self._numbers.setdefault(identity, len(self._numbers) + 1)

    def _sorted_set(self, content: Any) -> Any:
        """Return the content with its items sorted, without regard to their identities."""
        if isinstance(content, list):
            return sorted(
                content, key=lambda item: json.dumps(self._rewritten(item, numbered=False))
            )
        # A frozenset is a call with a tuple of one list; both levels are states.
        return {**content, "content": self._sorted_call(content["content"])}

    def _sorted_call(self, arguments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**items, "content": self._sorted_set(items["content"])} for items in arguments]


def _is_state(value: Mapping[str, Any]) -> bool:
    # The values of a dictionary of the model are states, never plain strings.
    return isinstance(value.get("__loader__"), str)


def _is_set(state: Mapping[str, Any]) -> bool:
    return state["__loader__"] == "SetNode" or (
        state["__loader__"] == "ConstructorFromReduceNode"
        and (state["__module__"], state["__class__"]) == ("builtins", "frozenset")
    )


def _without_empty_namespace(partial: dict[str, Any]) -> dict[str, Any]:
    # functools.partial creates its __dict__ on first access.
    namespace = partial["namespace"]
    if namespace["__loader__"] == "DictNode" and not namespace["content"]:
        return {**partial, "namespace": _NOTHING}
    return partial


def _is_value(state: Mapping[str, Any]) -> bool:
    if state["__loader__"] == "NdArrayNode":
        return bool(state["__class__"] != "ndarray")  # a numpy number, which is immutable
    return state["__loader__"] in _VALUES


def _identities(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _identities(item)
    elif isinstance(value, dict):
        if _is_state(value) and "__id__" in value:
            yield value["__id__"]
        for item in value.values():
            yield from _identities(item)
