"""The context of every group of operations: requests to the service, and paths of references."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json

from pedigree._record import PAGE, UNCHANGED
from pedigree.artifacts.cache import BlobCache
from pedigree.audit.records import Actor
from pedigree.catalog.names import validate_name
from pedigree.catalog.references import parse_reference
from pedigree.client._connection import Connection
from pedigree.client._problems import error_of_problem
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
        """Close the connections, and release this registry's files in the cache."""
        self.cache.release()
        self.connection.close()

    def read(self, kind: type[T], path: str, /, **query: Any) -> T:
        return _record(kind, self.connection.get(path, **query))

    def write(
        self, kind: type[T], method: str, path: str, body: object = None, /, **query: Any
    ) -> T:
        return _record(kind, self.connection.write(method, path, body, **query))

    def write_form(
        self, kind: type[T], path: str, document: object, files: Mapping[str, bytes]
    ) -> T:
        """Send a JSON document with small files by their digests."""
        return _record(kind, self.connection.write_form(path, document, files))

    def do(self, method: str, path: str, body: object = None, /, **query: Any) -> None:
        self.connection.write(method, path, body, **query)

    def work(self, kind: type[T], path: str, body: object = None, /, **query: Any) -> T:
        """Start long work of the service, and return its result; the body may report a failure."""
        content = self.connection.write("POST", path, body, **query)
        result = from_json(content)
        if isinstance(result, dict) and (error := error_of_problem(result)):
            raise error
        return _record(kind, content)

    def items(
        self, kind: type[T], path: str, *, limit: int, cursor: str = "after", **query: Any
    ) -> tuple[T, ...]:
        """Return at most ``limit`` records of a list, read page by page."""
        found: list[T] = []
        while True:
            wanted = min(limit - len(found), PAGE)
            page = self.read(Page[kind], path, limit=wanted, **query)  # type: ignore[valid-type]
            found += page.items
            if page.next is None or len(found) >= limit or not page.items:
                return tuple(found)
            query[cursor] = page.next

    def items_before(
        self, kind: type[T], path: str, *, limit: int, before: int | None, **query: Any
    ) -> tuple[T, ...]:
        """Return at most ``limit`` of the last records of a list, read backward page by page."""
        found: tuple[T, ...] = ()
        further: int | str | None = before
        while True:
            wanted = min(limit - len(found), PAGE)
            page = self.read(
                Page[kind],  # type: ignore[valid-type]
                path,
                limit=wanted,
                before=further,
                **query,
            )
            found = page.items + found
            if page.next is None or len(found) >= limit or not page.items:
                return found
            further = page.next

    def model_path(self, template: str, name: str, **values: object) -> str:
        """Return a path below a model.

        Raises:
            InvalidNameError: The name breaks the naming rule.
        """
        return fill(template, name=validate_name(name), **values)

    def version_path(self, template: str, reference: str, **values: object) -> str:
        """Return a path below a version; the service resolves a stage or an alias.

        Raises:
            InvalidReferenceError: The reference cannot be parsed.
            NotFoundError: The reference names no version.
        """
        parsed = parse_reference(self.exact(reference))
        return self.model_path(template, parsed.name, version=parsed.version, **values)

    def exact(self, reference: str) -> str:
        """Resolve a reference by a stage or an alias to one by a version number.

        Raises:
            InvalidReferenceError: The reference cannot be parsed.
            NotFoundError: The reference names no version.
        """
        parsed = parse_reference(reference)
        if parsed.version is not None:
            return reference
        pointer = self.model_path(paths.ALIAS, parsed.name, alias=parsed.pointer)
        return f"{parsed.name}/{self.read(_Numbered, pointer).version_id}"


class ServiceGroup:
    """A group of operations that needs only the service."""

    def __init__(self, service: Service) -> None:
        self._service = service


class ServedFiles:
    """The files of a service's versions, by their paths."""

    is_local = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stream(self, key: str, *, start: int = 0) -> Any:
        """Yield a file's bytes in chunks, from an offset before its end."""
        return self._connection.stream(key, start=start)


class _Numbered(BaseModel):
    """A version's number."""

    version_id: int


def _record(kind: type[T], content: bytes) -> T:
    """Parse a record; fields of a newer service are ignored."""
    adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type] # mypy: no type is hashable
    # A stored policy is not validated as a new one, see read_policy().
    return adapter.validate_json(content, extra="ignore", context={"stored": True})


@lru_cache(maxsize=256)
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def changed_fields(**given: object) -> dict[str, object]:
    """Return the fields that a change names, as the body of a PATCH."""
    return {name: value for name, value in given.items() if value is not UNCHANGED}


def only_in_process(*, actor: Actor | None = None, **given: object) -> None:
    """Refuse parameters that only a registry in this process accepts.

    Raises:
        NotServedError: One of them is given.
    """
    if actor is not None:
        raise NotServedError(
            "the token's principal is the actor",
            field="actor",
            value=actor.name,
            remedy="Connect with a token of that principal",
        )
    for field, value in given.items():
        if value:
            raise NotServedError(
                "the service does not accept it",
                field=field,
                value=value,
                remedy="Leave it out, or connect to the registry's database",
            )
