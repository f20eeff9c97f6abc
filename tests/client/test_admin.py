"""Tokens, collections and checks of the registry are the same in this process and over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.access.records import Role
from pedigree.errors import (
    AccessNotFoundError,
    NotPermittedError,
    PlanChangedError,
    ServiceBusyError,
    TokenNotFoundError,
)
from pedigree.lifecycle.records import RetentionRule
from pedigree.registry import Registry
from pedigree.server.http import long_requests
from tests.factories import register
from tests.server.conftest import Served


def test_tokens_are_made_listed_and_revoked(registry: Registry, name: str) -> None:
    made = registry.create_token(
        f"ci@{name}", roles=[Role.READER], models=[f"{name}*"], expires=timedelta(days=90)
    )
    assert made.secret.startswith("pdg_")
    token = made.token
    assert (token.created_by, token.models, token.roles) == ("tester", (f"{name}*",), ("reader",))
    assert token.expires_at is not None
    assert registry.tokens(after=token.token_id - 1)[0] == token
    assert registry.revoke_token(token.token_id).revoked_by == "tester"
    with pytest.raises(TokenNotFoundError):
        registry.revoke_token(10**9)
    with pytest.raises(AccessNotFoundError, match="role"):
        registry.create_token(f"ci@{name}", roles=["nosuch"])
    assert registry.create_token(f"ci@{name}", roles=[]).token.roles == ()


def deleted(registry: Registry, folder: Path, name: str) -> None:
    """Delete a version whose window is over at once."""
    reference = register(registry, folder, name, name)
    registry.set_retention(name, RetentionRule(window=timedelta()))
    registry.delete(reference, reason="a test")


def test_bytes_are_collected_by_a_plan(registry: Registry, tmp_path: Path, name: str) -> None:
    deleted(registry, tmp_path, name)
    with registry.plan_gc() as plan:
        assert f"{name}/1" in [item.subject for item in plan if item.kind == "version"]
        assert plan.counts["version"].items >= 1
        done = registry.gc(plan)
    assert done.plan == plan.digest
    assert done.done["version"].items >= 1
    assert registry.fsck().ok
    assert registry.fsck(hashes=True).violated == ()


def test_a_plan_that_has_changed_is_refused(
    connect: Callable[..., Registry], tmp_path: Path, name: str
) -> None:
    registry = connect()
    with registry.plan_gc() as plan:
        deleted(registry, tmp_path, name)
        with pytest.raises(PlanChangedError):
            registry.gc(plan)


def test_only_admins_may_operate_the_registry(connect: Callable[..., Registry]) -> None:
    registry = connect(Role.DEPLOYER, Role.CONTRIBUTOR)
    for verb in (registry.tokens, registry.plan_gc, registry.fsck):
        with pytest.raises(NotPermittedError):
            verb()


def test_an_admin_of_some_models_makes_no_token_for_others(served: Served) -> None:
    admin = served.client(Role.ADMIN, models=("churn*",))
    new = {"principal": "me", "roles": ["admin"]}
    assert admin.post("/tokens", json=new).status_code == 403
    assert admin.get("/gc").status_code == 403


def test_a_long_request_begins_its_answer_and_reports_failures_in_it(
    connect: Callable[..., Registry],
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(long_requests, "_SILENCE_S", 0.0)
    registry = connect()
    assert registry.fsck().ok
    with registry.plan_gc() as plan:
        deleted(registry, tmp_path, name)
        with pytest.raises(PlanChangedError):
            registry.gc(plan)


def test_a_process_runs_one_long_request_at_a_time() -> None:
    work = long_requests.LongWork(bytes)
    work._task = Unfinished()
    with pytest.raises(ServiceBusyError):
        work.answer(dict).send(None)


class Unfinished:
    """What is in progress."""

    def done(self) -> bool:
        return False
