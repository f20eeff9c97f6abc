"""The versions of the benchmarks' registry: realistically skewed, and the same in every run.

The lines are for COPY. The random values depend only on the seed and the range of versions, so
several processes can generate them in any order.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from pedigree.artifacts.records import Manifest, ManifestFile, digest_of
from pedigree.signatures.records import Column, ColumnType, Signature

SEED = 77
NULL = r"\N"
ACROSS = timedelta(days=730)
FIRST_MOMENT = datetime(2024, 1, 1, tzinfo=UTC)

COMMON_TAG = ("campaign", "spring")
"""2 % of the versions have it: about 20,000 of a million."""
SECOND_TAG = ("tier", "gold")
"""20 % of the versions have it, so about 4,000 have both."""
COMMON_WORDS = ("weekly", "retention")
"""3.3 % of the versions have both in their description: about 33,000 of a million."""

COLUMNS = {
    "environment": "hash, packages",
    "blob": "digest, size, key",
    "artifact": "digest, manifest, size",
    "artifact_file": "artifact_digest, path, blob_digest",
    "model_version": "model_id, version, digest, flavor, signature, description, owners, tags,"
    " risk_class, created_at, created_by, created_by_source",
    "training": "training_id, model_id, version, run_id, job_name, step_key, asset, git_commit,"
    " git_dirty, git_source, code_version, training_data_digest, environment_hash, metrics, params,"
    " lineage_recorded, created_at, created_by, created_by_source",
    "lineage_node": "training_id, node_id, kind, asset, partition, storage_id, run_id,"
    " data_version, at, certainty, upstream",
    "lineage_edge": "training_id, consumer, source, capture, certainty",
    "model_card": "model_id, version, revision, digest, markdown, notes, created_at",
}
"""The tables that grow with the versions, and the copied columns of each."""

_STRIDE = 7919  # a prime, so that models alternate in another order than that of their numbers
_AREAS = [
    "churn",
    "fraud",
    "credit",
    "demand",
    "pricing",
    "claims",
    "search",
    "ads",
    "risk",
    "energy",
    "fleet",
    "supply",
]
_TASKS = [
    "score",
    "forecast",
    "rank",
    "detect",
    "segment",
    "embed",
    "classify",
    "recommend",
    "route",
    "uplift",
]
# Percentage of the models with each flavor.
_FLAVORS = {"sklearn": 45, "xgboost": 25, "lightgbm": 12, "torch": 8, "onnx": 6, "generic": 4}
_TIERS = ("bronze", "silver", "gold")
_REGIONS = ("eu", "us", "apac", "latam", "mea")
_RISKS = (NULL, "minimal", "limited", "high")
_SYLLABLES = ("ka", "ro", "mi", "ten", "sol", "ver", "du", "pan", "li", "gor", "em", "ta", "bru")
_PEOPLE = [f"person{number}@example.com" for number in range(400)]
_TEXTS = 20_000
_ENVIRONMENTS = 200
_CARD_SHARE, _LINEAGE_SHARE, _RETRAINED_SHARE = 0.03, 0.1, 0.02


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Numbers of models and of versions per model, registered evenly over two years."""

    models: int = 10_000
    versions: int = 100
    first_model: int = 1

    @property
    def rows(self) -> int:
        """The number of versions."""
        return self.models * self.versions

    def place(self, row: int) -> tuple[int, int]:
        """Return the model and the version that is registered as the ``row``-th of all."""
        turn, phase = divmod(row, self.models)
        return self.first_model + phase * _STRIDE % self.models, turn + 1

    def moment(self, row: int) -> datetime:
        """Return when the ``row``-th version was registered."""
        return FIRST_MOMENT + ACROSS * (row / self.rows)

    def first_row(self, model: int) -> int:
        """Return the row of a model's first version; the next one is ``models`` rows later."""
        inverse = pow(_STRIDE, -1, self.models) if self.models > 1 else 0
        return (model - self.first_model) * inverse % self.models


@cache
def name_of(model: int) -> str:
    """Return a model's name; about three in a hundred contain 77."""
    return f"{_AREAS[model % 12]}_{_TASKS[model // 12 % 10]}_{model:05d}"


@cache
def team_of(model: int) -> str:
    """Return the team of a model; the first teams have many models, the last ones few."""
    return f"team-{int(60 * _spread(model) ** 3)}"


def person(share: float) -> str:
    """Return one of 400 people; those for shares near 0 are more frequent."""
    return _PEOPLE[int(400 * share**2.5)]


def _spread(model: int) -> float:
    return model * 0.618033988749895 % 1  # the golden ratio fills 0 to 1 evenly


@cache
def _shared_digest(kind: str, number: int) -> str:
    return digest(kind, number, 0)


def digest(kind: str, model: int, version: int) -> str:
    """Return a digest of bytes that do not exist."""
    return f"sha256:{hashlib.sha256(f'{kind} {model}/{version}'.encode()).hexdigest()}"


