"""Short reads of an event loop share one connection, and each has its own answer or is refused."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
import pytest

from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.pipe import Pipe
from pedigree.postgres.pipe_statements import PipeLostError, PipeStatement
from tests.pooling import MISSING, PROGRAM, pooled

ECHO = PipeStatement.of("SELECT %(value)s::text AS value, pg_backend_pid() AS pid")
SLEEP = PipeStatement.of("SELECT %(value)s::text AS value FROM pg_sleep(%(seconds)s::float)")
BROKEN = PipeStatement.of("SELECT 1 / %(value)s::int AS value")
LIMIT = PipeStatement.of("SELECT current_setting(%(value)s) AS value")
CHANGED = PipeStatement.of("SELECT * FROM public.migrated WHERE %(value)s::text IS NOT NULL")
STATEMENTS = (ECHO, SLEEP, BROKEN, LIMIT)

Work = Callable[[Pipe], Awaitable[None]]


@pytest.fixture(scope="module")
def pooler(postgres: EmbeddedPostgres) -> Iterator[Callable[[str], str]]:
    """What turns a URL of the server into one of a pooler in transaction mode."""
    if not PROGRAM:
        pytest.skip(MISSING)
    with pooled(postgres.url("postgres")) as shown:
        yield shown


@pytest.fixture(params=["prepared", "pooled"])
def run(request: pytest.FixtureRequest, database_url: str) -> Callable[..., None]:
    """Run some work on a pipe that prepares statements, or through a pooler, where it cannot."""
    url = database_url
    if request.param == "pooled":
        url = request.getfixturevalue("pooler")(url)
    source = Database.connect(url).source

    def inside(work: Work, **options: Any) -> None:
        async def main() -> None:
            async with opened(Pipe(source, STATEMENTS, **options)) as pipe:
                await work(pipe)

        asyncio.run(main())

    return inside


@asynccontextmanager
async def opened(pipe: Pipe) -> AsyncIterator[Pipe]:
    pipe.start()
    try:
        await until_connected(pipe)
        yield pipe
    finally:
        pipe.close()


async def until_connected(pipe: Pipe) -> str:
    """Wait until the pipe answers, and return the process of its session."""
    async with asyncio.timeout(20):
        while True:
            try:
                (row,) = await pipe.ask(ECHO, {"value": ""})
            except PipeLostError:
                await asyncio.sleep(0.01)
            else:
                return str(row["pid"])


def ended(database_url: str, pid: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [int(pid)])


def test_many_reads_at_once_have_their_own_answers(run: Callable[..., None]) -> None:
    values = [None, "", "é\n\\", "x" * 100_000, *map(str, range(300))]

    async def work(pipe: Pipe) -> None:
        found = await asyncio.gather(*(pipe.ask(ECHO, {"value": each}) for each in values))
        assert [row["value"] for (row,) in found] == values

    run(work)


def test_an_error_is_that_of_its_own_read(run: Callable[..., None]) -> None:
    async def work(pipe: Pipe) -> None:
        asked = [pipe.ask(BROKEN, {"value": each}) for each in ("1", "0", "x", "2")]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [found[0], found[3]] == [[{"value": "1"}], [{"value": "0"}]]
        assert all(isinstance(each, PipeLostError) for each in found[1:3])

    run(work)


def test_a_value_that_postgres_cannot_store_is_refused(run: Callable[..., None]) -> None:
    async def work(pipe: Pipe) -> None:
        for value in ("a\0b", "\ud800"):
            with pytest.raises(PipeLostError):
                await pipe.ask(ECHO, {"value": value})
        assert (await pipe.ask(ECHO, {"value": "after"}))[0]["value"] == "after"

    run(work)


def test_a_canceled_read_leaves_the_others_alone(run: Callable[..., None]) -> None:
    async def work(pipe: Pipe) -> None:
        pid = await until_connected(pipe)
        tasks = [asyncio.ensure_future(pipe.ask(ECHO, {"value": str(i)})) for i in range(9)]
        await asyncio.sleep(0)  # all are sent
        for each in tasks[::2]:
            each.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert found[1::2] == [[{"value": each, "pid": pid}] for each in ("1", "3", "5", "7")]
        assert (await pipe.ask(ECHO, {"value": "after"}))[0]["value"] == "after"

    run(work)


def test_a_killed_session_refuses_what_waits_and_comes_back(
    run: Callable[..., None], database_url: str
) -> None:
    async def work(pipe: Pipe) -> None:
        pid = await until_connected(pipe)
        slow = {"value": "slow", "seconds": "1.5"}
        waiting = [asyncio.ensure_future(pipe.ask(SLEEP, slow))]
        waiting += [asyncio.ensure_future(pipe.ask(ECHO, {"value": str(i)})) for i in range(20)]
        await asyncio.sleep(0)
        await asyncio.to_thread(ended, database_url, pid)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, PipeLostError) for each in found)
        assert await until_connected(pipe) != pid

    run(work)


def test_a_migration_of_its_columns_makes_a_pipe_prepare_again(database_url: str) -> None:
    async def work(pipe: Pipe) -> None:
        assert await pipe.ask(CHANGED, {"value": ""}) == [{"one": "1"}]
        await asyncio.to_thread(execute, "ALTER TABLE public.migrated ADD COLUMN two int")
        with pytest.raises(PipeLostError):
            await pipe.ask(CHANGED, {"value": ""})
        await until_connected(pipe)
        assert await pipe.ask(CHANGED, {"value": ""}) == [{"one": "1", "two": None}]

    def execute(query: LiteralString) -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(query)

    async def main() -> None:
        async with opened(Pipe(Database.connect(database_url).source, [ECHO, CHANGED])) as pipe:
            await work(pipe)

    execute("CREATE TABLE public.migrated AS SELECT 1 AS one")
    asyncio.run(main())


def test_a_slow_read_is_ended_and_what_waits_for_it_goes_elsewhere(
    run: Callable[..., None],
) -> None:
    async def work(pipe: Pipe) -> None:
        slow = pipe.ask(SLEEP, {"value": "slow", "seconds": "30"})
        after = pipe.ask(ECHO, {"value": "after"})
        found = await asyncio.gather(slow, after, return_exceptions=True)
        assert all(isinstance(each, PipeLostError) for each in found)
        assert "timeout" in str(found[0])
        await until_connected(pipe)

    run(work, limit_ms=100)


def test_the_limit_is_of_each_read_and_not_of_the_session(
    run: Callable[..., None], database_url: str
) -> None:
    async def work(pipe: Pipe) -> None:
        for _ in range(2):
            assert await pipe.ask(LIMIT, {"value": "statement_timeout"}) == [{"value": "1234ms"}]
        pid = await until_connected(pipe)
        assert await asyncio.to_thread(session_settings, pid) == 0

    def session_settings(pid: str) -> int:
        # A setting of the session or of a transaction would hold a transaction open, or be shown.
        with psycopg.connect(database_url, autocommit=True) as other:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND xact_start IS NOT NULL"
            )
            row = other.execute(query, [int(pid)]).fetchone()
        assert row is not None
        return int(row[0])

    run(work, limit_ms=1234)


def test_without_a_server_each_read_is_refused_at_once() -> None:
    source = Database.connect("postgresql://nobody@127.0.0.1:1/none").source

    async def main() -> None:
        pipe = Pipe(source, STATEMENTS)
        pipe.start()
        with pytest.raises(PipeLostError):
            await pipe.ask(ECHO, {"value": "x"})
        pipe.close()

    asyncio.run(main())


def test_a_forked_child_does_not_end_the_session(run: Callable[..., None]) -> None:
    async def work(pipe: Pipe) -> None:
        pid = await until_connected(pipe)
        child = os.fork()
        if child == 0:
            del pipe
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        assert await until_connected(pipe) == pid

    run(work)
