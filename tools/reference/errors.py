"""The page of errors, from the tree of ``pedigree.errors``."""

from collections.abc import Iterator

from pedigree import errors
from pedigree.server.http.problems import STATUSES
from tools.reference.markdown import code, from_docstring, page, table


def errors_page() -> str:
    """Return the page: the tree, and of each error its meaning, exit code and HTTP status."""
    tree = list(_below(errors.PedigreeError))
    rows = [
        (
            code(kind.__name__),
            from_docstring(kind.__doc__),
            str(kind.exit_code),
            str(_status(kind)),
        )
        for _, kind in tree
    ]
    drawn = "\n".join(f"{'  ' * depth}{kind.__name__}" for depth, kind in tree)
    return page(
        "Errors",
        "All errors are classes of `pedigree.errors`. Each has `message`, `field`, `value` and"
        " `remedy`. The service returns them as [problem details](../rest.md#errors).",
        table(("error", "meaning", "exit code", "HTTP status"), rows),
        "## The tree",
        f"```text\n{drawn}\n```",
    )


def _below(
    kind: type[errors.PedigreeError], depth: int = 0
) -> Iterator[tuple[int, type[errors.PedigreeError]]]:
    yield depth, kind
    public = [each for each in kind.__subclasses__() if hasattr(errors, each.__name__)]
    for each in public:
        yield from _below(each, depth + 1)


def _status(kind: type[errors.PedigreeError]) -> int:
    return next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)
