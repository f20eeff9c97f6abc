"""A minimal handler: the same statement, its row as JSON, without tokens."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI, Response
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from pydantic_core import to_json

from pedigree.catalog.store import SQL

_CONNECTIONS = 10


def create_app() -> FastAPI:
    """Return the application for the database in ``BARE_DATABASE_URL``."""
    pool = ConnectionPool(
        os.environ["BARE_DATABASE_URL"],
        kwargs={"autocommit": True, "row_factory": dict_row, "prepare_threshold": 0},
        min_size=_CONNECTIONS,
        open=False,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = _CONNECTIONS
        pool.open(wait=True)
        yield
        pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/{name}/{alias}")
    def read(name: str, alias: str) -> Response:
        with pool.connection() as connection:
            values = {"name_key": name, "pointer": alias}
            row = connection.execute(SQL["versions_by_pointer"], values).fetchone()
        return Response(to_json(row), media_type="application/json")

    return app
