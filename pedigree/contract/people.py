"""People: one person is one principal, whatever identities and tokens act for them."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.access.people_records import ErasedPerson, KnownPrincipal


class PeopleContract(Protocol):
    """People: one person is one principal, whatever identities and tokens act for them."""

    def principals(
        self, *, name: Key | None = None, limit: int = PAGE, after: int = 0
    ) -> tuple[KnownPrincipal, ...]:
        """Return a page of the principals with their persons and identities, the oldest first.

        Args:
            name: Only the principal of this name.
            limit: How many at most.
            after: The last ``principal_id`` of the previous page.
        """

    def link_person(
        self,
        principal: Key,
        *,
        person: Key | None = None,
        issuer: Key | None = None,
        subject: Key | None = None,
    ) -> KnownPrincipal:
        """Say that a principal is the same person as another one, or as a subject of an issuer.

        Two principals of one person never count as two. A subject acts by the principal from then
        on. Nobody links themselves.

        Args:
            principal: The name of the principal.
            person: The name of another principal of the same person.
            issuer: The issuer of the subject.
            subject: The ``sub`` of its tokens; the name of a workload.

        Raises:
            InvalidInputError: Neither a person is given, nor both an issuer and a subject; or all.
            PrincipalNotFoundError: One of the names belongs to nobody.
            NotPermittedError: The caller is one of both.
        """

    def unlink_person(
        self, principal: Key, *, issuer: Key | None = None, subject: Key | None = None
    ) -> KnownPrincipal:
        """Say that a principal is a person of its own, or that a subject is somebody else.

        The next token of the subject finds or adds a principal by its name. Nobody unlinks
        themselves.

        Args:
            principal: The name of the principal.
            issuer: The issuer of the subject.
            subject: The ``sub`` of its tokens; the name of a workload.

        Raises:
            InvalidInputError: Only one of issuer and subject is given.
            PrincipalNotFoundError: It is linked with nobody, or no such subject acts by it.
            NotPermittedError: The caller is this person.
            RefusedError: A verified e-mail says that they are one person.
        """

    def set_person_active(self, principal: Key, *, active: bool) -> KnownPrincipal:
        """Let a person in, or no longer: within a second their tokens and logins are refused.

        Their tokens are revoked, and stay so if the person is let in again.

        Raises:
            PrincipalNotFoundError: No principal has the name.
            NotPermittedError: The caller is this person.
        """

    def end_sessions(self, principal: Key) -> KnownPrincipal:
        """Revoke the tokens of a person and end their logins; they may log in again.

        Roles that were last seen in tokens of their issuers end, too.

        Raises:
            PrincipalNotFoundError: No principal has the name.
        """

    def erase_person(self, principal: Key) -> ErasedPerson:
        """Erase the names of a person permanently: answers show pseudonyms instead.

        Their tokens are revoked, their grants and logins end, and they leave their groups. What
        they did stays, and still nobody approves what they made themselves. If the name comes
        again, it is another person. Nobody erases themselves.

        Raises:
            PrincipalNotFoundError: Nobody has the name.
            NotPermittedError: The caller is this person.
        """
