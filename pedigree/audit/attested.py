"""What witnesses and authorities of time stamps have stated about a log."""

from collections.abc import Iterator, Sequence

from pedigree.audit.attesters import asked
from pedigree.audit.log_records import LogAttestations, LogAttester, LogCheckpoint
from pedigree.audit.nodes import SQL
from pedigree.audit.verifier.cosignatures import WitnessKey
from pedigree.audit.verifier.policies import WitnessPolicy
from pedigree.postgres.transaction import Row, Transaction
from pedigree.settings import redact_url


def attestations(
    transaction: Transaction, policy: WitnessPolicy | None, urls: Sequence[str]
) -> LogAttestations:
    """Return who attests a log, and how far.

    Args:
        transaction: Where to read.
        policy: The witnesses, and how many are enough.
        urls: The authorities of time stamps.
    """
    enough = _enough(transaction, policy, 0)
    return LogAttestations(
        attesters=(*_witnesses(transaction, policy), *_authorities(transaction, urls)),
        witnessed=enough["size"] if enough else 0,
        witnessed_at=enough["cosigned_at"] if enough else None,
        has_policy=policy is not None,
    )


def cosigned_over(
    transaction: Transaction, policy: WitnessPolicy | None, seq: int = 0
) -> LogCheckpoint | None:
    """Return the newest checkpoint with enough cosignatures that covers an event.

    Args:
        transaction: Where to read.
        policy: The witnesses, and how many are enough.
        seq: The event.
    """
    enough = _enough(transaction, policy, seq)
    if enough is None:
        return None
    row = transaction.execute(SQL["log_checkpoint_of_size"], {"size": enough["size"]}).fetchone()
    return LogCheckpoint.of(row) if row else None


def _enough(transaction: Transaction, policy: WitnessPolicy | None, seq: int) -> Row | None:
    """Return the newest size, of the newest hundred, that enough witnesses cosigned."""
    if policy is None or not policy.witnesses:
        return None
    rows = transaction.execute(SQL["cosigned_sizes"], {"seq": seq}).fetchall()
    for row in rows:
        publics = {bytes(key) for key in row["keys"]}
        if policy.is_met({key for key in policy.keys if key.public in publics}):
            return row
    return None


def _witnesses(transaction: Transaction, policy: WitnessPolicy | None) -> Iterator[LogAttester]:
    rows = transaction.execute(SQL["newest_cosignatures"]).fetchall()
    newest = {bytes(row["public_key"]): row for row in rows}
    named = {each.key.public: each.name for each in asked(policy)}
    for public in (*named, *(newest.keys() - named.keys())):
        row = newest.get(public, {})
        yield LogAttester(
            kind="witness",
            name=named.get(public) or f"key {WitnessKey('', public).public.hex()[:16]}",
            is_asked=public in named,
            size=row.get("size", 0),
            at=row.get("cosigned_at"),
        )


def _authorities(transaction: Transaction, urls: Sequence[str]) -> Iterator[LogAttester]:
    rows = transaction.execute(SQL["newest_timestamps"]).fetchall()
    newest = {row["authority"]: row for row in rows}
    named = list(map(redact_url, urls))
    for url in (*named, *(newest.keys() - set(named))):
        row = newest.get(url, {})
        yield LogAttester(
            kind="authority",
            name=url,
            is_asked=url in named,
            size=row.get("size", 0),
            at=row.get("stamped_at"),
        )
