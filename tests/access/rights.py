"""The table of rights: every operation, every built-in role, own and foreign models, stages.

``rights.tsv`` is data that people review: it states what must be, and no test computes it. A row is
a verb of the registry, or a route of the service. A cell has five letters for one role:

1. a token with the role on some models, for one of them
2. the same token, for another model
3. a token with the role on all models
4. a grant of the role in the stage staging, for that stage
5. the same grant, for the stage production

``Y`` is allowed and ``N`` refused. ``L`` passes the door of the service: a list then shows only
models of the token, and what names its model in the body or by an id is decided as its verb is.
"""

from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("rights.tsv")
NOBODY = "none"


class Cell(NamedTuple):
    """What one role may do with one operation."""

    own: str
    foreign: str
    every: str
    staging: str
    production: str


def table() -> dict[str, dict[str, Cell]]:
    """The rows by operation, each with its cells by role."""
    head, *lines = FILE.read_text().splitlines()
    _, *roles = head.split("\t")
    found: dict[str, dict[str, Cell]] = {}
    for line in lines:
        operation, *cells = line.split("\t")
        assert operation not in found, f"{operation} is there twice"
        found[operation] = {role: Cell(*cell) for role, cell in zip(roles, cells, strict=True)}
    return found
