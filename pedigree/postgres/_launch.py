"""Start of the supervisor by a client, and the supervisor's report."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pedigree
from pedigree.errors import EmbeddedPostgresError
from pedigree.postgres._layout import Layout, open_log
from pedigree.postgres._supervisor import Order

SUPERVISOR = "pedigree.postgres._supervisor"

# The supervisor outlives the client: it gets no secrets from the client's environment, and no PG*
# variable, which would configure Postgres.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")


def launch_supervisor(
    layout: Layout, grace_s: float, settings: Mapping[str, str], timeout_s: float
) -> bool:
    """Start a detached supervisor and wait until its server is ready.

    Returns:
        Whether the supervisor reported success. If False, it was killed, and a retry may succeed.

    Raises:
        EmbeddedPostgresError: The supervisor reported an error, which a retry would not change.
    """
    reader, writer = os.pipe()
    try:
        try:
            order = Order(str(layout.home), grace_s, writer, dict(settings))
            _run_detached(order, layout)
        finally:
            os.close(writer)
        report = _read_line(reader, timeout_s)
    finally:
        os.close(reader)
    if not report:
        return False
    answer = json.loads(report)
    if answer:
        raise EmbeddedPostgresError(answer.pop("message"), **answer)
    return True


def _run_detached(order: Order, layout: Layout) -> None:
    log = open_log(layout.supervisor_log)
    try:
        # -P: do not import a folder named "pedigree" in the client's working directory.
        subprocess.run(
            [sys.executable, "-P", "-m", SUPERVISOR, order.argument()],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            pass_fds=(order.report,),
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"the supervisor of {layout.folder} cannot be started: {error}",
            remedy=f"See {layout.supervisor_log}",
        ) from error
    finally:
        os.close(log)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    root = str(Path(pedigree.__path__[0]).parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def _read_line(reader: int, timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    text = b""
    while not text.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return b""
        chunk = os.read(reader, 4096)
        if not chunk:
            return b""
        text += chunk
    return text
