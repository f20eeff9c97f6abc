"""Proofs as files that an auditor keeps."""

from pathlib import Path

from pedigree.audit.log_records import LogProof
from pedigree.errors import InvalidInputError


def write_proof(proof: LogProof, path: Path) -> Path:
    """Write a proof to a new file, and its event next to it.

    Returns:
        The file of the event.

    Raises:
        InvalidInputError: A file exists already, or cannot be written.
    """
    event = path.with_suffix(".json")
    try:
        for target, text in ((event, proof.event), (path, proof.proof)):
            with target.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
    except OSError as error:
        raise InvalidInputError(
            f"the proof cannot be written: {error.strerror}",
            field="--out",
            value=str(path),
            remedy="Name a file that does not exist",
        ) from error
    return event
