"""``pedigree quarantine | release | quarantines``: keep versions with bad data out of stages."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.cli.impact import PartitionOption, SinceOption, place_of, read_since, without_lineage
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.catalog.quarantine_records import Quarantine, Quarantined

AssetOrReference = Annotated[
    str,
    typer.Argument(
        metavar="ASSET", help="The key of an asset; REF with --version.", show_default=False
    ),
]
OnlyCertain = Annotated[
    bool,
    typer.Option(
        "--only-certain", help="Exclude versions that only possibly depend on it, now and later."
    ),
]
OneVersion = Annotated[bool, typer.Option("--version", help="One version instead of data.")]
WholeAsset = Annotated[
    bool,
    typer.Option("--whole-asset", help="The whole asset; single partitions stay in quarantine."),
]
OptionalReason = Annotated[str | None, typer.Option("--reason", help="Why, for the audit log.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, panel, command in (
        ("quarantine", "Judge and promote", quarantine),
        ("release", "Judge and promote", release),
        ("quarantines", "Look up", quarantines),
    ):
        app.command(name, rich_help_panel=panel)(command)


def quarantine(
    what: AssetOrReference,
    reason: Annotated[
        str, typer.Option("--reason", help="What is wrong with it.", show_default=False)
    ],
    partition: PartitionOption = None,
    since: SinceOption = None,
    only_certain: OnlyCertain = False,
    version: OneVersion = False,
    as_json: JsonFlag = False,
) -> None:
    """Put data in quarantine, and with it every version that certainly or possibly depends on it.

    None of them enters a stage until the release. Newer data of the same partition is not affected.
    Versions for which this is not known are listed, but not marked.
    """
    with open_registry() as registry:
        if version:
            _refuse_data_options(partition, since, only_certain)
            answer: object = registry.quarantine_version(what, reason=reason)
            sentences = [f"{what} is in quarantine."]
        else:
            found = registry.quarantine(
                what,
                partition,
                reason=reason,
                since=read_since(since),
                only_certain=only_certain,
            )
            answer, sentences = found, list(_sentences(found))
    _answer(answer, as_json, *sentences)


def release(
    what: AssetOrReference,
    partition: PartitionOption = None,
    whole_asset: WholeAsset = False,
    reason: OptionalReason = None,
    version: OneVersion = False,
    as_json: JsonFlag = False,
) -> None:
    """Release a partition, a whole asset, or one version from quarantine."""
    if not version and (partition is not None) == whole_asset:
        raise InvalidInputError(
            "one of the options states what is released: a partition, the whole asset, a version",
            field="--partition",
            value=partition,
            remedy="Give one of --partition, --whole-asset and --version",
        )
    with open_registry() as registry:
        if version:
            _refuse_data_options(partition, whole_asset=whole_asset)
            answer: object = registry.release_version(what, reason=reason)
            sentence = f"{what} is released."
        else:
            ended = registry.release(what, partition, whole_asset=whole_asset, reason=reason)
            names = sorted({name for one in ended for name in one.versions})
            answer = {"items": ended, "next": None}
            sentence = f"{_place(ended[0])} is released, and with it {_list(names)}."
    _answer(answer, as_json, sentence)


def quarantines(
    limit: LimitOption = 100,
    before: Annotated[
        int | None,
        typer.Option("--before", help="The last id of the previous page.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what is in quarantine, newest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.quarantines(limit=most, before=before),
            limit,
            lambda one: one.quarantine_id,
            "--before",
        )

    def view() -> object:
        rows = (
            (
                str(one.quarantine_id),
                _place(one),
                one.reason,
                _of(one),
                one.quarantined_by,
                when(one.at),
            )
            for one in found.items
        )
        return table(("id#", "what", "why", "versions", "by", "at"), rows)

    respond_list(found, as_json, view)


def _refuse_data_options(
    partition: str | None,
    since: str | None = None,
    only_certain: bool = False,
    whole_asset: bool = False,
) -> None:
    options = (
        ("--partition", partition),
        ("--since", since),
        ("--only-certain", only_certain or None),
        ("--whole-asset", whole_asset or None),
    )
    for option, given in options:
        if given is not None:
            raise InvalidInputError(
                "is about data, and --version about one version",
                field=option,
                value=given,
                remedy="Leave one of them out",
            )


def _place(found: "Quarantine") -> str:
    if found.asset is None:
        return ", ".join(found.versions)
    return place_of(found.asset, found.partition)


def _of(found: "Quarantine") -> str:
    possible = set(found.possible)
    shown = _list(f"{one} (possible)" if one in possible else one for one in found.versions)
    return f"{shown} and {found.more:,} more" if found.more else shown


def _sentences(found: "Quarantined") -> Iterator[str]:
    """Yield which versions are marked, and which are not although they may depend on the data."""
    yield f"{_place(found)} is in quarantine, and with it {_of(found)}."
    if found.spared:
        yield f"Possible, and spared by --only-certain: {_list(found.spared)}."
    if found.unknown:
        yield (
            f"Unknown whether they depend on it, so they are not marked: {_list(found.unknown)}."
        )
    if found.without_lineage:
        yield without_lineage(found.without_lineage)


def _list(references: Iterable[str]) -> str:
    return ", ".join(references) or "no version"


def _answer(answer: object, as_json: bool, *sentences: str) -> None:
    respond(answer, as_json, lambda: iter(sentences))
