"""Counts of the source of a checkout, without running it."""

import ast
import io
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_BLANK = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}
# A definition with at least this many metadata fields lists them; one with fewer only uses some.
LISTED = 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(folder: Path) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def lines_of(text: str) -> int:
    """Count all lines."""
    return len(text.splitlines())


def code_lines_of(text: str) -> int:
    r"""Count the lines that hold code: no blank lines, no comments, no docstrings.

    >>> code_lines_of('"Doc."\n\n# Why\nx = [\n    1,\n]\n')
    3
    """
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in _BLANK
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - set(_docstring_lines(ast.parse(text))))


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield from range(first.lineno, (first.end_lineno or first.lineno) + 1)


def signatures_of(verbs: dict[str, list[str]], folder: Path) -> dict[str, int]:
    """Count for each verb the written signatures: functions of its name that take its parameters.

    Args:
        verbs: The parameters of each verb. A function counts if it takes one of them, so that a
            function of the same name that does something else does not.
        folder: Where to look.
    """
    found: Counter[str] = Counter()
    for path in modules(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function) and node.name in verbs:
                found[node.name] += bool(_parameters(node) & set(verbs[node.name]))
    return {verb: found[verb] for verb in verbs}


def _parameters(node: Function) -> set[str]:
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return {parameter.arg for parameter in every} - {"self", "cls"}


def lists_of(fields: set[str], folder: Path) -> dict[str, set[str]]:
    """Return the definitions that list metadata fields, each with its fields.

    A definition is a function, a method, the rest of a class, an assignment, or a named query.
    """
    named = {**_in_python(folder), **_in_sql(folder)}
    listed = {place: words & fields for place, words in named.items()}
    return {place: names for place, names in listed.items() if len(names) >= LISTED}


def places_of(lists: dict[str, set[str]], fields: set[str]) -> float:
    """Return in how many of these lists a field occurs: the median over the fields."""
    return statistics.median(
        sum(field in names for names in lists.values()) for field in sorted(fields)
    )


def _in_python(folder: Path) -> dict[str, set[str]]:
    found = {}
    for path in modules(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, nodes in _definitions(tree.body):
            words = {word for node in nodes for word in _words(node)}
            found[f"{path.relative_to(folder.parent)}:{name}"] = words
    return found


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, Function)]
            yield node.name, [part for part in node.body if part not in methods]
            for method in methods:
                yield f"{node.name}.{method.name}", [method]
        else:
            yield getattr(node, "name", f"line {node.lineno}"), [node]


def _words(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        match part:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                yield word
            case ast.keyword(arg=str(word)) | ast.Constant(value=str(word)):
                yield word


def _in_sql(folder: Path) -> dict[str, set[str]]:
    return {
        f"{path.relative_to(folder.parent)}:{name}": set(re.findall(r"\w+", _bare(body)))
        for path, name, body in queries(folder)
    }


def _bare(query: str) -> str:
    return re.sub(r"--.*", "", query)


def queries(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the named queries below a folder: the file, the name, the text."""
    for path in sorted(folder.rglob("queries.sql")):
        text = path.read_text(encoding="utf-8")
        parts = re.split(r"^-- name: *(\w+) *\n", text, flags=re.MULTILINE)[1:]
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            yield path, name, body.strip()
