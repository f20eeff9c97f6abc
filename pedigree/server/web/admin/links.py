"""Paths of Admin's pages and forms."""

from pedigree.server.web import links
from pedigree.server.web.links import ADMIN

TOKENS = f"{ADMIN}/tokens"
NEW_TOKEN = f"{TOKENS}/new"
REVOKE_TOKEN = f"{TOKENS}/revoke"
SESSIONS = f"{ADMIN}/sessions"
END_SESSION = f"{SESSIONS}/end"
PEOPLE = f"{ADMIN}/people"
PERSON = f"{ADMIN}/person"
END_RIGHTS = f"{PERSON}/end-sessions"
SET_ACTIVE = f"{PERSON}/active"
GRANTS = f"{ADMIN}/grants"
NEW_GRANT = f"{GRANTS}/new"
END_GRANT = f"{GRANTS}/end"
GROUPS = f"{ADMIN}/groups"
NEW_GROUP = f"{GROUPS}/new"
ADD_MEMBER = f"{GROUPS}/add-member"
REMOVE_MEMBER = f"{GROUPS}/remove-member"
DELETE_GROUP = f"{GROUPS}/delete"
QUARANTINES = f"{ADMIN}/quarantines"
RELEASE = f"{QUARANTINES}/release"
POLICIES = f"{ADMIN}/policies"
RETENTION = f"{ADMIN}/retention"
COLLECT = f"{RETENTION}/collect"
WEBHOOKS = links.WEBHOOKS
NEW_WEBHOOK = f"{WEBHOOKS}/new"
WEBHOOK = f"{ADMIN}/webhooks/{{webhook_id}}"
REDELIVER = f"{WEBHOOK}/redeliver"
TEST_WEBHOOK = f"{WEBHOOK}/test"
PAUSE_WEBHOOK = f"{WEBHOOK}/active"
ROTATE_WEBHOOK = f"{WEBHOOK}/rotate"
DELETE_WEBHOOK = f"{WEBHOOK}/delete"

PARTS = (
    ("Health", ADMIN),
    ("Tokens", TOKENS),
    ("Sessions", SESSIONS),
    ("People", PEOPLE),
    ("Grants", GRANTS),
    ("Groups and roles", GROUPS),
    ("Quarantines", QUARANTINES),
    ("Policies", POLICIES),
    ("Retention", RETENTION),
    ("Webhooks", WEBHOOKS),
)
"""The pages of Admin, with their names, in their order."""
