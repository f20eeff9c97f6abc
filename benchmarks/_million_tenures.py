"""The models of the benchmarks' registry, and the history of their stages and aliases.

Some versions of a model become candidates, fewer reach staging, six of a hundred production. Most
replaced versions are archived, a few promotions are rolled back, and the alias champion
follows production.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from benchmarks._million_rows import ACROSS, SEED, Shape, name_of, person, team_of

COLUMNS = {
    "registered_model": "model_id, name, name_key, log_name, next_version, generation, description,"
    " owners, tags, created_at, created_by, last_updated_at",
    "tenure": "model_id, version, pointer, name, exclusive, held_since, held_until, moved_by,"
    " reason, ended_by",
}
_NULL = r"\N"
_REASONS = (_NULL, "passed its checks", "better on the holdout", "asked for by the business")
_CANDIDATE, _STAGING, _PRODUCTION, _ROLLED_BACK = 0.3, 0.12, 0.06, 0.004
_OVERTAKEN = 0.8
_MOVES_APART = timedelta(minutes=20)


@dataclass
class _Tenure:
    version: int
    pointer: str
    name: str
    since: datetime
    by: str
    reason: str
    until: datetime | None = None
    ended_by: str = _NULL

    def line(self, model: int) -> str:
        until = self.until.isoformat() if self.until else _NULL
        return (
            f"{model}\t{self.version}\t{self.pointer}\t{self.name}\t{self._exclusive}"
            f"\t{self.since.isoformat()}\t{until}\t{self.by}\t{self.reason}\t{self.ended_by}"
        )

    @property
    def _exclusive(self) -> str:
        return "t" if self.pointer == "alias" or self.name == "production" else "f"


@dataclass
class _Model:
    """The pointers of one model over time."""

    luck: Iterator[float]
    tenures: list[_Tenure] = field(default_factory=list)
    waiting: dict[int, _Tenure] = field(default_factory=dict)
    archived: dict[int, _Tenure] = field(default_factory=dict)
    champion: _Tenure | None = None
    producers: list[int] = field(default_factory=list)

    def enter(self, version: int, stage: str, at: datetime, ended_by: str = "move") -> None:
        """Move a version to another stage."""
        if left := self.waiting.pop(version, None) or self.archived.pop(version, None):
            self._end(left, at, ended_by)
        entered = self.archived if stage == "archived" else self.waiting
        entered[version] = self._begin(version, "stage", stage, at)

    def produce(self, version: int, at: datetime) -> None:
        """Move a version to production, and archive the versions that it replaces."""
        for other, tenure in list(self.waiting.items()):
            held = tenure.name == "production"
            if other != version and (held or next(self.luck) < _OVERTAKEN):
                self.enter(other, "archived", at, "promotion" if held else "move")
        self.enter(version, "production", at)
        self.producers.append(version)
        self._crown(version, at)

    def roll_back(self, at: datetime) -> None:
        """Return production to its previous version."""
        version = self.producers.pop()
        self.enter(version, "archived", at, "rollback")
        self.enter(self.producers[-1], "production", at)
        self._crown(self.producers[-1], at)

    def _crown(self, version: int, at: datetime) -> None:
        if self.champion:
            self._end(self.champion, at, "move")
        self.champion = self._begin(version, "alias", "champion", at)

    def _begin(self, version: int, pointer: str, name: str, at: datetime) -> _Tenure:
        reason = _REASONS[int(len(_REASONS) * next(self.luck))]
        tenure = _Tenure(version, pointer, name, at, person(next(self.luck)), reason)
        self.tenures.append(tenure)
        return tenure

    def _end(self, tenure: _Tenure, at: datetime, ended_by: str) -> None:
        tenure.until, tenure.ended_by = at, ended_by


def model_lines(shape: Shape) -> dict[str, list[str]]:
    """Return the lines of the tables of ``COLUMNS``."""
    lines: dict[str, list[str]] = {table: [] for table in COLUMNS}
    for model in range(shape.first_model, shape.first_model + shape.models):
        generator = np.random.default_rng([SEED, model, 1])
        moved = _history(shape, model, generator)
        lines["tenure"] += [tenure.line(model) for tenure in moved]
        name, team = name_of(model), team_of(model)
        at = shape.moment(shape.first_row(model)).isoformat()
        lines["registered_model"].append(
            f"{model}\t{name}\t{name}\t{name}\t{shape.versions + 1}\t{len(moved)}"
            f'\tThe {name} of {team}\t{{{team}@example.com}}\t{{"team": "{team}"}}'
            f"\t{at}\t{person(generator.random())}\t{at}"
        )
    return lines


def _history(shape: Shape, model: int, generator: np.random.Generator) -> list[_Tenure]:
    state = _Model(_endless(generator))
    first = shape.first_row(model)
    apart = min(_MOVES_APART, ACROSS / shape.versions / 5)
    for version in range(1, shape.versions + 1):
        luck = next(state.luck)
        at = shape.moment(first + (version - 1) * shape.models)
        if luck < _CANDIDATE:
            state.enter(version, "candidate", at + apart)
        if luck < _STAGING:
            state.enter(version, "staging", at + 2 * apart)
        if luck < _PRODUCTION:
            state.produce(version, at + 3 * apart)
        if luck < _ROLLED_BACK and len(state.producers) > 1:
            state.roll_back(at + 4 * apart)
    return state.tenures


def _endless(generator: np.random.Generator) -> Iterator[float]:
    while True:
        yield from generator.random(500).tolist()
