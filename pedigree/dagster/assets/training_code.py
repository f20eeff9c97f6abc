"""The training code of a model asset: its location, and a version that changes with it."""

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
    """The code of a training, in this process or another."""

    file: Path | None
    line: int
    label: str
    version: str
    folder: Path
    description: str | None = None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "TrainingCode":
        """Return the code of a function, without decorators that set ``__wrapped__``."""
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
        """Return the link to the code that Dagster shows.

        Dagster's own helper would point to Pedigree's file, which defines the step's function.
        """
        if self.file is None:
            return None
        with warnings.catch_warnings():
            # Beta in Dagster 1.13; users who define a model need no warning about it.
            warnings.simplefilter("ignore", dg.BetaWarning)
            reference = dg.LocalFileCodeReference(
                file_path=str(self.file), line_number=self.line, label=self.label
            )
            return dg.CodeReferencesMetadataValue(code_references=[reference])


def _source_hash(plain: Callable[..., Any]) -> str:
    """Return a hash of a function's source, or of its bytecode if there is no source."""
    try:
        content = inspect.getsource(plain).encode()
    except OSError:
        content = plain.__code__.co_code
    return hashlib.sha256(content).hexdigest()[:16]
