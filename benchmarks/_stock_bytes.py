"""What an unmodified client of MLflow does with a large file, as a program of its environment.

``python _stock_bytes.py load URI`` loads a model, ``… put URI FILE`` uploads a file to a place of
artifacts. It prints the seconds that this took, without the start of the interpreter.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import mlflow
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository


def load(uri: str) -> None:
    """Load a model, which downloads all of it."""
    mlflow.pyfunc.load_model(uri)


def put(uri: str, file: str) -> None:
    """Upload a file."""
    repository: Any = get_artifact_repository(uri)
    repository.log_artifact(file)


_ACTIONS: dict[str, Callable[..., None]] = {"load": load, "put": put}


if __name__ == "__main__":
    _, action, *arguments = sys.argv
    began = time.perf_counter()
    _ACTIONS[action](*arguments)
    print(time.perf_counter() - began)