def environment_lines() -> Iterable[str]:
    """Return the environments of the trainings, as hash and packages."""
    for number in range(_ENVIRONMENTS):
        packages = ",".join(f"package{one}=={number // 7}.{one * number % 23}" for one in range(40))
        yield f"{digest('environment', number, 0)}\t{{{packages}}}"


@dataclass(frozen=True)
class Interface:
    """A flavor with a signature, as the database stores both, and the manifest."""

    flavor: str
    signature: str
    parts: tuple[str, str, str]

    def manifest(self, model: int, version: int) -> tuple[str, int, str]:
        """Return the digest of a version's only file, its size, and the canonical manifest."""
        blob = digest("blob", model, version)
        size = 2_000 << (model * 31 + version) % 20  # from kilobytes to a gigabyte
        before, between, after = self.parts
        return blob, size, f"{before}{blob}{between}{size}{after}"


@cache
def interface_of(kind: int) -> Interface:
    """Return the interface of each percentile of the models."""
    flavors = [flavor for flavor, share in _FLAVORS.items() for _ in range(share)]
    types = (ColumnType.DOUBLE, ColumnType.LONG, ColumnType.STRING)
    columns = [Column(name=f"feature_{i}", type=types[i % 3]) for i in range(kind % 5 + 1)]
    output = Column(name="score", type=ColumnType.DOUBLE)
    file = ManifestFile(path="model.bin", size=0, digest=digest("blob", 0, 0))
    manifest = Manifest(
        flavor=flavors[kind],
        signature=Signature(inputs=tuple(columns), outputs=(output,)),
        files=(file,),
    ).canonical.decode()
    before, _, rest = manifest.partition(file.digest)
    between, _, after = rest.partition("0}")
    signature = manifest.partition('"signature":')[2].removesuffix("}")
    return Interface(flavors[kind], signature, (before, between, "}" + after))


@cache
def texts() -> tuple[str, ...]:
    """Return the pool of descriptions, with the skewed word frequencies of a language."""
    draw = np.random.default_rng(SEED)
    words = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in ("", *_SYLLABLES)]
    made = []
    for _ in range(_TEXTS):
        picked = draw.zipf(1.3, size=draw.integers(6, 20)) % len(words)
        text = [words[index] for index in picked.tolist()]
        both, one = draw.random(2)
        if both < 0.047:
            text[1:1], text[4:4] = COMMON_WORDS[:1], COMMON_WORDS[1:]
        elif one < 0.2:
            text[2:2] = [COMMON_WORDS[int(one < 0.1)]]
        made.append(" ".join(text))
    return tuple(made)


class _Stretch(ABC):
    """A range of versions, in the order of registration."""

    tables: tuple[str, ...]

    def __init__(self, shape: Shape, rows: range) -> None:
        self._shape = shape
        self._rows = rows
        generator = np.random.default_rng([SEED, shape.first_model, rows.start])
        # A row of these has a version's random numbers: author, kind, quality and presence.
        self._luck = generator.random((len(rows), 12)).tolist()
        self._auc = np.clip(generator.normal(0.82, 0.07, len(rows)), 0.5, 0.999).tolist()
        self._latency = generator.lognormal(3, 1, len(rows)).tolist()

    def lines(self) -> dict[str, list[str]]:
        """Return the lines of each of the ``tables``."""
        self._lines: dict[str, list[str]] = {table: [] for table in self.tables}
        for index, row in enumerate(self._rows):
            model, version = self._shape.place(row)
            self._add(index, model, version, self._shape.moment(row).isoformat())
        return self._lines

    @abstractmethod
    def _add(self, index: int, model: int, version: int, at: str) -> None:
        """Add a version's lines."""


class RecordLines(_Stretch):
    """The records of the versions."""

    tables = ("model_version", "training")

    def _add(self, index: int, model: int, version: int, at: str) -> None:
        luck = self._luck[index]
        interface = interface_of(model % 100)
        _, _, manifest = interface.manifest(model, version)
        author = f"{at}\t{person(luck[1])}\ttoken"
        self._lines["model_version"].append(
            f"{model}\t{version}\t{digest_of(manifest.encode())}\t{interface.flavor}"
            f"\t{interface.signature}\t{_text(luck[0])}\t{{{person(_spread(model))}}}"
            f"\t{self._tags(luck, model, version)}\t{_RISKS[int(4 * luck[2] ** 3)]}\t{author}"
        )
        self._add_training(index, model, version, author, attempt=0)
        if luck[9] < _RETRAINED_SHARE:
            self._add_training(index, model, version, author, attempt=1)

    def _tags(self, luck: list[float], model: int, version: int) -> str:
        tier = _TIERS[2 if luck[3] > 0.8 else int(luck[3] > 0.5)]
        tags = f'"team": "{team_of(model)}", "tier": "{tier}"'
        if luck[4] < 0.7:
            tags += f', "region": "{_REGIONS[int(5 * (luck[4] / 0.7) ** 2)]}"'
        if luck[5] < 0.02:
            tags += f', "{COMMON_TAG[0]}": "{COMMON_TAG[1]}"'
        elif luck[5] < 0.04:
            tags += f', "ticket": "ML-{model}-{version}"'
        return f"{{{tags}}}"

    def _add_training(
        self, index: int, model: int, version: int, author: str, *, attempt: int
    ) -> None:
        luck = self._luck[index]
        name = name_of(model)
        params = f'{{"depth": {int(12 * luck[6])}, "seed": {version}, "loss": "log"}}'
        self._lines["training"].append(
            f"{_training(model, version, attempt)}\t{model}\t{version}"
            f"\trun-{model}-{version}-{attempt}\ttrain_{name}\ttrain\tmodels/{name}"
            f"\t{_commit(luck[7], model, version)}\t{'ft'[luck[6] > 0.95]}\tworktree"
            f"\tcode-{version // 10}\t{_shared_digest('data', model * 32 + version // 4)}"
            f"\t{_shared_digest('environment', int(_ENVIRONMENTS * luck[8] ** 2))}"
            f"\t{self._metrics(index, model)}\t{params}"
            f"\t{'ft'[attempt == 0 and luck[10] < _LINEAGE_SHARE]}\t{author}"
        )

    def _metrics(self, index: int, model: int) -> str:
        auc = self._auc[index]
        metrics = f'"auc": {auc:.4f}'
        if model % 4:
            metrics += f', "f1": {auc * (0.9 + 0.1 * self._luck[index][6]):.4f}'
        if model % 4 == 3:
            metrics += f', "latency_ms": {self._latency[index]:.2f}, "log_loss": {1 - auc:.4f}'
        return f"{{{metrics}}}"


