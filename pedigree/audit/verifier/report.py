"""What a check of a log looked at, and what it found."""

from collections.abc import Iterator
from dataclasses import dataclass, field

_MOST_PROBLEMS = 100


@dataclass
class LogReport:
    """What a check looked at, and what it found."""

    events: int = 0
    checkpoints: int = 0
    anchors: int = 0
    sealed: int = 0
    """The size of the newest checkpoint that holds."""
    anchored: int = 0
    """The size of the newest anchor that holds."""
    key_changes: int = 0
    """The events that add or retire a key."""
    cosignatures: int = 0
    """The cosignatures of known witnesses that hold."""
    cosigned: int = 0
    """The size of the newest checkpoint with enough of them."""
    cosigned_at: str | None = None
    """The time that the last of these witnesses states."""
    timestamps: int = 0
    """The time stamps of trusted authorities that hold."""
    timestamped: int = 0
    """The size of the newest checkpoint with one."""
    timestamped_at: str | None = None
    """The time of that stamp."""
    models: int = 0
    """The models whose tables were compared with the replay of their events."""
    access_rows: int = 0
    """The rows of roles, grants, tokens and people that were compared with their events."""
    keys: list[str] = field(default_factory=list)
    """The keys that signed the newest checkpoint, or may sign the next one."""
    unchecked: list[str] = field(default_factory=list)
    """What there is, but could not be checked, and why."""
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return not self.problems

    def found(self, problem: str) -> None:
        """Add a problem; only the first ones are kept, the others are counted."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def lines(self) -> Iterator[str]:
        """Yield what was checked, and then the problems, for a person."""
        yield f"{self.events} events: the bytes of each were hashed into the tree"
        yield f"{self.checkpoints} checkpoints: size, root and signature hold"
        yield f"{self.anchors} anchors: size, root and signature hold"
        yield f"{self.cosignatures} cosignatures of known witnesses hold"
        yield f"{self.timestamps} time stamps of trusted authorities hold"
        yield f"{self.sealed} events are covered by a checkpoint, {self.anchored} by an anchor"
        if self.cosigned_at:
            yield f"{self.cosigned} events had enough cosignatures at {self.cosigned_at}"
        if self.timestamped_at:
            yield f"{self.timestamped} events are older than {self.timestamped_at}"
        if gap := self.events - max(self.anchored, self.cosigned, self.timestamped):
            yield f"{gap} newest events are covered by no anchor, witness or time stamp"
        if self.models:
            yield f"{self.models} models: the tables are those that the events give"
        if self.access_rows:
            yield (
                f"{self.access_rows} rows of roles, groups, grants, tokens and people are those"
                " that the events give"
            )
        yield f"keys that sign now: {', '.join(self.keys) or 'none is known'}"
        for what in self.unchecked:
            yield f"NOT CHECKED: {what}"
        for problem in self.problems:
            yield f"PROBLEM: {problem}"
        if self.more_problems:
            yield f"PROBLEM: {self.more_problems} more"
