"""Grants: what somebody is allowed or denied, on which models and in which stages."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal, TypeAlias

from pedigree._names import name_key
from pedigree.access.patterns import fits
from pedigree.access.records import Permission

EVERYTHING = frozenset(Permission)

STAGED = frozenset({Permission.REQUEST, Permission.MOVE, Permission.DECIDE, Permission.OVERRIDE})
"""The permissions that concern a stage; grants of them can be limited to stages."""


class Effect(StrEnum):
    """What a grant does: a denial overrides every allowance."""

    ALLOW = "allow"
    DENY = "deny"


class Some(Enum):
    """At least one model or stage, where None is every one: it asks what lists and doors ask."""

    SOME = "some"


SOME: Literal[Some.SOME] = Some.SOME
Target: TypeAlias = str | Literal[Some.SOME] | None
"""The name of a model or a stage, ``SOME`` for at least one, or None for every one."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What somebody is allowed or denied.

    Args:
        permissions: The permissions.
        models: Names of models or patterns such as ``churn*``; all models if empty.
        stages: Names of stages or patterns; all stages if empty. With stages, it allows or denies
            only what concerns a stage, and allows to read.
        effect: Whether it allows or denies.
        origin: Where it comes from, such as ``token`` or ``grant 12``.
        role: The role whose permissions it has; None if they have no name.
        grant_id: The number of its row; None if it is not granted by one.
    """

    permissions: frozenset[Permission] = EVERYTHING
    models: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    effect: Effect = Effect.ALLOW
    origin: str = "process"
    role: str | None = None
    grant_id: int | None = None

    @property
    def effective(self) -> frozenset[Permission]:
        """The permissions that it allows or denies in fact."""
        if not self.stages:
            return self.permissions
        if self.effect is Effect.DENY:
            return self.permissions & STAGED
        return self.permissions & (STAGED | {Permission.READ})

    def allows(self, permission: Permission, model: Target, stage: Target) -> bool:
        """Return whether it allows something, unless another grant denies it.

        None is every model or stage, which only an unlimited grant allows.
        """
        if self.effect is Effect.DENY or permission not in self.effective:
            return False
        return self.covers(model, stage if permission in STAGED else SOME)

    def denies(self, permission: Permission, model: Target, stage: Target) -> bool:
        """Return whether it denies something.

        None is every model or stage: one denied model denies every one. ``SOME`` is denied only if
        all are.
        """
        if self.effect is Effect.ALLOW or permission not in self.effective:
            return False
        if permission in STAGED:
            return self.hits(model, stage)
        return _touches(self.models, model)

    def covers(self, model: Target, stage: Target) -> bool:
        """Return whether it covers the whole target: None is every model or stage."""
        return _covers(self.models, model) and _covers(self.stages, stage)

    def hits(self, model: Target, stage: Target) -> bool:
        """Return whether it covers a part of the target, or all of it for ``SOME``."""
        return _touches(self.models, model) and _touches(self.stages, stage)

    @property
    def sentence(self) -> str:
        """Its content in words, the same for equal grants."""
        models = f" on {', '.join(sorted(self.models))}" if self.models else ""
        stages = f" in {', '.join(sorted(self.stages))}" if self.stages else ""
        return f"{self.effect} {', '.join(sorted(self.permissions))}{models}{stages}"


def matches(name: str, patterns: Iterable[str]) -> bool:
    r"""Return whether a model or stage, in any equivalent spelling, matches a name or pattern.

    A denial must hold for every spelling that the registry finds, so equivalence is the registry's.

    >>> matches("\N{FULLWIDTH LATIN CAPITAL LETTER C}HURN", ["churn*"])
    True
    """
    key = name_key(name)
    return any(fits(key, name_key(pattern)) for pattern in patterns)


def _covers(patterns: Collection[str], target: Target) -> bool:
    if not patterns or target is SOME:
        return True
    return target is not None and matches(target, patterns)


def _touches(patterns: Collection[str], target: Target) -> bool:
    if not patterns or target is None:
        return True
    return target is not SOME and matches(target, patterns)
