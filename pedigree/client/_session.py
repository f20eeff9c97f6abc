"""What every group of verbs stands on: the service, and how references become paths."""

from functools import lru_cache
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json

from pedigree.artifacts.cache import BlobCache
from pedigree.audit.records import Actor
from pedigree.catalog.names import validate_name
from pedigree.catalog.references import parse_reference
from pedigree.client._connection import Connection
from pedigree.client._problems import told_by
from pedigree.errors import NotServedError
from pedigree.settings import Settings

T = TypeVar("T")

PAGE = 1000
"""How many records a list has at most unless it is told otherwise; and a page of the service."""


class Page(BaseModel, Generic[T]):
    """One page of a list of the service."""

    items: tuple[T, ...]
    next: str | None = None


class ServiceSession:
    """One process's connection to a service."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self.settings = settings
        self.store = ServedFiles(connection)
        self.cache = BlobCache(settings.home_folder / "cache", settings.cache_bytes)

    def close(self) -> None:
        """Close the connections, and let go of what the cache holds for this session."""
        self.cache.release()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, kind: type[T], path: str, /, **query: Any) -> T:
        return _record(kind, self._connection.get(path, **query))

    def _write(
        self, kind: type[T], method: str, path: str, body: object = None, /, **query: Any
    ) -> T:
        return _record(kind, self._connection.write(method, path, body, **query))

    def _do(self, method: str, path: str, body: object = None, /, **query: Any) -> None:
        self._connection.write(method, path, body, **query)

    def _work(self, kind: type[T], path: str, body: object = None, /, **query: Any) -> T:
        """Let the service do what may take long; its body tells of what went wrong later."""
        content = self._connection.write("POST", path, body, **query)
        told = from_json(content)
        if isinstance(told, dict) and (error := told_by(told)):
            raise error
        return _record(kind, content)

    def _items(
        self, kind: type[T], path: str, *, limit: int, cursor: str = "after", **query: Any
    ) -> tuple[T, ...]:
        """Return so many records of a list, page by page."""
        found: list[T] = []
        while True:
            wanted = min(limit - len(found), PAGE)
            page = self._read(Page[kind], path, limit=wanted, **query)  # type: ignore[valid-type]
            found += page.items
            if page.next is None or len(found) >= limit or not page.items:
                return tuple(found)
            query[cursor] = page.next

    def _model_path(self, name: str, tail: str = "") -> str:
        return f"/models/{quote(validate_name(name), safe='')}{tail}"

    def _version_path(self, reference: str, tail: str = "") -> str:
        """Return the path of a version; one that a stage or an alias leads to is asked for."""
        parsed = parse_reference(reference)
        number = parsed.version
        if number is None:
            pointed = self._read(_Numbered, self._pointer_path(parsed.name, str(parsed.pointer)))
            number = pointed.version_id
        return self._model_path(parsed.name, f"/versions/{number}{tail}")

    def _pointer_path(self, name: str, pointer: str) -> str:
        return self._model_path(name, f"/aliases/{quote(pointer, safe='')}")


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
