"""A progress bar for long transfers, shown in a terminal only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.artifacts._progress import Progress


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
