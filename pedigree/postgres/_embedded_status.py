"""What is known of an embedded server without a connection."""

from pathlib import Path
from typing import Literal, TypeAlias

from pedigree._record import Record

EmbeddedState: TypeAlias = Literal["absent", "lost", "stopped", "starting", "running"]


class EmbeddedStatus(Record):
    """The status of an embedded server, determined without a connection.

    Attributes:
        folder: The server's folder.
        state: `absent` (no data yet), `lost` (data was created, and is missing), `stopped`,
            `starting` (also recovering, stopping) or `running`.
        major: The major version of Postgres that wrote the data.
        pid: The server's process, while it runs.
        supervisor_pid: The supervisor's process, while it runs.
        in_use: Whether a process (including this one) holds the users' lock.
        users: These processes, if the system reports them (Linux).
    """

    folder: Path
    state: EmbeddedState
    major: int | None
    pid: int | None
    supervisor_pid: int | None
    in_use: bool
    users: tuple[int, ...]
