"""A login is kept in the keyring of the operating system where it works, else in a file."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from pedigree.client._kept_logins import KeptLogin
from pedigree.errors import NotAuthenticatedError

LOGIN = {"access_token": "a secret"}


class Memory(keyring.backend.KeyringBackend):
    """A keyring of this process, which can be locked."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._require_open()
        return self.known.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._require_open()
        self.known[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._require_open()
        del self.known[service, username]

    def _require_open(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A keyring that works."""
    before = keyring.get_keyring()
    memory = Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a login."""
    return tmp_path / "login.json"


def keep(path: Path) -> KeptLogin:
    kept = KeptLogin(path)
    with kept.locked():
        kept.write(LOGIN)
    return kept


def test_a_keyring_that_works_has_the_secrets_and_the_file_has_none(
    memory: Memory, path: Path
) -> None:
    kept = keep(path)
    assert (kept.read(), kept.place) == (LOGIN, "the keyring of the operating system")
    assert "secret" not in path.read_text()
    kept.remove()
    assert (kept.exists, memory.known) == (False, {})


def test_without_a_keyring_the_file_has_the_secrets(path: Path) -> None:
    assert keyring.get_keyring().priority < 1
    kept = keep(path)
    assert (kept.read(), kept.place) == (LOGIN, str(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_keyring_that_refuses_to_write_leaves_it_to_the_file(memory: Memory, path: Path) -> None:
    memory.is_locked = True
    kept = keep(path)
    assert (kept.read(), kept.place) == (LOGIN, str(path))


def test_a_locked_keyring_is_said_and_the_login_can_be_forgotten(
    memory: Memory, path: Path
) -> None:
    kept = keep(path)
    memory.is_locked = True
    assert kept.exists
    with pytest.raises(NotAuthenticatedError, match="Unlock it"):
        kept.read()
    kept.remove()
    assert not kept.exists


def test_a_damaged_secret_is_no_login(memory: Memory, path: Path) -> None:
    kept = keep(path)
    memory.known = dict.fromkeys(memory.known, "{")
    with pytest.raises(NotAuthenticatedError):
        kept.read()
