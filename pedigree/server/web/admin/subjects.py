"""The subjects of Admin, each with its pages."""

from pedigree.server.web.admin import people, rights, tokens, upkeep, webhooks

ADMIN_SUBJECTS = (upkeep.pages, tokens.pages, people.pages, rights.pages, webhooks.pages)
