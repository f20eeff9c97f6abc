"""``pedigree audit …``: the sealed audit log."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._audit_reading import connect, consistency, export, prove, show, tail, verify
from pedigree.cli._input import JsonFlag, read_length
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.cli.people import NameArgument

if TYPE_CHECKING:
    from pedigree.access.people_records import ErasedPerson, KnownPrincipal
    from pedigree.artifacts.object_lock import ObjectLock
    from pedigree.audit.log_records import AttestedLog, LogAttestations


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Seal, prove and verify the audit log.", no_args_is_help=True)
    group.command("status")(status)
    group.command("seal")(seal)
    group.command("anchor")(anchor)
    group.command("cosign")(cosign)
    group.command("timestamp")(timestamp)
    group.command("rotate-key")(rotate_key)
    group.command("erase-person")(erase_person)
    for command in (tail, show, prove, consistency, export, verify):
        group.command(command.__name__)(command)
    app.add_typer(group, name="audit", rich_help_panel="Operate")


def status(as_json: JsonFlag = False) -> None:
    """Show the newest checkpoint, and the public keys that sign or signed the log."""
    with connect() as registry:
        checkpoint = registry.operations.audit.log_checkpoint()
        keys = registry.operations.audit.log_keys()
        head = registry.operations.audit.log_head()
        anchored = registry.operations.audit.log_anchor()
        lock = registry.operations.audit.anchor_lock()
        attested = registry.operations.attestations.log_attestations()

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
            yield _lock_view(lock)
        yield from _attested_view(attested)
        rows = ((each.key, when(each.added_at), when(each.retired_at)) for each in keys)
        yield table(("key", "added", "retired"), rows)

    document = {
        **{"checkpoint": checkpoint, "head": head, "anchor": anchored, "keys": keys},
        **{"anchor_lock": lock, "attestations": attested},
    }
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

    with connect() as registry:
        sealing = LogSealing(registry)
        if not once:
            sealing.run()
        sealed = sealing.seal()
        checkpoint = registry.operations.audit.log_checkpoint()
    size = checkpoint.size if checkpoint else 0
    respond({"checkpoints": sealed, "size": size}, as_json, lambda: f"{size} events are sealed.")


def anchor(as_json: JsonFlag = False) -> None:
    """Anchor the newest checkpoint in the object store now."""
    with connect() as registry:
        size = registry.operations.audit.anchor_log()
    text = f"{size} events are anchored." if size else "The newest checkpoint is anchored already."
    respond({"size": size}, as_json, lambda: text)


def cosign(as_json: JsonFlag = False) -> None:
    """Let the witnesses cosign the newest checkpoint now; the exit code is 1 if one fails."""
    with connect() as registry:
        found = registry.operations.attestations.cosign_log()
    _respond_attested(found, as_json)


def timestamp(as_json: JsonFlag = False) -> None:
    """Let the authorities stamp the time of the newest checkpoint now, as cosign does."""
    with connect() as registry:
        found = registry.operations.attestations.timestamp_log()
    _respond_attested(found, as_json)


def rotate_key(
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old key signs, too: 7d, 12h; or 0.")
    ] = "7d",
    as_json: JsonFlag = False,
) -> None:
    """Replace the key that the database keeps, and show the new public key."""
    holds = read_length("--overlap", overlap)
    with connect() as registry:
        key = registry.operations.audit.rotate_log_key(overlap=holds)
    respond({"key": key}, as_json, lambda: key)


def erase_person(
    name: NameArgument,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without it, only show whom it concerns.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Erase the names of a person permanently; what they did stays, under pseudonyms.

    Their tokens, grants and logins end. Nothing brings the names back, except a backup.
    """
    with open_registry() as registry:
        if not apply:
            found = registry.principals(name=name)
            respond({"items": found, "next": None}, as_json, lambda: _planned_erasure(name, found))
            return
        erased = registry.erase_person(name)
    respond(erased, as_json, lambda: _erasure_view(erased))


def _planned_erasure(name: str, found: "tuple[KnownPrincipal, ...]") -> Iterator[str]:
    for each in found:
        yield f"{each.name} is a principal, with {len(each.identities)} identities."
    yield f"The names of {name} and of their other principals would be erased permanently."
    yield f"To do it: pedigree audit erase-person {shlex.quote(name)} --apply"


def _erasure_view(erased: "ErasedPerson") -> Iterator[str]:
    yield f"The person is erased. Answers show {', '.join(erased.pseudonyms) or 'no new name'}."
    if erased.keeps_older_names:
        yield "They acted before names were kept apart: older events and rows keep the name."


def _respond_attested(found: "tuple[AttestedLog, ...]", as_json: bool) -> None:
    def view() -> Iterator[str]:
        for each in found:
            if each.problem is not None:
                yield f"{each.name}: {each.problem}"
            elif each.size:
                yield f"{each.name}: {each.size} events"
            else:
                yield f"{each.name}: the newest checkpoint has its statement already"

    respond({"items": found}, as_json, view)
    if any(each.problem for each in found):
        raise typer.Exit(1)


def _lock_view(lock: "ObjectLock | None") -> str:
    if lock is None or not lock.is_known:
        why = f": {lock.reason}" if lock and lock.reason else ""
        return f"Whether the store can change the anchor is not known{why}."
    if lock.mode is None:
        return "The store is a folder: who may write it can change the anchor."
    return f"The store locks the anchor ({lock.mode}) until {when(lock.until)}."


def _attested_view(attested: "LogAttestations") -> Iterator[object]:
    if attested.has_policy:
        at = when(attested.witnessed_at)
        yield f"{attested.witnessed} events have enough cosignatures of witnesses, {at}"
    else:
        yield "How many cosignatures are enough is not known: see PEDIGREE_AUDIT_WITNESSES."
    if attested.attesters:
        rows = (
            (each.name, each.kind, str(each.size), when(each.at), "yes" if each.is_asked else "no")
            for each in attested.attesters
        )
        yield table(("attester", "kind", "events", "at", "asked"), rows)
