"""Users and groups that a provider provisions, in the registry: whose names, whose rights."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from pedigree.access.oidc.providers import ScimLink
from pedigree.access.people_records import PrincipalKind
from pedigree.access.provisioned_groups import group_name
from pedigree.access.provisioning_records import ProvisionedUser
from pedigree.access.records import Permission, Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.contract._entrance import guarded
from pedigree.errors import (
    AccessInUseError,
    AccessNotFoundError,
    InvalidInputError,
    NameTakenError,
    NotPermittedError,
    OwnRightsError,
    PrincipalNotFoundError,
    RefusedError,
    ReservedNameError,
    TooLargeError,
)
from pedigree.registry import Registry
from pedigree.registry.provisioning import ProvisioningOperations
from tests.identities import ISSUER, see

PROVIDER = Actor(name="entra", source="token")
EMAIL = "ann@example.com"


class Provider:
    """The operations of provisioning by their entrance, as SCIM calls them.

    Args:
        registry: The registry with the permissions of the provider.
    """

    def __init__(self, registry: Registry) -> None:
        self._operations = registry.operations

    def __getattr__(self, name: str) -> Any:
        described = getattr(ProvisioningOperations, name)
        return guarded(getattr(self._operations.provisioning, name), described, self._operations)


@pytest.fixture
def provider(registry: Registry) -> Provider:
    """The operations of a provider that may do nothing else."""
    return Provider(registry.acting_as(PROVIDER, permissions={Permission.PROVISION}))


def changed(provider: Provider, user: ProvisionedUser, **changes: Any) -> ProvisionedUser:
    """Change a user, and leave the rest as it is."""
    kept = {"external_id": user.external_id, "email": user.email, "active": None}
    return provider.change_user(user.user_id, user.name, **{**kept, **changes})


def members(registry: Registry, group: str) -> tuple[str, ...]:
    """The members of a group."""
    return next(each.members for each in registry.access_groups() if each.name == group)


def problems(registry: Registry) -> list[str]:
    """What fsck finds of people, access and provisioning."""
    names = ("principals", "identities", "tokens", "access", "provisioning")
    return [
        f"{each.name} {one.reference}"
        for each in registry.fsck().checks
        if each.name.startswith(names)
        for one in each.examples
    ]


def test_a_user_is_the_principal_of_a_person(registry: Registry, provider: Provider) -> None:
    made = provider.provision_user(EMAIL, external_id="x", email=EMAIL)
    assert (made.name, made.external_id, made.email, made.active) == (EMAIL, "x", EMAIL, True)
    (known,) = registry.principals()
    assert (known.name, known.kind) == (EMAIL, PrincipalKind.PERSON)
    (identity,) = known.identities
    assert (identity.issuer, identity.email, identity.roles) == ("urn:pedigree:scim", EMAIL, ())
    events = registry.events()
    assert [each.type for each in events] == [
        "principal.created",
        "identity.linked",
        "principal.provisioned",
    ]
    assert {each.actor.name for each in events} == {"entra"}
    assert problems(registry) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", InvalidInputError),
        (" ann", InvalidInputError),
        ("a\u200bnn", InvalidInputError),
        ("ann\n", InvalidInputError),
        ("n" * 257, InvalidInputError),
        ("group:risk", InvalidInputError),
        ("service:cards", ReservedNameError),
        ("Sensor:x", ReservedNameError),
    ],
)
def test_a_name_that_nobody_may_have_is_refused(
    provider: Provider, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        provider.provision_user(name)
    assert provider.provisioned_users(limit=1).total == 0


@pytest.mark.parametrize("given", ["external_id", "email"])
@pytest.mark.parametrize("text", ["", " x", "x\u200b", "x" * 257])
def test_an_invisible_id_or_e_mail_is_refused(provider: Provider, given: str, text: str) -> None:
    with pytest.raises(InvalidInputError):
        provider.provision_user("ann", **{given: text})


def taken_by_a_token(registry: Registry) -> None:
    registry.create_token("Ann", roles=[Role.ADMIN])


def taken_by_a_workload(registry: Registry) -> None:
    see(registry, "ann", kind=PrincipalKind.WORKLOAD)


def taken_by_a_service(registry: Registry) -> None:
    see(registry, "ann", kind=PrincipalKind.SERVICE)


def taken_by_a_linked_token(registry: Registry) -> None:
    registry.create_token("ann", roles=[Role.ADMIN])
    registry.link_person("ann", issuer=ISSUER, subject="7")


@pytest.mark.parametrize(
    "take",
    [taken_by_a_token, taken_by_a_workload, taken_by_a_service, taken_by_a_linked_token],
)
def test_the_name_of_a_token_or_a_workload_is_taken_also_as_an_e_mail(
    registry: Registry, provider: Provider, take: Callable[[Registry], None]
) -> None:
    take(registry)
    with pytest.raises(NameTakenError):
        provider.provision_user("ANN")
    with pytest.raises(NameTakenError):
        provider.provision_user("other", email="ann")
    assert provider.provisioned_users(limit=1).total == 0
    other = provider.provision_user("other", email="other@example.com", external_id="o")
    with pytest.raises(NameTakenError):
        changed(provider, other, email="Ann")
    with pytest.raises(NameTakenError, match="external id"):
        provider.provision_user("third", external_id="o")
    with pytest.raises(NameTakenError, match="provisioned already"):
        provider.provision_user("Other")


def test_the_token_of_a_system_outlives_a_user_who_is_deactivated(
    registry: Registry, provider: Provider
) -> None:
    secret = registry.create_token("ci@example.com", roles=[Role.READER]).secret
    user = provider.provision_user("eve")
    for attack in (
        lambda: changed(provider, user, email="ci@example.com", active=False),
        lambda: provider.provision_user("CI@example.com", active=False),
    ):
        with pytest.raises(NameTakenError):
            attack()
    assert registry.operations.tokens.bearer_of(secret) is not None


def test_a_person_who_logged_in_is_the_same_person_and_keeps_what_they_have(
    registry: Registry, provider: Provider
) -> None:
    see(registry, EMAIL, subject="1", email=EMAIL)
    registry.create_token(EMAIL, roles=[Role.READER])
    provider.provision_user("Ann@Example.com")
    (known,) = registry.principals()
    assert [each.issuer for each in known.identities] == [ISSUER, "urn:pedigree:scim"]
    assert problems(registry) == []


def test_a_first_login_finds_the_user_by_the_e_mail(registry: Registry, provider: Provider) -> None:
    provider.provision_user(EMAIL)
    assert see(registry, EMAIL, subject="1", email=EMAIL).principal == EMAIL
    provider.provision_user("ben", email="ben@example.com")
    found = see(registry, "ben", subject="2", email="ben@example.com")
    assert found.principal == "ben"
    provider.provision_user("cy", email="cy@example.com")
    other = see(registry, "cy@example.com", subject="3", email="cy@example.com")
    assert other.principal == "cy@example.com"
    persons = {each.name: each.person for each in registry.principals()}
    assert persons["cy@example.com"] == "cy", "another name by the rule, but one person"
    assert problems(registry) == []


def test_a_name_alone_is_found_if_the_file_of_providers_says_so(
    registry: Registry, provider: Provider
) -> None:
    provider.provision_user("ann", email=EMAIL)
    for changes in ({}, {"email": "eve@example.com"}):
        with pytest.raises(NameTakenError):
            see(registry, "ann", subject="1", **changes)
    for kind in (PrincipalKind.WORKLOAD, PrincipalKind.SERVICE):
        with pytest.raises(NameTakenError):
            see(registry, "ann", subject="1", kind=kind, scim=ScimLink.NAME)
    assert see(registry, "ann", subject="1", scim=ScimLink.NAME).principal == "ann"
    with pytest.raises(NameTakenError):
        see(registry, "ann", subject="2", scim=ScimLink.NAME)


def test_a_subject_is_the_external_id_if_the_file_of_providers_says_so(
    registry: Registry, provider: Provider
) -> None:
    provider.provision_user("ann", external_id="248289")
    gone = provider.provision_user("ben", external_id="5")
    provider.deprovision_user(gone.user_id)
    assert see(registry, "name of a token", subject="248289").principal == "name of a token"
    by_id = {"scim": ScimLink.SUBJECT, "issuer": "https://other.example"}
    assert see(registry, "ann smith", subject="248289", **by_id).principal == "ann"
    later = see(
        registry,
        "ann smith",
        subject="248289",
        issuer="https://third.example",
        scim=ScimLink.SUBJECT,
    )
    assert later.principal == "ann smith", "the first login has the user"
    assert see(registry, "somebody", subject="5", **by_id).principal == "somebody"


def test_a_deactivated_person_loses_tokens_and_roles_of_claims(
    registry: Registry, provider: Provider
) -> None:
    user = provider.provision_user(EMAIL, email=EMAIL)
    see(registry, EMAIL, subject="1", email=EMAIL, roles=(Role.DEPLOYER,))
    secret = registry.create_token(EMAIL, roles=[Role.READER]).secret
    assert not changed(provider, user, active=False).active
    assert registry.operations.tokens.bearer_of(secret) is None
    (known,) = registry.principals()
    assert known.deactivated_at is not None
    assert [each.roles for each in known.identities] == [(), ()]
    types = [each.type for each in registry.events()]
    assert {"principal.deactivated", "token.revoked", "identity.ended"} <= set(types)
    with pytest.raises(NotPermittedError):
        registry.create_token(EMAIL, roles=[Role.READER])
    assert not changed(provider, user).active, "what is not said stays"
    assert changed(provider, user, active=True).active
    assert registry.operations.tokens.bearer_of(secret) is None
    assert problems(registry) == []


def test_who_an_admin_deactivated_is_let_in_by_an_admin_alone(
    registry: Registry, provider: Provider
) -> None:
    user = provider.provision_user("ann", active=True)
    registry.set_person_active("ann", active=False)
    with pytest.raises(RefusedError, match="by an admin"):
        changed(provider, user, active=True)
    assert not changed(provider, user, active=False).active
    with pytest.raises(RefusedError, match="by an admin"):
        changed(provider, user, active=True)
    provider.deprovision_user(user.user_id)
    with pytest.raises(RefusedError, match="by an admin"):
        provider.provision_user("ann", active=True)
    assert not provider.provision_user("ann").active
    registry.set_person_active("ann", active=True)
    (again,) = provider.provisioned_users(limit=5).users
    assert again.active
    changed(provider, again, active=False)
    registry.set_person_active("ann", active=True)
    registry.set_person_active("ann", active=False)
    with pytest.raises(RefusedError, match="by an admin"):
        changed(provider, again, active=True)
    assert problems(registry) == []


def test_an_e_mail_of_somebody_deactivated_lets_nobody_in(
    registry: Registry, provider: Provider
) -> None:
    see(registry, EMAIL, subject="1", email=EMAIL)
    registry.set_person_active(EMAIL, active=False)
    user = provider.provision_user("ann")
    with pytest.raises(RefusedError, match="by an admin"):
        changed(provider, user, email=EMAIL, active=True)
    assert not changed(provider, user, email=EMAIL).active


def test_a_removed_user_leaves_lists_and_groups_and_the_log_keeps_them(
    registry: Registry, provider: Provider
) -> None:
    user = provider.provision_user("ann", external_id="1", email=EMAIL)
    group = provider.provision_group("Risk", members=[user.user_id])
    registry.create_group("by-hand")
    registry.add_member("by-hand", "ann")
    provider.deprovision_user(user.user_id)
    assert provider.provisioned_users(limit=5).users == ()
    assert provider.provisioned_groups(group_id=group.group_id, limit=1).groups[0].members == ()
    assert members(registry, "by-hand") == ("ann",), "not a group of the provider"
    for missing in (
        lambda: provider.deprovision_user(user.user_id),
        lambda: changed(provider, user),
    ):
        with pytest.raises(PrincipalNotFoundError):
            missing()
    assert not see(registry, EMAIL, subject="1", email=EMAIL).is_active, "nobody comes back by it"
    again = provider.provision_user("ann", external_id="1", active=True)
    assert (again.active, again.user_id != user.user_id) == (True, True)
    assert registry.events(types=[EventType.PRINCIPAL_DEPROVISIONED])[0].body["principal"] == "ann"
    assert problems(registry) == []


def test_a_group_is_one_of_access_and_the_provider_decides_who_is_in_it(
    registry: Registry, provider: Provider
) -> None:
    ann, ben = (provider.provision_user(name) for name in ("ann", "ben"))
    group = provider.provision_group("Model Risk", external_id="g", members=[ann.user_id])
    assert (group.group, group.display_name) == ("model-risk", "Model Risk")
    registry.grant_access("approver", "group:model-risk")
    assert registry.explain_access("ann", permission=Permission.DECIDE)[0].allowed
    with pytest.raises(RefusedError, match="identity provider decides"):
        registry.add_member("model-risk", "eve")
    renamed = provider.change_group(group.group_id, "Risk EU", members=[ben.user_id])
    assert (renamed.group, renamed.display_name, renamed.external_id) == (
        "model-risk",
        "Risk EU",
        None,
    )
    assert members(registry, "model-risk") == ("ben",)
    assert not registry.explain_access("ann", permission=Permission.DECIDE)[0].allowed
    registry.remove_member("model-risk", "ben")
    found = provider.provisioned_groups(limit=5)
    assert (found.total, found.groups[0].members) == (1, ())
    provider.deprovision_group(group.group_id)
    assert registry.access_groups() == ()
    with pytest.raises(AccessNotFoundError):
        provider.change_group(group.group_id, "Risk")
    assert problems(registry) == []


def test_a_group_made_by_hand_is_out_of_reach(registry: Registry, provider: Provider) -> None:
    registry.create_group("admins")
    registry.grant_access("admin", "group:admins")
    for name in ("admins", "Admins", "ADMINS!"):
        with pytest.raises(NameTakenError):
            provider.provision_group(name)
    assert provider.provisioned_groups(limit=5).groups == ()
    provided = provider.provision_group("made by SCIM")
    registry.delete_group("made-by-scim")
    with pytest.raises(AccessNotFoundError):
        provider.deprovision_group(provided.group_id)
    assert problems(registry) == []


def test_members_are_users(registry: Registry, provider: Provider) -> None:
    group = provider.provision_group("g")
    for member in (uuid4(), group.group_id):
        with pytest.raises(InvalidInputError, match="no such user"):
            provider.change_group(group.group_id, "g", members=[member])
        with pytest.raises(InvalidInputError, match="no such user"):
            provider.provision_group("other", members=[member])
    assert [each.name for each in registry.access_groups()] == ["g"]


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "пример", "x\x00", "g" * 257])
def test_a_group_without_a_name_that_could_be_written_is_refused(
    provider: Provider, name: str
) -> None:
    with pytest.raises(InvalidInputError):
        provider.provision_group(name)


def test_the_name_of_a_group_is_valid_whatever_the_provider_calls_it() -> None:
    assert group_name("Größe") == "gr-e"
    assert group_name("x" * 300) == "x" * 128
    assert group_name("--a..b--") == "a..b"


def test_nobody_provisions_themselves(registry: Registry) -> None:
    see(registry, EMAIL, subject="1", email=EMAIL)
    oneself = Actor(name=EMAIL, source="token")
    own = Provider(registry.acting_as(oneself, permissions={Permission.PROVISION}))
    for attack in (
        lambda: own.provision_user(EMAIL),
        lambda: own.provision_user("other", email=EMAIL),
    ):
        with pytest.raises(OwnRightsError):
            attack()
    other = Provider(registry.acting_as(PROVIDER))
    mine = other.provision_user(EMAIL)
    group = other.provision_group("g")
    with pytest.raises(OwnRightsError):
        own.change_group(group.group_id, "g", members=[mine.user_id])
    with pytest.raises(OwnRightsError):
        own.provision_group("h", members=[mine.user_id])
    for attack in (
        lambda: changed(own, mine, active=True),
        lambda: own.deprovision_user(mine.user_id),
    ):
        with pytest.raises(OwnRightsError):
            attack()


def test_the_right_to_provision_gives_no_other_right(registry: Registry) -> None:
    used = registry.acting_as(PROVIDER, permissions={Permission.PROVISION})
    provided = Provider(used).provision_group("g")
    for attack in (
        lambda: used.grant_access("admin", "group:g"),
        lambda: used.create_token("eve", roles=[Role.ADMIN]),
        lambda: used.add_member("g", "eve"),
        used.principals,
        lambda: used.set_person_active("tester", active=False),
    ):
        with pytest.raises(NotPermittedError):
            attack()
    others = registry.acting_as(PROVIDER, permissions=set(Permission) - {Permission.PROVISION})
    operations = Provider(others)
    nobody = UUID(int=0)
    for attack in (
        operations.begin_provisioning,
        lambda: operations.provisioned_users(limit=1),
        lambda: operations.provision_user("ann"),
        lambda: operations.change_user(nobody, "ann"),
        lambda: operations.deprovision_user(nobody),
        lambda: operations.provisioned_groups(limit=1),
        lambda: operations.provision_group("h"),
        lambda: operations.change_group(provided.group_id, "h"),
        lambda: operations.deprovision_group(provided.group_id),
    ):
        with pytest.raises(NotPermittedError, match="permission provision"):
            attack()


def test_a_group_that_a_policy_names_stays(registry: Registry, provider: Provider) -> None:
    group = provider.provision_group("risk")
    registry.create_model("churn")
    policy = registry.policy("churn")
    named = policy.model_copy(update={"editors": ("group:risk", "tester")})
    registry.set_policy("churn", named)
    with pytest.raises(AccessInUseError):
        provider.deprovision_group(group.group_id)


def test_members_are_bounded(
    registry: Registry, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [provider.provision_user(f"u{n}").user_id for n in range(5)]
    group = provider.provision_group("g", members=users[:2])
    monkeypatch.setattr("pedigree.access.provisioned_groups.MOST_MEMBER_CHANGES", 2)
    with pytest.raises(TooLargeError, match="one request"):
        provider.change_group(group.group_id, "g", members=users)
    provider.change_group(group.group_id, "g", members=users[:4])
    monkeypatch.setattr("pedigree.access.provisioned_groups.MOST_MEMBERS", 4)
    with pytest.raises(TooLargeError, match="a group has"):
        provider.change_group(group.group_id, "g", members=users)


def test_a_list_of_groups_ends_early_if_they_have_many_members(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [provider.provision_user(f"u{n}").user_id for n in range(6)]
    for number in range(4):
        provider.provision_group(f"g{number}", members=users[: 3 + number])
    monkeypatch.setattr("pedigree.access.provisioned_groups._MOST_LISTED", 8)
    found = provider.provisioned_groups(limit=10)
    assert (found.total, [len(each.members) for each in found.groups]) == (4, [3, 4])
    rest = provider.provisioned_groups(limit=10, skip=2)
    assert [len(each.members) for each in rest.groups] == [5]
    assert [len(each.members) for each in provider.provisioned_groups(limit=1, skip=3).groups] == [
        6
    ]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Four threads."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_many_requests_for_one_name_at_once_make_one_user(
    provider: Provider, threads: ThreadPoolExecutor
) -> None:
    def make(_: int) -> bool:
        try:
            provider.provision_user("ann", external_id="1")
        except NameTakenError:
            return False
        return True

    assert sum(threads.map(make, range(8))) == 1
    assert provider.provisioned_users(limit=9).total == 1
