"""Versions: look them up, edit and compare them."""

from collections.abc import Mapping, Sequence

from pedigree._record import PAGE, UNCHANGED, IsUnchanged, RecordPage
from pedigree.access.records import Permission
from pedigree.catalog import lookups
from pedigree.catalog.description import Changes
from pedigree.catalog.diff import compare, read_side
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training
from pedigree.catalog.references import Reference, parse_reference
from pedigree.catalog.version_edits import update_version
from pedigree.contract.versions import VersionContract
from pedigree.postgres.transaction import Row, Transaction
from pedigree.registry.context import ContextGroup


class VersionOperations(ContextGroup, VersionContract):
    """Versions: look them up, edit and compare them."""

    def get(self, reference: str) -> ModelVersion:
        return self._context.read_version(reference, lambda _, version: version)

    def get_row(self, reference: str) -> Row:
        """Return the same as a row, of which ``version_json`` makes JSON."""
        parsed = parse_reference(reference)
        self._context.require(Permission.READ, parsed.name)
        return self._context.database.read(
            lambda transaction: lookups.find_version_row(transaction, parsed)
        )

    def versions(
        self,
        name: str,
        *,
        limit: int = PAGE,
        after: int | None = None,
        newest_first: bool = False,
    ) -> tuple[ModelVersion, ...]:
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda connection: lookups.list_versions(
                connection, name, limit=limit, after=after, newest_first=newest_first
            )
        )

    def list_rows(
        self, name: str, *, limit: int, after: int | None, newest_first: bool
    ) -> RecordPage[Row]:
        """Return the same as rows, of which ``version_json`` makes JSON."""
        self._context.require(Permission.READ, name)
        return self._context.database.read(
            lambda connection: lookups.list_version_rows(
                connection, name, limit=limit, after=after, newest_first=newest_first
            )
        )

    def update(
        self,
        reference: str,
        *,
        description: str | IsUnchanged | None = UNCHANGED,
        owners: Sequence[str] | IsUnchanged | None = UNCHANGED,
        tags: Mapping[str, str | None] | IsUnchanged | None = UNCHANGED,
    ) -> ModelVersion:
        changes = Changes(description, owners, tags).naming(self._context.names.pseudonyms)
        actor = self._context.actor()

        def write(transaction: Transaction, version: ModelVersion) -> ModelVersion:
            name, number = version.model_name, version.version_id
            update_version(transaction, name, number, actor, changes)
            return lookups.find_version(transaction, Reference(name=name, version=number))

        return self._context.update_version(Permission.DESCRIBE, reference, write)

    def trainings(
        self, reference: str, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[Training, ...]:
        return self._context.read_version(
            reference,
            lambda connection, version: lookups.list_trainings(
                connection, version, limit=limit, after=after
            ),
        )

    def environment(self, reference: str) -> tuple[str, ...]:

        def read(transaction: Transaction, version: ModelVersion) -> tuple[str, ...]:
            known = version.environment_hash
            return lookups.environment_packages(transaction, known) if known else ()

        return self._context.read_version(reference, read)

    def compare(self, a: str, b: str) -> VersionComparison:
        one = self._context.read_version(a, read_side)
        other = self._context.read_version(b, read_side)
        return self._context.database.read(
            lambda transaction: self._context.sight(transaction).comparison(
                compare(one, other), one.lineage, other.lineage
            )
        )
