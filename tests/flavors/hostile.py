"""Files of a hostile author; each would create a canary file if its code ran."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any


def pickle_that_touches(canary: Path) -> bytes:
    """A pickle of three opcodes: push os.system, push its argument, call."""
    return f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()


def torch_archive(path: Path, pickled: bytes) -> None:
    """Write an archive like that of ``torch.save``, with the author's own pickle in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickled)
        archive.writestr("model/version", "3\n")


def safetensors_file(header: Any, data: bytes = bytes(16)) -> bytes:
    """Return a safetensors file with a header, given as JSON or as bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
