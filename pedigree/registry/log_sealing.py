"""Sealing of a registry's log with the keys that the settings name.

Processes of the service, Dagster's sensors and ``pedigree audit seal`` run it; one at a time leads.
"""

import threading
from functools import partial
from pathlib import Path

from pedigree.access.reserved import SEALER
from pedigree.audit.key_history import create_first
from pedigree.audit.log_keys import (
    IN_DATABASE,
    SETTING,
    KeyFile,
    LogKeys,
    StoredKeys,
    keys_of_service,
)
from pedigree.audit.sealer import Sealer
from pedigree.delivery.background_thread import BackgroundThread, is_over
from pedigree.delivery.signing import SecretBox
from pedigree.errors import LogKeyError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry
from pedigree.registry.log_attesting import LogAttesting
from pedigree.settings import Settings

PAUSE_S = 1.0
"""The least time between two seals."""


def log_keys(settings: Settings) -> LogKeys:
    """Return the keys that sign the log.

    Raises:
        LogKeyError: No key is set, or no plug-in provides it.
        SecretKeyError: The database keeps the keys, and ``PEDIGREE_SECRET_KEY`` is not valid.
    """
    setting = settings.audit_key
    if setting is None:
        raise LogKeyError(
            "it is not set, so the audit log cannot be signed",
            field=SETTING,
            remedy="Name the path of a PEM file with an Ed25519 key, or `database`",
        )
    if setting == IN_DATABASE:
        return StoredKeys(SecretBox(settings), partial(create_first, actor=SEALER))
    if Path(setting).is_absolute():
        return KeyFile(Path(setting))
    return keys_of_service(setting)


class LogSealing:
    """Seals a registry's log once a second, and has its checkpoints attested.

    A failure is noted as that of other background work: an event, and an attempt later.

    Args:
        registry: The registry; its settings name the keys.

    Raises:
        LogKeyError: No key is set, or no plug-in provides it.
        SecretKeyError: The database keeps the keys, and ``PEDIGREE_SECRET_KEY`` is not valid.
        InvalidInputError: A file of the settings about witnesses or time stamps cannot be used.
    """

    def __init__(self, registry: Registry) -> None:
        self._database = registry.database
        database = in_role(registry.database, DatabaseRole.SEALER)
        self._sealer = Sealer(database, log_keys(registry.settings), SEALER)
        self.attesting = LogAttesting(database, registry.store, registry.settings)

    def seal(self) -> int:
        """Seal all events now; return how many checkpoints were signed.

        Raises:
            LogTamperedError: The tree is not the one that the newest checkpoint states.
            LogKeyError: The keys cannot be used.
            UnavailableError: The database does not answer.
        """
        return self._sealer.seal()

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Seal once a second until ``stop`` is set; return how many checkpoints were signed.

        Anchors, witnesses and time stamps have a thread of their own, since they may be slow.
        """
        waiting, sealed = stop or threading.Event(), 0
        with BackgroundThread(self.attesting, "attesting"):
            while not is_over(None, stop):
                sealed += self._attempt(MemberLoop(self._database, BackgroundWork.SEALING))
                waiting.wait(PAUSE_S)
        return sealed

    def attempt(self) -> tuple[int, list[str]]:
        """Seal all events and have attested what is due, unless a failure waits.

        Returns:
            How many checkpoints were signed, and what failed.
        """
        loop = MemberLoop(self._database, BackgroundWork.SEALING)
        attesting = MemberLoop(self._database, BackgroundWork.ATTESTING)
        sealed = self._attempt(loop)
        self.attesting.attempt(attesting)
        return sealed, [*loop.notes, *attesting.notes]

    def _attempt(self, loop: MemberLoop) -> int:
        return loop.attempt("audit log", self._sealer.seal).value or 0
