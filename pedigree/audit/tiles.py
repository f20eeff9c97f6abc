"""The tiles of the sealed log, full and partial ones, as in https://c2sp.org/tlog-tiles."""

import re

from pedigree.audit.nodes import read_nodes
from pedigree.audit.sealer import checkpoint_over
from pedigree.audit.tree import HEIGHT, WIDTH, NodeRange, count
from pedigree.errors import NotFoundError
from pedigree.postgres.transaction import Transaction

_PATH = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
MOST_LEVELS = 63
"""The highest level that the format has."""


def read_tile(transaction: Transaction, level: int, path: str) -> bytes:
    """Return the hashes of a tile, one after the other.

    Args:
        transaction: Where to read.
        level: The level of the tile: 0 has leaves.
        path: Its index and width, such as ``x001/x234/067`` or ``067.p/112``.

    Raises:
        NotFoundError: The path is not one of a tile, or the sealed log does not have it.
        LogTamperedError: A hash of the tile is missing.
    """
    index, width = _parsed(path)
    newest = checkpoint_over(transaction)
    start, size = index << HEIGHT, newest.size if newest else 0
    if not 0 <= level <= MOST_LEVELS or start + width > count(size, level):
        raise _no_tile(path)
    wanted = NodeRange(level, start, start + width)
    hashes = read_nodes(transaction, [wanted])
    return b"".join(hashes[level, each] for each in range(wanted.start, wanted.stop))


def tile_path(index: int, width: int = WIDTH) -> str:
    """Return the path of a tile below its level.

    >>> tile_path(1_234_067), tile_path(7, 112)
    ('x001/x234/067', '007.p/112')
    """
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03}")
    path = "/".join(reversed(parts))
    return path if width == WIDTH else f"{path}.p/{width}"


def _parsed(path: str) -> tuple[int, int]:
    found = _PATH.fullmatch(path)
    if found is None:
        raise _no_tile(path)
    index, width = int(re.sub(r"\D", "", found[1])), int(found[2] or WIDTH)
    if tile_path(index, width) != path:
        raise _no_tile(path)
    return index, width


def _no_tile(path: str) -> NotFoundError:
    return NotFoundError("the sealed log has no such tile", field="tile", value=path)
