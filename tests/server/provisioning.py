"""An identity provider that provisions users and groups by SCIM."""

from typing import Any

import httpx2

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from tests.server.conftest import NO_AUTHORITIES, Served

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
USER, GROUP = f"{CORE}User", f"{CORE}Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MEDIA_TYPE = "application/scim+json"
OPERATOR = Actor(name="operator", source="test")


def provider(served: Served, name: str = "entra", **options: Any) -> httpx2.Client:
    """Return a client whose token has a role that permits to provision, and nothing else."""
    operator = served.registry.acting_as(OPERATOR)
    operator.define_role("provisioner", [Permission.PROVISION])
    issued = operator.create_token(name, roles=["provisioner"], **options)
    return with_token(served, issued.secret)


def with_token(served: Served, secret: str) -> httpx2.Client:
    """Return a client of SCIM with a token."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": MEDIA_TYPE}
    made = httpx2.Client(
        base_url=f"{served.url}/scim/v2", headers=headers, timeout=60, verify=NO_AUTHORITIES
    )
    served.clients.append(made)
    return made


def user(name: str, **more: Any) -> dict[str, Any]:
    """Return the document of a user."""
    return {"schemas": [USER], "userName": name, "active": True, **more}


def group(name: str, *members: str, **more: Any) -> dict[str, Any]:
    """Return the document of a group."""
    listed = {"members": [{"value": each} for each in members]} if members else {}
    return {"schemas": [GROUP], "displayName": name, **listed, **more}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return the message of a PATCH."""
    return {"schemas": [f"{MESSAGES}PatchOp"], "Operations": list(operations)}


def created(client: httpx2.Client, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Create a resource, and return it."""
    answer = client.post(path, json=document)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def changed(client: httpx2.Client, path: str, *operations: dict[str, Any]) -> httpx2.Response:
    """Change a resource by a PATCH, and return the answer."""
    answer = client.patch(path, json=patch(*operations))
    assert answer.status_code in (200, 204), answer.text
    return answer


def refusal(answer: httpx2.Response) -> tuple[int, str | None]:
    """Return the status and the keyword of an error, whose document must be SCIM's."""
    assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
    found = answer.json()
    assert found["schemas"] == [f"{MESSAGES}Error"]
    assert found["status"] == str(answer.status_code)
    assert found["detail"]
    assert found.keys() <= {"schemas", "status", "detail", "scimType"}
    return answer.status_code, found.get("scimType")


def names(answer: httpx2.Response) -> list[str]:
    """Return the names of the users, or of the groups, in a list."""
    assert answer.status_code == 200, answer.text
    return [each.get("userName") or each["displayName"] for each in answer.json()["Resources"]]
