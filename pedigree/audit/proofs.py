"""Proofs of the sealed log: that it has an event, and that it extends what it was."""

import base64

from pedigree.audit.key_history import origin
from pedigree.audit.log_records import LogConsistency, LogProof
from pedigree.audit.nodes import SQL, read_nodes
from pedigree.audit.sealer import checkpoint_over
from pedigree.audit.tree import (
    consistency_nodes,
    consistency_proof,
    edge,
    inclusion_nodes,
    inclusion_proof,
    root,
)
from pedigree.audit.verifier.hashes import (
    UnverifiedLogError,
    leaf_hash,
    require_consistency,
    require_inclusion,
)
from pedigree.audit.verifier.notes import PROOF_HEADER
from pedigree.errors import InvalidInputError, LogTamperedError, NotFoundError
from pedigree.postgres.transaction import Transaction


def prove(transaction: Transaction, seq: int) -> LogProof:
    """Return the proof that the newest checkpoint covers an event.

    Raises:
        NotFoundError: The feed has no such event, or it is not sealed yet.
        LogTamperedError: The event is not the one that was sealed.
    """
    checkpoint = checkpoint_over(transaction, max(seq, 1))
    row = transaction.execute(SQL["log_event"], {"seq": seq}).fetchone()
    if row is None:
        raise NotFoundError(
            "the log has no such event",
            field="seq",
            value=seq,
            remedy="`pedigree audit status` shows how many events there are",
        )
    if checkpoint is None:
        raise NotFoundError(
            "the event is not sealed yet",
            field="seq",
            value=seq,
            remedy="Try again in a few seconds; `pedigree audit status` shows what is sealed",
        )
    hashes = read_nodes(transaction, inclusion_nodes(seq - 1, checkpoint.size))
    proof = inclusion_proof(hashes, seq - 1, checkpoint.size)
    content = bytes(row["canonical"])
    try:
        sealed = bytes.fromhex(checkpoint.root)
        require_inclusion(leaf_hash(content), seq - 1, proof, size=checkpoint.size, root=sealed)
    except UnverifiedLogError as error:
        raise _tampered(f"the event {seq} is not the one that was sealed: {error}") from error
    lines = [PROOF_HEADER, f"index {seq - 1}", *map(_encoded, proof), "", checkpoint.note]
    return LogProof(
        seq=seq, size=checkpoint.size, event=content.decode("utf-8"), proof="\n".join(lines)
    )


def prove_consistency(transaction: Transaction, old: int, new: int) -> LogConsistency:
    """Return the proof that the log of a size extends the log of a smaller size.

    Raises:
        InvalidInputError: The sizes are not ``1 <= old <= new``.
        NotFoundError: The log has fewer sealed events.
        LogTamperedError: The tables do not have the tree that was signed.
    """
    if not 1 <= old <= new:
        raise InvalidInputError(
            "the first size must be at least 1 and at most the second",
            field="sizes",
            value=f"{old} {new}",
        )
    newest = checkpoint_over(transaction, new)
    if newest is None:
        raise NotFoundError("the log has fewer sealed events", field="size", value=new)
    ranges = {*consistency_nodes(old, new), *edge(old), *consistency_nodes(new, newest.size)}
    hashes = read_nodes(transaction, ranges)
    roots, proof = (root(hashes, old), root(hashes, new)), consistency_proof(hashes, old, new)
    try:
        require_consistency((old, roots[0]), (new, roots[1]), proof)
        sealed = consistency_proof(hashes, new, newest.size)
        require_consistency((new, roots[1]), (newest.size, bytes.fromhex(newest.root)), sealed)
    except UnverifiedLogError as error:
        raise _tampered(str(error)) from error
    return LogConsistency(
        origin=origin(transaction),
        old_size=old,
        old_root=roots[0].hex(),
        new_size=new,
        new_root=roots[1].hex(),
        proof=tuple(map(_encoded, proof)),
        checkpoint=newest.note,
    )


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _tampered(message: str) -> LogTamperedError:
    return LogTamperedError(message, remedy="Run `pedigree audit verify`")
