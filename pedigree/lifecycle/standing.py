"""What people who acted hold now: a decision or a request counts as far as its maker still may.

A right that was lost in between, by the end of a grant, a group, a role or a token, does not count.
"""

from collections.abc import Callable, Iterable, Mapping

from pedigree.access.granting import standings
from pedigree.access.held import Standing
from pedigree.access.named_people import WORDS
from pedigree.access.principal import EVERY_RIGHT, Principal
from pedigree.access.records import Permission
from pedigree.access.tokens import unknown_words
from pedigree.audit.records import Actor
from pedigree.errors import InvalidPolicyError, NotPermittedError
from pedigree.lifecycle.records import Policy, StageRule
from pedigree.postgres.transaction import Transaction

# The sources of the names of those who acted by a token or a login.
_OF_TOKENS = ("token", "workload ", "oidc ", "proxy ")


def people_now(transaction: Transaction, actors: Iterable[Actor]) -> Mapping[Actor, Principal]:
    """Return what people hold now, by the actors that they were.

    Args:
        transaction: Where to read.
        actors: Their names, and the sources by which they acted.
    """
    # One name may have acted by a token and as a process, which hold different things.
    known = set(actors)
    found = standings(transaction, sorted({actor.name for actor in known}))
    return {actor: _now(actor, found[actor.name.casefold()]) for actor in known}


def with_standing(
    transaction: Transaction, principal: Principal, people: Iterable[str]
) -> Principal:
    """Return a process with the roles and groups of its name, if a list of people has such words.

    The principal of a token has them already.
    """
    if not principal.reads_store or not any(each.startswith(WORDS) for each in people):
        return principal
    return people_now(transaction, [principal.actor])[principal.actor]


def require_known_people(transaction: Transaction, policy: Policy) -> None:
    """Require that the roles and groups which a policy names exist, until the transaction ends.

    Raises:
        InvalidPolicyError: One does not.
    """
    words = [each for each in people_of(policy) if each.casefold().startswith(WORDS)]
    if unknown := unknown_words(transaction, list(dict.fromkeys(words))):
        raise InvalidPolicyError(
            "no role and no group has the name",
            field="policy",
            value=unknown[0],
            remedy="Write role:approver or group:risk; `pedigree access role list` and `pedigree"
            " access group list` show which there are",
        )


def require_mover(principal: Principal, model: str, stage: str, rule: StageRule | None) -> None:
    """Require the right to move versions of a stage, also by the rule of the stage.

    Raises:
        NotPermittedError: They lack the permission, or the rule names other promoters.
    """
    principal.require(Permission.MOVE, model, stage)
    if not principal.may(Permission.MOVE, model, stage, rule):
        raise NotPermittedError(
            f"other people move {stage}",
            field="actor",
            value=principal.name,
            remedy=f"Ask {' or '.join(rule.promoters if rule else ())}",
        )


def people_of(policy: Policy) -> Iterable[str]:
    """Yield all entries of the lists of people in a policy."""
    yield from policy.editors
    for rule in policy.stages:
        yield from people_of_stage(rule)


def people_of_stage(rule: StageRule) -> Iterable[str]:
    """Yield the entries of the lists of people of a stage."""
    yield from rule.people(Permission.MOVE)
    yield from rule.people(Permission.DECIDE)


def naming(policy: Policy, pseudonyms: Callable[[Iterable[str]], tuple[str, ...]]) -> Policy:
    """Return a policy with pseudonyms instead of names in its lists of people."""
    pseudonyms(people_of(policy))  # one look-up for all of them
    stages = []
    for rule in policy.stages:
        changes: dict[str, object] = {"promoters": pseudonyms(rule.promoters)}
        if rule.approvals is not None:
            by = pseudonyms(rule.approvals.by)
            changes["approvals"] = rule.approvals.model_copy(update={"by": by})
        stages.append(rule.model_copy(update=changes))
    return policy.model_copy(
        update={"editors": pseudonyms(policy.editors), "stages": tuple(stages)}
    )


def _now(actor: Actor, standing: Standing) -> Principal:
    """Return what somebody holds who acted by a token or a login, or as a process.

    A process with the database may do everything; it has the roles and groups of its name.
    """
    is_process = not actor.source.startswith(_OF_TOKENS)
    return Principal(
        actor=actor,
        grants=(*EVERY_RIGHT, *standing.grants) if is_process else standing.grants,
        groups=standing.access.groups,
        known_as=standing.access.name,
        reads_store=is_process,
    )
