"""Print the results for many graphs: ``python -m tests.dagster.capture.random_graphs.report``."""

import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

from pedigree.dagster import RegistryResource
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import migrate
from tests.conftest import FAST
from tests.dagster.capture.random_graphs.environment import Environment, in_memory
from tests.dagster.capture.random_graphs.examine import examine
from tests.dagster.capture.random_graphs.plans import Hook
from tests.dagster.capture.random_graphs.statistics import Statistics, distinct, kinds, seen


def main() -> None:
    """Examine graphs, and print the shares and the violations."""
    arguments = _arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {
            "PEDIGREE_HOME": str(home / "home"),
            "PEDIGREE_ACTOR": "tester",
            "PEDIGREE_GIT_COMMIT": "0123456789abcdef",
        }
        server = EmbeddedPostgres(home / "postgres", settings=FAST)
        with Database.embedded(server, "law") as database:
            migrate(database)
        with in_memory(home) as instance:
            resource = RegistryResource(database_url=server.url("law"))
            environment = Environment(instance, resource, home)
            for hook in arguments.hooks:
                _report(environment, arguments.seeds, hook, verbose=arguments.verbose)
            resource.connect().close()


def _report(environment: Environment, seeds: Iterable[int], hook: Hook, *, verbose: bool) -> None:
    statistics = Statistics()
    for seed in seeds:
        found = examine(environment, seed, hook)
        statistics.add(found)
        if found.findings or verbose:
            _print(found.report())
    _print(f"\n| hook {hook.value} | |", "|---|---|", *statistics.lines())
    inexact = statistics.inexact(distinct if hook is Hook.OFF else seen)
    for title, counter in (
        ("missing", statistics.missing),
        ("failed", statistics.failures),
        ("not exact", inexact),
    ):
        _print(f"\n{title}:", *kinds(counter))


def _print(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=20, help="how many graphs")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only one graph, with its whole history")
    parser.add_argument(
        "--hook", choices=list(Hook), help="only one mode of the hook instead of all three"
    )
    given = parser.parse_args()
    return argparse.Namespace(
        seeds=range(given.start, given.start + given.graphs)
        if given.seed is None
        else [given.seed],
        verbose=given.seed is not None,
        hooks=[Hook(given.hook)] if given.hook else list(Hook),
    )


if __name__ == "__main__":
    main()
