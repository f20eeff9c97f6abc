"""What every group of operations works with: requests to the service, and paths of references."""

from functools import lru_cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json

from pedigree._record import PAGE
from pedigree.artifacts.cache import BlobCache
from pedigree.audit.records import Actor
from pedigree.catalog.names import validate_name
from pedigree.catalog.references import parse_reference
from pedigree.client._connection import Connection
from pedigree.client._problems import told_by
from pedigree.contract import paths
from pedigree.contract.paths import fill
from pedigree.errors import NotServedError
from pedigree.settings import Settings

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list of the service."""

    items: tuple[T, ...]
    next: str | None = None


class Service:
    """One process's connection to a service."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self.settings = settings
        self.files = ServedFiles(connection)
        self.cache = BlobCache(settings.home_folder / "cache", settings.cache_bytes)

    def close(self) -> None:
        """Close the connections, and release what the cache holds for this registry."""
        self.cache.release()
        self.connection.close()

    def read(self, kind: type[T], path: str, /, **query: Any) -> T:
        return _record(kind, self.connection.get(path, **query))

    def write(
        self, kind: type[T], method: str, path: str, body: object = None, /, **query: Any
    ) -> T:
        return _record(kind, self.connection.write(method, path, body, **query))

    def do(self, method: str, path: str, body: object = None, /, **query: Any) -> None:
        self.connection.write(method, path, body, **query)

    def work(self, kind: type[T], path: str, body: object = None, /, **query: Any) -> T:
        """Let the service do what may take long; its body tells of what went wrong later."""
        content = self.connection.write("POST", path, body, **query)
        told = from_json(content)
        if isinstance(told, dict) and (error := told_by(told)):
            raise error
        return _record(kind, content)

    def items(
        self, kind: type[T], path: str, *, limit: int, cursor: str = "after", **query: Any
    ) -> tuple[T, ...]:
        """Return so many records of a list, page by page."""
        found: list[T] = []
        while True:
            wanted = min(limit - len(found), PAGE)
            page = self.read(Page[kind], path, limit=wanted, **query)  # type: ignore[valid-type]
            found += page.items
            if page.next is None or len(found) >= limit or not page.items:
                return tuple(found)
            query[cursor] = page.next

    def model_path(self, template: str, name: str, **values: object) -> str:
        """Return a path below a model.

        Raises:
            InvalidNameError: The name breaks the rule.
        """
        return fill(template, name=validate_name(name), **values)

    def version_path(self, template: str, reference: str, **values: object) -> str:
        """Return a path below a version; the service is asked where a stage or an alias leads.

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
        """
        parsed = parse_reference(self.exact(reference))
        return self.model_path(template, parsed.name, version=parsed.version, **values)

    def exact(self, reference: str) -> str:
        """Return the reference by its number of a version that a stage or an alias may lead to.

        Raises:
            InvalidReferenceError: The reference cannot be read.
            NotFoundError: It names nothing.
        """
        parsed = parse_reference(reference)
        if parsed.version is not None:
            return reference
        pointer = self.model_path(paths.ALIAS, parsed.name, alias=parsed.pointer)
        return f"{parsed.name}/{self.read(_Numbered, pointer).version_id}"


class ServiceGroup:
    """A group of operations that needs the service alone."""

    def __init__(self, service: Service) -> None:
        self._service = service


class ServedFiles:
    """The files of a service's versions, each under its path."""

    is_local = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stream(self, key: str, *, start: int = 0) -> Any:
        """Give a file's bytes, piece by piece, from a place that lies before its end."""
        return self._connection.stream(key, start=start)


class _Numbered(BaseModel):
    """Of a version, its number alone."""

    version_id: int


def _record(kind: type[T], content: bytes) -> T:
    """Read a record; what a newer service adds to it is passed over."""
    adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type] # mypy: no type is hashable
    # What the service holds is no new policy, see read_policy().
    return adapter.validate_json(content, extra="ignore", context={"stored": True})


@lru_cache(maxsize=256)
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def only_in_process(*, actor: Actor | None = None, **given: object) -> None:
    """Refuse what a verb of the registry takes and its route does not.

    Raises:
        NotServedError: Something of it is given.
    """
    if actor is not None:
        raise NotServedError(
            "whose token it is acts",
            field="actor",
            value=actor.name,
            remedy="Connect by a token of that principal",
        )
    for field, value in given.items():
        if value:
            raise NotServedError(
                "the service does not take it",
                field=field,
                value=value,
                remedy="Leave it out, or connect to the registry's database",
            )
