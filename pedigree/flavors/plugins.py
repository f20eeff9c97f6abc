"""The interface of flavors, and the lookup of installed flavors.

A flavor is a class with the five members of :class:`Flavor`, which any distribution can provide in
the entry point group ``pedigree.flavors``. Its module must not import its library at the top level:
the registry looks up flavors whose library is not installed. ``libraries`` may list the modules
that saving a model imports, so that a missing one is reported before the training.
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from pedigree.errors import MissingDependencyError, UnknownFlavorError
from pedigree.signatures.records import Signature

GROUP = "pedigree.flavors"


@runtime_checkable
class Flavor(Protocol):
    """A format in which models are saved and loaded."""

    @property
    def name(self) -> str:
        """The flavor's name in a version's metadata."""

    def save(self, model: object, folder: Path) -> None:
        """Write the model's files into an existing, empty folder.

        The same model must give the same bytes in any process: equal bytes are one version.

        Raises:
            UnsupportedModelError: The flavor cannot save this object.
            MissingDependencyError: The flavor's library is not installed.
        """

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Return the model whose files are in the folder.

        Args:
            folder: A folder that ``save`` wrote, or that a user provided.
            trust: Names of code that may run beyond the flavor's own list of safe code: full names
                of types, or ``pickle`` or ``mlflow`` for a format that runs code of its author. It
                is checked before any code runs.

        Raises:
            UntrustedModelError: Loading would run code that is neither on the list nor trusted.
            InvalidArtifactError: The folder does not hold this flavor's files.
            MissingDependencyError: The flavor's library is not installed.
        """

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the model's signature, inferred from its output for a sample of inputs.

        The sample is not modified: the inputs are read before the call, which gets a copy.

        Raises:
            InvalidSampleError: The model rejects the sample.
            InvalidSignatureError: The sample or the output has no type in a signature.
            UnsupportedModelError: The flavor cannot call this object.
        """

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return the outputs of a model for a sample, one for each method that the model has.

        It is called for the model that was saved and, in a new process, for the model that was
        loaded. If the outputs differ, the model is not registered.

        Raises:
            InvalidSampleError: The model rejects the sample.
            UnsupportedModelError: The flavor cannot call this object.
        """


@runtime_checkable
class WeightsFlavor(Protocol):
    """A flavor that stores the weights of a model, but not its code, which the user provides.

    To verify such a model, a new process puts the loaded weights into an empty copy of it.
    """

    def emptied(self, model: object) -> object | None:
        """Return a copy of a model without its weights; None if the object is only weights."""

    def filled(self, empty: object, loaded: object) -> object:
        """Return the empty copy of a model with the loaded weights."""


@runtime_checkable
class ChecksFiles(Protocol):
    """A flavor that detects, without its library, files that it cannot load."""

    def check_files(self, path: Path) -> None:
        """Refuse a folder, or a single file, in which :meth:`Flavor.load` does not find a model.

        It is called before the registration of files that ``save`` did not write.

        Raises:
            InvalidArtifactError: A file is missing, or it is ambiguous which one is the model.
        """


def flavor_names() -> tuple[str, ...]:
    """Return the names of the installed flavors, sorted."""
    return tuple(sorted(_installed()))


@cache
def get_flavor(name: str) -> Flavor:
    """Return an installed flavor by its name.

    Raises:
        UnknownFlavorError: No installed plug-in has the name; the message lists the installed ones.
        MissingDependencyError: The plug-in is installed but cannot be imported.
    """
    plugin = _installed().get(name)
    if plugin is None:
        raise UnknownFlavorError(
            "no installed flavor has this name",
            field="flavor",
            value=name,
            remedy=f"Use one of: {', '.join(flavor_names())}",
        )
    try:
        flavor = plugin.load()()
    except ImportError as error:
        raise MissingDependencyError(
            f"the plug-in {plugin.value} cannot be imported: {error}",
            field="flavor",
            value=name,
            remedy="Install its dependencies",
        ) from error
    return cast("Flavor", flavor)


def missing_libraries(flavor: str) -> tuple[str, ...]:
    """Return the modules of a flavor's ``libraries`` that are not installed.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
    """
    needed: tuple[str, ...] = getattr(get_flavor(flavor), "libraries", ())
    return tuple(module for module in needed if find_spec(module) is None)


def check_files(flavor: str, path: Path) -> None:
    """Refuse files that a flavor cannot load, if the flavor can detect it.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
        InvalidArtifactError: The flavor finds no model in the files.
    """
    checker = get_flavor(flavor)
    if isinstance(checker, ChecksFiles):
        checker.check_files(path)


def save_model(model: object, flavor: str, folder: Path) -> Path:
    """Save a model with its flavor into a new folder, and return the folder.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
        UnsupportedModelError: The flavor cannot save this object.
        MissingDependencyError: The flavor's library is not installed.
    """
    saver = get_flavor(flavor)
    folder.mkdir()
    saver.save(model, folder)
    return folder


# Scanning all installed distributions takes tens of milliseconds, and each register needs it.
@cache
def _installed() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=GROUP)}
