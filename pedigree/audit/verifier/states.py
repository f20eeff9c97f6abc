"""The state of a model and its versions, replayed from their events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

NO_STAGE = "none"
BEFORE_VERIFICATION = {
    "status": "not possible",
    "reason": "it was registered by a Pedigree that did not verify",
    "spread": None,
}
"""The verification of a version whose event has none."""


class EventActor(Protocol):
    """Who made a change."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def source(self) -> str:
        """Where the name comes from."""


class ReplayableEvent(Protocol):
    """An event, as far as a replay needs it."""

    @property
    def type(self) -> str:
        """What happened."""

    @property
    def model(self) -> str | None:
        """The name of the model at that time."""

    @property
    def version(self) -> int | None:
        """The version that changed."""

    @property
    def at(self) -> datetime:
        """When."""

    @property
    def actor(self) -> EventActor:
        """Who made the change."""

    @property
    def body(self) -> dict[str, Any]:
        """What else a replay needs."""


class _Unrecorded:
    """A value that events of an earlier release lack: it equals any value in a table."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "unrecorded"


UNRECORDED = _Unrecorded()


class ReplayedTenure(NamedTuple):
    """A time during which a version held a stage or an alias."""

    since: datetime
    pointer: str
    name: str
    version: int
    until: datetime | None
    moved_by: str
    reason: str | None


class Mark(NamedTuple):
    """A version's mark by a quarantine, open or released."""

    certainty: str | None
    released_at: datetime | None


@dataclass
class ReplayedVersion:
    """The state of a version, replayed from its events."""

    digest: str | None
    created_at: datetime
    created_by: str
    description: str | None
    owners: list[str]
    tags: dict[str, str]
    updated_at: datetime
    state: str = "sealed"
    state_reason: str | None = None
    stage: str = NO_STAGE
    hold_reason: str | None = None
    quarantine_reason: str | None = None
    approval_status: str = "none"
    approval_notes: str | None = None
    approved_by: str | None = None
    approval_timestamp: datetime | None = None
    approval_stage: str | None = None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    given_up: list[dict[str, Any]] = field(default_factory=list)
    tier: str = "standard"
    deleted_at: datetime | None = None
    collected: bool = False
    cards: list[str] = field(default_factory=list)
    evaluations: list[str] = field(default_factory=list)
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] | None = None
    drifts: dict[int, dict[str, Any]] = field(default_factory=dict)
    marks: dict[int, Mark] = field(default_factory=dict)
    _quarantines: dict[int, str] = field(default_factory=dict, repr=False, compare=False)

    def quarantine(self, quarantine_id: int, reason: str, certainty: str | None) -> None:
        """Add a quarantine to the version."""
        self._quarantines[quarantine_id] = reason
        self.marks[quarantine_id] = Mark(certainty, None)
        self._update_reason()

    def release(self, quarantine_ids: Iterable[int], at: datetime) -> None:
        """Release the version from quarantines."""
        for quarantine_id in quarantine_ids:
            if self._quarantines.pop(quarantine_id, None) is not None:
                self.marks[quarantine_id] = self.marks[quarantine_id]._replace(released_at=at)
        self._update_reason()

    def open_given_up(self, stage: str) -> dict[str, Any] | None:
        """Return the given-up promotion into a stage that nobody has retried."""
        return next(
            (
                each
                for each in self.given_up
                if each["stage"] == stage and each["retried_at"] is None
            ),
            None,
        )

    def close_requests(self, event: ReplayableEvent, outcome: str, **only: object) -> None:
        """End the open requests for the version: all, or those with these values."""
        for number, request in self.requests.items():
            if request["outcome"] is None and only.items() <= request.items():
                self.close_request(number, event, outcome)

    def close_request(self, request_id: int, event: ReplayableEvent, outcome: str) -> None:
        """End a request."""
        closed = {"closed_at": event.at, "closed_by": event.actor.name}
        self.requests[request_id].update(outcome=outcome, **closed)

    def _update_reason(self) -> None:
        self.quarantine_reason = combined_reason(
            reason for _, reason in sorted(self._quarantines.items())
        )


@dataclass
class ReplayedModel:
    """The state of a model, replayed from its events."""

    name: str | None = None
    first_version: int = 1
    versions: dict[int, ReplayedVersion] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    generation: int = 0
    policy: dict[str, Any] | None = None
    policy_revision: int = 0
    deleted_at: datetime | None = None
    description: str | None = None
    owners: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    last_updated_at: datetime | None = None
    tenures: list[ReplayedTenure] = field(default_factory=list)
    _open: dict[tuple[str, int | str], int] = field(default_factory=dict, repr=False)

    @property
    def stages(self) -> dict[int, str]:
        """The stage of each version that is not deleted."""
        return {
            number: version.stage
            for number, version in self.versions.items()
            if version.deleted_at is None
        }

    def begin(self, event: ReplayableEvent, pointer: str, name: str) -> None:
        """Begin a tenure of the event's version at the event."""
        version, reason = event.version or 0, event.body.get("reason")
        self._open[pointer, version if pointer == "stage" else name] = len(self.tenures)
        self.tenures.append(
            ReplayedTenure(
                since=event.at,
                pointer=pointer,
                name=name,
                version=version,
                until=None,
                moved_by=event.actor.name,
                reason=None if reason is None else str(reason),
            )
        )

    def end(self, at: datetime, pointer: str, of: int | str) -> None:
        """End the open tenure of a version's stage, or of an alias, if there is one."""
        place = self._open.pop((pointer, of), None)
        if place is not None:
            self.tenures[place] = self.tenures[place]._replace(until=at)


def combined_reason(reasons: Iterable[str]) -> str | None:
    """Return the combined reason of a version's open quarantines; None if there are none.

    >>> combined_reason(["wrong prices", "late feed", "wrong prices"])
    'wrong prices; late feed'
    """
    return "; ".join(dict.fromkeys(reasons)) or None
