"""People: one person is one principal, whatever identities and tokens act for them."""

from pedigree._record import PAGE
from pedigree.access import erasure, people
from pedigree.access.first_admin import claim_first_admin
from pedigree.access.named_records import with_names
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_records import ErasedPerson, KnownPrincipal, SeenIdentity
from pedigree.access.records import IssuedToken, Permission
from pedigree.contract.people import PeopleContract
from pedigree.errors import InvalidInputError, NotPermittedError
from pedigree.postgres.pages import at_least_one
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class PeopleOperations(ContextGroup, PeopleContract):
    """People: one person is one principal, whatever identities and tokens act for them."""

    def principals(
        self, *, name: str | None = None, limit: int = PAGE, after: int = 0
    ) -> tuple[KnownPrincipal, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        name = None if name is None else self._context.names.known(name)
        return self._context.database.read(
            lambda transaction: people.principals(transaction, name=name, limit=limit, after=after)
        )

    def link_person(
        self,
        principal: str,
        *,
        person: str | None = None,
        issuer: str | None = None,
        subject: str | None = None,
    ) -> KnownPrincipal:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        identity = _identity(issuer, subject)
        if (identity is None) == (person is None):
            raise _refused("an issuer with a subject, or a person")
        principal = self._context.names.known(principal)
        person = None if person is None else self._context.names.known(person)

        def link(transaction: Transaction) -> KnownPrincipal:
            if identity is None:
                return people.link_principal(
                    transaction, principal, person=str(person), actor=actor
                )
            issuer, subject = identity
            return people.link_identity(
                transaction, principal, issuer=issuer, subject=subject, actor=actor
            )

        return self._context.database.transaction(link)

    def unlink_person(
        self, principal: str, *, issuer: str | None = None, subject: str | None = None
    ) -> KnownPrincipal:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        principal = self._context.names.known(principal)
        if identity := _identity(issuer, subject):
            return self._context.database.transaction(
                lambda transaction: people.unlink_identity(
                    transaction, principal, issuer=identity[0], subject=identity[1], actor=actor
                )
            )
        return self._context.database.transaction(
            lambda transaction: people.unlink_principal(transaction, principal, actor)
        )

    def set_person_active(self, principal: str, *, active: bool) -> KnownPrincipal:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        principal = self._context.names.known(principal)
        return self._context.database.transaction(
            lambda transaction: people.set_active(
                transaction, principal, active=active, actor=actor
            )
        )

    def end_sessions(self, principal: str) -> KnownPrincipal:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        principal = self._context.names.known(principal)
        return self._context.database.transaction(
            lambda transaction: people.end_rights(transaction, principal, actor)
        )

    def erase_person(self, principal: str) -> ErasedPerson:
        self._context.require(Permission.ADMINISTER)
        actor, known_as = self._context.actor(), self._context.names.known(principal)
        erased = self._context.database.transaction(
            lambda transaction: erasure.erase_person(transaction, known_as, actor)
        )
        self._context.on_commit(self._forget_names)
        return erased

    def _forget_names(self) -> None:
        self._context.names.forget()

    def recover(self, principal: str) -> IssuedToken:
        """Let an admin in again, with a token of an hour; no service offers this.

        Raises:
            NotPermittedError: Somebody uses the registry by a service.
            InvalidInputError: The principal is not a valid name.
        """
        if not self._context.principal().reads_store:
            raise NotPermittedError(
                "this requires the credentials of the database",
                field="principal",
                value=principal,
                remedy="Run `pedigree access recover` with PEDIGREE_DATABASE_URL",
            )
        actor = self._context.actor()
        principal = self._context.names.of_principal(principal)
        issued = self._context.database.transaction(
            lambda transaction: people.recover(transaction, principal, actor)
        )
        return with_names(issued, self._context.names)

    def find(self, identity: Identity) -> SeenIdentity | None:
        """Return what is known of the identity of a token; None if it has no principal yet."""
        return self._context.database.read(lambda transaction: people.find(transaction, identity))

    def see(self, identity: Identity) -> SeenIdentity:
        """Note what the verified token of an identity says, and find or add its principal.

        Raises:
            NameTakenError: The name that the token gives it belongs to somebody else.
        """
        known = self._context.names.identity(identity)

        def see(transaction: Transaction) -> SeenIdentity:
            seen = people.see(transaction, known)
            if identity.is_first_admin and seen.is_active:
                claim_first_admin(transaction, seen.principal)
            return seen

        return self._context.database.transaction(see)


def _identity(issuer: str | None, subject: str | None) -> tuple[str, str] | None:
    """Return an identity that is given; None if it is not.

    Raises:
        InvalidInputError: Only one of both is given.
    """
    if issuer is None and subject is None:
        return None
    if issuer is None or subject is None:
        raise _refused("both an issuer and a subject")
    return issuer, subject


def _refused(wanted: str) -> InvalidInputError:
    return InvalidInputError(
        f"needs {wanted}",
        field="subject",
        remedy="Write `pedigree access link NAME --issuer … --subject …`, or `… --person NAME`",
    )
