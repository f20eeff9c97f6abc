"""A client that works until it is killed: ``python -m … URL FOLDER NUMBER``.

It registers, uploads, promotes, rolls back, deletes, sets aliases and tags on a model of its own,
one operation after the other. Each operation has a name that its event carries.
"""

import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pedigree
from pedigree.catalog.records import ModelVersion
from pedigree.contract.registry import RegistryContract
from pedigree.errors import NotFoundError, PedigreeError, RefusedError
from pedigree.settings import Settings
from tests.factories import new_version
from tests.faults.journal import Journal

UPLOADED_BYTES = 1_200_000  # more than the service keeps in memory
# A version that this many newer ones follow is left alone, so that lists stay short.
RECENT = 12

Work = Callable[["MortalClient", str], object]


class MortalClient:
    """One client, in one of its lives.

    Args:
        registry: The registry of the service.
        folder: Of its files and its journal.
        number: Which client it is.
    """

    def __init__(self, registry: RegistryContract, folder: Path, number: int) -> None:
        self._registry = registry
        self._folder = folder
        self._model = f"model-{number}"
        self._journal = Journal(folder / f"journal-{number}")
        self._random = random.Random(f"{number} {self._journal.begun}")

    def work(self, number: int) -> None:
        """Do one operation after the other, until somebody ends this process."""
        for count in range(self._journal.begun, sys.maxsize):
            (kind,) = self._random.choices([*KINDS], [weight for weight, _ in KINDS.values()])
            self.do(kind, f"{number}-{count}")

    def do(self, kind: str, name: str) -> None:
        """Do one operation, and write down how it ended."""
        self._journal.write(name, kind, "begun")
        try:
            done = KINDS[kind][1](self, name)
        except (RefusedError, NotFoundError) as error:
            self._journal.write(name, kind, "refused", str(error))
        except PedigreeError as error:
            self._journal.write(name, kind, "unknown", f"{type(error).__name__}: {error}")
        except Exception as error:
            self._journal.write(name, kind, "untyped", repr(error))
        else:
            self._journal.write(name, kind, "done", str(done))

    def register(self, name: str) -> str:
        """Register a small file."""
        return self._register(name, name.encode())

    def upload(self, name: str) -> str:
        """Register a file that the service takes as a stream."""
        return self._register(name, self._random.randbytes(UPLOADED_BYTES))

    def promote(self, name: str) -> str:
        """Move a version to production."""
        version = self._any(lambda version: version.stage != "production")
        return str(self._registry.promote(version.reference, "production", reason=name))

    def rollback(self, name: str) -> str:
        """Return to the previous version in production."""
        return str(self._registry.rollback(self._model, reason=name))

    def delete(self, name: str) -> str:
        """Delete a version."""
        version = self._any(lambda version: version.stage != "production")
        self._registry.delete(version.reference, reason=name)
        return version.reference

    def alias(self, name: str) -> str:
        """Point an alias to another version."""
        alias = f"alias-{self._random.randrange(4)}"
        version = self._any(lambda version: alias not in version.aliases)
        self._registry.set_alias(self._model, alias, version.version_id, reason=name)
        return version.reference

    def tag(self, name: str) -> str:
        """Replace the tags of a version."""
        version = self._any(lambda _: True)
        return self._registry.update(version.reference, tags={"operation": name}).reference

    def _register(self, name: str, content: bytes) -> str:
        path = self._folder / f"file-{self._model}"
        path.write_bytes(content)
        done = self._registry.register(self._model, path, new_version(run_id=name), judge=True)
        return done.version.reference

    def _any(self, fits: Callable[[ModelVersion], bool]) -> ModelVersion:
        found = self._registry.versions(self._model, limit=RECENT, newest_first=True)
        fitting = [version for version in found if fits(version)]
        if not fitting:
            raise RefusedError("no version fits")
        return self._random.choice(fitting)


# How often, relative to the others, and what is done.
KINDS: Mapping[str, tuple[float, Work]] = {
    "register": (4, MortalClient.register),
    "upload": (0.5, MortalClient.upload),
    "promote": (4, MortalClient.promote),
    "rollback": (2, MortalClient.rollback),
    "delete": (1.5, MortalClient.delete),
    "alias": (4, MortalClient.alias),
    "tag": (6, MortalClient.tag),
}


if __name__ == "__main__":
    url, folder, client_number = sys.argv[1:]
    settings = Settings(home=Path(folder) / "unused", git_commit="0123456789abcdef")
    connected = pedigree.connect(url, settings=settings)
    MortalClient(connected, Path(folder), int(client_number)).work(int(client_number))
