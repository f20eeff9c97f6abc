"""The actions that the page of a version offers, and those that are for others."""

from collections.abc import Iterator
from typing import NamedTuple

from pedigree.access.grants import SOME
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.lifecycle.records import CHAMPION_STAGE
from pedigree.registry import Registry
from pedigree.registry.version_page_records import VersionPage
from pedigree.server.web.actions import ACTIONS
from pedigree.server.web.consequences import Subject
from pedigree.server.web.links import Links
from pedigree.server.web.who_may import who_may

# What is done most; the others are folded.
_FIRST = frozenset({"promote", "request", "withdraw", "quarantine", "release"})


class OfferedAction(NamedTuple):
    """An action that makes sense for a version in its present state.

    Attributes:
        title: What it does.
        link: Its form.
        permission: What it needs.
        is_grave: Whether it takes something away.
        is_first: Whether it is shown at once.
        may: Whether the visitor may do it, as far as grants say; the verb judges in any case.
    """

    title: str
    link: str
    permission: Permission
    is_grave: bool
    is_first: bool
    may: bool

    @property
    def who_may(self) -> str:
        """Who may do it, in words."""
        return who_may(self.permission)


def offered_actions(
    registry: Registry, principal: Principal, page: VersionPage, links: Links
) -> tuple[OfferedAction, ...]:
    """Return the actions for a version, in the order in which a page shows them."""
    return tuple(_offered(registry, principal, page, links))


def _offered(
    registry: Registry, principal: Principal, page: VersionPage, links: Links
) -> Iterator[OfferedAction]:
    version = page.version
    name, number = version.model_name, version.version_id
    requested = [each.stage for way in page.approaches for each in way.requests]
    subject = Subject(registry, version, page.policy, requested)
    for action in ACTIONS:
        if action.offered(subject):
            yield OfferedAction(
                title=action.title,
                link=links.act(name, number, action.word),
                permission=action.permission,
                is_grave=action.is_grave,
                is_first=action.word in _FIRST,
                may=principal.may(action.permission, name, SOME if action.needs_stage else None),
            )
    if version.stage == CHAMPION_STAGE:
        yield OfferedAction(
            title="Roll back",
            link=links.rollback(name, CHAMPION_STAGE),
            permission=Permission.MOVE,
            is_grave=True,
            is_first=True,
            may=principal.may(Permission.MOVE, name, CHAMPION_STAGE),
        )
