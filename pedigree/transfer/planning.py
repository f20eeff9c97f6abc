"""What an import of a registry of MLflow would do: the dry run."""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple, Self

from pedigree.lifecycle.records import NO_STAGE, Policy
from pedigree.transfer.carriage import carried_model, carried_version
from pedigree.transfer.naming import name_models, require_texts
from pedigree.transfer.origin import Origin, OriginLine, lines
from pedigree.transfer.report import Fate, RegistryPart, Reporting, ReportLine, TransferReport


class WantedModels(NamedTuple):
    """What of a registry is wanted, and under which names."""

    patterns: Collection[str] = ()
    """Globs of the names of models at the origin; all models if empty."""
    renames: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, patterns: Collection[str] | None, renames: Mapping[str, str] | None = None) -> Self:
        """Return what a caller wants.

        Raises:
            InvalidInputError: No model could have a name that a glob takes.
        """
        require_texts("--filter", patterns or ())
        return cls(tuple(patterns or ()), renames or {})

    def takes(self, name: str) -> bool:
        """Return whether a model is wanted.

        >>> wanted = WantedModels(("risk-*", "churn"))
        >>> wanted.takes("risk-eu"), wanted.takes("Churn")
        (True, False)
        """
        return not self.patterns or any(fnmatchcase(name, each) for each in self.patterns)


def plan(origin: Origin, wanted: WantedModels, policy: Policy) -> TransferReport:
    """Return what an import into an empty registry would do; nothing is written.

    Raises:
        OriginRefusedError: The origin refuses a request, or answers in another form.
        OriginUnavailableError: It does not answer.
    """
    reporting = Reporting()
    for name, line in named_lines(origin, wanted, reporting):
        _count(name, line, policy, reporting)
    return reporting.made(origin.uri, dry_run=True)


def named_lines(
    origin: Origin, wanted: WantedModels, reporting: Reporting
) -> Iterator[tuple[str, OriginLine]]:
    """Yield the name here and the line of each wanted model that gets one; note the others."""
    models = {model.name: model for model in origin.models() if wanted.takes(model.name)}
    named: dict[str, str] = {}
    for name, naming in name_models(models, wanted.renames).items():
        if naming.name is None:
            reporting.refuse(RegistryPart.MODEL, naming.reason or "", model=name)
        else:
            named[name] = naming.name
    for line in lines(origin, [models[name] for name in named]):
        yield named[line.model.name], line


def note_model(reporting: Reporting, origin: str, name: str, fate: Fate) -> None:
    """Note what became of a model; by name only if it has another one here."""
    if origin == name:
        reporting.count(RegistryPart.MODEL, fate)
    else:
        line = ReportLine(part=RegistryPart.MODEL, fate=Fate.RENAMED, model=origin, name=name)
        reporting.name(line)


def _count(name: str, line: OriginLine, policy: Policy, reporting: Reporting) -> None:
    note_model(reporting, line.model.name, name, Fate.CARRIED)
    model = carried_model(line.model, policy, reporting)
    reporting.count(RegistryPart.TAG, Fate.CARRIED, len(model.tags))
    reporting.count(RegistryPart.ALIAS, Fate.CARRIED, len(model.aliases))
    seen, last = 0, 0
    for version in line.versions:
        carried = carried_version(version, policy, reporting)
        seen, last = seen + 1, version.number
        reporting.count(RegistryPart.VERSION, Fate.CARRIED)
        reporting.count(RegistryPart.TAG, Fate.CARRIED, len(carried.tags))
        reporting.count(RegistryPart.STAGE, Fate.CARRIED, carried.stage != NO_STAGE)
    last = max(last, *line.gone, 0)
    reporting.count(RegistryPart.TOMBSTONE, Fate.CARRIED, last - seen)
