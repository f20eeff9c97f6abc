"""``pedigree impact | quarantine | release | quarantines``: what bad data touched, and stop it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, read_moment
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from pedigree.catalog.records import Quarantine
    from pedigree.lifecycle.affected import Affected, Impact

AssetArgument = Annotated[
    str, typer.Argument(metavar="ASSET", help="The key of an asset, a/b.", show_default=False)
]
AssetOrReference = Annotated[
    str,
    typer.Argument(
        metavar="ASSET", help="The key of an asset; REF with --version.", show_default=False
    ),
]
PartitionOption = Annotated[
    str | None, typer.Option("--partition", metavar="KEY", help="One partition; else all of them.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="MOMENT", help="Only data recorded from then on, with its zone."
    ),
]
OneVersion = Annotated[bool, typer.Option("--version", help="One version instead of data.")]
OptionalReason = Annotated[str | None, typer.Option("--reason", help="Why, for the audit log.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, panel, command in (
        ("impact", "Look up", impact),
        ("quarantine", "Judge and promote", quarantine),
        ("release", "Judge and promote", release),
        ("quarantines", "Look up", quarantines),
    ):
        app.command(name, rich_help_panel=panel)(command)


def impact(
    asset: AssetArgument,
    partition: PartitionOption = None,
    since: SinceOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which versions stand on some data, what they hold and held, and what they wrote."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        found = registry.impact(asset, partition, since=_since(since))
    if as_json:
        versions = [
            {**one.model_dump(mode="json"), "holds": one.holds, "in_use": one.in_use}
            for one in found.versions
        ]
        print_json({**found.model_dump(mode="json"), "versions": versions})
    else:
        _show_impact(found)


def quarantine(
    what: AssetOrReference,
    reason: Annotated[
        str, typer.Option("--reason", help="What is wrong with it.", show_default=False)
    ],
    partition: PartitionOption = None,
    since: SinceOption = None,
    version: OneVersion = False,
    as_json: JsonFlag = False,
) -> None:
    """Put data in quarantine, and with it every version that stands on it.

    None of them enters a stage until it is released. Newer data of the same partition is free.
    """
    with open_registry() as registry:
        if version:
            _refuse_data_options(partition, since)
            answer: object = registry.quarantine_version(what, reason=reason)
            sentence = f"{what} is in quarantine."
        else:
            found = registry.quarantine(what, partition, reason=reason, since=_since(since))
            answer, sentence = found, f"{_place(found)} is in quarantine, and with it {_of(found)}."
    _answer(answer, as_json, sentence)


def release(
    what: AssetOrReference,
    partition: PartitionOption = None,
    reason: OptionalReason = None,
    version: OneVersion = False,
    as_json: JsonFlag = False,
) -> None:
    """Release data, or one version, from quarantine."""
    with open_registry() as registry:
        if version:
            _refuse_data_options(partition, None)
            answer: object = registry.release_version(what, reason=reason)
            sentence = f"{what} is released."
        else:
            ended = registry.release(what, partition, reason=reason)
            names = sorted({name for one in ended for name in one.versions})
            answer, sentence = ended, f"{_place(ended[0])} is released, and with it {_list(names)}."
    _answer(answer, as_json, sentence)


def quarantines(
    limit: LimitOption = 100,
    before: Annotated[
        int | None,
        typer.Option("--before", help="The last id of the page before.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what is in quarantine, the newest first."""
    from pedigree.cli._output import out, print_json, table, when

    with open_registry() as registry:
        found = registry.quarantines(limit=limit, before=before)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            str(one.quarantine_id),
            _place(one),
            one.reason,
            _of(one),
            one.quarantined_by,
            when(one.at),
        )
        for one in found
    )
    out.print(table(("id#", "what", "why", "versions", "by", "at"), rows))


def _since(text: str | None) -> "datetime | None":
    return None if text is None else read_moment("--since", text)


def _refuse_data_options(partition: str | None, since: str | None) -> None:
    for option, given in (("--partition", partition), ("--since", since)):
        if given is not None:
            raise InvalidInputError(
                "is about data, and --version about one version",
                field=option,
                value=given,
                remedy="Leave one of them out",
            )


def _show_impact(found: "Impact") -> None:
    from pedigree.cli._output import out, table

    place = found.asset if found.partition is None else f"{found.asset} [{found.partition}]"
    if not found.versions:
        out.print(f"No version stands on {place}.", markup=False)
        return
    columns = ("version", "trained on it", "holds", "held", "wrote")
    out.print(table(columns, map(_row, found.versions)))


def _row(one: "Affected") -> "tuple[str | Text, ...]":
    from pedigree.lineage.records import Certainty

    how = "directly" if one.direct else "by what was made of it"
    if one.certainty is Certainty.UNKNOWN:
        how += "; which partitions is not known"
    state = " (deleted)" if one.deleted_at else " (in quarantine)" if one.quarantine_reason else ""
    held = (
        f"{tenure.pointer} {tenure.since:%Y-%m-%d} … {tenure.until:%Y-%m-%d}"
        for tenure in one.tenures
        if tenure.until is not None
    )
    wrote = "\n".join(
        usage.asset if usage.partition is None else f"{usage.asset} [{usage.partition}]"
        for usage in one.outputs
    )
    return one.reference + state, how, "\n".join(one.holds), "\n".join(held), wrote


def _place(found: "Quarantine") -> str:
    if found.asset is None:
        return ", ".join(found.versions)
    return found.asset if found.partition is None else f"{found.asset} [{found.partition}]"


def _of(found: "Quarantine") -> str:
    return _list(found.versions)


def _list(references: Iterable[str]) -> str:
    return ", ".join(references) or "no version"


def _answer(answer: object, as_json: bool, sentence: str) -> None:
    from pedigree.cli._output import out, print_json

    if as_json:
        print_json(answer)
    else:
        out.print(sentence, markup=False, soft_wrap=True)
