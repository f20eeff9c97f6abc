"""The flavor of arbitrary files: the files are the model, and loading returns their folder."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from pedigree.errors import InvalidArtifactError, InvalidSignatureError, UnsupportedModelError
from pedigree.flavors._predict import not_callable
from pedigree.signatures.records import Signature


class GenericFlavor:
    """Files that Pedigree stores without opening them."""

    name = "generic"

    def save(self, model: object, folder: Path) -> None:
        """Copy a file, or the content of a folder, into ``folder``; links are copied as links.

        Raises:
            UnsupportedModelError: The model is not a path.
            InvalidArtifactError: The path does not exist.
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
                "the path does not exist",
                field="model",
                value=str(source),
                remedy="Give the path of a file or folder",
            )

    def load(self, folder: Path, *, trust: Collection[str] = ()) -> object:  # noqa: ARG002 - runs no code, so needs no trust
        """Return the folder itself; no file is opened."""
        return folder

    def infer_signature(self, model: object, sample: object) -> Signature:  # noqa: ARG002 - the protocol's
        """Refuse: files cannot be called.

        Raises:
            InvalidSignatureError: Always.
        """
        raise InvalidSignatureError(
            "the signature of a generic artifact cannot be inferred: it cannot be called",
            field="signature",
            remedy="Give the signature, or infer it with pedigree.infer_signature(…)",
        )

    def answers(self, model: object, sample: object) -> Mapping[str, object]:  # noqa: ARG002 - the protocol's
        """Refuse: files cannot be called.

        Raises:
            UnsupportedModelError: Always.
        """
        raise not_callable(model, "is a path of files, which cannot be called")
