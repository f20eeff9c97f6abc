"""Single tags of models and versions."""

from collections.abc import Callable

from pedigree.access.records import Permission
from pedigree.catalog import tag_edits
from pedigree.catalog.references import names_a_model
from pedigree.catalog.tag_edits import TagPlace
from pedigree.contract.tags import TagContract
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class TagOperations(ContextGroup, TagContract):
    """Single tags of models and versions.

    Callers in this process may set any tag of :func:`pedigree.catalog.tag_edits.require_tag`; the
    verb bounds its texts as all verbs do.
    """

    def set_tag(self, reference: str, key: str, value: str) -> None:
        actor = self._context.actor()
        self._edit(
            reference,
            lambda transaction, place: tag_edits.set_tag(transaction, place, key, value, actor),
        )

    def delete_tag(self, reference: str, key: str) -> None:
        actor = self._context.actor()
        self._edit(
            reference,
            lambda transaction, place: tag_edits.delete_tag(transaction, place, key, actor),
        )

    def _edit(self, reference: str, edit: Callable[[Transaction, TagPlace], None]) -> None:
        if names_a_model(reference):
            self._context.require(Permission.DESCRIBE, reference)
            self._context.database.transaction(
                lambda transaction: edit(transaction, TagPlace(reference))
            )
        else:
            self._context.update_version(
                Permission.DESCRIBE,
                reference,
                lambda transaction, version: edit(
                    transaction, TagPlace(version.model_name, version.version_id)
                ),
            )
