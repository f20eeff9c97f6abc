"""What a tracking server of MLflow knows of a run and of a logged model, as far as it is usable.

Its answers are trusted no more than other input: what has another form than MLflow's is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from pedigree._values import KEY_BYTES, TEXT_BYTES

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_MOST_DATASETS = 1000
_LARGEST_METRIC = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamDataset:
    """A dataset that a run says it used."""

    name: str
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRun:
    """A run of a tracking server."""

    run_id: str
    artifact_uri: str
    user: str | None = None
    ended_at: datetime | None = None
    git_commit: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    not_finite: frozenset[str] = frozenset()
    """Metrics that are no number, or are beyond all numbers."""
    params: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[UpstreamDataset, ...] = ()
    model_ids: tuple[str, ...] = ()
    """The models that it logged, the newest last."""

    @classmethod
    def of(cls, run: Any) -> Self | None:
        """Return the run of an answer; None if it is not one."""
        info, data = _mapping(run, "info"), _mapping(run, "data")
        run_id, artifact_uri = _text(info.get("run_id")), _text(info.get("artifact_uri"))
        if run_id is None or artifact_uri is None:
            return None
        tags = dict(_pairs(data.get("tags")))
        commit = tags.get("mlflow.source.git.commit", "")
        return cls(
            run_id=run_id,
            artifact_uri=artifact_uri,
            user=tags.get("mlflow.user") or _text(info.get("user_id")),
            ended_at=_moment(info.get("end_time")),
            git_commit=commit if _COMMIT.fullmatch(commit) else None,
            metrics=(metrics := dict(_metrics(data.get("metrics")))),
            not_finite=frozenset(_keys(data.get("metrics"))) - metrics.keys(),
            params=dict(_pairs(data.get("params"))),
            datasets=tuple(_datasets(_mapping(run, "inputs").get("dataset_inputs"))),
            model_ids=tuple(_model_ids(_mapping(run, "outputs").get("model_outputs"))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamModel:
    """A logged model of a tracking server."""

    model_id: str
    name: str | None
    artifact_uri: str
    run_id: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """Return the logged model of an answer; None if it is not one."""
        info, data = _mapping(model, "info"), _mapping(model, "data")
        model_id, artifact_uri = _text(info.get("model_id")), _text(info.get("artifact_uri"))
        if model_id is None or artifact_uri is None:
            return None
        return cls(
            model_id=model_id,
            name=_text(info.get("name")),
            artifact_uri=artifact_uri,
            run_id=_text(info.get("source_run_id")),
            metrics=dict(_metrics(data.get("metrics"))),
            params=dict(_pairs(data.get("params"))),
            tags=dict(_pairs(info.get("tags"))),
        )


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _each(listed: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(listed, list):
        yield from (each for each in listed if isinstance(each, Mapping))


def _text(value: Any, most: int = TEXT_BYTES) -> str | None:
    """Return a text that the registry can store; None for anything else."""
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return None
    return value if size <= most else None


def _pairs(listed: Any) -> Iterator[tuple[str, str]]:
    for each in _each(listed):
        key, value = _text(each.get("key"), KEY_BYTES), _text(each.get("value"))
        if key is not None and value is not None:
            yield key, value


def _keys(listed: Any) -> Iterator[str]:
    for each in _each(listed):
        if key := _text(each.get("key"), KEY_BYTES):
            yield key


def _metrics(listed: Any) -> Iterator[tuple[str, float]]:
    for each in _each(listed):
        key, value = _text(each.get("key"), KEY_BYTES), each.get("value")
        if key is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        # MLflow's integers may be beyond a float, and it writes NaN as a number of JSON.
        if abs(value) < _LARGEST_METRIC:
            yield key, float(value)


def _datasets(listed: Any) -> Iterator[UpstreamDataset]:
    names: set[str] = set()
    for each in _each(listed):
        dataset = _mapping(each, "dataset")
        # With the prefix that the graph gives it, the name is still a key.
        name = _text(dataset.get("name"), KEY_BYTES - 100)
        if name is None or name in names or len(names) == _MOST_DATASETS:
            continue
        names.add(name)
        yield UpstreamDataset(name=name, digest=_text(dataset.get("digest"), KEY_BYTES))


def _model_ids(listed: Any) -> Iterator[str]:
    for each in _each(listed):
        found = _text(each.get("model_id"), KEY_BYTES)
        if found is not None:
            yield found


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, int) or not 0 < value < 1 << 44:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)
