"""What is around every page: who is there, which parts they may open, and what waits for them."""

from typing import NamedTuple, Self

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.server.web import links
from pedigree.server.web.visitors import Visitor


class Part(NamedTuple):
    """A part of the web page, in its bar."""

    name: str
    path: str
    permission: Permission
    others: tuple[str, ...] = ()
    """What else the paths of its pages begin with."""

    def has(self, path: str) -> bool:
        """Return whether a page belongs to it."""
        begins = (self.path, *self.others) if self.path != links.HOME else self.others
        return path == self.path or path.startswith(begins)


PARTS = (
    Part("Models", links.HOME, Permission.READ, ("/models", links.COMPARE, links.ACTIVITY)),
    Part("Approvals", links.APPROVALS, Permission.READ),
    Part("Impact", links.IMPACT, Permission.READ),
    Part("Drift", links.DRIFT, Permission.READ),
    Part("Audit", links.AUDIT, Permission.AUDIT),
    Part("Admin", links.ADMIN, Permission.AUDIT),
)


class Frame(NamedTuple):
    """The frame of one page.

    Attributes:
        who: The name of the visitor.
        is_signed_in: Whether they signed in, and can sign out.
        parts: The parts that they may open.
        current: The part of the page; None if it belongs to none.
    """

    who: str
    is_signed_in: bool
    parts: tuple[Part, ...]
    current: Part | None

    @classmethod
    def of(cls, visitor: Visitor, path: str) -> Self:
        """Return the frame of a page."""
        principal = visitor.caller.principal
        parts = tuple(each for each in PARTS if principal.may(each.permission, SOME, SOME))
        current = next((each for each in PARTS if each.has(path)), None)
        return cls(principal.shown_name, visitor.session is not None, parts, current)
