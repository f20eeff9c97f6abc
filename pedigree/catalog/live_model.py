"""Save a model that is in memory, and verify that the saved files predict the same.

Every registration of a live model uses this module: ``register_model`` of a registry and of a
client, and the model assets of Dagster. A registration of files has no model with which to compare
their predictions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pedigree.catalog.records import DeclaredMetadata
from pedigree.catalog.signature_inference import required_signature
from pedigree.flavors.plugins import save_model
from pedigree.flavors.records import SKIPPED, Verification
from pedigree.flavors.samples import require_rows
from pedigree.flavors.verification import verify_saved
from pedigree.settings import Settings
from pedigree.signatures.records import Signature


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """A trained object, and what is needed to save it and to predict with it.

    Args:
        model: The trained object.
        flavor: How it is saved and loaded.
        sample: A few inputs.
        sample_outputs: The model's outputs for them, if its flavor cannot predict.
        verify: Compare the saved files with the model.
    """

    model: object
    flavor: str
    sample: object | None = None
    sample_outputs: object | None = None
    verify: bool = True

    def saved(
        self,
        folder: Path,
        describe: Callable[[Callable[[], Signature]], DeclaredMetadata],
        settings: Settings,
    ) -> tuple[DeclaredMetadata, Verification]:
        """Save the model into a new folder, describe it, and verify it.

        Args:
            folder: A path that does not exist yet.
            describe: Returns the metadata; receives a function that infers the model's signature.
            settings: The settings, with the time limit of the verification.

        Raises:
            InvalidInputError: The model, its sample or the metadata is wrong.
            UnverifiedModelError: The saved files do not predict the same as the model.
        """
        if self.sample is not None:
            require_rows(self.sample)
        save_model(self.model, self.flavor, folder)
        metadata = describe(lambda: self._signature(folder))
        return metadata, self._verified(folder, settings)

    def _signature(self, folder: Path) -> Signature:
        return required_signature(
            self.flavor,
            folder,
            model=self.model,
            sample=self.sample,
            sample_outputs=self.sample_outputs,
        )

    def _verified(self, folder: Path, settings: Settings) -> Verification:
        if not self.verify:
            return SKIPPED
        timeout = settings.verify_timeout
        return verify_saved(self.flavor, folder, self.model, self.sample, timeout=timeout)
