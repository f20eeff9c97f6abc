"""What pages need once in each process: made while it starts, and not for its first reader."""

import gc
import logging
from importlib import import_module

from pedigree.server.web.rendering import environment

_LOG = logging.getLogger(__name__)

# What other processes need not load: the parser of filters, and those of cards.
_MODULES = ("pedigree.catalog.search.search", "markdown_it", "nh3")


def warm_up() -> None:
    """Compile the templates, and load what pages import when they need it.

    It takes half a second of one processor, so that a service serves meanwhile.
    """
    try:
        for module in _MODULES:
            import_module(module)
        templates = environment()
        for name in templates.list_templates(extensions=["html"]):
            templates.get_template(name)
        # All of it stays: no search for garbage need look at it again.
        gc.freeze()
    except Exception:  # a page says what is wrong with it
        _LOG.exception("pages could not be prepared", extra={"action": "pages.prepare"})
