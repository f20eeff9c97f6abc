"""JSON and YAML of an untrusted author, with a bounded size and without merge keys.

>>> parsed_json(b"[" * 100_000)
Traceback (most recent call last):
    ...
pedigree.untrusted.documents.DocumentError: it nests too deep
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pedigree.libraries import library

# The index of a sharded model lists each tensor in some 80 bytes.
_LONGEST_JSON = 64 << 20
# PyYAML parses about a megabyte in ten seconds. MLflow writes one line for each column.
LONGEST_YAML = 4 << 20
# PyYAML looks at all open brackets for each bracket, so depth costs its square.
_DEEPEST_YAML = 100


class DocumentError(ValueError):
    """A document is too large, nests too deep, or cannot be parsed."""


def parsed_json(text: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        DocumentError: It is not JSON in UTF-8, or it nests too deep.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DocumentError("it nests too deep") from error
    except ValueError as error:
        raise DocumentError(str(error)) from error


def read_json(file: Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        DocumentError: It is too large, is not JSON in UTF-8, or nests too deep.
        OSError: The file cannot be read.
    """
    return parsed_json(_content(file, _LONGEST_JSON))


def read_yaml(
    file: Path, *, extra: str, longest: int = LONGEST_YAML, allows_aliases: bool = True
) -> Any:
    """Return the value of a YAML file; no tag builds an object.

    Args:
        file: The file.
        extra: The extra of Pedigree that brings PyYAML.
        longest: The most bytes.
        allows_aliases: Whether a part may be named and repeated. A few lines of such names can
            expand to more than the memory holds when a reader visits every part.

    Raises:
        DocumentError: It is too large, is not YAML in UTF-8, nests too deep, or has an alias.
        MissingDependencyError: PyYAML is not installed.
        OSError: The file cannot be read.
    """
    yaml = library("yaml", extra=extra)
    try:
        text = _content(file, longest).decode()
        return yaml.load(text, _loader(yaml, allows_aliases=allows_aliases))
    except DocumentError:
        raise
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentError(str(error)) from error


@cache
def _loader(yaml: Any, *, allows_aliases: bool) -> Any:
    """Return PyYAML's safe loader without merge keys, which expand exponentially.

    It ends at the first alias that is not allowed, and where the document nests too deep.
    """

    class PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # the module is imported by its name
        depth = 0
        yaml_implicit_resolvers: ClassVar = {
            first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":merge")]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_node(self, parent: Any, index: Any) -> Any:
            if not allows_aliases and self.check_event(yaml.AliasEvent):
                raise DocumentError("it has an alias")
            self.depth += 1
            if self.depth > _DEEPEST_YAML:
                raise DocumentError("it nests too deep")
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return PlainLoader


def _content(file: Path, most: int) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise DocumentError(f"it has more than {most:,} bytes")
    return content
