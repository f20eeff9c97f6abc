"""The types of events."""

from enum import StrEnum


class EventType(StrEnum):
    """The types of events, as ``object.action``; docs/reference/events.md lists them."""

    about: str

    def __new__(cls, value: str, about: str = "") -> "EventType":
        """Return a member with its description."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member

    MODEL_CREATED = "model.created", "A model was created, alone or with its first version"
    MODEL_UPDATED = (
        "model.updated",
        "A model's description, owners, tags, policy or retention changed",
    )
    MODEL_RENAMED = (
        "model.renamed",
        "A model got another name; its history is found under both",
    )
    MODEL_DELETED = "model.deleted", "A model was deleted with all its versions"
    MODEL_RESTORED = "model.restored", "A deleted model was restored"
    MODEL_CHECK_UNATTRIBUTED = (
        "model.check_unattributed",
        "An asset check ran on a model, but its version is unknown",
    )
    VERSION_CREATED = "version.created", "A version was registered"
    VERSION_SEALED = (
        "version.sealed",
        "A version without a digest got its bytes; approvals that it had before are void",
    )
    VERSION_REGISTRATION_FAILED = (
        "version.registration_failed",
        "The bytes of a pending version could not be fetched, or did not pass its checks",
    )
    VERSION_TRAINED = (
        "version.trained",
        "Another run produced the same bytes, and was added to their version",
    )
    VERSION_UPDATED = (
        "version.updated",
        "A version's description, owners, tags, card or evaluation changed, or a client of MLflow"
        " asked for the stage that it has",
    )
    VERSION_DOWNLOADED = (
        "version.downloaded",
        "An actor began to download or load a version, or asked for URLs of its files: once an hour"
        " for each actor",
    )
    VERSION_DELETED = (
        "version.deleted",
        "A version was deleted; it can be restored until its bytes are collected",
    )
    VERSION_RESTORED = "version.restored", "A deleted version was restored"
    VERSION_COLLECTED = "version.collected", "The bytes of a deleted version were collected"
    VERSION_TIER_CHANGED = (
        "version.tier_changed",
        "A version's bytes moved to the archive's storage class, or back",
    )
    VERSION_STAGE_REQUESTED = (
        "version.stage_requested",
        "A stage was requested for a version, which waits for its gates",
    )
    VERSION_REQUEST_WITHDRAWN = (
        "version.request_withdrawn",
        "Requests for a version's transition into a stage were withdrawn",
    )
    VERSION_STAGE_CHANGED = "version.stage_changed", "A version entered or left a stage"
    VERSION_CHECK_RECORDED = "version.check_recorded", "A check recorded its verdict on a version"
    VERSION_PROMOTION_GIVEN_UP = (
        "version.promotion_given_up",
        "The promotion sensor gave up: every run to promote a version failed",
    )
    VERSION_PROMOTION_RETRIED = (
        "version.promotion_retried",
        "The promotion sensor was asked to retry a promotion that it gave up",
    )
    VERSION_APPROVED = "version.approved", "A version's promotion was approved"
    VERSION_REJECTED = "version.rejected", "A version's promotion was rejected"
    VERSION_OVERRIDDEN = (
        "version.overridden",
        "Somebody let a version enter a stage past gates that it had not passed",
    )
    VERSION_PROFILED = "version.profiled", "A profile of a version's training data was stored"
    VERSION_DRIFT_MEASURED = (
        "version.drift_measured",
        "Later data was compared with a version's profile",
    )
    VERSION_DRIFT_DETECTED = (
        "version.drift_detected",
        "Data has drifted from a version's training data",
    )
    VERSION_HELD = "version.held", "A legal hold was put on a version, which cannot be deleted"
    VERSION_QUARANTINED = (
        "version.quarantined",
        "A version, or data that it certainly or possibly depends on, was quarantined",
    )
    VERSION_RELEASED = (
        "version.released",
        "A version left a quarantine (its body has `from`), or a legal hold",
    )
    ALIAS_SET = "alias.set", "An alias was pointed to a version, and left its previous one"
    ALIAS_DELETED = "alias.deleted", "An alias was deleted"
    ASSET_QUARANTINED = "asset.quarantined", "Data was quarantined"
    ASSET_RELEASED = "asset.released", "A quarantine of data ended"
    DATASHEET_SET = "datasheet.set", "A datasheet of data was created or changed"
    DATA_CHECK_RECORDED = "data.check_recorded", "A check recorded its verdict on data"
    POLICY_DEFAULT_SET = (
        "policy.default_set",
        "The policy of new models whose names fit a pattern was set",
    )
    POLICY_DEFAULT_DELETED = "policy.default_deleted", "A policy of new models was deleted"
    TOKEN_CREATED = "token.created", "A token of the service was created"
    TOKEN_REVOKED = "token.revoked", "A token of the service was revoked"
    ROLE_DEFINED = "role.defined", "A role was defined, or defined differently"
    ROLE_REMOVED = "role.removed", "A role was removed"
    GROUP_CREATED = "group.created", "A group of principals was created"
    GROUP_DELETED = "group.deleted", "A group was deleted; its grants ended"
    GROUP_MEMBER_ADDED = "group.member_added", "A principal was added to a group"
    GROUP_MEMBER_REMOVED = "group.member_removed", "A principal was removed from a group"
    GROUP_PROVISIONED = (
        "group.provisioned",
        "An identity provider provisioned a group by SCIM, or changed what it states of it",
    )
    GRANT_CREATED = "grant.created", "A role was granted or denied to a principal or a group"
    GRANT_ENDED = "grant.ended", "A grant ended before its time"
    TOKEN_LISTED = "token.listed", "An actor listed the tokens: once an hour for each actor"
    PRINCIPAL_CREATED = (
        "principal.created",
        "A principal became known by its first token, or by SCIM",
    )
    PRINCIPAL_LINKED = (
        "principal.linked",
        "A principal became the same person as another one",
    )
    PRINCIPAL_UNLINKED = (
        "principal.unlinked",
        "A principal became a person of its own, or of fewer principals",
    )
    PRINCIPAL_DEACTIVATED = "principal.deactivated", "A person is no longer let in"
    PRINCIPAL_REACTIVATED = "principal.reactivated", "A deactivated person is let in again"
    PRINCIPAL_PROVISIONED = (
        "principal.provisioned",
        "An identity provider provisioned a person by SCIM, or changed what it states of them",
    )
    PRINCIPAL_DEPROVISIONED = (
        "principal.deprovisioned",
        "An identity provider removed a person whom it had provisioned",
    )
    PERSON_ERASED = "person.erased", "The names of a person were erased; pseudonyms remain"
    ACCESS_RECOVERED = (
        "access.recovered",
        "Somebody with the credentials of the database let an admin in again",
    )
    IDENTITY_LINKED = "identity.linked", "A subject of an issuer began to act by a principal"
    IDENTITY_UNLINKED = "identity.unlinked", "A subject of an issuer ceased to act by a principal"
    IDENTITY_SEEN = (
        "identity.seen",
        "A token of an identity had other roles, models or groups than the one before",
    )
    IDENTITY_ENDED = (
        "identity.ended",
        "The roles of an identity ended, and its tokens from before give no rights",
    )
    SESSION_BEGUN = "session.begun", "Somebody signed in to the web page"
    SESSION_ENDED = "session.ended", "Somebody signed out of the web page, or an admin ended it"
    WEBHOOK_CREATED = "webhook.created", "A webhook was created"
    WEBHOOK_UPDATED = "webhook.updated", "A webhook's URL, description, filters or activity changed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated", "A webhook's secret was rotated"
    WEBHOOK_DELETED = "webhook.deleted", "A webhook was deleted"
    BLOB_REMOVED = "blob.removed", "Bytes that no version uses were removed"
    BLOB_MOVED = "blob.moved", "Bytes were moved to another storage class"
    BLOB_RESTORED = (
        "blob.restored",
        "Bytes that the store had lost were stored again, by somebody who has them",
    )
    LOG_KEY_ADDED = "log.key_added", "A key began to sign the checkpoints of the audit log"
    LOG_KEY_RETIRED = "log.key_retired", "A key ceased to sign the checkpoints of the audit log"
    LOG_EXPORTED = (
        "log.exported",
        "An actor read or exported events of the sealed log with their proofs: once an hour for"
        " each actor",
    )
    REGISTRY_CHECKED = (
        "registry.checked",
        "The invariants of the registry were checked by `pedigree fsck`",
    )
    REGISTRY_IMPORTED = (
        "registry.imported",
        "A registry, or models of one, were brought in from elsewhere; the body says from where",
    )
    MEMBER_FAILED = (
        "member.failed",
        "Background work failed for one member, such as a model; it is tried again, and the others"
        " went on",
    )
    MEMBER_RECOVERED = (
        "member.recovered",
        "Background work handled a member that had failed, or no longer has it",
    )


READS = frozenset({EventType.VERSION_DOWNLOADED, EventType.TOKEN_LISTED, EventType.LOG_EXPORTED})
"""The types of events that change nothing: somebody read something that matters."""
