"""The view of ``pedigree show``: everything about a version."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from pedigree.cli._output import (
    NOT_PROVIDED,
    metrics_text,
    short_digest,
    size_text,
    stage_text,
    table,
    verdict_text,
    when,
)
from pedigree.cli._signature_view import signature_rows

if TYPE_CHECKING:
    from pedigree.artifacts.records import Manifest
    from pedigree.catalog.records import ModelVersion, Training
    from pedigree.catalog.training_records import Unmaterialized
    from pedigree.cli._lineage_tree import Line
    from pedigree.contract.registry import RegistryContract
    from pedigree.lifecycle.decision_records import Candidacy, Decision, StageRequest
    from pedigree.lifecycle.records import RecordedVerdict
    from pedigree.lineage.records import LineageGraph
    from pedigree.lineage.staleness import Staleness

Rows = Iterable[tuple[str, object]]
_NAME_WIDTH = 22
_REQUESTS = 1000
_ROWS = 100


def version_view(registry: "RegistryContract", reference: str) -> Group:
    """Return everything about a version; a missing value is a dash."""
    version = registry.get(reference)
    exact = version.reference
    manifest = registry.manifest(exact) if version.digest else None
    sections: list[RenderableType] = [
        _heading(version, registry.unmaterialized(exact)),
        _section("Stage", _stage_rows(version)),
        *_waiting(registry.candidacies(exact)),
        *_requests(registry.stage_requests(version.model_name, limit=_REQUESTS), version),
        _section("Training", _training_rows(version)),
        _section("Code and environment", _code_rows(version, len(registry.environment(exact)))),
        _section("Data", _data_rows(version, registry.lineage(exact), registry.stale(exact))),
        _inputs(registry.lineage(exact)),
        _section("Interface", signature_rows(version.signature)),
        _section("Artifact", _artifact_rows(version, manifest)),
        _checks(registry.verdicts(exact, limit=_ROWS + 1), exact),
        _section("Governance", _governance_rows(version)),
        *_decisions(registry.decisions(exact, limit=_ROWS + 1), exact),
        _section("Model card", _card_rows(registry, version)),
    ]
    trainings = registry.trainings(exact)
    if len(trainings) > 1:
        sections.append(_trainings(trainings))
    return Group(*sections)


def _heading(version: "ModelVersion", unseen: "Sequence[Unmaterialized]") -> Text:
    text = Text.assemble("\n", (version.reference, "bold"), "  ", stage_text(version.stage))
    for alias in version.aliases:
        text.append(f"  @{alias}", style="magenta")
    if version.why_unsealed:
        text.append(f"  {version.state.value}: {version.why_unsealed}", style="bold yellow")
    if version.quarantine_reason:
        text.append(f"  quarantined: {version.quarantine_reason}", style="bold red")
    if version.hold_reason:
        text.append(f"  held: {version.hold_reason}", style="bold yellow")
    if unseen:
        text.append("  unmaterialized: no asset graph shows it", style="bold yellow")
    return text


def _section(title: str, rows: Rows) -> Text:
    # Plain lines instead of a grid: a folded path or digest could not be copied.
    text = Text(f"\n{title}", style="bold")
    for name, value in rows:
        text.append(f"\n  {name:<{_NAME_WIDTH}}", style="not bold dim")
        for index, line in enumerate(_cell(value).split("\n", allow_blank=True)):
            line.stylize_before("not bold")
            text.append("\n" + " " * (_NAME_WIDTH + 2) if index else "")
            text.append(line)
    return text


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if value is None or value in ("", (), {}):
        return NOT_PROVIDED
    if isinstance(value, Mapping):
        return Text("\n".join(f"{key} = {inner}" for key, inner in value.items()))
    if isinstance(value, tuple):
        return Text(", ".join(map(str, value)))
    return Text(str(value))


def _stage_rows(version: "ModelVersion") -> Rows:
    return (
        ("stage", stage_text(version.stage)),
        ("since", when(version.stage_since)),
        ("aliases", version.aliases),
        ("description", version.description),
        ("owners", version.owners),
        ("tags", version.tags),
        ("created by", f"{version.created_by} ({version.created_by_source})"),
        ("created at", when(version.created_at)),
        ("changed at", when(version.updated_at)),
    )


def _waiting(candidacies: "Iterable[Candidacy]") -> list[RenderableType]:
    rows = [
        (f"before {each.stage}", "; ".join(each.waits_for) or "nothing: its promotion is due")
        for each in candidacies
    ]
    return [_section("Waits for", rows)] if rows else []


def _requests(requests: "Iterable[StageRequest]", version: "ModelVersion") -> list[RenderableType]:
    rows = [
        (f"{each.stage}, by {each.requested_by}", f"waits for {'; '.join(each.waits_for)}")
        for each in requests
        if each.version_id == version.version_id
    ]
    return [_section("Asked for", rows)] if rows else []


def _decisions(decisions: "Sequence[Decision]", reference: str) -> list[RenderableType]:
    rows = [
        (
            f"  {each.decided_by}",
            "approved" if each.approved else "rejected",
            f"{each.from_stage} → {each.to_stage}",
            each.comment,
            when(each.at),
        )
        for each in decisions[:_ROWS]
    ]
    title = Text("\nDecisions", style="bold")
    shown = table(("  by", "", "way", "comment", "at"), rows)
    return [Group(title, shown, *_further(decisions, "decisions", reference))] if rows else []


def _further(found: "Sequence[object]", command: str, reference: str) -> list[RenderableType]:
    return [Text(f"  more: `pedigree {command} {reference}`")] if len(found) > _ROWS else []


def _training_rows(version: "ModelVersion") -> Rows:
    return (
        ("run id", version.run_id),
        ("CI build", version.ci_build),
        ("metrics", metrics_text(version.metrics)),
        ("params", version.params),
    )


def _code_rows(version: "ModelVersion", packages: int) -> Rows:
    dirty = " with uncommitted changes" if version.git_dirty else ""
    commit = version.git_commit and f"{version.git_commit}{dirty} (from {version.git_source})"
    environment = version.environment_hash and f"{version.environment_hash}  ({packages} packages)"
    return (
        ("git commit", commit),
        ("code version", version.code_version),
        ("environment", environment),
    )


def _data_rows(version: "ModelVersion", graph: "LineageGraph", staleness: "Staleness") -> Rows:
    from pedigree.cli._lineage_tree import not_known

    return (
        ("training data", version.training_data_digest),
        ("its owner's version", version.training_data_version),
        ("validation dataset", version.validation_dataset_id),
        ("datasheet", version.datasheet_uri),
        ("raced", Text("an input changed during the training", "red") if graph.raced else "no"),
        ("stale", _staleness_text(staleness)),
        ("not known", not_known(graph.not_ruled_out(), recorded=bool(graph.nodes))),
    )


def _staleness_text(staleness: "Staleness") -> Text:
    if not staleness.known:
        return Text("not known: no asset graph is within reach", style="dim")
    if staleness.stale is False:
        return Text("no, every input is certain and unchanged", style="green")
    why = "not every input is certain" if staleness.complete else "not every input is recorded"
    answer = "yes" if staleness.stale else f"not known: {why}"
    text = Text(answer, style="yellow" if staleness.stale else "dim")
    for stale in staleness.inputs:
        partition = f" [{stale.partition}]" if stale.partition else ""
        now = short_digest(stale.now) if stale.now else "gone"
        then = short_digest(stale.trained_on or "?")
        possibly = "" if stale.certainty.certain else f" ({stale.certainty})"
        text.append(f"\n{stale.asset}{partition}: {then} → {now}{possibly}")
    return text


def _inputs(graph: "LineageGraph") -> RenderableType:
    from pedigree.cli._lineage_tree import folded

    rows = [_input_row(line) for line in folded(graph.used())]
    if not rows:
        return Text("  no input was recorded", style="dim")
    return table(("  input", "partition", "data version", "certainty", "run", "at"), rows)


def _input_row(line: "Line") -> tuple[str | Text, ...]:
    from pedigree.cli._lineage_tree import certainty_text

    certainty = certainty_text(line.certainty, line.capture)
    if len(line.nodes) > 1:
        return (f"  {line.asset}", f"{len(line.nodes)} partitions", "", certainty, "", "")
    (node,) = line.nodes
    return (
        f"  {node.asset}",
        node.partition or "",
        short_digest(node.data_version or ""),
        certainty,
        (node.run_id or "")[:8],
        when(node.at),
    )


def _artifact_rows(version: "ModelVersion", manifest: "Manifest | None") -> Rows:
    files = "\n".join(
        f"{file.path}  {size_text(file.size)}  {short_digest(file.digest)}"
        for file in (manifest.files if manifest else ())
    )
    return (
        ("state", version.state.value),
        ("uri", version.artifact_uri),
        ("flavor", version.flavor),
        ("size", None if version.size is None else size_text(version.size)),
        ("files", files),
        ("predicts as trained", version.verification.sentence),
    )


def _checks(verdicts: "Sequence[RecordedVerdict]", reference: str) -> RenderableType:
    rows = [
        (f"  {verdict.check}", verdict_text(verdict), verdict.summary, when(verdict.at))
        for verdict in verdicts[:_ROWS]
    ]
    title = Text("\nChecks", style="bold")
    if not rows:
        return Group(title, Text("  none was run on this digest", style="dim"))
    shown = table(("  check", "verdict", "found", "at"), rows)
    return Group(title, shown, *_further(verdicts, "verdicts", reference))


def _governance_rows(version: "ModelVersion") -> Rows:
    return (
        ("approval", version.approval_status.value),
        ("approved by", version.approved_by),
        ("approved at", when(version.approval_timestamp)),
        ("notes", version.approval_notes),
        ("overrides", version.overrides or None),
        ("risk class", version.risk_class.value if version.risk_class else None),
        ("risk assessment", version.risk_assessment_id),
        ("drift monitor", version.drift_monitor_id),
        ("quarantine", version.quarantine_reason),
        ("legal hold", version.hold_reason),
    )


def _card_rows(registry: "RegistryContract", version: "ModelVersion") -> Rows:
    card = registry.card(version.reference)
    return (("uri", card.uri), ("location", card.location))


def _trainings(trainings: "Iterable[Training]") -> RenderableType:
    rows = [
        (
            f"  {training.metadata.run_id or ''}",
            training.origin.asset or training.origin.job_name or "",
            (training.metadata.git_commit or "")[:9],
            training.created_by,
            training.verification.status.value,
            when(training.created_at),
        )
        for training in trainings
    ]
    title = Text("\nRuns that produced these bytes", style="bold")
    return Group(title, table(("  run", "asset or job", "commit", "by", "predictions", "at"), rows))
