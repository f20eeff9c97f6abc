"""``pedigree witness``: a witness for the logs of other registries."""

from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("witness", rich_help_panel="Operate")(witness)


def witness(
    state: Annotated[
        Path,
        typer.Option("--state", help="The file of the witness; it is made with a new key."),
    ],
    log: Annotated[
        list[str] | None,
        typer.Option("--log", help="The public key of a log to witness; repeatable."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The name of a new witness, such as witness.example.com/w1."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; any free one if 0.")
    ] = 8090,
    as_json: JsonFlag = False,
) -> None:
    """Cosign the checkpoints of other registries' audit logs, until interrupted.

    It answers by the protocol of c2sp.org/tlog-witness, and cosigns only what extends the log that
    it saw before. It needs no registry and no database: the state is one file.
    """
    from logging.config import dictConfig

    from pedigree.audit.key_history import read_keys
    from pedigree.audit.witness.judgement import Witness
    from pedigree.audit.witness.serving import WitnessServer
    from pedigree.audit.witness.state import WitnessState
    from pedigree.errors import InvalidInputError
    from pedigree.logs import log_config
    from pedigree.settings import Settings

    logs = read_keys(log or ())
    if not logs:
        raise InvalidInputError(
            "a witness needs the public key of a log",
            field="--log",
            remedy="`pedigree audit status` of the other registry shows its keys",
        )
    with WitnessState(state, name) as kept:
        server = WitnessServer(Witness(kept, logs), host, port)
        dictConfig(log_config(Settings()))
        document = {"url": server.url, "key": str(kept.key), "logs": [str(each) for each in logs]}
        respond(document, as_json, lambda: f"{kept.key} listens at {server.url}")
        with server:
            server.serve_forever()
