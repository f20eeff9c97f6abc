"""Nobody approves their own version, by whatever way: each way here ends without a promotion."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from pedigree.access.actor import resolve_actor
from pedigree.access.principal import Principal
from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.audit.records import Actor
from pedigree.errors import NotPermittedError, PedigreeError
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry, registry_in
from pedigree.settings import Settings
from tests.factories import register
from tests.lifecycle.deciding import ANN, BEN, candidate, policy_of, waits_for

OWNER = "ann@example.com"
TWINS = (
    "ANN@example.com",
    "Ann@Example.COM",
    "\N{FULLWIDTH LATIN SMALL LETTER A}nn@example.com",
    "a\u200bnn@example.com",
    "ann@example.com\ufeff",
    "ann\u00ad@example.com",
    " ann@example.com",
    "ann\N{FULLWIDTH COMMERCIAL AT}example.com",
)


class Own(NamedTuple):
    """A version that Ann registered, which needs one approval."""

    registry: Registry
    reference: str
    folder: Path

    def by(self, name: str = OWNER, source: str = "test") -> Actor:
        """An actor."""
        return Actor(name=name, source=source)

    def approve(self, actor: Actor = ANN) -> None:
        """Approve the version."""
        self.registry.approve(self.reference, "production", comment="mine", actor=actor)


@pytest.fixture
def own(registry: Registry, tmp_path: Path) -> Own:
    mine = registry.acting_as(ANN)
    mine.set_policy("churn", policy_of(approvals={}, automatic=False))
    return Own(mine, candidate(mine, tmp_path), tmp_path)


def as_oneself(own: Own) -> None:
    own.approve()


def with_a_twin_of_the_name(own: Own) -> None:
    for name in TWINS:
        with pytest.raises(PedigreeError):
            own.approve(own.by(name))


def from_another_source(own: Own) -> None:
    for source in ("token", "oidc sso", "workload github", "dagster run tag", "PEDIGREE_ACTOR"):
        with pytest.raises(PedigreeError):
            own.approve(own.by(source=source))


def by_a_setting_of_the_process(own: Own) -> None:
    own.approve(resolve_actor(Settings(actor="Ann@example.com")))


def by_the_tag_of_a_run(own: Own) -> None:
    own.approve(resolve_actor(Settings(), "ANN@example.com"))


def as_the_sensor(own: Own) -> None:
    own.approve(own.by("sensor:pedigree_promotion", "dagster sensor"))


def as_the_service(own: Own) -> None:
    own.approve(own.by("service:reconciler", "pedigree serve"))


def as_an_automatic_approver(own: Own) -> None:
    own.approve(own.by("service:approver:small", "policy"))


def by_a_request_of_ones_own(own: Own) -> None:
    own.registry.request_stage(own.reference, "production", reason="mine")
    own.registry.operations.stage_requests.perform_requests("churn")
    own.approve()


def by_a_request_without_the_right_to_move(own: Own) -> None:
    asks = own.registry.acting_as(ANN, permissions={Permission.READ, Permission.REQUEST})
    asks.request_stage(own.reference, "production")
    own.registry.operations.stage_requests.perform_requests("churn")
    asks.approve(own.reference, "production", comment="mine")


def by_a_retry(own: Own) -> None:
    own.registry.retry_promotion(own.reference, "production", reason="mine")


def by_an_automatic_promotion(own: Own) -> None:
    own.registry.promote(own.reference, "production", automatic=True)


def by_an_override(own: Own) -> None:
    own.registry.override(own.reference, "production", reason="mine")


def by_a_rollback(own: Own) -> None:
    own.registry.rollback("churn", stage="production")


def of_a_restored_version(own: Own) -> None:
    own.registry.delete(own.reference, reason="test")
    own.registry.acting_as(BEN).restore(own.reference)
    own.approve()


def of_the_bytes_that_another_registered_again(own: Own) -> None:
    again = register(own.registry.acting_as(BEN), own.folder, "a", run_id="of ben")
    assert again == own.reference
    own.approve()


def of_a_version_of_another_to_which_one_added_a_training(own: Own) -> None:
    theirs = candidate(own.registry.acting_as(BEN), own.folder, "of ben")
    assert register(own.registry, own.folder, "of ben", run_id="of ann") == theirs
    own.registry.approve(theirs, "production", comment="mine by now", actor=ANN)


def by_a_training_after_the_approval(own: Own) -> None:
    theirs = candidate(own.registry.acting_as(BEN), own.folder, "of ben")
    own.registry.approve(theirs, "production", comment="not mine yet", actor=ANN)
    register(own.registry, own.folder, "of ben", run_id="of ann")
    assert waits_for(own.registry, theirs) == ("1 approval",)
    own.registry.promote(theirs, "production")


def of_the_approval_of_other_bytes(own: Own) -> None:
    theirs = candidate(own.registry.acting_as(BEN), own.folder, "of ben")
    own.registry.approve(theirs, "production", comment="fine", actor=ANN)
    own.registry.promote(own.reference, "production")


def of_an_approval_from_before_a_move(own: Own) -> None:
    own.registry.approve(own.reference, "production", comment="fine", actor=BEN)
    own.registry.set_alias("churn", "best", 1)
    own.registry.promote(own.reference, "production")


def with_every_role(own: Own) -> None:
    mine = own.registry.acting_as(ANN, permissions=frozenset().union(*PERMISSIONS.values()))
    mine.approve(own.reference, "production", comment="mine")


def with_a_token_that_one_issued_to_oneself(own: Own) -> None:
    hour = timedelta(hours=1)
    issued = own.registry.create_token(OWNER.upper(), roles=[Role.ADMIN], expires=hour)
    token = own.registry.operations.tokens.token_of(issued.secret)
    assert token is not None
    own.approve(own.by(token.principal, "token"))


def with_a_token_for_another_that_one_created(own: Own) -> None:
    ben = Principal(actor=own.by(BEN.name, "token"), issued_by=OWNER.upper())
    theirs = registry_in(own.registry.context.used_by(ben))
    with pytest.raises(NotPermittedError):
        theirs.override(own.reference, "production", reason="not mine")
    theirs.approve(own.reference, "production", comment="not mine")


def by_a_role_that_one_grants_to_oneself(own: Own) -> None:
    own.registry.define_role("judge", [Permission.READ, Permission.DECIDE, Permission.OVERRIDE])
    asked = {"by": ["role:judge"]}
    own.registry.set_policy("churn", policy_of(approvals=asked, automatic=False))
    for name in (OWNER, OWNER.upper()):
        with pytest.raises(NotPermittedError):
            own.registry.grant_access("judge", name)
    own.approve()


def by_name_in_the_policy(own: Own) -> None:
    own.registry.set_policy("churn", policy_of(approvals={"by": [OWNER]}, automatic=False))
    own.approve()


def by_a_statement_as_the_application(own: Own) -> None:
    for name in (OWNER, *TWINS):
        with pytest.raises(psycopg.errors.CheckViolation, match="decision_not_by_author"):
            own.registry.database.transaction(
                lambda transaction, name=name: transaction.execute(
                    "INSERT INTO pedigree.decision (model_id, version, digest, author, from_stage,"
                    " to_stage, generation, approved, comment, decided_by, decided_by_source, at)"
                    " SELECT v.model_id, v.version, v.digest, v.created_by, 'candidate',"
                    " 'production', m.generation, true, 'mine', %s, 'psql', now()"
                    " FROM pedigree.model_version v JOIN pedigree.registered_model m"
                    " USING (model_id)",
                    [name],
                )
            )


def by_a_statement_that_names_another_author(own: Own) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="decision_version"):
        own.registry.database.transaction(
            lambda transaction: transaction.execute(
                "INSERT INTO pedigree.decision (model_id, version, digest, author, from_stage,"
                " to_stage, generation, approved, comment, decided_by, decided_by_source, at)"
                " SELECT v.model_id, v.version, v.digest, 'nobody', 'candidate', 'production', 1,"
                " true, 'mine', 'ben@example.com', 'psql', now() FROM pedigree.model_version v"
            )
        )


def in_a_race_of_the_decision_and_a_registration(own: Own) -> None:
    """Either the training is first, and the approval refused; or it is void from then on."""
    theirs = candidate(own.registry.acting_as(BEN), own.folder, "of ben")
    ready = threading.Barrier(2)

    def train() -> None:
        ready.wait()
        register(own.registry, own.folder, "of ben", run_id="of ann")

    thread = threading.Thread(target=train)
    thread.start()
    ready.wait()
    try:
        own.registry.approve(theirs, "production", comment="quick", actor=ANN)
    finally:
        thread.join()
    assert waits_for(own.registry, theirs) == ("1 approval",)
    own.registry.promote(theirs, "production")


WAYS = (
    *(as_oneself, with_a_twin_of_the_name, from_another_source, by_a_setting_of_the_process),
    *(by_the_tag_of_a_run, as_the_sensor, as_the_service, as_an_automatic_approver),
    *(by_a_request_of_ones_own, by_a_request_without_the_right_to_move, by_a_retry),
    *(by_an_automatic_promotion, by_an_override, by_a_rollback, of_a_restored_version),
    *(of_the_bytes_that_another_registered_again, by_a_training_after_the_approval),
    *(of_a_version_of_another_to_which_one_added_a_training, of_the_approval_of_other_bytes),
    *(of_an_approval_from_before_a_move, with_every_role, with_a_token_that_one_issued_to_oneself),
    *(with_a_token_for_another_that_one_created, by_a_role_that_one_grants_to_oneself),
    *(by_name_in_the_policy, by_a_statement_as_the_application),
    *(by_a_statement_that_names_another_author, in_a_race_of_the_decision_and_a_registration),
)
# These look at each refusal themselves.
LOOKING = (
    *(with_a_twin_of_the_name, from_another_source, by_a_statement_as_the_application),
    by_a_statement_that_names_another_author,
)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_approves_their_own_version(own: Own, way: Callable[[Own], None]) -> None:
    if way in LOOKING:
        way(own)
    else:
        with pytest.raises(PedigreeError):
            way(own)
    registry = own.registry
    assert any("1 approval" in each for each in waits_for(registry, own.reference))
    with pytest.raises(PedigreeError, match="1 approval"):
        registry.promote(own.reference, "production")
    assert registry.holder("churn", "production") is None
    assert check_replay(registry.database).examples == []


def test_two_spellings_of_one_person_are_one_approver(registry: Registry, tmp_path: Path) -> None:
    registry.set_policy("churn", policy_of(approvals={"needed": 2}))
    reference = candidate(registry, tmp_path)
    for name in (OWNER, *TWINS):
        registry.approve(
            reference, "production", comment="one", actor=Actor(name=name, source="test")
        )
    assert waits_for(registry, reference) == ("1 approval",)
    registry.approve(reference, "production", comment="two", actor=BEN)
    assert waits_for(registry, reference) == ()
