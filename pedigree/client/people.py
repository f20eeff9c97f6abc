"""People of a service."""

from pedigree._record import PAGE
from pedigree.access.people_records import ErasedPerson, KnownPrincipal
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.people import PeopleContract


class RemotePeople(ServiceGroup, PeopleContract):
    """People: one person is one principal, whatever identities and tokens act for them."""

    def principals(
        self, *, name: str | None = None, limit: int = PAGE, after: int = 0
    ) -> tuple[KnownPrincipal, ...]:
        return self._service.items(
            KnownPrincipal, paths.PRINCIPALS, limit=limit, after=after, name=name
        )

    def link_person(
        self,
        principal: str,
        *,
        person: str | None = None,
        issuer: str | None = None,
        subject: str | None = None,
    ) -> KnownPrincipal:
        link = {"principal": principal, "person": person, "issuer": issuer, "subject": subject}
        return self._service.write(KnownPrincipal, "POST", paths.PRINCIPAL_LINKS, link)

    def unlink_person(
        self, principal: str, *, issuer: str | None = None, subject: str | None = None
    ) -> KnownPrincipal:
        return self._service.write(
            KnownPrincipal,
            "DELETE",
            paths.PRINCIPAL_LINKS,
            principal=principal,
            issuer=issuer,
            subject=subject,
        )

    def set_person_active(self, principal: str, *, active: bool) -> KnownPrincipal:
        change = {"principal": principal, "active": active}
        return self._service.write(KnownPrincipal, "PUT", paths.PRINCIPAL_ACTIVITY, change)

    def end_sessions(self, principal: str) -> KnownPrincipal:
        return self._service.write(
            KnownPrincipal, "DELETE", paths.PRINCIPAL_SESSIONS, principal=principal
        )

    def erase_person(self, principal: str) -> ErasedPerson:
        return self._service.write(
            ErasedPerson, "DELETE", paths.PRINCIPAL_NAMES, principal=principal
        )
