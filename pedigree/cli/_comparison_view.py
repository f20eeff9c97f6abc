"""The view of the differences between two versions."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from pedigree.cli._output import NOT_PROVIDED, short_digest, size_text, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pedigree.catalog.diff_records import (
        DataChange,
        FileChange,
        MetricChange,
        ValueChange,
        VersionComparison,
    )
    from pedigree.lineage.records import Certainty


def comparison_view(found: "VersionComparison") -> "Group":
    """Return the differences section by section, and the sections without a difference."""
    sections: list[RenderableType] = [
        Text.assemble("\n", (found.a, "bold"), "  →  ", (found.b, "bold"))
    ]
    same = []
    for title, columns, rows in _sections(found):
        if rows:
            sections += [Text(f"\n{title}", style="bold"), _indented(columns, rows)]
        else:
            same.append(title.lower())
    if same:
        sections.append(Text(f"\nNo difference in {', '.join(same)}.", style="dim"))
    if not found.data_certain:
        warning = "Not all of their data is certain, so more or less of it may differ."
        sections.append(Text(f"\n{warning}", style="yellow"))
    return Group(*sections)


def _sections(
    found: "VersionComparison",
) -> "Iterable[tuple[str, Sequence[str], list[tuple[str | Text, ...]]]]":
    sides = (found.a, found.b)
    yield (
        "Metrics",
        ("metric", *(f"{side}#" for side in sides), "difference#"),
        [_metric_row(change) for change in found.metrics],
    )
    for title, changes in (
        ("Params", found.params),
        ("Tags", found.tags),
        ("Code and environment", found.code),
        ("Packages", found.packages),
        ("Description and owners", found.about),
    ):
        yield title, ("name", *sides), [_value_row(change) for change in changes]
    yield (
        "Interface",
        ("change", "callers"),
        [(change.what, _breaks_text(change.breaks)) for change in found.signature]
        if found.signature_known
        else [("a signature is not known", Text("may break", "yellow"))],
    )
    yield "Data", ("input", "partition", *sides), [_data_row(change) for change in found.data]
    yield (
        "Files",
        ("file", *(f"{side}#" for side in sides)),
        [_file_row(change) for change in found.files]
        if found.files_known
        else [("the files of a version are not known", NOT_PROVIDED, NOT_PROVIDED)],
    )


def _indented(columns: "Sequence[str]", rows: "list[tuple[str | Text, ...]]") -> "RenderableType":
    return Padding(table(columns, rows), (0, 0, 0, 2), expand=False)


def _metric_row(change: "MetricChange") -> "tuple[str | Text, ...]":
    def number(value: float | None, form: str = ".6g") -> "str | Text":
        return NOT_PROVIDED if value is None else format(value, form)

    delta = "none" if change.delta == 0 else number(change.delta, "+.6g")
    return change.name, number(change.a), number(change.b), delta


def _value_row(change: "ValueChange") -> "tuple[str | Text, ...]":
    return change.name, _value(change.a), _value(change.b)


def _value(value: object) -> "str | Text":
    """Return a text as it is, a digest shortened, and any other value as JSON."""
    if value is None or value == []:
        return NOT_PROVIDED
    if isinstance(value, str):
        return short_digest(value) if value.startswith("sha256:") else value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _breaks_text(breaks: bool) -> "Text":
    return Text("breaks them", "bold red") if breaks else Text("still work", "green")


def _data_row(change: "DataChange") -> "tuple[str | Text, ...]":
    def side(certainty: "Certainty | None", version: str | None) -> "str | Text":
        if certainty is None:
            return Text("not read", style="dim")
        if not certainty.certain:
            return f"{short_digest(version) if version else '—'} ({certainty})"
        return short_digest(version) if version else NOT_PROVIDED

    a, b = side(change.certainty_a, change.a), side(change.certainty_b, change.b)
    return change.asset, change.partition or "", a, b


def _file_row(change: "FileChange") -> "tuple[str | Text, ...]":
    def side(size: int | None, same: str = "") -> "str | Text":
        return Text("absent", style="dim") if size is None else size_text(size) + same

    same = ", other bytes" if change.size_a == change.size_b else ""
    return change.path, side(change.size_a), side(change.size_b, same)
