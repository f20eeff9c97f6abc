"""What a witness answers: it cosigns a checkpoint that extends the one that it cosigned before."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pedigree.audit.verifier.hashes import UnverifiedLogError, require_consistency
from pedigree.audit.verifier.notes import (
    Checkpoint,
    LogKey,
    open_checkpoint,
    own_note,
    read_base64,
    read_checkpoint,
    read_decimal,
    split_note,
)
from pedigree.audit.witness.state import Witnessed, WitnessState

_LOG = logging.getLogger(__name__)
_MOST_HASHES = 63
TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


class WitnessAnswer(NamedTuple):
    """An answer of the witness."""

    status: int
    text: str
    content_type: str = TEXT


class _RefusedError(Exception):
    """The witness does not cosign.

    Args:
        status: The status of the answer.
        text: Its text.
    """

    def __init__(self, status: int, text: str, content_type: str = TEXT) -> None:
        self.answer = WitnessAnswer(status, text, content_type)
        super().__init__(text)


class _Shown(NamedTuple):
    """A checkpoint that a log shows."""

    old: int
    proof: list[bytes]
    note: str
    checkpoint: Checkpoint

    @property
    def text(self) -> str:
        """The text that is signed, also with the lines of extensions."""
        return split_note(self.note)[0]


class Witness:
    """A witness of some logs.

    Args:
        state: Its file.
        logs: The public keys of the logs that it knows.
        clock: Returns the time in seconds since 1970.
    """

    def __init__(
        self, state: WitnessState, logs: Iterable[LogKey], clock: Callable[[], float] = time.time
    ) -> None:
        self._state = state
        self._clock = clock
        self._guard = threading.Lock()
        self._keys: dict[str, list[LogKey]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answer a request that shows a checkpoint.

        Raises:
            InvalidInputError: The state cannot be written; nothing is cosigned.
        """
        origin = "unknown"
        try:
            shown = _parsed(body)
            origin = shown.checkpoint.origin
            self._require_signed(shown)
            with self._guard:
                answer = self._cosigned(shown)
        except _RefusedError as refused:
            _LOG.warning(
                "refused a checkpoint of %s: %s",
                origin,
                refused,
                extra={"action": "witness.refused", "status": refused.answer.status},
            )
            return refused.answer
        size = shown.checkpoint.size
        _LOG.info("cosigned %d of %s", size, origin, extra={"action": "witness.cosigned"})
        return answer

    def checkpoint(self, origin_hash: str) -> WitnessAnswer:
        """Answer with the newest cosigned checkpoint of a log.

        Args:
            origin_hash: The SHA-256 of the log's name, in lower hexadecimal.
        """
        for origin in self._keys:
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                newest = self._state.newest(origin)
                if newest is not None:
                    return WitnessAnswer(200, newest.note)
        return WitnessAnswer(404, "no checkpoint of this log was cosigned\n")

    def _require_signed(self, shown: _Shown) -> None:
        keys = self._keys.get(shown.checkpoint.origin)
        if keys is None:
            raise _RefusedError(404, "the log is not known\n")
        try:
            open_checkpoint(shown.note, keys)
        except UnverifiedLogError as error:
            raise _RefusedError(403, f"{error}\n") from error

    def _cosigned(self, shown: _Shown) -> WitnessAnswer:
        origin, size = shown.checkpoint.origin, shown.checkpoint.size
        newest = self._state.newest(origin)
        before = read_checkpoint(newest.note) if newest else Checkpoint(origin, 0, b"")
        if shown.old > size:
            raise _RefusedError(400, "the old size is larger than the checkpoint\n")
        if shown.old != before.size:
            raise _RefusedError(409, f"{before.size}\n", _SIZE)
        self._require_extension(before, shown)
        at = max(int(self._clock()), newest.at if newest else 1)
        line = self._state.key.cosign(self._state.sign, shown.text, at)
        kept = Witnessed(f"{own_note(shown.note)}{line}", at)
        self._state.advance(origin, kept)
        return WitnessAnswer(200, line)

    def _require_extension(self, before: Checkpoint, shown: _Shown) -> None:
        new = (shown.checkpoint.size, shown.checkpoint.root)
        try:
            if not new[0] and new[1] != hashlib.sha256().digest():
                raise UnverifiedLogError("the root of an empty log is another one")
            require_consistency((before.size, before.root), new, shown.proof)
        except UnverifiedLogError as error:
            raise _RefusedError(422, f"{error}\n") from error


def _parsed(body: bytes) -> _Shown:
    try:
        head, blank, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        word, _, old = first.partition(" ")
        if not blank or word != "old" or len(lines) > _MOST_HASHES:
            raise UnverifiedLogError("the request has another form")
        proof = [read_base64(line) for line in lines]
        if any(len(each) != hashlib.sha256().digest_size for each in proof):
            raise UnverifiedLogError("a hash of the proof has another length")
        return _Shown(read_decimal(old), proof, note, read_checkpoint(note))
    except (UnverifiedLogError, UnicodeDecodeError) as error:
        raise _RefusedError(400, f"{error}\n") from error
