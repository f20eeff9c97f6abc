"""The flavor of anything: the files are the model, and loading gives the folder they lie in."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from pedigree.errors import InvalidArtifactError, InvalidSignatureError, UnsupportedModelError
from pedigree.flavors._predict import not_callable
from pedigree.signatures.records import Signature


class GenericFlavor:
    """Files that Pedigree keeps without opening them."""

    name = "generic"

    def save(self, model: object, folder: Path) -> None:
        """Copy a file, or the content of a folder, into ``folder``; links are copied as links.

        Raises:
            UnsupportedModelError: The model is not a path.
            InvalidArtifactError: There is nothing at the path.
        """
        if not isinstance(model, str | Path):
            raise UnsupportedModelError(
                f"the generic flavor stores paths, not {type(model).__name__}",
                field="model",
                remedy="Give the path of a file or folder, or name the model's flavor",
            )
        source = Path(model)
        if source.is_dir():
            shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, folder / source.name, follow_symlinks=False)
        else:
            raise InvalidArtifactError(
                "there is nothing at this path",
                field="model",
                value=str(source),
                remedy="Give the path of a file or folder",
            )

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - nothing is run, so nothing needs trust
        """Return the folder itself: nothing is opened, so nothing can run."""
        return folder

    def infer_signature(self, model: object, sample: object) -> Signature:  # noqa: ARG002 - the protocol's
        """Refuse: what a file does with a sample is not known.

        Raises:
            InvalidSignatureError: Always.
        """
        raise InvalidSignatureError(
            "the signature of a generic artifact cannot be inferred: nothing here can call it",
            field="signature",
            remedy="Give the signature, or infer it with signatures.infer(inputs, outputs)",
        )

    def answers(self, model: object, sample: object) -> Mapping[str, object]:  # noqa: ARG002 - the protocol's
        """Refuse: what a file does with a sample is not known.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is files, which nothing here can call")
