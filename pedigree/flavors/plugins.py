"""What a flavor is, and how the installed ones are found.

A flavor is a class with the five members of :class:`Flavor`, offered by any distribution under the
entry point group ``pedigree.flavors``. Its module must not import the library it speaks for at its
top: the registry looks flavors up where that library is not installed. It may list the modules that
saving a model imports as ``libraries``, so that one that is missing is named before a training.
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
    """One way to store a model and to get it back."""

    @property
    def name(self) -> str:
        """The word that a version's metadata has for it."""

    def save(self, model: object, folder: Path) -> None:
        """Write the model's files into an existing, empty folder.

        The same model must give the same bytes in any process: equal bytes are one version.

        Raises:
            UnsupportedModelError: The flavor cannot store this object.
            MissingDependencyError: The flavor's library is not installed.
        """

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:
        """Return the model whose files lie in the folder.

        Args:
            folder: What ``save`` has filled, or a user has brought.
            trust: The names of what may run beyond that which the flavor itself vouches for: full
                names of types, or ``pickle`` or ``mlflow`` for a format that runs what its maker
                wrote. It is looked at before anything is run.

        Raises:
            UntrustedModelError: Loading would run what is neither known to be safe nor trusted.
            InvalidArtifactError: The folder does not hold this flavor's files.
            MissingDependencyError: The flavor's library is not installed.
        """

    def infer_signature(self, model: object, sample: object) -> Signature:
        """Return the model's signature, from what it gives for a sample of inputs.

        The sample stays as it is: the inputs are read before the model is asked, with a copy.

        Raises:
            InvalidSampleError: The model refuses the sample.
            InvalidSignatureError: The sample, or what came of it, has no type in a signature.
            UnsupportedModelError: The flavor cannot call this object.
        """

    def answers(self, model: object, sample: object) -> Mapping[str, object]:
        """Return what a model gives for a sample, by each way in which it can be asked.

        It is asked of the model that was saved, and in a new process of the one that was loaded:
        what both give must be equal, or the model is not registered.

        Raises:
            InvalidSampleError: The model refuses the sample.
            UnsupportedModelError: The flavor cannot call this object.
        """


@runtime_checkable
class WeightsFlavor(Protocol):
    """A flavor that stores what a model has learned, and not its code, which its user brings.

    To be verified, such a model is filled in a new process with what was loaded there.
    """

    def emptied(self, model: object) -> object | None:
        """Return a copy of a model that lacks all that is stored; None if it was never whole."""

    def filled(self, empty: object, loaded: object) -> object:
        """Return the model of a copy that lacks all that is stored, and of what was loaded."""


@runtime_checkable
class ChecksFiles(Protocol):
    """A flavor that can tell, without its library, files that it could never load."""

    def check_files(self, path: Path) -> None:
        """Refuse a folder, or the only file, in which :meth:`Flavor.load` would not find a model.

        It is asked before files are registered that ``save`` did not write.

        Raises:
            InvalidArtifactError: A file is missing, or nothing says which is the model.
        """


def flavor_names() -> tuple[str, ...]:
    """Return the names of the installed flavors, sorted."""
    return tuple(sorted(_installed()))


@cache
def get_flavor(name: str) -> Flavor:
    """Return an installed flavor by its name.

    Raises:
        UnknownFlavorError: No installed plug-in has the name; the message lists those there are.
        MissingDependencyError: The plug-in is installed and cannot be imported.
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
            remedy="Install what it needs",
        ) from error
    return cast("Flavor", flavor)


def missing_libraries(flavor: str) -> tuple[str, ...]:
    """Return the modules that a flavor says it needs to save a model, and that are not installed.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
    """
    needed: tuple[str, ...] = getattr(get_flavor(flavor), "libraries", ())
    return tuple(module for module in needed if find_spec(module) is None)


def check_files(flavor: str, path: Path) -> None:
    """Refuse files that a flavor could never load, where it can tell.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
        InvalidArtifactError: The flavor finds no model in them.
    """
    checker = get_flavor(flavor)
    if isinstance(checker, ChecksFiles):
        checker.check_files(path)


def save_model(model: object, flavor: str, folder: Path) -> Path:
    """Save a model by its flavor into a folder that is made for it, and return that folder.

    Raises:
        UnknownFlavorError: No installed plug-in has the name.
        UnsupportedModelError: The flavor cannot store this object.
        MissingDependencyError: The flavor's library is not installed.
    """
    saver = get_flavor(flavor)
    folder.mkdir()
    saver.save(model, folder)
    return folder


# Scanning every installed distribution takes tens of milliseconds, and each register asks.
@cache
def _installed() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=GROUP)}
