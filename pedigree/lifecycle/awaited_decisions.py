"""Open requests for stages that wait for one person's decision.

It counts them on every page, so it does not evaluate the gates of each version: one statement
groups the requests by what decides about them, and each group is judged once, by the same rules as
the gates for approvals and for a promoter.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Self

from pydantic import ValidationError

from pedigree._names import like_pattern, name_key
from pedigree._record import RecordPage
from pedigree.access.grants import SOME
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.reserved import AUTOMATIC_APPROVER, is_reserved
from pedigree.audit.records import Actor
from pedigree.catalog.metadata_fields import RiskClass
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.decision_records import StageRequest
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import StageRule
from pedigree.lifecycle.requester import may_move
from pedigree.lifecycle.standing import people_now, people_of_stage, with_standing
from pedigree.lifecycle.store import SQL
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction

# Policies are mostly alike; a registry has few different rules of stages.
_RULES = 512


class AwaitedDecisions(NamedTuple):
    """What waits for somebody's decision.

    Attributes:
        number: How many open requests.
        request_ids: Their numbers, ascending; empty if only their number was asked for.
        place: The newest place of the feed before they were read.
        is_behind: Whether committed events had no place in the feed yet.
    """

    number: int
    request_ids: tuple[int, ...]
    place: int
    is_behind: bool


class _Approval(NamedTuple):
    """An approval that counts if its maker still may decide."""

    actor: Actor
    is_by_requester: bool

    @property
    def is_automatic(self) -> bool:
        """Whether an automatic approver decided; nobody else can have such a name."""
        return self.actor.name.startswith(AUTOMATIC_APPROVER)


class _SameFacts(NamedTuple):
    """Requests about which the same facts decide."""

    model: str | None
    """None if the model makes no difference."""
    rule: StageRule | None
    """None if the policy no longer has the stage."""
    from_stage: str
    only_asks: bool
    risk_class: RiskClass | None
    asker: Actor | None
    """None if the requester makes no difference: they might promote when they asked."""
    given: tuple[_Approval, ...]
    number: int
    request_ids: tuple[int, ...]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return the group of a row of the query ``requests_to_decide``."""
        rule = _default_rule(row["stage"]) if row["is_default"] else None
        return cls(
            row["name"],
            rule if row["rule"] is None else _rule(row["rule"]),
            row["from_stage"],
            row["only_asks"],
            None if row["risk_class"] is None else RiskClass(row["risk_class"]),
            None if row["asker"] is None else _actor(*row["asker"]),
            tuple(
                _Approval(_actor(name, source), by) for name, source, by in row["approvals"] or ()
            ),
            row["number"],
            tuple(row["request_ids"] or ()),
        )

    def waits_for(self, principal: Principal, people: Mapping[Actor, Principal]) -> bool:
        """Return whether the requests wait for somebody.

        Args:
            principal: The person.
            people: What the others hold now, who asked or approved.
        """
        rule, model = self.rule, self.model
        if rule is None or self.from_stage not in rule.after:
            return False
        may = principal.may(Permission.DECIDE, model, rule.name, rule)
        if not may or not principal.may(Permission.READ, model):
            return False
        asked = rule.approvals or ApprovalRule(needed=0)
        automatic = {each.principal for each in asked.approvers_of(self.risk_class)}
        by_people = [
            each
            for each in self.given
            if not each.is_automatic
            and people[each.actor].may(Permission.DECIDE, model, rule.name, rule)
        ]
        valid = len(by_people) + sum(each.actor.name in automatic for each in self.given)
        if valid < asked.count(self.risk_class):
            return True
        return self._lacks_promoter(rule, by_people, people) and _promotes(principal, model, rule)

    def _lacks_promoter(
        self, rule: StageRule, approved: Iterable[_Approval], people: Mapping[Actor, Principal]
    ) -> bool:
        """Return whether an approval by somebody who may promote is still missing."""
        if self.asker is None or self.model is None:
            return False
        by, model = people[self.asker], self.model
        may = not self.only_asks and may_move(by, model, self.from_stage, rule.name)
        if may and by.may(Permission.MOVE, model, rule.name, rule):
            return False
        return not any(
            _promotes(people[each.actor], model, rule)
            for each in approved
            if not each.is_by_requester
        )

    @property
    def actors(self) -> tuple[Actor, ...]:
        """The people whose present rights count."""
        asker = () if self.asker is None else (self.asker,)
        return (*asker, *(each.actor for each in self.given))


def awaited_decisions(
    transaction: Transaction, principal: Principal, *, lists: bool
) -> AwaitedDecisions:
    """Return which open requests wait for a decision of somebody: they may decide, and had not yet.

    A request waits for people as long as it lacks approvals, or the approval of somebody who may
    promote. It does not wait for who asked or is an author of the version, nor for who approved it
    already. A requester who could promote when they asked, and cannot any more, is noticed where
    the stage names its promoters.

    Args:
        transaction: Where to read.
        principal: The person.
        lists: Whether the numbers of the requests are wanted, and not only how many there are.
    """
    patterns = principal.patterns(Permission.DECIDE)
    rows = transaction.execute(
        SQL["requests_to_decide"],
        {
            "name": principal.name,
            "issuer": principal.issued_by,
            "decides": _decides(principal),
            "patterns": [like_pattern(name_key(each)) for each in patterns] or None,
            "by_model": _is_limited(principal),
            "lists": lists,
        },
    ).fetchall()
    groups = [_SameFacts.of(row) for row in rows if row["number"] is not None]
    found = _waiting(transaction, principal, groups)
    numbers = (number for each in found for number in each.request_ids)
    return AwaitedDecisions(
        sum(each.number for each in found),
        tuple(sorted(numbers)),
        rows[0]["place"],
        rows[0]["unsequenced"],
    )


def requests_of_numbers(
    transaction: Transaction, numbers: Sequence[int]
) -> RecordPage[StageRequest]:
    """Return the open requests of some numbers, oldest first."""
    found = fetch_page(transaction, SQL["requests_of_numbers"], {"numbers": list(numbers)})
    return RecordPage((StageRequest(**row) for row in found.rows), is_cut=found.is_cut)


def _waiting(
    transaction: Transaction, principal: Principal, groups: Collection[_SameFacts]
) -> list[_SameFacts]:
    actors = {actor for each in groups for actor in each.actors}
    people = people_now(transaction, actors) if actors else {}
    rules = [each.rule for each in groups if each.rule is not None]
    named = [person for rule in rules for person in people_of_stage(rule)]
    by = with_standing(transaction, principal, named)
    return [each for each in groups if each.waits_for(by, people)]


def _decides(principal: Principal) -> bool:
    """Return whether somebody decides about any model; nobody with a reserved name does."""
    return principal.may(Permission.DECIDE, SOME, SOME) and not is_reserved(principal.name)


def _is_limited(principal: Principal) -> bool:
    """Return whether what somebody may do, or which roles they hold, depends on the model."""
    return principal.bound is not None or any(each.models for each in principal.grants)


def _promotes(principal: Principal, model: str | None, rule: StageRule) -> bool:
    return not rule.promoters or principal.is_among(rule.promoters, model, rule.name)


def _actor(name: str, source: str) -> Actor:
    return Actor(name=name, source=source)


@lru_cache(_RULES)
def _rule(stored: str) -> StageRule | None:
    try:
        return StageRule.model_validate_json(stored, context={"stored": True})
    except ValidationError:
        return None  # nobody can decide by it, and every page of everybody asks for this


@lru_cache(_RULES)
def _default_rule(stage: str) -> StageRule | None:
    return read_policy(None).rule(stage)
