"""Print results: JSON on stdout for programs, rich tables for people."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from pedigree._visible import visible

if TYPE_CHECKING:
    from datetime import datetime

    from pedigree.lifecycle.records import Verdict

# Wide when the output is not a terminal, so that a pipe or a log file gets no folded cells.
_WIDTH = None if sys.stdout.isatty() else 160


class Terminal(Console):
    """A console on which text of others moves no cursor and sets no color."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Return the segments of a renderable, their control characters escaped."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(visible(segment.text), segment.style)
            else:
                yield segment


out = Terminal(width=_WIDTH, highlight=False)
errors = Terminal(stderr=True, highlight=False)

NOT_PROVIDED = Text("—", style="dim")
STAGE_STYLES = {
    "production": "bold green",
    "staging": "cyan",
    "candidate": "yellow",
    "archived": "dim",
}


class Raw(str):
    """Text for people and programs: printed as it is, without styles and control characters."""


def respond(value: object, as_json: bool, view: Callable[[], object]) -> None:
    """Print the result of a command: as JSON for programs, by its view for people.

    Args:
        value: The result: a record, or a structure of records and plain values; or a function that
            returns it, called for programs only.
        as_json: Print JSON.
        view: Returns the output for people: text, a rich renderable, or an iterator over several of
            these. It is called for people only.
    """
    if as_json:
        print_json(value() if callable(value) else value)
        return
    shown = view()
    for part in shown if isinstance(shown, Iterator) else (shown,):
        _show(part)


def _show(part: object) -> None:
    if isinstance(part, Raw):
        print(visible(part))
    elif isinstance(part, str | Text):
        out.print(part, markup=False, soft_wrap=True)
    elif part is not None:
        out.print(part)


def print_json(value: object) -> None:
    """Print a record, or a structure of records and plain values, as one JSON document."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=not is_unicode(sys.stdout)), flush=True)


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can write every character: not one of a Latin-1 terminal."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _plain(value: object) -> object:
    if callable(dump := getattr(value, "model_dump", None)):  # a record, without loading pydantic
        return dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str = "") -> Table:
    """Return a table; columns whose name ends in ``#`` hold numbers and align right."""
    made = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(
            column.removesuffix("#"),
            justify="right" if column.endswith("#") else "left",
            header_style="bold",
            overflow="fold",
        )
    for row in rows:
        # Escaped before the columns get their widths.
        made.add_row(*(cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row))
    return made


def stage_text(stage: str) -> Text:
    """Return a stage's name in its color; "none" is dim."""
    return Text(stage, style=STAGE_STYLES.get(stage, "dim" if stage == "none" else ""))


def verdict_text(verdict: "Verdict") -> Text:
    """Return a verdict in its color: ``passed``, ``warns`` or ``failed``."""
    if verdict.passed:
        return Text("passed", "green")
    warns = verdict.severity.value == "warn"
    return Text("warns", "yellow") if warns else Text("failed", "bold red")


def when(moment: "datetime | None") -> str | Text:
    """Return a timestamp in UTC, to the second."""
    if moment is None:
        return NOT_PROVIDED
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def short_digest(digest: str | None) -> str:
    """Return the first 12 digits of a digest: enough for people, not for programs."""
    return "" if digest is None else digest.removeprefix("sha256:")[:12]


def size_text(size: int) -> str:
    """Return a number of bytes in the largest unit that keeps it above one."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def metrics_text(metrics: "dict[str, float]", limit: int | None = None) -> str:
    """Return metrics as ``auc 0.912 · f1 0.7``; after ``limit`` of them, ``…``."""
    shown = [f"{name} {value:.4g}" for name, value in sorted(metrics.items())]
    if limit is not None and len(shown) > limit:
        shown = [*shown[:limit], "…"]
    return " · ".join(shown)
