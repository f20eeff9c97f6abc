"""Save a model that is at hand, and make sure that what was saved predicts as it does.

Every way in that has a live model goes through here: ``register_model`` of a registry and of a
client, and the model assets of Dagster. Where files alone are registered, there is nothing that
their predictions could be compared with.
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
    """A trained object, and what is needed to save it and to ask it.

    Args:
        model: The trained object.
        flavor: How it is saved and loaded.
        sample: A few inputs.
        sample_outputs: What the model gave for them, where its flavor cannot ask it.
        verify: Compare what was saved with the model.
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
        """Save the model into a folder that is made for it, describe it, and verify it.

        Args:
            folder: A path where nothing is yet.
            describe: Gives the metadata; it is given what asks the model for its signature.
            settings: How long verifying may take.

        Raises:
            InvalidInputError: The model, its sample or the metadata is wrong.
            UnverifiedModelError: What was saved does not predict as the model does.
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
