"""Check that loading a version's files runs no untrusted code."""

from typing import Literal

from pydantic import Field, JsonValue

from pedigree._record import Record
from pedigree.artifacts.scan import EXTRA, FileScan, ScanKind, scan
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed
from pedigree.lifecycle.records import Severity

ARTIFACT_SCAN = "artifact_scan"


class ScanSettings(Record):
    """What the scan allows."""

    allow: tuple[str, ...] = Field(
        default=(), description="Full names that a pickle may import, sklearn.tree._tree.Tree"
    )
    unscannable: Literal["error", "warn"] = Field(
        default="warn", description="How to treat a file whose format cannot be scanned"
    )


def _judge(evidence: Evidence, version: ModelVersion, settings: ScanSettings) -> Finding:
    files = scan(evidence.folder(version.reference), settings.allow)
    dangerous = [
        f"{each.path} imports {listed(each.dangerous)}" for each in files if each.dangerous
    ]
    closed = [each for each in files if each.kind is ScanKind.UNSCANNABLE]
    unscanned = [f"{each.path} cannot be scanned: {each.reason}" for each in closed]
    warns = not dangerous and settings.unscannable == "warn"
    return Finding(
        passed=not dangerous and not unscanned,
        severity=Severity.WARN if warns else Severity.ERROR,
        summary=listed([*dangerous, *unscanned], shown=3)
        or f"nothing dangerous in {len(files)} scanned files",
        details=details(
            tool=_tool(), strict=True, files=[_as_json(file) for file in files if _worth(file)]
        ),
    )


def _worth(file: FileScan) -> bool:
    return file.kind is not ScanKind.DATA


def _as_json(file: FileScan) -> JsonValue:
    return file.model_dump(mode="json", exclude_defaults=True)


def _tool() -> str:
    from importlib.metadata import version  # noqa: PLC0415 -- needed only by a scan

    return f"picklescan {version('picklescan')}"


CHECK = Check(
    name=ARTIFACT_SCAN,
    asks="No file of the artifact, also inside zips, imports code that is not known to be harmless",
    judge=_judge,
    settings=ScanSettings,
    extra=EXTRA,
)
