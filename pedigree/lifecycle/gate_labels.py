"""Labels of gates: similar gates of a stage get labels that distinguish them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.metric_gate import MetricGate
from pedigree.lifecycle.records import CheckRule

Rule = TypeVar("Rule", CheckRule, MetricGate)


def labeled_gates(rules: Iterable[tuple[str, Rule]]) -> Iterator[tuple[str, Rule]]:
    """Yield gates with their labels; gates with equal names also state their requirement."""
    named = list(rules)
    count = Counter(name for name, _ in named)
    for name, rule in named:
        yield (name if count[name] == 1 else f"{name} {_asks(rule)}".rstrip()), rule


def _asks(rule: CheckRule | MetricGate) -> str:
    """Return the requirement of a gate on a check or a metric, without its name."""
    if isinstance(rule, CheckRule):
        return ", ".join(
            f"{name} {json.dumps(value, ensure_ascii=False)}"
            for name, value in sorted(rule.settings.items())
        )
    parts = []
    if rule.at_least is not None:
        parts.append(f"at least {rule.at_least:g}")
    if rule.at_most is not None:
        parts.append(f"at most {rule.at_most:g}")
    if rule.against_champion:
        side = "below" if rule.higher_is_better else "above"
        parts.append(f"at most {rule.tolerance:g} {side} the champion's")
    return ", ".join(parts)


def metric_gate(
    name: str, gate: MetricGate, version: ModelVersion, champion: ModelVersion | None
) -> Gate:
    """Return the gate of a stage's requirement on a metric, evaluated for a version."""
    value = version.metrics.get(gate.metric)
    problem = "it has none" if value is None else _falls_short(gate, value, champion)
    return Gate(
        name=name,
        passed=problem is None,
        reason=f"metric {gate.metric}: {problem}"
        if problem
        else f"{gate.metric} is {value:.6g}, required: {_asks(gate)}",
    )


def _falls_short(gate: MetricGate, value: float, champion: ModelVersion | None) -> str | None:
    if gate.at_least is not None and value < gate.at_least:
        return f"{value:.6g} is below {gate.at_least:g}"
    if gate.at_most is not None and value > gate.at_most:
        return f"{value:.6g} is above {gate.at_most:g}"
    before = champion.metrics.get(gate.metric) if champion and gate.against_champion else None
    if champion is None or before is None:
        return None
    worse_by = before - value if gate.higher_is_better else value - before
    if worse_by > gate.tolerance:
        return f"{value:.6g} is worse than the {before:.6g} of {champion.reference}"
    return None
