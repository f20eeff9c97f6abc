"""Check that loading a version's files runs no untrusted code."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue
from pydantic_core import to_json

from pedigree._record import Record
from pedigree._values import JSON_BYTES
from pedigree.artifacts.scan import EXTRA, FileScan, ScanKind
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed
from pedigree.lifecycle.records import Severity

ARTIFACT_SCAN = "artifact_scan"
_MOST_IMPORTS = 50  # of one file


class ScanSettings(Record):
    """What the scan allows."""

    allow: tuple[str, ...] = Field(
        default=(), description="Full names that a pickle may import, sklearn.tree._tree.Tree"
    )
    unscannable: Literal["error", "warn"] = Field(
        default="warn",
        description="How to treat a file whose format cannot be scanned; a scan that hits a limit"
        " is always an error",
    )


def _judge(evidence: Evidence, version: ModelVersion, settings: ScanSettings) -> Finding:
    files = evidence.scanned(version.reference, settings.allow)
    dangerous = [
        f"{each.path} imports {listed(each.dangerous)}" for each in files if each.dangerous
    ]
    closed = [each for each in files if each.kind is ScanKind.UNSCANNABLE]
    unscanned = [f"{each.path} cannot be scanned: {each.reason}" for each in closed]
    limited = any(each.limited for each in closed)
    warns = not dangerous and not limited and settings.unscannable == "warn"
    return Finding(
        passed=not dangerous and not unscanned,
        severity=Severity.WARN if warns else Severity.ERROR,
        summary=listed([*dangerous, *unscanned], shown=3)
        or f"nothing dangerous in {len(files)} scanned files",
        details=_details(files),
    )


def _details(files: Sequence[FileScan]) -> dict[str, JsonValue]:
    """Return the worst files first, and as many as a verdict can hold."""
    worth = sorted(
        (file for file in files if file.kind is not ScanKind.DATA),
        key=lambda file: (not file.dangerous, not file.limited),
    )
    shown, left = list[JsonValue](), JSON_BYTES // 2
    for file in worth:
        found = _as_json(file)
        left -= len(to_json(found)) + 1
        if left < 0:
            break
        shown.append(found)
    return details(tool=_tool(), strict=True, files=shown, more_files=len(worth) - len(shown))


def _as_json(file: FileScan) -> JsonValue:
    """Return a file's result with the first of its imports, dangerous ones first."""
    ordered = sorted(file.imports, key=lambda name: (name not in file.dangerous, name))
    update = {
        "imports": tuple(ordered[:_MOST_IMPORTS]),
        "dangerous": file.dangerous[:_MOST_IMPORTS],
    }
    found = file.model_copy(update=update).model_dump(mode="json", exclude_defaults=True)
    more = len(file.imports) - _MOST_IMPORTS
    return {**found, "more_imports": more} if more > 0 else found


def _tool() -> str:
    from importlib.metadata import version  # noqa: PLC0415 -- needed only by a scan

    return f"picklescan {version('picklescan')}"


CHECK = Check(
    name=ARTIFACT_SCAN,
    asks="No file of the artifact, also inside zips, imports code that is not known to be harmless",
    judge=_judge,
    settings=ScanSettings,
    of_bytes=True,
    extra=EXTRA,
)
