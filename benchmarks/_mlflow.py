"""MLflow's registry with the same million versions, in its own environment and database.

Both are created once: the environment by pip, in ``.bench``; the database in the Postgres of the
million, its tables by MLflow itself and its rows by COPY from Pedigree's: the same models,
versions, descriptions, tags, aliases and stages.
"""

import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks._servers import Running, running
from pedigree.postgres import EmbeddedPostgres

VERSION = "3.17.2"
_DATABASE = "mlflow_3_17_2"

_PACKAGES = (f"mlflow=={VERSION}", "psycopg2-binary")
_MAKE_TABLES = (
    "import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore;"
    " SqlAlchemyStore(sys.argv[1], 'mlflow-artifacts:/')"
)
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # no workers other than those of the server
}
_HELD = "SELECT * FROM pedigree.tenure WHERE held_until IS NULL AND pointer"
_MOMENT = "(extract(epoch FROM created_at) * 1000)::bigint"
_ROWS = {
    "registered_models (workspace, name, creation_time, last_updated_time, description)": f"""
        SELECT 'default', name, {_MOMENT}, {_MOMENT}, description FROM pedigree.registered_model""",
    "registered_model_aliases (workspace, name, alias, version)": f"""
        SELECT 'default', m.name, held.name, held.version FROM ({_HELD} = 'alias') AS held
        JOIN pedigree.registered_model AS m USING (model_id)""",
    "model_versions (workspace, name, version, creation_time, last_updated_time, description,"
    " current_stage, source, run_id, status)": f"""
        SELECT 'default', m.name, v.version, v.at, v.at, v.description,
               CASE held.name WHEN 'production' THEN 'Production' WHEN 'staging' THEN 'Staging'
                   WHEN 'archived' THEN 'Archived' ELSE 'None' END,
               's3://models/' || m.name || '/' || v.version, md5(m.name || '/' || v.version),
               'READY'
        FROM (SELECT *, {_MOMENT} AS at FROM pedigree.model_version) AS v
        JOIN pedigree.registered_model AS m USING (model_id)
        LEFT JOIN LATERAL (
            SELECT name FROM ({_HELD} = 'stage') AS t
            WHERE t.model_id = v.model_id AND t.version = v.version LIMIT 1
        ) AS held ON true""",
    "model_version_tags (workspace, name, version, key, value)": """
        SELECT 'default', m.name, v.version, tag.key, tag.value
        FROM pedigree.model_version AS v JOIN pedigree.registered_model AS m USING (model_id)
        CROSS JOIN LATERAL jsonb_each_text(v.tags) AS tag""",
}


class MLflowMissingError(Exception):
    """MLflow cannot be installed here."""


def installed(folder: Path) -> Path:
    """Return the environment with MLflow; create it if it does not exist.

    Raises:
        MLflowMissingError: pip cannot install it, for example without a network.
    """
    environment = folder / f"mlflow-{VERSION}"
    done = environment / ".installed"
    if not done.exists():
        venv.create(environment, clear=True)
        into = ["--python", str(environment / "bin" / "python")]
        pip = [sys.executable, "-m", "pip", *into, "install", "--quiet"]
        run = subprocess.run([*pip, *_PACKAGES], capture_output=True, text=True, check=False)
        if run.returncode:
            raise MLflowMissingError(run.stderr.strip().splitlines()[-1])
        done.touch()
    return environment


def filled(environment: Path, server: EmbeddedPostgres, source: str = "pedigree") -> str:
    """Return the database with all versions of a registry; create it if it does not exist.

    Args:
        environment: Where MLflow is installed.
        server: The Postgres of both.
        source: The database of the registry.
    """
    database = _DATABASE if source == "pedigree" else f"{_DATABASE}_{source}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        named = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(named, [database]).fetchone():
            return database
        making = f"{database}_new"
        connection.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(making)))
        url = server.url(making)
        program = [str(environment / "bin" / "python"), "-c", _MAKE_TABLES, _with_driver(url)]
        subprocess.run(program, check=True, capture_output=True)
        _copy(server.url(source), url)
        renamed = SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(renamed.format(Identifier(making), Identifier(database)))
    return database


def _copy(source: str, target: str) -> None:
    with psycopg.connect(source) as ours, psycopg.connect(target, autocommit=True) as theirs:
        # The rows are consistent, so a million foreign key checks are unnecessary.
        theirs.execute("SET session_replication_role = replica")
        for table, query in _ROWS.items():
            with (
                ours.cursor().copy(f"COPY ({query}) TO STDOUT") as read,
                theirs.cursor().copy(f"COPY {table} FROM STDIN") as written,
            ):
                for piece in read:
                    written.write(piece)
        theirs.execute("VACUUM ANALYZE")


def _with_driver(url: str) -> str:
    """Return the URL with the installed driver; the default depends on SQLAlchemy's version."""
    return url.replace("postgresql://", "postgresql+psycopg2://")


@contextmanager
def serving(environment: Path, url: str, folder: Path) -> Iterator[Running]:
    """Run its server on a database with two workers; it stores artifacts in a folder."""
    program = str(environment / "bin" / "mlflow")
    stores = ["--backend-store-uri", _with_driver(url), "--artifacts-destination", str(folder)]
    roots = ["--default-artifact-root", "mlflow-artifacts:/"]
    command = [program, "server", *stores, *roots, "--workers", "2", "--host", "127.0.0.1"]
    # Else its parent kills workers that do not answer within 5 s, as on a busy machine.
    command += ["--uvicorn-opts", "--timeout-worker-healthcheck 300"]
    with running(command, _QUIET, "/health") as server:
        yield server
