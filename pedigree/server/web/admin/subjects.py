"""The subjects of Admin, each with its pages."""

from pedigree.server.web.admin import health, people, rights, tokens, upkeep, webhooks

ADMIN_SUBJECTS = (
    health.pages,
    tokens.pages,
    people.pages,
    rights.pages,
    upkeep.pages,
    webhooks.pages,
)
