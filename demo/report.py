"""The demo's results, as one document and as tables."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import MetricRule
from pedigree.registry import Registry

STAGE_STYLES = {"production": "bold green", "staging": "cyan", "archived": "dim", "none": "red"}
DIGITS = 12  # of a digest, for display; the document has all of them


class Fact(Record):
    """A claim of the demo, and whether it is true."""

    name: str
    held: bool
    shown: str


class Input(Record):
    """One input of a training, in the state in which it was read."""

    asset: str
    partition: str | None
    data_version: str | None
    capture: str

    @property
    def name(self) -> str:
        """The asset and, if it has one, the partition."""
        return f"{self.asset} {self.partition}" if self.partition else self.asset


class VersionReport(Record):
    """A version, its stage, and its inputs."""

    reference: str
    version: int
    stage: str
    metrics: dict[str, float]
    params: dict[str, object]
    digest: str
    artifact_uri: str
    run_id: str
    git_commit: str
    git_dirty: bool
    trained_on: tuple[Input, ...]
    evaluated_on: tuple[Input, ...]
    stale_inputs: tuple[str, ...]
    failed_checks: dict[str, str]
    model_card: str | None


class ModelReport(Record):
    """A registered model and all its versions."""

    name: str
    champion_metric: MetricRule | None
    stages: dict[str, tuple[int, ...]]
    versions: tuple[VersionReport, ...]


class Report(Record):
    """The demo's results."""

    passed: bool
    seconds: float
    home: str
    facts: tuple[Fact, ...]
    models: tuple[ModelReport, ...]


def describe_models(registry: Registry) -> tuple[ModelReport, ...]:
    """Read every model back from the registry."""
    return tuple(
        ModelReport(
            name=model.name,
            champion_metric=registry.policy(model.name).champion_metric,
            stages=model.stages,
            versions=tuple(
                _describe(registry, version) for version in registry.versions(model.name)
            ),
        )
        for model in registry.each_model()
    )


def _describe(registry: Registry, version: ModelVersion) -> VersionReport:
    reference = version.reference
    stale = registry.stale(reference).inputs
    inputs = inputs_of(registry, reference)
    held_out = tuple(source for source in inputs if source.asset == version.validation_dataset_id)
    return VersionReport(
        reference=reference,
        version=version.version_id,
        stage=version.stage,
        metrics=version.metrics,
        params=dict(version.params),
        digest=version.digest,
        artifact_uri=version.artifact_uri,
        run_id=version.run_id,
        git_commit=version.git_commit,
        git_dirty=version.git_dirty,
        trained_on=tuple(source for source in inputs if source not in held_out),
        evaluated_on=held_out,
        stale_inputs=tuple(
            f"{source.asset} {source.partition}" if source.partition else source.asset
            for source in stale
        ),
        failed_checks={
            verdict.check: verdict.summary
            for verdict in registry.verdicts(reference)
            if not verdict.passed
        },
        model_card=registry.card(reference).location,
    )


def inputs_of(registry: Registry, reference: str) -> tuple[Input, ...]:
    """Return the direct inputs of a version's first training, by asset and partition."""
    return tuple(
        Input(
            asset=node.asset,
            partition=node.partition,
            data_version=node.data_version,
            capture=capture.value,
        )
        for node, capture in sorted(
            registry.lineage(reference).inputs(),
            key=lambda edge: (edge[0].asset, edge[0].partition or ""),
        )
    )


def show(report: Report, console: Console) -> None:
    """Print the report as tables."""
    for model in report.models:
        console.print(_table(model))
    console.print(Text("model cards", style="bold"))
    for model in report.models:
        for version in model.versions:
            path = Text(f"  {_shown_path(version.model_card)}", style="cyan")
            # One line each, of any length: a wrapped path cannot be copied.
            console.print(Text(f"  {version.reference:<18}"), path, sep="", soft_wrap=True)
    console.print()
    console.print(_facts(report))
    verdict = "every claim is true" if report.passed else "NOT every claim is true"
    style = "bold green" if report.passed else "bold red"
    console.print(Text(f"{verdict}, in {report.seconds:.0f} s", style=style))


def _table(model: ModelReport) -> Table:
    table = Table(
        box=SIMPLE_HEAD,
        title=model.name,
        title_style="bold",
        title_justify="left",
        pad_edge=False,
    )
    table.add_column("no", justify="right")
    table.add_column("stage")
    table.add_column("metrics")
    table.add_column("digest", no_wrap=True)
    table.add_column("trained on", no_wrap=True)
    table.add_column("data version", no_wrap=True)
    for version in model.versions:
        table.add_row(
            str(version.version),
            _stage(version),
            _metrics(version, model.champion_metric),
            _short(version.digest),
            Text("\n").join(_name(source, version) for source in _inputs(version)),
            Text("\n").join(_data(source, version.stale_inputs) for source in _inputs(version)),
            end_section=True,
        )
    return table


def _inputs(version: VersionReport) -> tuple[Input, ...]:
    return version.trained_on + version.evaluated_on


def _name(source: Input, version: VersionReport) -> Text:
    held_out = (" (evaluation)", "dim") if source in version.evaluated_on else ""
    return Text.assemble(source.name, held_out)


def _data(source: Input, stale: tuple[str, ...]) -> Text:
    changed = (" stale", "yellow") if source.name in stale else ""
    return Text.assemble(_short(source.data_version or "-"), changed)


def _stage(version: VersionReport) -> Text:
    text = Text(version.stage, style=STAGE_STYLES.get(version.stage, ""))
    if version.stage == "none":
        text.append("\nstopped by", style="red")
        for check in version.failed_checks:
            text.append(f"\n{check}", style="red")
    return text


def _metrics(version: VersionReport, champion: MetricRule | None) -> Text:
    judged = champion.metric if champion else None
    names = sorted(version.metrics, key=lambda name: (name != judged, name))
    return Text("\n").join(
        Text(f"{name} {version.metrics[name]:.4g}", style="bold" if name == judged else "dim")
        for name in names
    )


def _facts(report: Report) -> Table:
    table = Table.grid(padding=(0, 1))
    table.title, table.title_style, table.title_justify = "claim", "bold", "left"
    for fact in report.facts:
        mark = Text("  ✓", "green") if fact.held else Text("  ✗", "bold red")
        table.add_row(mark, fact.name, Text(fact.shown, "dim"))
    table.add_row()
    return table


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:DIGITS]


def _shown_path(location: str | None) -> str:
    if location is None:
        return "not written"
    path = Path(location.removeprefix("file://"))
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return location
