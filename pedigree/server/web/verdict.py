"""The verdict on a version: where it stands, what it asks and waits for, in one sentence."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.lifecycle.approval_gates import APPROVALS
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, CHAMPION_STAGE, NO_STAGE
from pedigree.registry.approaches import Approach
from pedigree.registry.version_pages import VersionPage
from pedigree.server.web.words import plural, span

Tone: TypeAlias = Literal["good", "warn", "bad", "calm"]
Passage: TypeAlias = Literal["held", "holds", "wants", "open"]

_PASSAGES: dict[Passage, str] = {
    "held": "held before",
    "holds": "held now",
    "wants": "asked for",
    "open": "not reached",
}
# Gates that only need time or a person: they wait, and nothing is wrong.
_WAITING = frozenset({APPROVALS, "soak", "promoter"})


class Step(NamedTuple):
    """A stage on the way of a version.

    Attributes:
        stage: The stage.
        passage: What the version has to do with it.
    """

    stage: str
    passage: Passage

    @property
    def words(self) -> str:
        """The passage in words."""
        return _PASSAGES[self.passage]


class GateView(NamedTuple):
    """A gate as the verdict shows it.

    Attributes:
        gate: The gate.
        waits: It is not passed, and only a person or time is missing.
    """

    gate: Gate
    waits: bool


class ApproachView(NamedTuple):
    """A stage that a version asks for, or could enter next.

    Attributes:
        approach: The stage with its gates and requests.
        open_gates: The gates that are not passed.
        passed: The gates that are passed.
    """

    approach: Approach
    open_gates: tuple[GateView, ...]
    passed: tuple[Gate, ...]

    @property
    def stage(self) -> str:
        """The stage."""
        return self.approach.explanation.stage

    @property
    def gates(self) -> int:
        """How many gates it has."""
        return len(self.open_gates) + len(self.passed)

    @property
    def lack(self) -> str:
        """What is missing, in a few words."""
        missing = len(self.open_gates)
        if not missing:
            return "every gate is passed"
        if [each.gate.name for each in self.open_gates] == [APPROVALS]:
            given, needed = self.approach.approvals_given, self.approach.approvals_needed
            return f"{given} of {plural(needed, 'approval')} given"
        verb = "is" if missing == 1 else "are"
        return f"{missing} of {plural(self.gates, 'gate')} {verb} not passed"


class VersionVerdict(NamedTuple):
    """What is to be known about a version first.

    Attributes:
        tone: How it looks.
        sentence: All that is true of it now.
        way: The stages in their order.
        approaches: What it asks for, or could enter next.
        asks: Whether anybody asked for a stage.
    """

    tone: Tone
    sentence: str
    way: tuple[Step, ...]
    approaches: tuple[ApproachView, ...]
    asks: bool


def verdict_of(page: VersionPage, now: datetime) -> VersionVerdict:
    """Return the verdict on a version.

    Args:
        page: The version, and what the registry knows around it.
        now: The time to which ages are counted.
    """
    approaches = tuple(map(_approach_view, page.approaches))
    asks = any(each.approach.requests for each in approaches)
    return VersionVerdict(
        tone=_tone(page, approaches, asks),
        sentence=_sentence(_truths(page, approaches, asks, now)),
        way=_way(page, approaches, asks),
        approaches=approaches,
        asks=asks,
    )


def _approach_view(approach: Approach) -> ApproachView:
    gates = approach.explanation.gates
    missing = (gate for gate in gates if not gate.passed)
    return ApproachView(
        approach,
        tuple(GateView(gate, gate.name in _WAITING) for gate in missing),
        tuple(gate for gate in gates if gate.passed),
    )


def _truths(
    page: VersionPage, approaches: Sequence[ApproachView], asks: bool, now: datetime
) -> Iterable[str]:
    version = page.version
    yield _standing(version.stage, version.stage_since, now)
    if version.quarantine_reason is not None:
        yield "in quarantine"
    if version.approval_status is ApprovalStatus.REJECTED:
        yield "rejected"
    if version.hold_reason is not None:
        yield "under a legal hold"
    for each in approaches:
        given_up = each.approach.explanation.given_up
        if given_up is not None and given_up.retried_at is None:
            yield f"given up by the sensor on its way to {each.stage}"
        if asks:
            yield f"asks for {each.stage}: {each.lack}"
        elif each.open_gates:
            yield f"not ready for {each.stage}: {each.lack}"
        else:
            yield f"ready for {each.stage}: {each.lack}"


def _standing(stage: str, since: datetime | None, now: datetime) -> str:
    lasted = None if since is None else span(now - since)
    if stage == NO_STAGE:
        return "in no stage"
    if stage == ARCHIVED:
        return "archived" if lasted is None else f"archived {lasted} ago"
    place = "a candidate" if stage == CANDIDATE else f"in {stage}"
    return place if lasted is None else f"{place} for {lasted}"


def _sentence(truths: Iterable[str]) -> str:
    """Return several truths as one sentence."""
    *first, last = truths
    said = f"{', '.join(first)}, and {last}" if first else last
    return said[0].upper() + said[1:]


def _tone(page: VersionPage, approaches: Sequence[ApproachView], asks: bool) -> Tone:
    version = page.version
    if version.quarantine_reason is not None:
        return "bad"
    if version.approval_status is ApprovalStatus.REJECTED and version.stage != ARCHIVED:
        return "bad"
    if asks:
        return "warn"
    if version.stage == CHAMPION_STAGE:
        return "good"
    return "warn" if any(each.open_gates for each in approaches) else "calm"


def _way(page: VersionPage, approaches: Sequence[ApproachView], asks: bool) -> tuple[Step, ...]:
    """Return the stages of the policy; the archive only if the version is there."""
    held = {each.pointer.removeprefix("stage:") for each in page.tenures}
    wanted = {each.stage for each in approaches} if asks else set()
    here = page.version.stage
    names = [rule.name for rule in page.policy.stages if rule.name != ARCHIVED or here == ARCHIVED]
    if here not in (*names, NO_STAGE):
        names.append(here)  # a stage that the policy no longer has

    def passage(stage: str) -> Passage:
        if stage == here:
            return "holds"
        if stage in wanted:
            return "wants"
        return "held" if stage in held else "open"

    return tuple(Step(name, passage(name)) for name in names)
