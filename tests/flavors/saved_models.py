"""Models that load in a new process in ways of their own; each can be imported there."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np


class Constant:
    """A model that gives one number a row."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def predict(self, frame: Any) -> Any:
        return np.full(len(frame), self.value)


class ForgetsItsValue(Constant):
    """It stores less than it knows."""

    def __getstate__(self) -> dict[str, Any]:
        return {"value": 0.5}


class GivesIntegersOnceLoaded(Constant):
    """Its predictions have another dtype as soon as it was stored."""

    def __getstate__(self) -> dict[str, Any]:
        return {"value": int(self.value)}


class Draws:
    """It draws its answers, in a range that grows once it was stored."""

    def __init__(self, width: float, width_once_loaded: float | None = None) -> None:
        self.width = width
        self.loaded = width if width_once_loaded is None else width_once_loaded

    def __getstate__(self) -> dict[str, Any]:
        return {"width": self.loaded, "loaded": self.loaded}

    def predict(self, frame: Any) -> Any:
        return np.random.default_rng().uniform(0, self.width, len(frame))


class DrawsLabels:
    """It draws one of two labels for each row."""

    def predict(self, frame: Any) -> Any:
        chance = np.random.default_rng()
        return np.array(["leaves", "stays"], dtype=object)[chance.integers(0, 2, len(frame))]


class Speaks(Constant):
    """Whoever loads it is shown the environment, and then an error."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in os.environ.items():
            sys.stderr.write(f"{name} {value}\n")
        raise ValueError(f"cannot be loaded with {os.environ['CLOUD_SECRET']}")


class IsLoud(Constant):
    """Whoever loads it is shown a text on the output, which is fine."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        sys.stdout.write("loaded\n")
        self.__dict__.update(state)


class NeverLoads(Constant):
    """Loading it ends never."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        threading.Event().wait()


class Crashes(Constant):
    """Loading it ends the process, as compiled code may."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class WritesBeside(Constant):
    """Loading it changes the files that it is loaded from."""

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
    """A transformer that adds a column to the frame it is given, and drops another."""

    def fit(self, frame: Any, _: Any = None) -> "AddsARatio":
        return self

    def transform(self, frame: Any) -> Any:
        frame["a_by_b"] = frame["age"] / (frame["calls"] + 1)
        del frame["calls"]
        return frame


class TakesTwoColumns:
    """A model without a name for what it takes."""

    n_features_in_ = 2

    def predict(self, frame: Any) -> Any:
        if frame.shape[1] != 2:
            raise ValueError("shapes do not match")
        return frame.to_numpy().sum(axis=1)


def halved(values: Any) -> Any:
    """A function of one's own, which skops does not know."""
    return values / 2
