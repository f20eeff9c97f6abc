"""How long versions and bytes stay: hold, release, delete, sweep."""

from pedigree.artifacts.sweep import sweep_expired
from pedigree.lifecycle import retention
from pedigree.registry.reading import ReadingVerbs


class RetentionVerbs(ReadingVerbs):
    """Verbs that keep and remove."""

    def delete(self, reference: str, *, reason: str) -> None:
        """Mark a version deleted; its number never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects it.
        """
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.delete_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def delete_model(self, name: str, *, reason: str) -> None:
        """Mark a model and all its versions deleted; its name never comes back.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
        """
        actor = self.actor()
        self.database.run(
            lambda transaction: retention.delete_model(transaction, name, actor, reason=reason)
        )

    def hold(self, reference: str, *, reason: str) -> None:
        """Put a legal hold on a version: it cannot be deleted until it is released."""
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.hold_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def release(self, reference: str, *, reason: str | None = None) -> None:
        """Take a version's legal hold away."""
        actor = self.actor()
        self._with_version(
            reference,
            lambda transaction, version: retention.release_version(
                transaction, version.model_name, version.version_id, actor, reason=reason
            ),
        )

    def sweep(self) -> int:
        """Remove what crashed uploads left in the store; return how many keys.

        Raises:
            StoreUnavailableError: The store failed; the next sweep goes on from there.
        """
        return sweep_expired(self.database, self.store)
