"""Importable models that load in a new process in unusual ways."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np


class Constant:
    """A model that predicts one number per row."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def predict(self, frame: Any) -> Any:
        return np.full(len(frame), self.value)


class ForgetsItsValue(Constant):
    """A model whose pickle lacks its value."""

    def __getstate__(self) -> dict[str, Any]:
        return {"value": 0.5}


class GivesIntegersOnceLoaded(Constant):
    """A model whose predictions have another dtype after loading."""

    def __getstate__(self) -> dict[str, Any]:
        return {"value": int(self.value)}


class Draws:
    """A model with random predictions, in a range that is wider after loading."""

    def __init__(self, width: float, width_once_loaded: float | None = None) -> None:
        self.width = width
        self.loaded = width if width_once_loaded is None else width_once_loaded

    def __getstate__(self) -> dict[str, Any]:
        return {"width": self.loaded, "loaded": self.loaded}

    def predict(self, frame: Any) -> Any:
        return np.random.default_rng().uniform(0, self.width, len(frame))


class DrawsLabels:
    """A model that predicts one of two labels at random for each row."""

    def predict(self, frame: Any) -> Any:
        chance = np.random.default_rng()
        return np.array(["leaves", "stays"], dtype=object)[chance.integers(0, 2, len(frame))]


class Speaks(Constant):
    """A model whose loading prints the environment and raises an error."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in os.environ.items():
            sys.stderr.write(f"{name} {value}\n")
        raise ValueError(f"cannot be loaded with {os.environ['CLOUD_SECRET']}")


class IsLoud(Constant):
    """A model whose loading prints to stdout, which is allowed."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        sys.stdout.write("loaded\n")
        self.__dict__.update(state)


class NeverLoads(Constant):
    """A model whose loading never ends."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        threading.Event().wait()


class Crashes(Constant):
    """A model whose loading crashes the process, as compiled code can."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class WritesBeside(Constant):
    """A model whose loading changes its own files."""

    def __init__(self, value: float = 1.0) -> None:
        super().__init__(value)
        self.folder: Path | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        import inspect

        for frame in inspect.stack():
            folder = frame.frame.f_locals.get("folder")
            if isinstance(folder, Path) and folder.name == "model":
                (folder / "cache").write_text("loaded")


class AddsARatio:
    """A transformer that adds a column to its input frame, and drops another."""

    def fit(self, frame: Any, _: Any = None) -> "AddsARatio":
        return self

    def transform(self, frame: Any) -> Any:
        frame["a_by_b"] = frame["age"] / (frame["calls"] + 1)
        del frame["calls"]
        return frame


class TakesTwoColumns:
    """A model that does not name its columns."""

    n_features_in_ = 2

    def predict(self, frame: Any) -> Any:
        if frame.shape[1] != 2:
            raise ValueError("shapes do not match")
        return frame.to_numpy().sum(axis=1)


def halved(values: Any) -> Any:
    """A custom function, which skops does not trust."""
    return values / 2
