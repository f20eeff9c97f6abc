"""The difference between two versions ``a`` and ``b``, also of different models."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.artifacts.records import Manifest, ManifestFile
from pedigree.artifacts.store import get_manifest
from pedigree.catalog.diff_records import (
    DataChange,
    FileChange,
    MetricChange,
    SignatureChange,
    ValueChange,
    VersionComparison,
)
from pedigree.catalog.lookups import environment_packages
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.names import name_key
from pedigree.catalog.records import DeclaredMetadata, ModelVersion
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.lineage.store import read_lineage
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.compare import RULES, changes
from pedigree.signatures.records import Signature

_FIELDS = about_fields(DeclaredMetadata)
# Metrics, parameters, tags and the signature are compared by their entries.
_ABOUT = tuple(
    name
    for name, about in _FIELDS.items()
    if about.part in ("about", "data") and name not in ("tags", "signature")
)
CODE = tuple(name for name, about in _FIELDS.items() if about.part == "code")

Input = tuple[str, str | None]


class InputState(NamedTuple):
    """The state of a direct input of a training; several possible states are joined by commas."""

    version: str | None
    certainty: Certainty


class Side(NamedTuple):
    """The parts of one version that are compared."""

    version: ModelVersion
    manifest: Manifest | None
    """None if the registry does not have the bytes."""
    packages: Mapping[str, str]
    lineage: LineageGraph

    @property
    def inputs(self) -> Mapping[Input, InputState]:
        """The data version of each direct input, and its certainty."""
        found: defaultdict[Input, list[InputState]] = defaultdict(list)
        for node, edge in self.lineage.used():
            state = InputState(node.data_version, edge.certainty)
            found[node.asset, node.partition].append(state)
        return {place: _together(states) for place, states in found.items()}

    @property
    def inputs_certain(self) -> bool:
        """Whether all direct inputs are certain, and there are no others."""
        return self.lineage.complete and all(
            edge.certainty.certain for _, edge in self.lineage.used()
        )


def read_side(transaction: Transaction, version: ModelVersion) -> Side:
    """Read the parts of a version that are compared."""
    known = version.environment_hash
    packages = environment_packages(transaction, known) if known else ()
    return Side(
        version,
        get_manifest(transaction, version.digest) if version.digest else None,
        dict(_split(package) for package in packages),
        read_lineage(transaction, name_key(version.model_name), version.version_id, newest=False),
    )


def compare(a: Side, b: Side) -> VersionComparison:
    """Return the difference between two versions."""
    fields_a = a.version.model_dump(mode="json")
    fields_b = b.version.model_dump(mode="json")
    return VersionComparison(
        a=a.version.reference,
        b=b.version.reference,
        metrics=tuple(_metrics(a.version.metrics, b.version.metrics)),
        params=_by_name(value_changes(fields_a["params"], fields_b["params"])),
        tags=_by_name(value_changes(fields_a["tags"], fields_b["tags"])),
        signature=_signature(a.version.signature, b.version.signature),
        signature_known=None not in (a.version.signature, b.version.signature),
        data=tuple(_data(a.inputs, b.inputs)),
        data_certain=a.inputs_certain and b.inputs_certain,
        code=tuple(value_changes(only(fields_a, CODE), only(fields_b, CODE))),
        packages=_by_name(value_changes(a.packages, b.packages)),
        files=tuple(_files(a.manifest, b.manifest)) if a.manifest and b.manifest else (),
        files_known=a.manifest is not None and b.manifest is not None,
        about=tuple(value_changes(only(fields_a, _ABOUT), only(fields_b, _ABOUT))),
    )


def _split(package: str) -> tuple[str, str]:
    name, _, version = package.partition("==")
    return name, version


def only(fields: Mapping[str, JsonValue], names: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return some of a record's fields."""
    return {name: fields[name] for name in names}


def value_changes(a: Mapping[str, JsonValue], b: Mapping[str, JsonValue]) -> Iterator[ValueChange]:
    """Yield the values that differ, or that only one of the two has."""
    for name in dict.fromkeys([*a, *b]):
        if (name in a) != (name in b) or a[name] != b[name]:
            yield ValueChange(name=name, a=a.get(name), b=b.get(name))


def _by_name(changes: Iterable[ValueChange]) -> tuple[ValueChange, ...]:
    return tuple(sorted(changes, key=attrgetter("name")))


def _metrics(a: Mapping[str, float], b: Mapping[str, float]) -> Iterator[MetricChange]:
    for name in sorted({*a, *b}):
        delta = b[name] - a[name] if name in a and name in b else None
        yield MetricChange(name=name, a=a.get(name), b=b.get(name), delta=delta)


def _signature(a: Signature | None, b: Signature | None) -> tuple[SignatureChange, ...]:
    if a is None or b is None:
        return ()
    return tuple(
        SignatureChange(what=sentence, breaks=RULES[change].breaks)
        for change, sentence in changes(a, b)
    )


def _together(states: Sequence[InputState]) -> InputState:
    versions = sorted({state.version for state in states if state.version})
    least = min((state.certainty for state in states), key=lambda certainty: certainty.rank)
    return InputState(", ".join(versions) or None, least)


def _data(a: Mapping[Input, InputState], b: Mapping[Input, InputState]) -> Iterator[DataChange]:
    for place in sorted({*a, *b}, key=lambda one: (one[0], one[1] or "")):
        here, there = a.get(place), b.get(place)
        if here is None or there is None or here.version != there.version:
            yield DataChange(
                asset=place[0],
                partition=place[1],
                read_by_a=here is not None,
                read_by_b=there is not None,
                a=here and here.version,
                b=there and there.version,
                certainty_a=here and here.certainty,
                certainty_b=there and there.certainty,
            )


def _files(a: Manifest, b: Manifest) -> Iterator[FileChange]:
    in_a, in_b = _by_path(a), _by_path(b)
    for path in sorted({*in_a, *in_b}):
        before, after = in_a.get(path), in_b.get(path)
        if before is None or after is None or before.digest != after.digest:
            yield FileChange(
                path=path,
                size_a=before.size if before else None,
                size_b=after.size if after else None,
            )


def _by_path(manifest: Manifest) -> dict[str, ManifestFile]:
    return {file.path: file for file in manifest.files}
