"""Reads of one version, token, identity or session on the event loop: no thread, no pool.

What is not plain goes the way of all other reads, which has the messages: a version that is not
found, a stage that several versions hold, a name in another spelling, or a lost connection.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import LiteralString, NamedTuple, Self, TypeVar

from pedigree.access import people, sessions, tokens
from pedigree.access.held import Bearer, Held
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_records import SeenIdentity
from pedigree.access.pseudonyms import in_json, pseudonyms_in
from pedigree.access.records import Permission
from pedigree.access.session_records import OpenSession
from pedigree.catalog import lookups
from pedigree.catalog.references import parse_reference
from pedigree.catalog.rows import version_json
from pedigree.catalog.store import SQL
from pedigree.postgres.pipe import Pipe
from pedigree.postgres.pipe_statements import PipeLostError, PipeStatement, TextRow
from pedigree.postgres.transaction import Row
from pedigree.registry import Registry

T = TypeVar("T")

_VERSIONS = PipeStatement.of(SQL["find_versions"])
_HOLDER = PipeStatement.of(SQL["find_holder"])
_BEARER = PipeStatement.of(tokens.SQL["find_bearer"])
_ACCESS = PipeStatement.of(tokens.SQL["access_of"])
_NAMES = PipeStatement.of(tokens.SQL["names_of"])
_IDENTITY = PipeStatement.of(tokens.SQL["find_identity"])
_SESSION = PipeStatement.of(tokens.SQL["find_web_session"])


class PipedRead(NamedTuple):
    """A read of few rows, whose columns are texts, for the pipe and for a thread."""

    query: LiteralString
    statement: PipeStatement

    @classmethod
    def of(cls, query: LiteralString) -> Self:
        """Return the read of a query."""
        return cls(query, PipeStatement.of(query))

    def now(self, registry: Registry, values: Mapping[str, object]) -> list[TextRow]:
        """Return the rows, read in this thread."""
        return registry.context.database.read(
            lambda transaction: transaction.execute(self.query, values).fetchall()
        )


class PointReads:
    """Reads of one version, token, identity or session.

    Args:
        registry: The registry.
        readers: The threads of all other reads.
        further: The reads of other doors.
    """

    def __init__(
        self, registry: Registry, readers: Executor, further: Iterable[PipedRead] = ()
    ) -> None:
        self._registry = registry
        self._names = registry.context.names
        self._readers = readers
        statements = [_VERSIONS, _HOLDER, _BEARER, _ACCESS, _IDENTITY, _NAMES, _SESSION]
        statements += [each.statement for each in further]
        self._pipe = Pipe(registry.database.source, statements)

    def start(self) -> None:
        """Begin to connect; call it inside the event loop."""
        self._pipe.start()

    def close(self) -> None:
        """End the connection."""
        self._pipe.close()

    async def version(self, registry: Registry, reference: str) -> bytes:
        """Return the JSON of a version, in which people are named.

        Args:
            registry: The registry with the permissions of the caller.
            reference: Names the version.

        Raises:
            NotFoundError: It names no version.
            AmbiguousStageError: It names several versions.
            NotPermittedError: The caller may not read the model.
        """
        parsed = parse_reference(reference)
        registry.context.require(Permission.READ, parsed.name)
        rows = await self._ask(registry, _VERSIONS, lookups.values_of(parsed))
        if _is_plain(rows, parsed.name):
            return await self.named(version_json(rows[0]).encode())
        read = registry.operations.versions.get_row
        return await self.named(
            version_json(await self._in_thread(lambda: read(reference))).encode()
        )

    async def holder(self, registry: Registry, name: str, stage: str) -> bytes | None:
        """Return the JSON of the version that entered a stage last; None if none holds it.

        Raises:
            ModelNotFoundError: No model has the name.
            NotPermittedError: The caller may not read the model.
        """
        registry.context.require(Permission.READ, name)
        rows = await self._ask(registry, _HOLDER, lookups.values_of_holder(name, stage))
        if _is_plain(rows, name):
            return await self.named(version_json(rows[0]).encode())
        read = registry.operations.stages.holder_row
        row: Row | None = await self._in_thread(lambda: read(name, stage))
        return await self.named(version_json(row).encode()) if row else None

    async def rows(
        self, registry: Registry, read: PipedRead, values: Mapping[str, object]
    ) -> list[TextRow]:
        """Return the rows of a read, whose columns are texts.

        Args:
            registry: The registry with the permissions of the caller, which the caller has checked.
            read: One of the reads that this object was made with.
            values: The parameters.
        """
        try:
            return await self._pipe.ask(read.statement, values, registry.database.asker)
        except PipeLostError:
            return await self._in_thread(lambda: read.now(registry, values))

    async def named(self, body: bytes) -> bytes:
        """Return JSON with names instead of pseudonyms."""
        found = pseudonyms_in(body)
        return in_json(body, await self._names_of(found)) if found else body

    async def _names_of(self, found: list[str]) -> dict[str, str]:
        known, unknown = self._names.names_at_hand(found)
        return known | await self._looked_up(unknown) if unknown else known

    async def _looked_up(self, wanted: list[str]) -> dict[str, str]:
        try:
            rows = await self._pipe.ask(_NAMES, {"wanted": "{" + ",".join(wanted) + "}"})
        except PipeLostError:
            return dict(await self._in_thread(lambda: self._names.names_of(wanted)))
        return self._names.keep_names(wanted, rows)

    async def bearer(self, secret: str) -> Bearer | None:
        """Return the token of a secret; None if it does not exist, is revoked or has expired."""
        try:
            rows = await self._pipe.ask(_BEARER, tokens.values_of(secret))
        except PipeLostError:
            read = self._registry.operations.tokens.bearer_of
            return await self._in_thread(lambda: read(secret))
        return tokens.bearer_in(rows[0]) if rows else None

    async def held(self, principal: str, roles: Collection[str]) -> Held:
        """Return what somebody holds, with these roles of their token."""
        try:
            rows = await self._pipe.ask(_ACCESS, tokens.values_of_access(principal, roles))
        except PipeLostError:
            read = self._registry.operations.tokens.held_by
            return await self._in_thread(lambda: read(principal, roles))
        return tokens.held_in(rows[0])

    async def identity(self, token: Identity) -> SeenIdentity | None:
        """Return what is known of a token's identity, with the name of its e-mail.

        None if it has no principal yet.
        """
        try:
            rows = await self._pipe.ask(_IDENTITY, people.values_of(token))
            known = people.identity_in(rows[0]) if rows else None
        except PipeLostError:
            read = self._registry.operations.people.find
            known = await self._in_thread(lambda: read(token))
        if known is None or known.email is None:
            return known
        names = await self._names_of([known.email])
        return known.model_copy(update={"email": names.get(known.email, known.email)})

    async def session(self, secret: str) -> OpenSession | None:
        """Return the open session of a secret; None if there is none."""
        try:
            rows = await self._pipe.ask(_SESSION, sessions.values_of(secret))
        except PipeLostError:
            read = self._registry.operations.sessions.find
            return await self._in_thread(lambda: read(secret))
        return sessions.session_in(rows[0]) if rows else None

    async def _ask(
        self, registry: Registry, statement: PipeStatement, values: Mapping[str, object]
    ) -> list[TextRow]:
        try:
            return await self._pipe.ask(statement, values, registry.database.asker)
        except PipeLostError:
            return []

    async def _in_thread(self, read: Callable[[], T]) -> T:
        work = partial(copy_context().run, read)
        return await get_running_loop().run_in_executor(self._readers, work)


def _is_plain(rows: list[TextRow], name: str) -> bool:
    """Return whether exactly one version was found, and of the model that was asked for."""
    return len(rows) == 1 and rows[0]["model_name"] == name
