"""The packages of a training's environment."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distributions

from pedigree.artifacts.records import Digest, digest_of


@cache
def installed_packages() -> tuple[str, ...]:
    """Return this process's packages as sorted ``name==version``, with PEP 503 names."""
    return tuple(
        sorted(
            {
                f"{re.sub(r'[-_.]+', '-', name).lower()}=={distribution.version}"
                for distribution in distributions()
                if (name := distribution.metadata["Name"])
            }
        )
    )


def environment_hash(packages: Iterable[str]) -> Digest:
    """Return a digest over a list of packages, independent of its order.

    >>> environment_hash(["a==1", "b==2"]) == environment_hash(["b==2", "a==1"])
    True
    """
    return digest_of("\n".join(sorted(packages)).encode())
