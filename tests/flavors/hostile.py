"""Files that a hostile maker could hand over; each would leave a canary behind if it were run."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any


def pickle_that_touches(canary: Path) -> bytes:
    """A pickle of three opcodes: push os.system, push its argument, call."""
    return f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()


def torch_archive(path: Path, pickled: bytes) -> None:
    """What ``torch.save`` writes, with a pickle of the maker's own in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickled)
        archive.writestr("model/version", "3\n")


def safetensors_file(header: Any, data: bytes = bytes(16)) -> bytes:
    """A safetensors file of this header, which is JSON or the bytes in its place."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
