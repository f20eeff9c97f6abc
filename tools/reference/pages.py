"""The pages of the reference, and the functions that write them."""

from collections.abc import Callable, Mapping

from tools.reference.cli import cli_page
from tools.reference.errors import errors_page
from tools.reference.events import events_page
from tools.reference.policy import policy_page
from tools.reference.settings import settings_page

PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "errors.md": errors_page,
    "policy.md": policy_page,
}
"""Each page by its file name, and the function that returns its text."""
