"""The path of each resource of the service: the only definition, for routes and clients."""

from urllib.parse import quote

PREFIX = "/api/v1"
"""The prefix of all paths."""

MODELS = "/models"
MODEL = "/models/{name}"
MODEL_RENAME = f"{MODEL}/rename"
MODEL_RESTORE = f"{MODEL}/restore"

MODEL_TAGS = f"{MODEL}/tags"

VERSIONS = f"{MODEL}/versions"
VERSION = f"{VERSIONS}/{{version}}"
VERSION_TAGS = f"{VERSION}/tags"
VERSION_RESTORE = f"{VERSION}/restore"
TRAININGS = f"{VERSION}/trainings"
ENVIRONMENT = f"{VERSION}/environment"
COMPARISON = "/compare"

UPLOADS = f"{MODEL}/uploads"
UPLOAD = f"{UPLOADS}/{{upload_id}}"
UPLOAD_FILE = f"{UPLOAD}/files/{{digest}}"

FILES = f"{VERSION}/files"
URLS = f"{VERSION}/urls"
DOWNLOAD = f"{VERSION}/download/{{path:path}}"
SNIPPETS = f"{VERSION}/snippets"

VERSION_STAGE = f"{VERSION}/stage"
STAGE = f"{MODEL}/stages/{{stage}}"
ROLLBACK = f"{MODEL}/rollback"
TIMELINE = f"{MODEL}/timeline"
AS_OF = f"{MODEL}/as-of"
TENURES = f"{VERSION}/tenures"

ALIASES = f"{MODEL}/aliases"
ALIAS = f"{ALIASES}/{{alias}}"

REQUESTS = "/requests"
MODEL_REQUESTS = f"{MODEL}/requests"
VERSION_REQUESTS = f"{VERSION}/requests/{{stage}}"

APPROVALS = f"{VERSION}/approvals"
OVERRIDES = f"{VERSION}/overrides"

EXPLANATION = f"{VERSION}/explain"
CANDIDACIES = f"{VERSION}/candidacies"
RETRIES = f"{VERSION}/retries"

POLICY = f"{MODEL}/policy"
POLICY_HISTORY = f"{POLICY}/history"
POLICY_DEFAULTS = "/policy-defaults"
POLICY_DEFAULT = f"{POLICY_DEFAULTS}/{{pattern}}"
REGISTRATION_CHECKS = f"{MODEL}/registration-checks"

CHECKS = f"{VERSION}/checks"
VERDICTS = f"{VERSION}/verdicts"

CARD = f"{VERSION}/card"
CARD_FIELDS = f"{CARD}/fields"

DATASHEET = "/datasheet"
DATASHEETS = "/datasheets"
DATA_VERDICTS = "/data/verdicts"

EVALUATION = f"{VERSION}/evaluation"

PROFILE = f"{VERSION}/profile"
VERSION_DRIFT = f"{VERSION}/drift"
DRIFT = "/drift/{drift_id}"
DRIFT_REPORT = f"{DRIFT}/report"
DRIFT_ALERT = f"{DRIFT}/alert"

LINEAGE = f"{VERSION}/lineage"
UPSTREAM = f"{VERSION}/upstream"
DOWNSTREAM = f"{VERSION}/downstream"
RETRAINING = f"{VERSION}/retraining"
LINEAGE_DIFFERENCE = "/diff"
IMPACT = "/impact"
UNMATERIALIZED = "/unmaterialized"

STALENESS = f"{VERSION}/staleness"

QUARANTINES = "/quarantines"
VERSION_QUARANTINE = f"{VERSION}/quarantine"

RETENTION = f"{MODEL}/retention"
HOLD = f"{VERSION}/hold"
SEAL = f"{VERSION}/seal"

SEARCH = "/search"
EVENTS = "/events"
STATISTICS = "/stats"

EXCHANGE = "/token"
LOGIN = "/login"
WHOAMI = "/whoami"
TOKENS = "/tokens"
TOKEN = f"{TOKENS}/{{token_id}}"

_ACCESS = "/access"
GRANTS = f"{_ACCESS}/grants"
GRANT = f"{GRANTS}/{{grant_id}}"
REVOCATIONS = f"{_ACCESS}/revocations"
ACCESS_EXPLANATION = f"{_ACCESS}/explanation"
ROLES = f"{_ACCESS}/roles"
ROLE = f"{ROLES}/{{role}}"
GROUPS = f"{_ACCESS}/groups"
GROUP = f"{GROUPS}/{{group}}"
GROUP_MEMBERS = f"{GROUP}/members"
PRINCIPALS = "/access/principals"
PRINCIPAL_LINKS = "/access/links"
PRINCIPAL_ACTIVITY = "/access/activity"
PRINCIPAL_SESSIONS = "/access/sessions"
PRINCIPAL_NAMES = "/access/names"

WEBHOOKS = "/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook_id}}"
WEBHOOK_SECRET = f"{WEBHOOK}/secret"
WEBHOOK_TEST = f"{WEBHOOK}/test"
DELIVERIES = f"{WEBHOOK}/deliveries"
DELIVERY = f"{DELIVERIES}/{{seq}}"
REDELIVERY = f"{DELIVERY}/redeliver"

GC = "/gc"
FSCK = "/fsck"


LOG_CHECKPOINT = "/log/checkpoint"
"""The newest checkpoint of the audit log; with the other paths of the log not below the prefix."""
LOG_TILE = "/log/tile/{level}/{tile:path}"
LOG_EVENTS = "/log/events"
LOG_CONSISTENCY = "/log/consistency/{old}"

SCIM = "/scim/v2"
"""Where identity providers provision users and groups, not below the prefix."""
SCIM_CONFIG = f"{SCIM}/ServiceProviderConfig"
SCIM_TYPES = f"{SCIM}/ResourceTypes"
SCIM_TYPE = f"{SCIM_TYPES}/{{type_id}}"
SCIM_SCHEMAS = f"{SCIM}/Schemas"
SCIM_SCHEMA = f"{SCIM_SCHEMAS}/{{schema_id}}"
SCIM_USERS = f"{SCIM}/Users"
SCIM_USER = f"{SCIM_USERS}/{{user_id}}"
SCIM_GROUPS = f"{SCIM}/Groups"
SCIM_GROUP = f"{SCIM_GROUPS}/{{group_id}}"


def fill(template: str, **values: object) -> str:
    """Return a path with its parameters filled in and percent-encoded.

    >>> fill(STAGE, name="churn", stage="a/b")
    '/models/churn/stages/a%2Fb'
    >>> fill(DOWNLOAD, name="churn", version=3, path="deep/a b.bin")
    '/models/churn/versions/3/download/deep/a%20b.bin'
    """
    path = template
    for name, value in values.items():
        path = path.replace(f"{{{name}:path}}", quote(str(value)))
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path
