"""What the events of each type have in their bodies; a name with ``?`` is not in each of them."""

from collections.abc import Mapping
from types import MappingProxyType

from pedigree.audit.event_types import EventType

_TRAINING = (
    "training_id run_id digest git_commit git_dirty environment_hash training_data_digest metrics"
    " verification? description? owners? tags?"
)
_DECISION = "digest from_stage to_stage generation status comment issued_by?"
_DRIFT = "drift_id asset partition drifted columns problems baseline run_id"
_WEBHOOK = (
    "webhook_id name? form? host url_sha256 description types models events? active secret_sha256"
    " old_secret_sha256 old_secret_until"
)
_FAILURE = "work member attempts problem"
_OF_PERSON = "principal principal_id person_id"

_NAMES: Mapping[EventType, str] = MappingProxyType(
    {
        EventType.MODEL_CREATED: "model_id? first_version?",
        EventType.MODEL_RENAMED: "from to model_id first_version",
        EventType.MODEL_UPDATED: (
            "description? owners? tags? tag_changes? policy? policy_revision? reason? generation?"
            " voided?"
        ),
        EventType.MODEL_DELETED: "reason",
        EventType.MODEL_RESTORED: "reason",
        EventType.MODEL_CHECK_UNATTRIBUTED: "check problem run_id evaluation",
        EventType.VERSION_CREATED: f"{_TRAINING} state? state_reason? source?",
        EventType.VERSION_SEALED: "digest state run_id metrics generation voided",
        EventType.VERSION_REGISTRATION_FAILED: "reason",
        EventType.VERSION_TRAINED: _TRAINING,
        EventType.VERSION_UPDATED: (
            "description? owners? tags? tag_changes? stage_confirmed? model_card? evaluation?"
        ),
        EventType.VERSION_DOWNLOADED: "",
        EventType.VERSION_DELETED: "digest reason generation voided",
        EventType.VERSION_RESTORED: "digest stage reason generation voided",
        EventType.VERSION_COLLECTED: "digest deleted_at",
        EventType.VERSION_TIER_CHANGED: "from to reason",
        EventType.VERSION_STAGE_REQUESTED: ("request_id digest from to reason only_asks waits_for"),
        EventType.VERSION_REQUEST_WITHDRAWN: "request_ids to reason",
        EventType.VERSION_STAGE_CHANGED: (
            "digest from to generation previous_version policy_revision reason run_id voided?"
        ),
        EventType.VERSION_CHECK_RECORDED: (
            "check passed severity digest relative baseline_digest settings? summary details run_id"
        ),
        EventType.VERSION_PROMOTION_GIVEN_UP: (
            "digest to generation policy_revision evidence_at attempts run_id problem"
        ),
        EventType.VERSION_PROMOTION_RETRIED: "digest to reason",
        EventType.VERSION_APPROVED: _DECISION,
        EventType.VERSION_REJECTED: _DECISION,
        EventType.VERSION_OVERRIDDEN: "digest from_stage to_stage generation reason gates",
        EventType.VERSION_PROFILED: "profile rows",
        EventType.VERSION_DRIFT_MEASURED: f"{_DRIFT} result? served? html? markdown?",
        EventType.VERSION_DRIFT_DETECTED: _DRIFT,
        EventType.VERSION_HELD: "reason",
        EventType.VERSION_QUARANTINED: "quarantine_id reason asset? partition? certainty?",
        EventType.VERSION_RELEASED: "reason from? quarantine_ids?",
        EventType.ALIAS_SET: "alias digest previous_version generation reason voided",
        EventType.ALIAS_DELETED: "alias generation reason voided",
        EventType.ASSET_QUARANTINED: ("quarantine_id asset partition since reason only_certain?"),
        EventType.ASSET_RELEASED: "asset partition quarantine_ids reason",
        EventType.DATASHEET_SET: "asset revision digest sheet",
        EventType.DATA_CHECK_RECORDED: (
            "asset partition data_version storage_id materialized_by check passed severity summary"
            " details run_id"
        ),
        EventType.POLICY_DEFAULT_SET: "pattern policy reason",
        EventType.POLICY_DEFAULT_DELETED: "pattern reason",
        EventType.TOKEN_CREATED: (
            "token_id principal roles models expires_at secret_hash workload?"
        ),
        EventType.TOKEN_REVOKED: "token_id principal",
        EventType.ROLE_DEFINED: "role permissions stages description",
        EventType.ROLE_REMOVED: "role",
        EventType.GROUP_CREATED: "group description",
        EventType.GROUP_DELETED: "group members reason",
        EventType.GROUP_MEMBER_ADDED: "group member provisioned?",
        EventType.GROUP_MEMBER_REMOVED: "group member reason",
        EventType.GRANT_CREATED: (
            "grant_id principal? group? role models stages effect expires_at reason"
        ),
        EventType.GRANT_ENDED: "grant_id principal? group? role reason",
        EventType.TOKEN_LISTED: "read",
        EventType.PRINCIPAL_CREATED: f"{_OF_PERSON} kind",
        EventType.PRINCIPAL_LINKED: f"{_OF_PERSON} because",
        EventType.PRINCIPAL_UNLINKED: _OF_PERSON,
        EventType.GROUP_PROVISIONED: "group display_name",
        EventType.PRINCIPAL_PROVISIONED: "principal principal_id",
        EventType.PRINCIPAL_DEPROVISIONED: "principal principal_id",
        EventType.PERSON_ERASED: "principal pseudonyms",
        EventType.PRINCIPAL_DEACTIVATED: "principal principal_id",
        EventType.SESSION_BEGUN: "session_id principal token_id issuer expires_at",
        EventType.SESSION_ENDED: "session_id principal",
        EventType.PRINCIPAL_REACTIVATED: "principal principal_id",
        EventType.ACCESS_RECOVERED: "principal token_id by",
        EventType.IDENTITY_LINKED: "identity_id issuer principal principal_id because",
        EventType.IDENTITY_UNLINKED: "identity_id issuer principal principal_id",
        EventType.IDENTITY_SEEN: "identity_id principal roles models groups",
        EventType.IDENTITY_ENDED: "identity_id principal",
        EventType.WEBHOOK_CREATED: _WEBHOOK,
        EventType.WEBHOOK_UPDATED: _WEBHOOK,
        EventType.WEBHOOK_SECRET_ROTATED: _WEBHOOK,
        EventType.WEBHOOK_DELETED: _WEBHOOK,
        EventType.BLOB_REMOVED: "digest bytes key",
        EventType.BLOB_MOVED: "digest bytes key tier",
        EventType.BLOB_RESTORED: "digest bytes key",
        EventType.LOG_KEY_ADDED: "key",
        EventType.LOG_KEY_RETIRED: "key",
        EventType.LOG_EXPORTED: "read",
        EventType.REGISTRY_CHECKED: "read hashes looked_at violated",
        EventType.REGISTRY_IMPORTED: (
            "from origin carried exported_at exported_by events checkpoint"
        ),
        EventType.MEMBER_FAILED: _FAILURE,
        EventType.MEMBER_RECOVERED: _FAILURE,
    }
)
BODIES: Mapping[EventType, tuple[str, ...]] = MappingProxyType(
    {kind: tuple(names.split()) for kind, names in _NAMES.items()}
)
