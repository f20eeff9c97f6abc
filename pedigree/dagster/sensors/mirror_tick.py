"""The cursor of the mirror sensor, and the state and the outcome of one of its ticks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import dagster as dg
from pydantic import Field

from pedigree._record import Record
from pedigree.audit.records import Event
from pedigree.catalog.materialization import ShownTraining
from pedigree.dagster.capture import materializations
from pedigree.dagster.sensors.mirror_events import MirrorEvent
from pedigree.dagster.sensors.mirror_state import GraphState
from pedigree.dagster.sensors.targets import Target
from pedigree.failures.member_loop import MemberLoop
from pedigree.settings import Settings


class MirrorCursor(Record):
    """The position in the event feed, and what is pending."""

    seq: int = 0
    behind: dict[str, int] = Field(
        default_factory=dict,
        description="Asset and partition that wait for a run → its first event not mirrored",
    )
    late: dict[str, int] = Field(
        default_factory=dict,
        description="Model that waits for a run or has failed → its first event not mirrored",
    )
    failed: tuple[str, ...] = Field(
        default=(), description="Models among these whose late events are all mirrored again"
    )
    compared: str = Field(default="", description="The last model that was compared with the graph")
    suspects: tuple[str, ...] = Field(
        default=(), description="Models of which the graph seemed to lack events"
    )
    reported: tuple[ShownTraining, ...] = Field(
        default=(), description="Trainings that the last tick reported and Dagster has stored"
    )


@dataclass
class MirrorTick:
    """The state and the outcome of one tick.

    ``late`` has the models with events for the next ticks; of those in ``failed`` all are read
    again, and of those in ``rest`` more than one page is late.
    """

    instance: dg.DagsterInstance
    targets: Mapping[str, Target]
    cursor: MirrorCursor
    loop: MemberLoop
    settings: Settings
    graph: GraphState = field(init=False)
    generations: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    rest: dict[str, int] = field(default_factory=dict)
    reported: list[MirrorEvent] = field(default_factory=list)
    already_shown: list[ShownTraining] = field(default_factory=list)
    reported_trainings: list[ShownTraining] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.graph = GraphState(self.instance)

    def newest(self, key: dg.AssetKey, partition: str | None) -> dg.AssetMaterialization | None:
        """Return an asset's newest materialization, including those that this tick reports."""
        of_this_tick = (
            event
            for event in reversed(self.reported)
            if isinstance(event, dg.AssetMaterialization)
            and (event.asset_key, event.partition) == (key, partition)
        )
        if (event := next(of_this_tick, None)) is not None:
            return event
        found = materializations.newest(self.instance, key, partition)
        return found.event if found else None

    def is_new(self, event: Event, asset_id: str) -> bool:
        """Return whether an event has not been mirrored yet, and need not wait for a run."""
        if event.seq <= self.cursor.seq and event.model not in self.cursor.failed:
            first_pending = self.cursor.behind.get(asset_id)
            if first_pending is None or event.seq < first_pending:
                return False
        return asset_id not in self.behind

    def wait_for_run(self, event: Event, asset_id: str) -> None:
        """Let an asset wait from an event on, whose run has not ended."""
        self.behind[asset_id] = event.seq
        self.late.setdefault(event.model or "", event.seq)

    def postpone(self, name: str, seq: int) -> None:
        """Let the next ticks read all events of a model again, from one on."""
        self.failed.add(name)
        self.late.setdefault(name, seq)
