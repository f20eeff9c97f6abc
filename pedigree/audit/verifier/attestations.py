"""The check of what others stated about checkpoints: cosignatures and time stamps."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from .cosignatures import open_cosignatures
from .hashes import UnverifiedLogError
from .notes import Checkpoint, own_note, split_note
from .policies import WitnessPolicy
from .report import LogReport
from .timestamps import open_timestamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class OutsideTrust(NamedTuple):
    """Who is trusted besides the log: known from elsewhere, such as a file of the auditor."""

    policy: WitnessPolicy | None = None
    """The witnesses, and how many are enough."""
    authorities: tuple["Certificate", ...] = ()
    """The certificates that certify authorities of time stamps."""


class AttestationCheck:
    """Checks cosignatures and time stamps of checkpoints whose tree and signature hold.

    Args:
        trust: Who is trusted.
        report: Where to write what was found.
    """

    def __init__(self, trust: OutsideTrust, report: LogReport) -> None:
        self._trust = trust
        self._report = report
        self._unknown = self._unstamped = 0

    def check(self, checkpoint: Checkpoint, note: str, reply: bytes | None) -> None:
        """Check what others stated about a checkpoint.

        Args:
            checkpoint: The checkpoint.
            note: Its note.
            reply: The reply of an authority of time stamps.

        Raises:
            UnverifiedLogError: A statement does not hold.
        """
        self._check_cosignatures(checkpoint, note)
        if reply is not None:
            self._check_timestamp(checkpoint, note, reply)

    def end(self) -> None:
        """Report what could not be checked, and what is missing."""
        report, policy = self._report, self._trust.policy
        if self._unknown:
            report.unchecked.append(
                f"{self._unknown} signatures of others than the log; a policy names the witnesses"
            )
        if self._unstamped:
            report.unchecked.append(
                f"{self._unstamped} time stamps, since no certificate of an authority is given"
            )
        if policy is not None and not report.cosigned and not policy.is_met(()):
            report.found("no checkpoint has enough cosignatures of the witnesses of the policy")
        if self._trust.authorities and not report.timestamped:
            report.found("no checkpoint has a time stamp of a trusted authority")

    def _check_cosignatures(self, checkpoint: Checkpoint, note: str) -> None:
        report, policy = self._report, self._trust.policy
        found = open_cosignatures(note, policy.keys if policy else ())
        report.cosignatures += len(found)
        _, signatures = split_note(note)
        others = sum(each.name != checkpoint.origin for each in signatures)
        self._unknown += others - len(found)
        if policy and found and policy.is_met({each.witness for each in found}):
            report.cosigned = checkpoint.size
            try:
                at = datetime.fromtimestamp(max(each.at for each in found), UTC)
            except (OverflowError, ValueError, OSError) as error:
                raise UnverifiedLogError("the time of a cosignature is not a time") from error
            report.cosigned_at = f"{at:%Y-%m-%d %H:%M:%S} UTC"

    def _check_timestamp(self, checkpoint: Checkpoint, note: str, reply: bytes) -> None:
        report = self._report
        if not self._trust.authorities:
            self._unstamped += 1
            return
        stamp = open_timestamp(reply, own_note(note).encode(), self._trust.authorities)
        report.timestamps += 1
        if checkpoint.size > report.timestamped:
            report.timestamped = checkpoint.size
            report.timestamped_at = f"{stamp.at:%Y-%m-%d %H:%M:%S} UTC"
