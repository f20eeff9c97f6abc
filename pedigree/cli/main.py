"""``pedigree``: the entry point and the output of errors.

Exit codes: 0 done; 1 a part does not answer, bytes are corrupt, or a check failed; 2 the request
was wrong, named nothing that exists, or a rule refused it, and nothing was written;
130 interrupted.
"""

import io
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NoReturn

import typer

from pedigree.cli._commands import LazyCommands
from pedigree.cli._loading import collect_again, own_process
from pedigree.cli._session import SERVICE
from pedigree.cli._usage import usage_error
from pedigree.errors import PedigreeError

app = typer.Typer(
    name="pedigree",
    cls=LazyCommands,
    help="A model registry that lives in the Dagster asset graph.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from pedigree.distribution import own_version

        print(f"pedigree {own_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(  # noqa: ARG001 (its callback acts)
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
    url: str | None = typer.Option(
        None,
        "--url",
        envvar="PEDIGREE_API_URL",
        help="The URL of the service, https://…; PEDIGREE_TOKEN has its token.",
        show_default=False,
    ),
) -> None:
    """A model registry that lives in the Dagster asset graph."""
    SERVICE.set(url)
    collect_again()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process.

    Args:
        arguments: The command's words; the process's own by default.

    Raises:
        SystemExit: Always, with an exit code of this module's docstring.
    """
    _write_any_text()
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        # With --json also a usage error is JSON, so typer must not print it as a panel.
        with own_process() if arguments is None else nullcontext():  # else the caller owns it
            sys.exit(app(words, standalone_mode=not as_json) or 0)
    except PedigreeError as error:
        _fail(error, as_json)
    except Exception as error:
        if type(error).__name__ == "ValidationError" and "pydantic" in sys.modules:
            _fail(_from_validation(error), as_json)
        if as_json and (usage := usage_error(error, words)):
            _fail(usage, as_json)
        raise


def _write_any_text() -> None:
    """Escape what the encoding of the terminal lacks, instead of failing half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(error: PedigreeError, as_json: bool) -> NoReturn:
    if as_json:
        _print_error(error)
    else:
        from pedigree.cli._output import errors

        errors.print("[bold red]error:[/] ", end="")
        errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
    sys.exit(error.exit_code)


def _print_error(error: PedigreeError) -> None:
    import json

    document = {
        "error": {
            "type": type(error).__name__,
            "message": error.message,
            "field": error.field,
            "value": None if error.value is None else str(error.value),
            "remedy": error.remedy,
        }
    }
    print(json.dumps(document, ensure_ascii=False), file=sys.stderr)


def _from_validation(error: Exception) -> PedigreeError:
    """Return a validation error of a record or a setting as a Pedigree error."""
    from pydantic import ValidationError

    from pedigree.catalog.metadata import metadata_error
    from pedigree.cli._input import setting_error

    if not isinstance(error, ValidationError):
        raise error
    return setting_error(error) if error.title == "Settings" else metadata_error(error)
