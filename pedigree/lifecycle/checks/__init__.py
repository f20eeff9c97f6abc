"""The registry's own checks: each checks one version, on its exact bytes.

Running them belongs to `registry.checks` and `dagster.checks`; a policy's rule gives a check its
severity and its settings.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pedigree.lifecycle.checks import (
    artifact_intact,
    artifact_scan,
    card_complete,
    datasheets_present,
    fairness,
    metadata_complete,
    no_regression,
    signature_compatible,
    slice_metrics,
    training_data_expectations,
)
from pedigree.lifecycle.checks.base import Check

# Checks that read only the record come first, checks that read all bytes last.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        module.CHECK.name: module.CHECK
        for module in (
            metadata_complete,
            signature_compatible,
            no_regression,
            slice_metrics,
            fairness,
            training_data_expectations,
            datasheets_present,
            card_complete,
            artifact_scan,
            artifact_intact,
        )
    }
)
