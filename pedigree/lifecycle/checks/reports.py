"""Show the verdicts of checks that ran outside any run in the asset graph.

The graph is reached through a plug-in (entry point group ``pedigree.asset_check_reports``); the
kernel itself does not import an orchestrator.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import TypeAlias

from pedigree.catalog.records import ModelVersion, TrainingOrigin
from pedigree.lifecycle.records import RecordedVerdict, Severity
from pedigree.settings import Settings

Report: TypeAlias = Callable[
    [ModelVersion, TrainingOrigin, Sequence[RecordedVerdict], Severity, Settings], bool
]
"""Show verdicts on a version in the graph that trained it; False if it is unreachable."""


def report(
    version: ModelVersion,
    origin: TrainingOrigin,
    verdicts: Sequence[RecordedVerdict],
    severity: Severity,
    settings: Settings,
) -> bool:
    """Show verdicts in the first asset graph that has the version; return whether one did."""
    if origin.asset is None:
        return False
    for plugin in entry_points(group="pedigree.asset_check_reports"):
        try:
            show: Report = plugin.load()
        except ImportError:
            continue  # the plug-in's extra is not installed, so it has no graph
        if show(version, origin, verdicts, severity, settings):
            return True
    return False
