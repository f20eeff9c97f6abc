"""Check that every source of a version's data has a datasheet."""

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.datasets.records import KeptDatasheet, Section
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed

DATASHEETS_PRESENT = "datasheets_present"


class DatasheetSettings(Record):
    """The required content of a datasheet."""

    sections: tuple[Section, ...] = Field(
        default=("motivation", "composition", "collection"),
        description="Sections that must be filled, unless the datasheet links to an external one",
    )


def _judge(evidence: Evidence, version: ModelVersion, settings: DatasheetSettings) -> Finding:
    graph = evidence.lineage(version.reference)
    sources, others = graph.sources(), graph.not_ruled_out()
    if not sources:
        return Finding(passed=False, summary="its training data is not recorded")
    sheets = evidence.datasheets({*sources, *(others or ())})
    wrong = [
        problem for asset in sources if (problem := _lacking(asset, sheets.get(asset), settings))
    ]
    if others is None:
        wrong.append("what else it depends on is not known")
    wrong += [
        f"it is not known whether it depends on {asset}, and {problem}"
        for asset in others or ()
        if asset not in sources and (problem := _lacking(asset, sheets.get(asset), settings))
    ]
    known: dict[str, JsonValue] = {
        asset: {"revision": sheet.revision, "digest": sheet.digest, "uri": sheet.uri}
        for asset, sheet in sheets.items()
    }
    return Finding(
        passed=not wrong,
        summary=listed(wrong) or f"there is a datasheet of {listed(sources)}",
        details=details(sources=list(sources), datasheets=known, lacking=list(wrong)),
    )


def _lacking(asset: str, sheet: KeptDatasheet | None, settings: DatasheetSettings) -> str | None:
    if sheet is None:
        return f"{asset} has no datasheet"
    empty = [] if sheet.uri else [name for name in settings.sections if name not in sheet.sections]
    return f"the datasheet of {asset} has no {listed(empty)}" if empty else None


CHECK = Check(
    name=DATASHEETS_PRESENT,
    asks="Every source of its data, at the root of its lineage, has a datasheet",
    judge=_judge,
    settings=DatasheetSettings,
)