class ByteLines(_Stretch):
    """The artifacts of the versions, and for some of them lineage and a model card."""

    tables = ("blob", "artifact", "artifact_file", "lineage_node", "lineage_edge", "model_card")

    def _add(self, index: int, model: int, version: int, at: str) -> None:
        blob, size, manifest = interface_of(model % 100).manifest(model, version)
        artifact = digest_of(manifest.encode())
        self._lines["blob"].append(_blob(blob, size))
        self._lines["artifact"].append(f"{artifact}\t{manifest}\t{size}")
        self._lines["artifact_file"].append(f"{artifact}\tmodel.bin\t{blob}")
        luck = self._luck[index]
        if luck[10] < _LINEAGE_SHARE:
            self._add_lineage(model, version, at)
        if luck[11] < _CARD_SHARE:
            self._add_card(model, version, at, _text(luck[0]))

    def _add_lineage(self, model: int, version: int, at: str) -> None:
        training, area = _training(model, version, 0), _AREAS[model % 12]
        data = (
            ("customers", r"\N", "read"),
            ("events", at[:7], "read"),
            ("sources", r"\N", "proved"),
        )
        nodes = [
            f"{training}\t0\tstep\tmodels/{name_of(model)}\t\\N\t\\N\trun\t\\N\t{at}\tread\t{{}}"
        ]
        nodes += [
            f"{training}\t{node}\tmaterialization\t{area}_{asset}\t{partition}\t{version}\trun"
            f"\tdata-{model % 50}-{version // 4}\t{at}\t{certainty}\t{{}}"
            for node, (asset, partition, certainty) in enumerate(data, start=1)
        ]
        self._lines["lineage_node"] += nodes
        edges = (
            "0\t1\tread\tread",
            "0\t2\tread\tread",
            "1\t3\tprovenance\tproved",
            "2\t3\tprovenance\tproved",
        )
        self._lines["lineage_edge"] += [f"{training}\t{edge}" for edge in edges]

    def _add_card(self, model: int, version: int, at: str, text: str) -> None:
        purpose = "" if text == NULL else text
        more = texts()[(model * 131 + version) % _TEXTS]
        card = f"# {name_of(model)}/{version}\n\n{purpose}\n\n## Intended use\n\n{more}\n"
        found = digest_of(card.encode())
        self._lines["blob"].append(_blob(found, len(card)))
        escaped = card.replace("\n", r"\n")
        self._lines["model_card"].append(f"{model}\t{version}\t1\t{found}\t{escaped}\t{{}}\t{at}")


def _text(luck: float) -> str:
    """Return a description; seven of ten versions have one."""
    return texts()[int(_TEXTS * luck / 0.7)] if luck < 0.7 else NULL


def _blob(found: str, size: int) -> str:
    hexadecimal = found.removeprefix("sha256:")
    upload = f"{hexadecimal[:8]}-0000-4000-8000-{hexadecimal[-12:]}"
    return f"{found}\t{size}\tblobs/sha256/{hexadecimal[:2]}/{hexadecimal}/{upload}"


def _training(model: int, version: int, attempt: int) -> str:
    return f"{model:08x}-{attempt:04x}-4000-8000-{version:012x}"


def _commit(luck: float, model: int, version: int) -> str:
    """Return a commit: one in a hundred is unique, the others are a few thousand."""
    if version == model % 100 + 1:
        return hashlib.sha256(f"{model}/{version}".encode()).hexdigest()[:40]
    return _shared_commit(int(4000 * luck**2))


@cache
def _shared_commit(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:40]


def unique_commit(model: int) -> str:
    """Return a model's commit that has only one version."""
    return _commit(0, model, model % 100 + 1)
