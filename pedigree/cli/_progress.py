"""Progress bars for long transfers and checks, shown in a terminal only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.artifacts._progress import Progress
    from pedigree.maintenance.fsck_records import FsckProgress


@contextmanager
def transfer_bar(label: str, as_json: bool) -> "Iterator[Progress | None]":
    """Show the transferred bytes on stderr; nothing with ``--json`` or in a pipe."""
    from pedigree.cli._output import errors

    if as_json or not errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(True))
    with Progress(*columns, TransferSpeedColumn(), console=errors, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=expected)


@contextmanager
def checks_bar(as_json: bool) -> "Iterator[FsckProgress | None]":
    """Show on stderr what is checked and how far; nothing with ``--json`` or in a pipe."""
    from pedigree.cli._output import errors

    if as_json or not errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, of: bar.update(task, description=name, completed=done, total=of)
