"""The pages of ``docs/reference/``, written from the code that they describe.

``python -m tools.reference`` writes them; a test keeps the committed pages equal to the code.
"""

from collections.abc import Callable, Mapping

from tools.reference.cli import cli_page
from tools.reference.errors import errors_page
from tools.reference.events import events_page
from tools.reference.policy import policy_page
from tools.reference.settings import settings_page

FOLDER = "docs/reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "errors.md": errors_page,
    "policy.md": policy_page,
}
"""Each page by its file name, and the function that returns its text."""
