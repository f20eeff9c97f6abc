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
    from pedigree.catalog.partitions import partition_of_name
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
    from pedigree.delivery.sinks import Sink, cloud_event
    from pedigree.errors import PedigreeError, SinkUnavailableError
    from pedigree.evaluation.measure import evaluate
    from pedigree.flavors.plugins import save_model
    from pedigree.lifecycle.approval_rules import ApprovalRule
    from pedigree.lifecycle.metric_gate import MetricGate
    from pedigree.lifecycle.policy import default_policy, open_policy, rollout_policy
    from pedigree.lifecycle.policy_yaml import load_policy
    from pedigree.lifecycle.records import (
        CheckRule,
        MetricRule,
        Policy,
        RetentionRule,
        Severity,
        StageRule,
        Verdict,
    )
    from pedigree.lineage.records import LineageGraph
    from pedigree.monitoring.profile import profile
    from pedigree.monitoring.records import DriftRule, DriftThresholds
    from pedigree.registry import Registry
    from pedigree.settings import Settings
    from pedigree.signatures.compare import breaking_changes
    from pedigree.signatures.files import stated_signature
    from pedigree.signatures.infer import infer_signature
    from pedigree.signatures.records import Column, Signature, Tensor

_HOMES = {
    "ApprovalRule": "lifecycle.approval_rules",
    "CheckRule": "lifecycle.records",
    "Column": "signatures.records",
    "DeclaredMetadata": "catalog.records",
    "DriftRule": "monitoring.records",
    "DriftThresholds": "monitoring.records",
    "LineageGraph": "lineage.records",
    "MetricGate": "lifecycle.metric_gate",
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
    "Severity": "lifecycle.records",
    "Signature": "signatures.records",
    "Sink": "delivery.sinks",
    "SinkUnavailableError": "errors",
    "StageRule": "lifecycle.records",
    "Tensor": "signatures.records",
    "Training": "catalog.records",
    "TrainingOrigin": "catalog.records",
    "Verdict": "lifecycle.records",
    "breaking_changes": "signatures.compare",
    "cloud_event": "delivery.sinks",
    "connect": "client.connect",
    "default_policy": "lifecycle.policy",
    "evaluate": "evaluation.measure",
    "infer_signature": "signatures.infer",
    "load_policy": "lifecycle.policy_yaml",
    "open_policy": "lifecycle.policy",
    "partition_of_name": "catalog.partitions",
    "profile": "monitoring.profile",
    "rollout_policy": "lifecycle.policy",
    "save_model": "flavors.plugins",
    "stated_signature": "signatures.files",
}

__all__ = [
    "ApprovalRule",
    "CheckRule",
    "Column",
    "DeclaredMetadata",
    "DriftRule",
    "DriftThresholds",
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
    "Severity",
    "Signature",
    "Sink",
    "SinkUnavailableError",
    "StageRule",
    "Tensor",
    "Training",
    "TrainingOrigin",
    "Verdict",
    "breaking_changes",
    "cloud_event",
    "connect",
    "default_policy",
    "evaluate",
    "infer_signature",
    "load_policy",
    "open_policy",
    "partition_of_name",
    "profile",
    "rollout_policy",
    "save_model",
    "stated_signature",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pedigree' has no attribute {name!r}")
    return getattr(import_module(f"pedigree.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
