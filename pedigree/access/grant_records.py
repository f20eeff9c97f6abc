"""Roles, groups and grants as they are listed, and what explains a right."""

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from pedigree._record import Record
from pedigree._values import Key
from pedigree.access.grants import Effect
from pedigree.access.records import Permission, RoleName

GroupName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
"""The name of a group."""

MOST_PATTERNS = 100
"""The most models, and the most stages, of one grant."""


def _is_told_apart(pattern: str) -> str:
    if pattern != pattern.strip():
        raise ValueError("begins or ends with a space")
    return pattern


Pattern: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=256), AfterValidator(_is_told_apart)
]
Patterns: TypeAlias = Annotated[tuple[Pattern, ...], Field(max_length=MOST_PATTERNS)]
"""Names or patterns, in which ``*`` matches any characters."""


class AccessRole(Record):
    """A role: the name of some permissions."""

    name: RoleName
    permissions: tuple[str, ...]
    stages: tuple[str, ...] = Field(
        description="Stages to which moves, decisions and requests are limited; all when empty"
    )
    description: str | None = None
    is_built_in: bool
    defined_at: datetime | None = Field(description="Null for a built-in role")
    defined_by: Key | None


class AccessGroup(Record):
    """A group of principals."""

    name: GroupName
    description: str | None
    members: tuple[Key, ...]
    created_at: datetime
    created_by: Key


class AccessGrant(Record):
    """A role that a principal or a group is granted, or denied."""

    grant_id: int
    principal: Key | None = Field(description="Whose grant it is; null for that of a group")
    group: Key | None
    role: str
    models: tuple[str, ...] = Field(
        description="Names of models or patterns such as churn*; all models when empty"
    )
    stages: tuple[str, ...] = Field(description="Stages, or patterns of them; all when empty")
    effect: Effect = Field(description="A denial overrides every allowance")
    expires_at: datetime | None
    reason: str | None
    granted_at: datetime
    granted_by: Key
    ended_at: datetime | None
    ended_by: Key | None
    end_reason: str | None
    last_used_at: datetime | None = Field(
        description="When it last allowed a request to the service, to the hour; null: never"
    )

    @property
    def grantee(self) -> str:
        """Whose grant it is, as policies write it."""
        return f"group:{self.group}" if self.group else str(self.principal)


class AccessReason(Record):
    """A grant, or a role of a token, that allows or denies something."""

    origin: str = Field(description="Such as grant 12, grant 12 to the group risk, or token 3")
    effect: Effect
    role: str | None
    models: tuple[str, ...]
    stages: tuple[str, ...]


class AccessAnswer(Record):
    """Whether a principal may do something, and why."""

    principal: Key
    permission: Permission
    model: str | None = Field(description="Every model when null")
    stage: str | None = Field(description="Every stage when null")
    allowed: bool
    reasons: tuple[AccessReason, ...] = Field(
        description="What allows it, or what denies it; none if nothing is about it"
    )

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        place = f" {self.model or 'every model'}"
        where = f" in {self.stage}" if self.stage else ""
        by = ", ".join(f"{each.origin} ({each.role})" for each in self.reasons)
        if self.allowed:
            return f"{self.principal} may {self.permission}{place}{where}: {by}"
        because = f"{by} denies it" if by else "no grant and no token allows it"
        return f"{self.principal} may not {self.permission}{place}{where}: {because}"


class EndedAccess(Record):
    """What was ended when all access of a principal was revoked."""

    principal: Key
    grants: tuple[int, ...]
    tokens: tuple[int, ...]
    groups: tuple[str, ...]
