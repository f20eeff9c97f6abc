"""Storage of the Dagster instance: runs, events, compute logs and local artifacts.

Metadata that Pedigree writes into Dagster's events belongs to ``assets`` and ``capture``.
``dagster.yaml`` names the classes of this package.
"""

from pedigree.dagster.instance.compute_logs import PedigreeArtifacts, PedigreeComputeLogs
from pedigree.dagster.instance.storage import PedigreeStorage

__all__ = ["PedigreeArtifacts", "PedigreeComputeLogs", "PedigreeStorage"]
