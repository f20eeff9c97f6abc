"""Which code trains: where it is, and a version that changes when it does."""

import hashlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from pedigree.dagster.capture.run_provenance import folder_of


@dataclass(frozen=True, kw_only=True)
class TrainingCode:
    """The code of a training, in whichever process it runs."""

    file: Path | None
    line: int
    label: str
    version: str
    folder: Path
    description: str | None = None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "TrainingCode":
        """Return where a function is written; behind its decorators, if they say what they wrap."""
        plain = inspect.unwrap(function)
        file = inspect.getsourcefile(plain)
        return cls(
            file=Path(file) if file else None,
            line=plain.__code__.co_firstlineno,
            label=plain.__name__,
            version=_source_hash(plain),
            folder=folder_of(plain),
            description=inspect.getdoc(plain),
        )

    def reference(self) -> dg.CodeReferencesMetadataValue | None:
        """Return the link to it that Dagster shows.

        Dagster's own helper would point to our file, where the function that it sees is defined.
        """
        if self.file is None:
            return None
        with warnings.catch_warnings():
            # Beta in 1.13, which is ours to know and no news for whoever defines a model.
            warnings.simplefilter("ignore", dg.BetaWarning)
            reference = dg.LocalFileCodeReference(
                file_path=str(self.file), line_number=self.line, label=self.label
            )
            return dg.CodeReferencesMetadataValue(code_references=[reference])


def _source_hash(plain: Callable[..., Any]) -> str:
    """Return a hash of a function's source; of its compiled form where the source is not kept."""
    try:
        content = inspect.getsource(plain).encode()
    except OSError:
        content = plain.__code__.co_code
    return hashlib.sha256(content).hexdigest()[:16]
