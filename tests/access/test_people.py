"""One person is one principal, whatever identities and tokens act for them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pedigree.access.last_seen import is_ended, narrowed, says_the_same
from pedigree.access.named_records import with_names
from pedigree.access.people import roles_last_seen
from pedigree.access.principal import Principal
from pedigree.access.records import Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    GateNotPassedError,
    InvalidInputError,
    NameTakenError,
    NotPermittedError,
    PrincipalNotFoundError,
    RefusedError,
)
from pedigree.registry import Registry, registry_in
from tests.identities import AT, ISSUER, identity, see
from tests.lifecycle.deciding import candidate, policy_of, waits_for

LATER = AT + timedelta(minutes=5)
EMAIL = "ann@example.com"


def persons(registry: Registry) -> dict[str, str]:
    """The person of each principal."""
    return {each.name: each.person for each in registry.principals()}


def approve_as(registry: Registry, reference: str, name: str, **principal: object) -> None:
    """Approve as a principal of the service, to whom the right is granted."""
    operator = registry.acting_as(Actor(name="operator", source="git user.email"))
    operator.grant_access("approver", name)
    who = Principal(actor=Actor(name=name, source="oidc sso"), **principal)  # type: ignore[arg-type]
    registry_in(registry.context.used_by(who)).approve(reference, "production", comment="good")


@pytest.fixture
def waiting(registry: Registry, tmp_path: Path) -> Callable[..., str]:
    """Make a candidate that needs some approvals."""

    def make(needed: int = 1) -> str:
        registry.set_policy("churn", policy_of(approvals={"needed": needed}))
        return candidate(registry, tmp_path)

    return make


def test_the_first_token_adds_a_principal_and_later_ones_find_it(registry: Registry) -> None:
    first = see(registry)
    assert (first.principal, first.is_active, first.is_old) == ("ann", True, False)
    found = with_names(registry.operations.people.find(identity()), registry.context.names)
    assert found is not None
    assert found.model_copy(update={"now": first.now}) == first
    events = [event.type for event in registry.events()]
    assert events == ["principal.created", "identity.linked", "identity.seen"]
    again = see(registry)
    assert again.principal == "ann"
    assert len(registry.events()) == 3
    (known,) = registry.principals()
    assert (known.kind, known.person, known.identities[0].subject) == ("person", "ann", "ann")


def test_many_first_tokens_at_once_make_one_principal(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(lambda _: see(registry).principal, range(8)))
    assert seen == ["ann"] * 8
    assert len(registry.principals()) == 1


def test_the_name_of_an_identity_stays_if_its_token_gives_it_another_one(
    registry: Registry,
) -> None:
    see(registry, "ann", subject="1")
    assert see(registry, "anna", subject="1", issued_at=LATER).principal == "ann"


@pytest.mark.parametrize("name", ["ann", "ANN", "\uff41nn"])
def test_two_subjects_with_one_name_are_never_silently_one_person(
    registry: Registry, name: str
) -> None:
    see(registry, "ann", subject="1")
    for changes in ({"subject": "2"}, {"issuer": "https://other.example", "subject": "1"}):
        with pytest.raises(NameTakenError, match="pedigree access link"):
            see(registry, name, **changes)
    assert len(registry.principals()) == 1


def test_the_name_of_tokens_is_taken_unless_it_is_the_verified_e_mail(registry: Registry) -> None:
    registry.create_token("bob", roles=[Role.READER])
    registry.create_token(EMAIL, roles=[Role.READER])
    with pytest.raises(NameTakenError):
        see(registry, "bob")
    assert see(registry, EMAIL, subject="1", email=EMAIL).principal == EMAIL


def test_one_verified_e_mail_links_by_the_rule_of_the_provider_alone(registry: Registry) -> None:
    see(registry, EMAIL, subject="1", email=EMAIL)
    other = {"issuer": "https://other.example", "subject": "2", "email": EMAIL}
    with pytest.raises(NameTakenError):
        see(registry, EMAIL, **other)
    assert see(registry, EMAIL, **other, links_by_email=True).principal == EMAIL
    with pytest.raises(NameTakenError):
        see(registry, EMAIL, subject="3", email="eve@example.com", links_by_email=True)


def test_a_linked_subject_acts_by_the_principal_and_is_the_same_person(
    registry: Registry,
) -> None:
    see(registry, "ann")
    see(registry, "ann2", subject="2")
    found = registry.link_person("ann", issuer=ISSUER, subject="2")
    assert [each.subject for each in found.identities] == ["ann", "2"]
    assert see(registry, "ann2", subject="2", issued_at=LATER).principal == "ann"
    assert persons(registry) == {"ann": "ann", "ann2": "ann"}
    event = registry.events(types=[EventType.PRINCIPAL_LINKED])[-1]
    assert (event.actor.name, event.body["principal"]) == ("tester", "ann2")
    registry.unlink_person("ann", issuer=ISSUER, subject="2")
    assert see(registry, "ann3", subject="2", issued_at=LATER).principal == "ann3"


def test_a_subject_can_be_linked_before_its_first_token(registry: Registry) -> None:
    registry.create_token("bob", roles=[Role.READER])
    registry.link_person("bob", issuer=ISSUER, subject="7")
    assert see(registry, "bob", subject="7").principal == "bob"


def test_nobody_links_unlinks_or_deactivates_themselves(registry: Registry) -> None:
    see(registry, "tester", subject="1")
    see(registry, "ben")
    see(registry, "cy")
    registry.link_person("ben", person="cy")
    own = (
        lambda: registry.link_person("tester", person="ben"),
        lambda: registry.link_person("ben", person="tester"),
        lambda: registry.link_person("ben", issuer=ISSUER, subject="1"),
        lambda: registry.link_person("tester", issuer=ISSUER, subject="9"),
        lambda: registry.unlink_person("tester", issuer=ISSUER, subject="1"),
        lambda: registry.set_person_active("tester", active=False),
    )
    before = len(registry.events())
    for change in own:
        with pytest.raises(NotPermittedError, match="themselves"):
            change()
    assert len(registry.events()) == before
    assert persons(registry) == {"tester": "tester", "ben": "ben", "cy": "ben"}


def test_what_is_unknown_or_incomplete_is_refused(registry: Registry) -> None:
    see(registry, "ann")
    for change in (
        lambda: registry.link_person("nobody", person="ann"),
        lambda: registry.link_person("ann", person="nobody"),
        lambda: registry.unlink_person("ann"),
        lambda: registry.unlink_person("ann", issuer=ISSUER, subject="9"),
        lambda: registry.set_person_active("nobody", active=False),
        lambda: registry.end_sessions("nobody"),
    ):
        with pytest.raises(PrincipalNotFoundError, match="identities"):
            change()
    for change in (
        lambda: registry.link_person("ann"),
        lambda: registry.link_person("ann", issuer=ISSUER),
        lambda: registry.link_person("ann", person="ben", issuer=ISSUER, subject="1"),
        lambda: registry.unlink_person("ann", subject="1"),
    ):
        with pytest.raises(InvalidInputError):
            change()


def test_two_identities_with_one_verified_e_mail_are_one_approver(
    registry: Registry, waiting: Callable[..., str]
) -> None:
    reference = waiting(2)
    see(registry, "ann", email=EMAIL)
    see(registry, "ann@other", issuer="https://other.example", email="Ann@example.com")
    approve_as(registry, reference, "ann")
    approve_as(registry, reference, "ann@other")
    assert waits_for(registry, reference) == ("1 approval",)
    approve_as(registry, reference, EMAIL.upper())
    assert waits_for(registry, reference) == ("1 approval",), "the e-mail is a name of hers, too"
    approve_as(registry, reference, "ben")
    assert waits_for(registry, reference) == ()


def test_an_author_does_not_approve_by_another_identity(
    registry: Registry, waiting: Callable[..., str]
) -> None:
    reference = waiting()
    see(registry, "tester", email=EMAIL)
    see(registry, "other", email=EMAIL)
    for name in ("other", EMAIL, "\uff34ester"):
        with pytest.raises(NotPermittedError, match="same person"):
            approve_as(registry, reference, name)


def test_an_author_does_not_approve_by_a_token_that_they_created(
    registry: Registry, waiting: Callable[..., str]
) -> None:
    reference = waiting()
    see(registry, "tester", email=EMAIL)
    for creator in ("tester", EMAIL):
        with pytest.raises(NotPermittedError, match="created the token"):
            approve_as(registry, reference, "invented", issued_by=creator)
    approve_as(registry, reference, "ben", issued_by="operator")


def test_an_approval_is_void_once_its_approver_is_known_to_be_the_author(
    registry: Registry, waiting: Callable[..., str]
) -> None:
    reference = waiting()
    see(registry, "tester")
    see(registry, "other")
    approve_as(registry, reference, "other")
    assert waits_for(registry, reference) == ()
    admin = registry_in(
        registry.context.used_by(Principal(actor=Actor(name="admin", source="token")))
    )
    admin.link_person("other", person="tester")
    assert waits_for(registry, reference) == ("1 approval",)
    with pytest.raises(GateNotPassedError):
        registry.promote(reference, "production")


def test_the_database_itself_refuses_a_decision_of_another_identity(
    registry: Registry, waiting: Callable[..., str]
) -> None:
    reference = waiting()
    see(registry, "tester", email=EMAIL)
    approve_as(registry, reference, "ben")
    with pytest.raises(psycopg.errors.CheckViolation, match="decision_not_by_author"):
        registry.database.fetch_all(
            "INSERT INTO pedigree.decision (model_id, version, digest, author, from_stage,"
            " to_stage, generation, approved, comment, decided_by, decided_by_source, at)"
            " SELECT model_id, version, digest, author, from_stage, to_stage, generation, approved,"
            " comment,"
            f" '{EMAIL}', decided_by_source, at FROM pedigree.decision"
        )


def test_unlinking_makes_two_persons_unless_an_e_mail_says_otherwise(registry: Registry) -> None:
    for name in ("ann", "ben", "cy"):
        see(registry, name)
    registry.link_person("ben", person="ann")
    registry.link_person("cy", person="ben")
    assert persons(registry) == {"ann": "ann", "ben": "ann", "cy": "ann"}
    registry.unlink_person("ann")
    assert persons(registry) == {"ann": "ann", "ben": "ben", "cy": "ben"}
    see(registry, "dee", email=EMAIL)
    see(registry, "eli", email=EMAIL)
    with pytest.raises(RefusedError, match="e-mail"):
        registry.unlink_person("eli")


def test_a_role_is_counted_as_last_seen_and_ends_by_a_later_token(registry: Registry) -> None:
    both = (Role.READER, Role.DEPLOYER)
    first = see(registry, roles=both, groups=("ml", "risk"))
    read = registry.database.read
    (seen,) = read(
        lambda transaction: roles_last_seen(transaction, registry.context.names.known("Ann"))
    )
    assert (seen.roles, seen.groups, seen.issued_at) == (both, ("ml", "risk"), AT)
    later = see(registry, roles=(Role.READER,), issued_at=LATER)
    assert later.groups == ()
    older = identity(roles=both, groups=("ml", "risk"))
    assert says_the_same(later, older), "an older token changes nothing"
    assert narrowed(later, older) == ((Role.READER,), ())
    assert narrowed(first, older) == (both, ())
    assert see(registry, roles=both).roles == (Role.READER,)
    (seen,) = read(
        lambda transaction: roles_last_seen(transaction, registry.context.names.known("ann"))
    )
    assert seen.roles == (Role.READER,)
    changes = [event.body["roles"] for event in registry.events(types=[EventType.IDENTITY_SEEN])]
    assert changes == [["reader", "deployer"], ["reader"]]


@pytest.mark.parametrize(
    ("newest", "older", "left"),
    [
        (("a",), (), ("a",)),
        ((), ("a",), ("a",)),
        (("a", "b"), ("b", "c"), ("b",)),
    ],
)
def test_an_older_token_is_for_the_models_of_both(
    registry: Registry, newest: tuple[str, ...], older: tuple[str, ...], left: tuple[str, ...]
) -> None:
    known = see(registry, models=newest, issued_at=LATER)
    assert narrowed(known, identity(models=older)) == ((Role.READER,), left)


def test_an_older_token_for_other_models_has_no_role(registry: Registry) -> None:
    known = see(registry, models=("a",), issued_at=LATER)
    assert narrowed(known, identity(models=("b",)))[0] == ()


def test_a_deactivated_person_has_no_tokens_and_no_logins(registry: Registry) -> None:
    see(registry, "ann", email=EMAIL)
    see(registry, "ann2", subject="2", email=EMAIL)
    secrets = [
        registry.create_token(name, roles=[Role.READER]).secret
        for name in ("ANN", "ann2", EMAIL, "ben")
    ]
    registry.set_person_active("ann2", active=False)
    find = registry.operations.tokens.bearer_of
    assert [find(secret) is not None for secret in secrets] == [False, False, False, True]
    for name, subject in (("ann", "ann"), ("ann2", "2")):
        found = registry.operations.people.find(identity(name, subject=subject))
        assert found is not None
        assert not found.is_active
    with pytest.raises(NotPermittedError, match="deactivated"):
        registry.create_token("Ann", roles=[Role.READER])
    new = see(registry, "ann3", subject="3", email=EMAIL)
    assert not new.is_active, "another identity of the person is not let in either"
    assert not registry.database.read(
        lambda transaction: roles_last_seen(transaction, registry.context.names.known("ann"))
    )
    registry.set_person_active("ann", active=True)
    registry.create_token("ann", roles=[Role.READER])
    assert [find(secret) is not None for secret in secrets] == [False, False, False, True]


def test_ended_sessions_revoke_tokens_and_end_older_tokens_of_issuers(registry: Registry) -> None:
    see(registry)
    secret = registry.create_token("ann", roles=[Role.READER]).secret
    registry.end_sessions("ann")
    assert registry.operations.tokens.bearer_of(secret) is None
    known = registry.operations.people.find(identity())
    assert known is not None
    assert (known.is_active, known.roles) == (True, ())
    assert is_ended(known, identity())
    assert not is_ended(known, identity(issued_at=known.now + timedelta(minutes=1)))


def test_principals_come_in_pages(registry: Registry) -> None:
    for name in ("ann", "ben", "cy"):
        see(registry, name)
    first = registry.principals(limit=2)
    rest = registry.principals(limit=2, after=first[-1].principal_id)
    assert [each.name for each in (*first, *rest)] == ["ann", "ben", "cy"]
    assert [each.name for each in registry.principals(name="BEN")] == ["ben"]


def test_fsck_finds_what_no_event_says_of_people(registry: Registry) -> None:
    for name in ("ann", "ben", "cy"):
        see(registry, name, groups=("ml",))
    registry.link_person("ben", person="ann")
    registry.set_person_active("cy", active=False)
    registry.link_person("cy", person="ann")
    registry.unlink_person("cy")
    registry.set_person_active("cy", active=True)
    registry.unlink_person("ben", issuer=ISSUER, subject="ben")
    names = ("principals_match_events", "identities_match_events")

    def problems() -> list[str]:
        report = registry.fsck()
        return sorted(
            f"{each.name} {one.reference}"
            for each in report.checks
            if each.name in names
            for one in each.examples
        )

    assert problems() == []
    for change in (
        "UPDATE pedigree.principal SET person_id = principal_id"
        " WHERE pedigree.shown_name(name) = 'ben'",
        "UPDATE pedigree.principal SET deactivated_at = NULL"
        " WHERE pedigree.shown_name(name) = 'ann'",
        "UPDATE pedigree.identity SET roles = '{admin}' WHERE subject = 'cy'",
    ):
        registry.database.transaction(
            lambda transaction, change=change: transaction.execute(change)
        )
    assert problems() == [
        "identities_match_events identity 3",
        "principals_match_events principal 1",
        "principals_match_events principal 2",
    ]


def test_the_database_s_side_lets_an_admin_in_again(registry: Registry) -> None:
    see(registry, "tester")
    admin = registry_in(
        registry.context.used_by(Principal(actor=Actor(name="eve", source="token")))
    )
    admin.set_person_active("tester", active=False)
    issued = registry.operations.people.recover("tester")
    bearer = registry.operations.tokens.bearer_of(issued.secret)
    assert bearer is not None
    token = bearer.token
    assert (token.roles, token.created_by) == ((Role.ADMIN,), "service:recovery")
    assert token.expires_at is not None
    assert token.expires_at - token.created_at == timedelta(hours=1)
    event = registry.events()[-1]
    assert (event.type, event.body["principal"]) == (EventType.ACCESS_RECOVERED, "tester")
    assert event.body["by"] == {"name": "tester", "source": "PEDIGREE_ACTOR"}
    assert registry.principals(name="tester")[0].deactivated_at is None
    assert not [each for each in registry.fsck().checks if each.violations]


def test_no_service_lets_an_admin_in_again(registry: Registry) -> None:
    served = Principal(actor=Actor(name="eve", source="token"), reads_store=False)
    used = registry_in(registry.context.used_by(served))
    with pytest.raises(NotPermittedError, match="credentials of the database"):
        used.operations.people.recover("eve")
    assert registry.tokens() == ()


def test_the_first_admin_comes_by_a_named_claim_once(registry: Registry) -> None:
    for name in ("ann", "eve"):
        see(registry, name, is_first_admin=True)
    see(registry, "ann", is_first_admin=True, issued_at=LATER)
    (grant,) = registry.access_grants()
    assert (grant.principal, grant.role, grant.granted_by) == (
        "ann",
        "admin",
        "service:first-admin",
    )
    registry.end_grant(grant.grant_id)
    see(registry, "eve", is_first_admin=True, issued_at=LATER)
    assert [each.principal for each in registry.access_grants(ended=True)] == ["ann"]


def test_a_registry_that_had_an_admin_has_no_first_one(registry: Registry) -> None:
    token = registry.create_token("root", roles=[Role.ADMIN]).token
    registry.revoke_token(token.token_id)
    see(registry, "ann", is_first_admin=True)
    assert registry.access_grants() == ()


def test_a_link_gives_nobody_rights_and_a_denial_holds_for_the_person(registry: Registry) -> None:
    see(registry, "ann", email=EMAIL)
    see(registry, "other", issuer="https://other.example", email=EMAIL)
    registry.create_group("risk")
    registry.add_member("risk", "ann")
    registry.grant_access("deployer", "ann")
    registry.grant_access("approver", "group:risk")
    registry.grant_access("contributor", "ann", deny=True)
    own = registry.operations.tokens.held_by(registry.context.names.known("Ann"), ())
    assert ([each.role for each in own.grants], own.groups) == (
        ["deployer", "contributor", "approver"],
        ("risk",),
    )
    other = registry.operations.tokens.held_by(registry.context.names.known("other"), ())
    assert ([each.role for each in other.grants], other.groups) == (["contributor"], ())


def test_a_link_with_somebody_deactivated_revokes_tokens_as_the_log_says(
    registry: Registry,
) -> None:
    see(registry, "ann")
    registry.set_person_active("ann", active=False)
    secret = registry.create_token("ben", roles=[Role.READER]).secret
    registry.link_person("ben", person="ann")
    assert registry.operations.tokens.bearer_of(secret) is None
    violated = {each.name for each in registry.fsck().checks if each.examples}
    assert violated == set()
