"""Pedigree: a model registry that lives in the Dagster asset graph.

>>> import pedigree
>>> registry = pedigree.connect()  # or "https://…" of a service  # doctest: +SKIP
>>> registry.get("customer_churn@production").digest  # doctest: +SKIP
'sha256:…'

The names are loaded on first use, so that ``pedigree --help`` answers at once. Code of one
deployment does not belong here, but to the other top folders.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.catalog.records import (
        DeclaredMetadata,
        ModelMetadata,
        ModelVersion,
        NewVersion,
        RegisteredModel,
        Registration,
        Training,
        TrainingOrigin,
    )
    from pedigree.client.connect import connect
    from pedigree.errors import PedigreeError
    from pedigree.lifecycle.policy import default_policy, rollout_policy
    from pedigree.lifecycle.policy_yaml import load_policy
    from pedigree.lifecycle.records import (
        ApprovalRule,
        CheckRule,
        MetricGate,
        MetricRule,
        Policy,
        RetentionRule,
        StageRule,
        Verdict,
    )
    from pedigree.lineage.records import LineageGraph
    from pedigree.registry import Registry
    from pedigree.settings import Settings
    from pedigree.signatures.records import Column, Signature, Tensor

_HOMES = {
    "ApprovalRule": "lifecycle.records",
    "CheckRule": "lifecycle.records",
    "Column": "signatures.records",
    "DeclaredMetadata": "catalog.records",
    "LineageGraph": "lineage.records",
    "MetricGate": "lifecycle.records",
    "MetricRule": "lifecycle.records",
    "ModelMetadata": "catalog.records",
    "ModelVersion": "catalog.records",
    "NewVersion": "catalog.records",
    "PedigreeError": "errors",
    "Policy": "lifecycle.records",
    "RegisteredModel": "catalog.records",
    "Registration": "catalog.records",
    "Registry": "registry",
    "RetentionRule": "lifecycle.records",
    "Settings": "settings",
    "Signature": "signatures.records",
    "StageRule": "lifecycle.records",
    "Tensor": "signatures.records",
    "Training": "catalog.records",
    "TrainingOrigin": "catalog.records",
    "Verdict": "lifecycle.records",
    "connect": "client.connect",
    "default_policy": "lifecycle.policy",
    "load_policy": "lifecycle.policy_yaml",
    "rollout_policy": "lifecycle.policy",
}

__all__ = [
    "ApprovalRule",
    "CheckRule",
    "Column",
    "DeclaredMetadata",
    "LineageGraph",
    "MetricGate",
    "MetricRule",
    "ModelMetadata",
    "ModelVersion",
    "NewVersion",
    "PedigreeError",
    "Policy",
    "RegisteredModel",
    "Registration",
    "Registry",
    "RetentionRule",
    "Settings",
    "Signature",
    "StageRule",
    "Tensor",
    "Training",
    "TrainingOrigin",
    "Verdict",
    "connect",
    "default_policy",
    "load_policy",
    "rollout_policy",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pedigree' has no attribute {name!r}")
    return getattr(import_module(f"pedigree.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
