"""Searches drawn from the grammar: filters of one to ten terms over all fields, and orders.

The values are those of the million versions, rare and common ones, and values that no version has.
The same seed draws the same searches in every run.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import _million_rows as rows
from pedigree.catalog.search.fields import FIELDS, operators_of

_SEED = 15
_MOST_TERMS = 10
_VALUES: dict[str, Sequence[str]] = {
    "name": ("churn_score_00012", "fraud_rank_05077", "churn", "nosuch"),
    "digest": ("sha256:00", "sha256:ab12"),
    "description": ("weekly", "weekly retention", "katensol", "nosuch"),
    "flavor": ("sklearn", "generic", "nosuch"),
    "stage": ("production", "none", "archived", "staging", "nosuch"),
    "alias": ("champion", "nosuch"),
    "owner": ("person0@example.com", "person399@example.com"),
    "created_by": ("person0@example.com", "person399@example.com", "nosuch"),
    "run_id": ("run-77-7-0", "run-12-99-0", "run-77"),
    "git_commit": (rows.unique_commit(7), rows.unique_commit(7)[:8], "nosuch"),
    "code_version": ("code-1", "code-9", "nosuch"),
    "training_data_digest": (rows.digest("data", 5 * 32, 0), "sha256:nosuch"),
    "training_data_version": ("nosuch",),
    "validation_dataset_id": ("nosuch",),
    "environment_hash": (rows.digest("environment", 3, 0), "sha256:nosuch"),
    "ci_build": ("nosuch",),
    "risk_class": ("minimal", "high", "unacceptable"),
    "approval_status": ("none", "pending", "approved"),
    "approved_by": ("nosuch",),
    "tags.team": ("team-0", "team-3", "team-59", "nosuch"),
    "tags.tier": ("gold", "bronze"),
    "tags.campaign": ("spring", "nosuch"),
    "tags.ticket": ("ML-5-5", "ML-77", "nosuch"),
    "tags.nosuch": ("nosuch",),
    "params.loss": ("log", "nosuch"),
    "lineage.churn_customers": ("nosuch",),
    "lineage.fraud_events": ("2024-03", "2025-01"),
}
_NUMBERS: dict[str, Sequence[float]] = {
    "version": (1, 50, 99, 1000),
    "size": (2_000, 100_000_000, 2_000_000_000),
    "data_behind": (0, 3),
    "code_behind": (0, 3),
    "metrics.auc": (0.55, 0.7, 0.9, 0.99),
    "metrics.f1": (0.6, 0.8, 0.95),
    "metrics.latency_ms": (1, 20, 500),
    "params.depth": (0, 5, 11),
    "params.seed": (1, 50, 1000),
}
_WORDS = (
    *("weekly", "weekly retention", '"weekly retention"', "-weekly", "nosuchword"),
    "churn or fraud",
)
_BOOLEANS = ("git_dirty", "quarantined", "held", "stale")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A search."""

    filter: str
    order_by: str | None

    def __str__(self) -> str:
        return f"{self.filter}{f' ORDER BY {self.order_by}' if self.order_by else ''}"


def drawn(number: int) -> list[Drawn]:
    """Return a number of searches."""
    draw = random.Random(_SEED)
    return [
        Drawn(filter=_expression(draw, draw.randint(1, _MOST_TERMS)), order_by=_order(draw))
        for _ in range(number)
    ]


def _expression(draw: random.Random, terms: int) -> str:
    if terms == 1:
        return _term(draw)
    left = draw.randint(1, terms - 1)
    word = "AND" if draw.random() < 0.7 else "OR"
    parts = (_expression(draw, left), _expression(draw, terms - left))
    text = f" {word} ".join(f"({part})" if " OR " in part else part for part in parts)
    return f"NOT ({text})" if draw.random() < 0.1 else text


def _term(draw: random.Random) -> str:
    field = draw.choice([*_VALUES, *_NUMBERS, "created_at", "text", *_BOOLEANS])
    if field == "text":
        return f"text MATCH '{draw.choice(_WORDS)}'"
    operator = draw.choice(operators_of(field.partition(".")[0]))
    if operator in {"IS NULL", "IS NOT NULL"}:
        return f"{field} {operator}"
    value = _value_of(field, draw)
    if operator in {"LIKE", "ILIKE"}:
        text = value().strip("'")
        return f"{field} {operator} '{draw.choice([f'{text}%', f'%{text}%', f'%{text[1:]}'])}'"
    if operator == "IN":
        return f"{field} IN ({', '.join(value() for _ in range(draw.randint(1, 5)))})"
    if operator == "BETWEEN":
        return f"{field} BETWEEN {value()} AND {value()}"
    return f"{field} {operator} {value()}"


def _value_of(field: str, draw: random.Random) -> Callable[[], str]:
    if field in _BOOLEANS:
        return lambda: draw.choice(["true", "false"])
    if field == "created_at":
        return lambda: f"'{(rows.FIRST_MOMENT + draw.random() * rows.ACROSS).isoformat()}'"
    if field in _NUMBERS:
        return lambda: str(draw.choice(_NUMBERS[field]))
    return lambda: f"'{draw.choice(_VALUES[field])}'"


def _order(draw: random.Random) -> str | None:
    fields = [*_VALUES, *_NUMBERS, "created_at", *_BOOLEANS]
    sortable = [each for each in fields if FIELDS[each.partition(".")[0]].sortable]
    if draw.random() < 0.4:
        return None
    keys = draw.sample(sortable, draw.randint(1, 2))
    return ", ".join(f"{key}{draw.choice(['', ' DESC'])}" for key in keys)
