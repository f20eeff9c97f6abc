"""A training that is a command: a separate process that reports through Dagster Pipes."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from pedigree.dagster.assets.pipes import reported_model
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.assets.training_code import TrainingCode


@dataclass(frozen=True)
class Command:
    """A command line, and the folder that it runs in."""

    words: tuple[str, ...]
    folder: Path

    def __call__(self, context: dg.AssetExecutionContext) -> TrainedModel:
        """Run the command, and return the model that it reports."""
        program, *rest = self.words
        # Use the interpreter that runs Dagster, not the first one on the PATH.
        argv = [sys.executable if program in {"python", "python3"} else program, *rest]
        client = dg.PipesSubprocessClient(cwd=str(self.folder))
        return reported_model(client.run(command=argv, context=context))

    @property
    def code(self) -> TrainingCode:
        """The code that it runs: the first argument that is an existing file, if any."""
        files = (self.folder / word for word in self.words)
        script = next((file for file in files if file.is_file()), None)
        content = script.read_bytes() if script else b""
        text = "\x00".join(self.words)
        return TrainingCode(
            file=script,
            line=1,
            label=script.name if script else text,
            version=hashlib.sha256(text.encode() + content).hexdigest()[:16],
            folder=self.folder,
        )
