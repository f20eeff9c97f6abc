"""Point reads at a fixed rate while searches that are too broad run, against the same reads alone.

``pedigree serve`` with two workers over the 1,000,000 versions. 200 reads per second of an alias
come from a process of their own (``benchmarks._paced``). Meanwhile 20 principals ask for one search
each, again and again, that reads all versions longer than the time limit allows. Each round
measures the reads alone and then beside the searches. ``--data DIR`` sets the million's folder.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from benchmarks._million import million
from benchmarks._report import Measured, report
from benchmarks._requests import ALIAS, Ours
from benchmarks._servers import Running, running
from pedigree import Registry, Settings
from pedigree.access.records import Role
from pedigree.postgres import EmbeddedPostgres

_SEARCHES = 20
_RATE = 200.0
_SECONDS = 10.0
_ROUNDS = 3
_MODELS = 500
_TIMES_ALONE = 2.0
_BROAD = " OR ".join(f"description ILIKE '%no such {word}%'" for word in "abcdefghij")
_PATIENCE_S = 60.0
_NAMES = """
SELECT m.name FROM pedigree.tenure AS t JOIN pedigree.registered_model AS m USING (model_id)
WHERE t.pointer = 'alias' AND t.name = %(alias)s AND t.held_until IS NULL
ORDER BY md5(m.name) LIMIT %(most)s
"""


def main() -> int:
    """Measure and report; return the exit code."""
    home = million(sys.argv[1:])
    url = EmbeddedPostgres(home).url("pedigree")
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        environment = {
            "PEDIGREE_DATABASE_URL": url,
            "PEDIGREE_HOME": folder,
            "PEDIGREE_ACTOR": "bench",
            "PEDIGREE_SERVE_DRAIN": "0s",
        }
        settings = Settings(database_url=url, home=Path(folder), actor="bench")
        with Registry.connect(settings=settings) as registry:
            tokens = [registry.create_token(f"b{n}", roles=[Role.READER]) for n in range(21)]
            found = registry.database.fetch_all(_NAMES, {"alias": ALIAS, "most": _MODELS})
            names = [row["name"] for row in found]
            try:
                secrets = [token.secret for token in tokens]
                return report(list(_measure(environment, names, secrets)), sys.argv[1:])
            finally:
                for token in tokens:
                    registry.revoke_token(token.token.token_id)


def _measure(
    environment: dict[str, str], names: Sequence[str], secrets: Sequence[str]
) -> Iterator[Measured]:
    pedigree = str(Path(sys.executable).with_name("pedigree"))
    reads = [request for (request,) in Ours(names, secrets[0]).by_alias()]
    ratios, answers = [], Counter[str]()
    with running([pedigree, "serve", "--workers", "2"], environment, "/livez") as server:
        _p99(server, reads)  # a warm-up
        for _ in range(_ROUNDS):
            alone = _p99(server, reads)
            with _searching(server, secrets[1:], answers):
                beside = _p99(server, reads)
            ratios.append(beside / alone)
            print(f"p99 alone {1000 * alone:.1f} ms, beside {1000 * beside:.1f}", file=sys.stderr)
    for answer, number in answers.items():
        yield Measured(what=f"searches that were answered {answer}", value=number, unit="")
    yield Measured(
        what=f"p99 of {_RATE:g} reads per second beside {_SEARCHES} broad searches",
        value=statistics.median(ratios),
        unit="times that of the reads alone",
        target=_TIMES_ALONE,
        at_least=False,
    )


def _p99(server: Running, reads: Sequence[str]) -> float:
    words = [str(server.port), str(_SECONDS), str(_RATE)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._paced", *words],
        input=json.dumps(reads),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the reads failed: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    if found["refused"]:
        raise SystemExit(f"a read was answered {found['refused']}")
    return float(found["p99"])


@contextmanager
def _searching(server: Running, secrets: Sequence[str], answers: Counter[str]) -> Iterator[None]:
    """Ask for searches, one of each principal at a time, while the block runs."""
    ended = threading.Event()
    path = f"http://127.0.0.1:{server.port}/api/v1/search?limit=100&filter={quote(_BROAD)}"

    def ask(secret: str) -> None:
        while not ended.is_set():
            request = Request(path, headers={"Authorization": f"Bearer {secret}"})
            try:
                urlopen(request, timeout=_PATIENCE_S).close()
                answers["200"] += 1
            except HTTPError as error:
                kind = json.loads(error.read())["type"].rpartition(":")[2]
                answers[f"{error.code} {kind}"] += 1

    with ThreadPoolExecutor(_SEARCHES) as pool:
        for secret in secrets:
            pool.submit(ask, secret)
        try:
            yield
        finally:
            ended.set()


if __name__ == "__main__":
    sys.exit(main())
