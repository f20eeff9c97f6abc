import pytest

from pedigree.access.actor import resolve_actor
from pedigree.settings import Settings


def test_the_setting_goes_before_what_a_run_claims() -> None:
    actor = resolve_actor(Settings(actor="ann"), run_actor="bob")
    assert (actor.name, actor.source) == ("ann", "PEDIGREE_ACTOR")


def test_a_run_s_claim_goes_before_git_and_the_system() -> None:
    actor = resolve_actor(Settings(actor=None), run_actor="bob")
    assert (actor.name, actor.source) == ("bob", "dagster run tag")


def test_somebody_always_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir("/")
    monkeypatch.setenv("LOGNAME", "carol")
    actor = resolve_actor(Settings(actor=None))
    assert (actor.name, actor.source) == ("carol", "operating system")
