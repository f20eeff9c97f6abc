import os
import pwd
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.actor import resolve_actor
from pedigree.access.reserved import is_reserved
from pedigree.errors import ReservedNameError
from pedigree.registry import Registry
from pedigree.settings import Settings

RESERVED = ("sensor:pedigree_promotion", "service:reconciler", "Sensor:x", "SERVICE:", " sensor:x")


def test_the_setting_has_precedence_over_the_claim_of_a_run() -> None:
    actor = resolve_actor(Settings(actor="ann"), run_actor="bob")
    assert (actor.name, actor.source) == ("ann", "PEDIGREE_ACTOR")


def test_the_claim_of_a_run_has_precedence_over_git_and_the_system() -> None:
    actor = resolve_actor(Settings(actor=None), run_actor="bob")
    assert (actor.name, actor.source) == ("bob", "dagster run tag")


def test_there_is_always_an_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir("/")
    monkeypatch.setenv("LOGNAME", "carol")
    actor = resolve_actor(Settings(actor=None))
    assert (actor.name, actor.source) == ("carol", "operating system")


@pytest.mark.parametrize("name", RESERVED)
def test_settings_and_runs_cannot_claim_a_reserved_name(name: str) -> None:
    with pytest.raises(ReservedNameError, match="PEDIGREE_ACTOR"):
        resolve_actor(Settings(actor=name))
    with pytest.raises(ReservedNameError, match="run tag") as refused:
        resolve_actor(Settings(actor=None), run_actor=name)
    assert refused.value.exit_code == 2


def test_a_reserved_setting_is_refused_before_any_work(database_url: str, home: Path) -> None:
    with pytest.raises(ReservedNameError, match="reserved for Pedigree"):
        Registry.connect(database_url, settings=Settings(actor="service:me", home=home))


def test_one_connection_acts_as_one_person_in_every_working_directory(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for email in ("ann@example.com", "bob@example.com"):
        subprocess.run(["git", "init", "--quiet", tmp_path / email], check=True)
        command = ["git", "-C", tmp_path / email, "config", "user.email", email]
        subprocess.run(command, check=True)
    nobody = Settings(home=home, actor=None)
    with Registry.connect(database_url, settings=nobody) as registry:
        monkeypatch.chdir(tmp_path / "ann@example.com")
        registry.create_model("one")
        monkeypatch.chdir(tmp_path / "bob@example.com")
        registry.create_model("two")
        with monkeypatch.context() as without_git:
            without_git.setenv("PATH", "")
            registry.create_model("three")
        assert {event.actor.name for event in registry.events()} == {"ann@example.com"}
        assert {event.actor.source for event in registry.events()} == {"git user.email"}


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_git_address_or_environment_user_is_skipped(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.chdir("/")
    subprocess.run(["git", "config", "--global", "user.email", name], check=True)
    monkeypatch.setenv("LOGNAME", name)
    actor = resolve_actor(Settings(actor=None))
    known = pwd.getpwuid(os.getuid()).pw_name
    assert (actor.name, actor.source) == (known, "operating system")


def _spelled(prefix: str) -> st.SearchStrategy[str]:
    """A prefix in any case, in full width, with invisible characters between its letters."""
    unseen = st.sampled_from(["", " ", "\u200b", "\u00a0", "\t"])
    wide = {letter: chr(ord(letter) + 0xFEE0) for letter in prefix}
    letters = [st.sampled_from([each, each.upper(), wide[each]]) for each in prefix]
    pairs = [st.tuples(unseen, each).map("".join) for each in letters]
    return st.tuples(*pairs).map("".join)


@given(st.one_of(_spelled("sensor:"), _spelled("service:")), st.text())
def test_a_prefix_is_reserved_however_it_is_spelled(prefix: str, rest: str) -> None:
    assert is_reserved(prefix + rest)


@pytest.mark.parametrize(
    "name",
    ["ann@example.com", "sensors@example.com", "services:x", "a sensor: b", "ci:sensor:x"],
)
def test_other_names_are_not_reserved(name: str) -> None:
    assert not is_reserved(name)
    assert resolve_actor(Settings(actor=name)).name == name
