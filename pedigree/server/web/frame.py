"""What is around every page: who is there, which parts they may open, and what waits for them."""

from typing import NamedTuple, Self

from pedigree.access.grants import SOME
from pedigree.access.records import Permission
from pedigree.lifecycle.awaited_decisions import AwaitedDecisions
from pedigree.server.web import links
from pedigree.server.web.visitors import Visitor
from pedigree.server.web.words import plural

MOST_IN_BAR = 99


class Part(NamedTuple):
    """A part of the web page, in its bar."""

    name: str
    path: str
    permission: Permission
    others: tuple[str, ...] = ()
    """What else the paths of its pages begin with."""
    counts: bool = False
    """The bar says how much waits there for the visitor."""

    def has(self, path: str) -> bool:
        """Return whether a page belongs to it."""
        begins = (self.path, *self.others) if self.path != links.HOME else self.others
        return path == self.path or path.startswith(begins)


PARTS = (
    Part("Models", links.HOME, Permission.READ, ("/models", links.COMPARE, links.ACTIVITY)),
    Part("Approvals", links.APPROVALS, Permission.READ, counts=True),
    Part("Impact", links.IMPACT, Permission.READ),
    Part("Drift", links.DRIFT, Permission.READ),
    Part("Audit", links.AUDIT, Permission.AUDIT),
    Part("Admin", links.ADMIN, Permission.AUDIT),
)


class BarCount(NamedTuple):
    """How the bar says a number of requests.

    Attributes:
        shown: The number, up to 99; empty for none.
        says: The same in words.
    """

    shown: str
    says: str


def bar_count(number: int) -> BarCount:
    """Return how the bar says how many requests wait for the visitor.

    >>> bar_count(1).says, bar_count(240)
    ('1 request waits for you', BarCount(shown='99+', says='240 requests wait for you'))
    """
    if not number:
        return BarCount("", "")
    verb = "waits" if number == 1 else "wait"
    shown = str(number) if number <= MOST_IN_BAR else f"{MOST_IN_BAR}+"
    return BarCount(shown, f"{plural(number, 'request')} {verb} for you")


class Frame(NamedTuple):
    """The frame of one page.

    Attributes:
        who: The name of the visitor.
        is_signed_in: Whether they signed in, and can sign out.
        parts: The parts that they may open.
        current: The part of the page; None if it belongs to none.
        waiting: How many requests wait for the visitor; None if that was not asked.
    """

    who: str
    is_signed_in: bool
    parts: tuple[Part, ...]
    current: Part | None
    waiting: BarCount | None = None

    @classmethod
    def of(cls, visitor: Visitor, path: str, awaited: AwaitedDecisions | None) -> Self:
        """Return the frame of a page.

        Args:
            visitor: Who opens it.
            path: Its path.
            awaited: What waits for their decision; None if that was not asked.
        """
        principal = visitor.caller.principal
        parts = tuple(each for each in PARTS if principal.may(each.permission, SOME, SOME))
        current = next((each for each in PARTS if each.has(path)), None)
        waiting = None if awaited is None else bar_count(awaited.number)
        return cls(principal.shown_name, visitor.session is not None, parts, current, waiting)
