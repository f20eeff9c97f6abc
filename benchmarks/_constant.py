"""The service itself, with each read of one version or token replaced by a constant row.

The first answer to each question is kept and given again: everything remains but the database.
``python -m benchmarks._constant --port PORT`` serves with two workers, as ``pedigree serve`` does.
"""

import argparse
import sys
from collections.abc import Mapping

import uvicorn
from fastapi import FastAPI

from pedigree.postgres.asker import PROCESS, Asker
from pedigree.postgres.pipe import Pipe
from pedigree.postgres.pipe_statements import PipeStatement, TextRow
from pedigree.server import point_reads, workers
from pedigree.server.app import create_app as create_service
from pedigree.server.listening import listen
from pedigree.server.serve import PROTOCOL

_WORKERS = 2


class ConstantPipe(Pipe):
    """A connection that asks each question once."""

    def start(self) -> None:
        """Begin to connect."""
        self._known: dict[tuple[object, ...], list[TextRow]] = {}
        super().start()

    async def ask(
        self, statement: PipeStatement, given: Mapping[str, object], asker: Asker = PROCESS
    ) -> list[TextRow]:
        """Return the rows of the first answer."""
        question = (statement.name, asker, *given.values())
        if question not in self._known:
            self._known[question] = await super().ask(statement, given, asker)
        return self._known[question]


def create_app() -> FastAPI:
    """Return the application; the environment has its settings."""
    vars(point_reads)["Pipe"] = ConstantPipe
    return create_service()


def main() -> int:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    sockets = listen("127.0.0.1", parser.parse_args().port)
    with workers.prepared(_WORKERS):
        config = uvicorn.Config(
            "benchmarks._constant:create_app",
            factory=True,
            workers=_WORKERS,
            access_log=False,
            **PROTOCOL,
        )
        workers.run(config, sockets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
