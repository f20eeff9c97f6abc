"""The ways to read a registry of MLflow as one stream."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Protocol, Self

from pedigree.transfer.origin_records import OriginFacts, OriginModel, OriginVersion


class Origin(Protocol):
    """A registry of MLflow, which is only read."""

    @property
    def uri(self) -> str:
        """Its address, without credentials."""

    def models(self) -> Iterator[OriginModel]:
        """Yield all models."""

    def versions(self) -> Iterator[OriginVersion]:
        """Yield all versions that are not deleted; those of a model are together and ascend."""

    def deleted(self) -> dict[str, list[int]] | None:
        """Return the numbers of deleted versions by model; None if it does not say."""

    def facts(self, version: OriginVersion) -> OriginFacts:
        """Return what is known of the run and the files of a version."""

    def close(self) -> None:
        """Close its connections."""

    def __enter__(self) -> Self:
        """Return it."""

    def __exit__(self, *of_error: object) -> None:
        """Close its connections."""


class OriginLine(NamedTuple):
    """A model with its versions."""

    model: OriginModel
    versions: Iterable[OriginVersion]
    """Ascending by number; to be read before the next model."""
    gone: frozenset[int]
    """The numbers of versions that are known to be deleted."""


def lines(origin: Origin, models: Iterable[OriginModel]) -> Iterator[OriginLine]:
    """Yield some models with their versions; those without versions come last.

    A number below that of a version is known to be deleted if there is no version with it: MLflow
    gives each number once. Numbers above the last one are known only to its database.
    """
    left = {model.name: model for model in models}
    deleted = origin.deleted() or {}
    for name, versions in groupby(origin.versions(), key=lambda version: version.name):
        model = left.pop(name, None)
        if model is not None:
            yield OriginLine(model, versions, frozenset(deleted.get(name, ())))
    for name, model in left.items():
        yield OriginLine(model, (), frozenset(deleted.get(name, ())))
