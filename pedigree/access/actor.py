"""The actor of this process, and the source of the name."""

import getpass
import os
import pwd
import subprocess
from collections.abc import Iterator

from pedigree._values import KEY_BYTES
from pedigree.access.reserved import claimed_name, is_pseudonym, is_reserved
from pedigree.audit.records import Actor
from pedigree.settings import Settings

SETTING = "PEDIGREE_ACTOR"


def resolve_actor(settings: Settings, run_actor: str | None = None) -> Actor:
    """Return the actor: ``PEDIGREE_ACTOR``, else the Dagster run's tag, git's e-mail, the OS user.

    Args:
        settings: This process's settings.
        run_actor: Who launched the Dagster run, by its own claim.

    Raises:
        ReservedNameError: The setting or the run claims a name that is reserved for Pedigree. Git's
            address and the environment's user are skipped instead: they were not set for Pedigree.
        InvalidInputError: What they claim is no Unicode text, or too long; else as above.
    """
    if settings.actor:
        return Actor(name=claimed_name(settings.actor, SETTING), source=SETTING)
    if run_actor:
        return Actor(name=claimed_name(run_actor, "run tag"), source="dagster run tag")
    return next(actor for actor in _fallbacks() if _is_usable(actor.name))


def _is_usable(name: str) -> bool:
    """Return whether a name that was not set for Pedigree can be an actor's."""
    return (
        not is_reserved(name)
        and not is_pseudonym(name)
        and len(name.encode(errors="replace")) <= KEY_BYTES
        and (name.isprintable())
    )


def _fallbacks() -> Iterator[Actor]:
    if email := _git_email():
        yield Actor(name=email, source="git user.email")
    # From LOGNAME or USER if the environment has one.
    yield Actor(name=getpass.getuser(), source="operating system")
    yield Actor(name=pwd.getpwuid(os.getuid()).pw_name, source="operating system")
    yield Actor(name=f"uid {os.getuid()}", source="operating system")


def _git_email() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "config", "--get", "user.email"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
