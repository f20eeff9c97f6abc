"""Find out who acts, and remember how that was found out."""

import getpass
import subprocess

from pedigree.audit.records import Actor
from pedigree.settings import Settings


def resolve_actor(settings: Settings, run_actor: str | None = None) -> Actor:
    """Return the actor: ``PEDIGREE_ACTOR``, else the Dagster run's tag, git's e-mail, the OS user.

    Args:
        settings: This process's settings.
        run_actor: What the Dagster run says of who launched it; only a claim.
    """
    if settings.actor:
        return Actor(name=settings.actor, source="PEDIGREE_ACTOR")
    if run_actor:
        return Actor(name=run_actor, source="dagster run tag")
    if email := _git_email():
        return Actor(name=email, source="git user.email")
    return Actor(name=getpass.getuser(), source="operating system")


def _git_email() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "config", "--get", "user.email"],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
