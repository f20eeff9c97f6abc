"""``pedigree audit …``: the sealed audit log."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, read_length
from pedigree.cli._output import respond, table, when

if TYPE_CHECKING:
    from pedigree.registry import Registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Seal, prove and verify the audit log.", no_args_is_help=True)
    group.command("status")(status)
    group.command("seal")(seal)
    group.command("rotate-key")(rotate_key)
    app.add_typer(group, name="audit", rich_help_panel="Operate")


def status(as_json: JsonFlag = False) -> None:
    """Show the newest checkpoint, and the public keys that sign or signed the log."""
    with _connect() as registry:
        checkpoint = registry.operations.audit.log_checkpoint()
        keys = registry.operations.audit.log_keys()
        head = registry.operations.audit.log_head()

    def view() -> Iterator[object]:
        if checkpoint is None:
            yield f"No event of {head} is sealed. See PEDIGREE_AUDIT_KEY."
        else:
            yield f"{checkpoint.size} of {head} events are sealed, {when(checkpoint.sealed_at)}"
            yield f"root {checkpoint.root}"
        rows = ((each.key, when(each.added_at), when(each.retired_at)) for each in keys)
        yield table(("key", "added", "retired"), rows)

    respond({"checkpoint": checkpoint, "head": head, "keys": keys}, as_json, view)


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
