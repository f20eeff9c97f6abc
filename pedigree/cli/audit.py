"""``pedigree audit …``: the sealed audit log."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, read_length
from pedigree.cli._output import Raw, respond, table, when
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.audit.verifier.log import LogReport
    from pedigree.registry import Registry

SeqArgument = Annotated[
    int, typer.Argument(min=1, metavar="SEQ", help="The place in the feed.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Seal, prove and verify the audit log.", no_args_is_help=True)
    group.command("status")(status)
    group.command("seal")(seal)
    group.command("anchor")(anchor)
    group.command("rotate-key")(rotate_key)
    group.command("tail")(tail)
    group.command("show")(show)
    group.command("prove")(prove)
    group.command("consistency")(consistency)
    group.command("export")(export)
    group.command("verify")(verify)
    app.add_typer(group, name="audit", rich_help_panel="Operate")


def status(as_json: JsonFlag = False) -> None:
    """Show the newest checkpoint, and the public keys that sign or signed the log."""
    with _connect() as registry:
        checkpoint = registry.operations.audit.log_checkpoint()
        keys = registry.operations.audit.log_keys()
        head = registry.operations.audit.log_head()
        anchored = registry.operations.audit.log_anchor()

    def view() -> Iterator[object]:
        if checkpoint is None:
            yield f"No event of {head} is sealed. See PEDIGREE_AUDIT_KEY."
        else:
            yield f"{checkpoint.size} of {head} events are sealed, {when(checkpoint.sealed_at)}"
            yield f"root {checkpoint.root}"
        if anchored is None:
            yield "No checkpoint is anchored in the object store."
        else:
            yield f"{anchored.size} are anchored, {when(anchored.anchored_at)}: {anchored.key}"
            yield "Whether the store can change an anchor depends on its object lock: not known."
        rows = ((each.key, when(each.added_at), when(each.retired_at)) for each in keys)
        yield table(("key", "added", "retired"), rows)

    document = {"checkpoint": checkpoint, "head": head, "anchor": anchored, "keys": keys}
    respond(document, as_json, view)


def seal(
    once: Annotated[bool, typer.Option("--once", help="Seal what there is, and end.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Seal the audit log once a second until interrupted, with the key PEDIGREE_AUDIT_KEY.

    `pedigree serve` and the sensors do the same if they have the key. Run it alone, with
    PEDIGREE_SERVE_SEALS=false elsewhere, to keep the key away from them.
    """
    from pedigree.registry.log_sealing import LogSealing

    with _connect() as registry:
        sealing = LogSealing(registry)
        if not once:
            sealing.run()
        sealed = sealing.seal()
        checkpoint = registry.operations.audit.log_checkpoint()
    size = checkpoint.size if checkpoint else 0
    respond({"checkpoints": sealed, "size": size}, as_json, lambda: f"{size} events are sealed.")


def anchor(as_json: JsonFlag = False) -> None:
    """Anchor the newest checkpoint in the object store now."""
    with _connect() as registry:
        size = registry.operations.audit.anchor_log()
    text = f"{size} events are anchored." if size else "The newest checkpoint is anchored already."
    respond({"size": size}, as_json, lambda: text)


def rotate_key(
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old key signs, too: 7d, 12h; or 0.")
    ] = "7d",
    as_json: JsonFlag = False,
) -> None:
    """Replace the key that the database keeps, and show the new public key."""
    holds = read_length("--overlap", overlap)
    with _connect() as registry:
        key = registry.operations.audit.rotate_log_key(overlap=holds)
    respond({"key": key}, as_json, lambda: key)


def tail(
    lines: Annotated[int, typer.Option("--lines", min=1, max=1000, help="How many events.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List the newest events, oldest first."""
    with _connect() as registry:
        head = registry.operations.audit.log_head()
        events = registry.events(max(0, head - lines), lines)
    respond({"items": events}, as_json, lambda: (f"{event.seq:>6}  {event}" for event in events))


def show(seq: SeqArgument, as_json: JsonFlag = False) -> None:
    """Show an event as its bytes were sealed, after its proof was verified."""
    with _connect() as registry:
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

    with _connect() as registry:
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
    with _connect() as registry:
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
    with _connect() as registry:
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
        typer.Option("--export", help="Verify this export instead; needs --key, but no registry."),
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="A folder with anchors for --export.")
    ] = None,
    database: Annotated[
        bool, typer.Option("--database", help="Also compare the tables with the events.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Verify the log: events, tree, signatures and anchors; the exit code is 1 if one is wrong.

    Without --key, the log's own keys are trusted, which the owner of the database can replace.
    """
    if exported is not None:
        from pedigree.audit.export import verify_folder

        if database:
            raise InvalidInputError(
                "an export has no tables",
                field="--database",
                remedy="Leave out --database or --export",
            )
        report = verify_folder(exported, key or (), anchors)
    elif anchors is not None:
        raise InvalidInputError(
            "is for an export; the registry reads the anchors of its own store",
            field="--anchors",
            value=anchors,
            remedy="Add --export, or leave out --anchors",
        )
    else:
        with _connect() as registry:
            report = registry.operations.audit.verify_log(key or ())
            if database:
                _compare_tables(registry, report)

    respond({**asdict(report), "ok": report.ok}, as_json, report.lines)
    if not report.ok:
        raise typer.Exit(1)


def _compare_tables(registry: "Registry", report: "LogReport") -> None:
    """Add what `fsck` finds to the report of the log."""
    for check in registry.fsck().checks:
        for found in check.examples:
            report.found(f"{check.name}: {found.reference}: {found.problem}")


def _connect() -> "Registry":
    """Connect to the registry itself: a service seals its log on its own."""
    from pedigree.cli._session import SERVICE
    from pedigree.errors import NotServedError
    from pedigree.registry import Registry

    if SERVICE.get():
        raise NotServedError(
            "the service does not offer this",
            field="--url",
            remedy="Unset PEDIGREE_API_URL, and set PEDIGREE_DATABASE_URL",
        )
    return Registry.connect()
