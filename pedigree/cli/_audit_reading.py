"""What ``pedigree audit`` reads: events with their proofs, the export, and the verification."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import Raw, respond
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.audit.verifier.report import LogReport
    from pedigree.registry import Registry

SeqArgument = Annotated[
    int, typer.Argument(min=1, metavar="SEQ", help="The place in the feed.", show_default=False)
]


def tail(
    lines: Annotated[int, typer.Option("--lines", min=1, max=1000, help="How many events.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List the newest events, oldest first."""
    with connect() as registry:
        head = registry.operations.audit.log_head()
        events = registry.events(max(0, head - lines), lines)
    respond({"items": events}, as_json, lambda: (f"{event.seq:>6}  {event}" for event in events))


def show(seq: SeqArgument, as_json: JsonFlag = False) -> None:
    """Show an event as its bytes were sealed, after its proof was verified."""
    with connect() as registry:
        proof = registry.operations.audit.prove_event(seq)

    def view() -> Iterator[object]:
        yield Raw(proof.event)
        yield f"The checkpoint of {proof.size} events covers it."

    respond(proof, as_json, view)


def prove(
    seq: SeqArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file to write; SEQ.tlog-proof by default."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the proof that the log has an event, and the event next to it.

    The proof is a tlog-proof@v1 file. The event is written to the same name with .json.
    """
    from pedigree.audit.proof_files import write_proof

    with connect() as registry:
        proof = registry.operations.audit.prove_event(seq)
    path = out or Path(f"{seq}.tlog-proof")
    event = write_proof(proof, path)
    document = {"proof": str(path), "event": str(event)}
    respond(document, as_json, lambda: f"{path} proves {event}.")


def consistency(
    old: Annotated[int, typer.Argument(min=1, metavar="A", help="A number of events.")],
    new: Annotated[int, typer.Argument(min=1, metavar="B", help="A larger number.")],
    as_json: JsonFlag = False,
) -> None:
    """Prove that the log of B events extends the log of A events."""
    with connect() as registry:
        proof = registry.operations.audit.prove_consistency(old, new)

    def view() -> Iterator[object]:
        yield f"{proof.old_size} events: root {proof.old_root}"
        yield f"{proof.new_size} events: root {proof.new_root}"
        yield from proof.proof

    respond(proof, as_json, view)


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Write all events and checkpoints to a folder, for the offline verifier."""
    with connect() as registry:
        done = registry.operations.audit.export_log(folder)
    document = {"folder": str(folder), **done._asdict()}
    text = f"{folder} has {done.events} events and {done.checkpoints} checkpoints."
    respond(document, as_json, lambda: text)


def verify(
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="A public key that you know from elsewhere; repeatable."),
    ] = None,
    exported: Annotated[
        Path | None,
        typer.Option("--export", help="Verify this export; needs a key, but no registry."),
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="A folder with anchors for --export.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="With --export: a file with the keys of log and witnesses."),
    ] = None,
    authorities: Annotated[
        Path | None,
        typer.Option("--authorities", help="With --export: the roots (PEM) of time stamps."),
    ] = None,
    database: Annotated[
        bool, typer.Option("--database", help="Also compare the tables with the events.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Verify the log and what others state about it; the exit code is 1 if something is wrong.

    Checked are events, tree, signatures, anchors, cosignatures and time stamps. Without --key, the
    log's own keys are trusted, which the owner of the database can replace.
    """
    only = {"--anchors": anchors, "--policy": policy, "--authorities": authorities}
    if exported is not None:
        report = _verified_export(exported, key or (), only, database)
    elif given := [name for name, value in only.items() if value is not None]:
        raise InvalidInputError(
            "is for an export; a registry uses its own store and settings",
            field=given[0],
            value=only[given[0]],
            remedy=f"Add --export, or leave out {given[0]}",
        )
    else:
        with connect() as registry:
            report = registry.operations.audit.verify_log(key or ())
            if database:
                _compare_tables(registry, report)

    respond({**asdict(report), "ok": report.ok}, as_json, report.lines)
    if not report.ok:
        raise typer.Exit(1)


def _verified_export(
    folder: Path, keys: Iterable[str], given: Mapping[str, Path | None], database: bool
) -> "LogReport":
    from pedigree.audit.attesters import read_policy, read_roots
    from pedigree.audit.export import verify_folder
    from pedigree.audit.verifier.attestations import OutsideTrust

    if database:
        raise InvalidInputError(
            "an export has no tables",
            field="--database",
            remedy="Leave out --database or --export",
        )
    trust = OutsideTrust(
        read_policy(given["--policy"], "--policy"),
        read_roots(given["--authorities"], "--authorities"),
    )
    return verify_folder(folder, keys, given["--anchors"], trust)


def _compare_tables(registry: "Registry", report: "LogReport") -> None:
    """Add what `fsck` finds to the report of the log."""
    for check in registry.fsck().checks:
        for found in check.examples:
            report.found(f"{check.name}: {found.reference}: {found.problem}")


def connect() -> "Registry":
    """Connect to the registry itself: a service seals its log on its own."""
    from pedigree.registry import Registry

    require_no_service()
    return Registry.connect()


def require_no_service() -> None:
    """Refuse a command that needs the database, if a service is named.

    Raises:
        NotServedError: A service is named.
    """
    from pedigree.cli._session import SERVICE
    from pedigree.errors import NotServedError

    if SERVICE.get():
        raise NotServedError(
            "the service does not offer this",
            field="--url",
            remedy="Unset PEDIGREE_API_URL, and set PEDIGREE_DATABASE_URL",
        )
