"""``python -m demo``: run the main workflow on real data, check each claim, show the results."""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from demo.home import fresh_home
from demo.progress import Progress
from pedigree.errors import PedigreeError

if TYPE_CHECKING:
    from demo.report import Fact, Report
    from demo.session import Session

EXIT_A_FACT_DID_NOT_HOLD = 1
WIDTH_OF_A_PIPE = 140


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0 only if all of its claims are true."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    as_json: bool = parser.parse_args(arguments).json
    # Keep the stream itself: runs redirect ``sys.stdout`` to hide the output of libraries.
    errors = Console(file=sys.stderr, highlight=False)
    try:
        report = _run(errors)
    except PedigreeError as error:
        errors.print(f"[bold red]error[/] {error}", soft_wrap=True)
        return error.exit_code
    if as_json:
        print(report.model_dump_json(indent=2))  # noqa: T201 -- the document is the output
    else:
        _show(report)
    return 0 if report.passed else EXIT_A_FACT_DID_NOT_HOLD


def _run(errors: Console) -> "Report":
    began = time.monotonic()
    # Warnings of the libraries: beta features of Dagster, and changes in pandas 4.
    warnings.simplefilter("ignore")
    home = fresh_home()
    with Progress(errors) as progress:
        progress.step("load the definitions, start Postgres")
        with _session() as session:
            facts = [fact for act in _acts(session, progress) for fact in act()]
            progress.step("read everything back")
            from demo.report import Report, describe_models  # noqa: PLC0415 -- see _session

            return Report(
                passed=all(fact.held for fact in facts),
                seconds=round(time.monotonic() - began, 1),
                home=str(home),
                facts=tuple(facts),
                models=describe_models(session.registry),
            )


def _session() -> "Session":
    # Importing Dagster and pandas takes seconds, so first check that the demo may run.
    from demo.session import open_session  # noqa: PLC0415

    return open_session()


def _acts(session: "Session", progress: Progress) -> list[Callable[[], "list[Fact]"]]:
    from demo import churn, flights  # noqa: PLC0415 -- see _session

    def act(title: str, play: Callable[["Session"], "list[Fact]"]) -> Callable[[], "list[Fact]"]:
        def run() -> "list[Fact]":
            progress.step(title)
            return play(session)

        return run

    def read_months(session: "Session") -> "list[Fact]":
        flights.read_months(session, progress.detail)
        return []

    return [
        act("customers: read, split, train a decent model, promote it, score", churn.train_first),
        act("customers: train a better model; the sensor promotes it", churn.train_better),
        act("customers: train a worse model; its check stops it", churn.train_worse),
        act("customers: train on another company's; its check stops it", churn.train_incompatible),
        act("customers: roll back, as a person does", churn.roll_back),
        act("flights: read twelve months", read_months),
        act("flights: train on six months, promote, score all twelve", flights.train_and_score),
        act("flights: change a later and an earlier month", flights.change_months),
    ]


def _show(report: "Report") -> None:
    from demo.report import show  # noqa: PLC0415 -- see _session

    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)
    show(report, out)


if __name__ == "__main__":
    sys.exit(main())
