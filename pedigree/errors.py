"""All errors that Pedigree raises on purpose, as one tree.

::

    PedigreeError
    ├── InvalidInputError            the caller's input is invalid; nothing was written
    │   ├── InvalidNameError         a model's name, see DESIGN "Words"
    │   ├── InvalidAliasError
    │   ├── InvalidReferenceError    a reference such as "customer_churn/3" cannot be parsed
    │   ├── InvalidMetadataError     a required field is missing, or a value is out of its domain
    │   ├── InvalidSignatureError
    │   ├── InvalidSampleError       the model cannot predict the sample; names the column or dtype
    │   ├── InvalidSourceError       where an MLflow client's version is, is not accepted
    │   ├── InvalidArtifactError     the path is missing, empty, holds a link, or leaves its folder
    │   ├── InvalidPolicyError
    │   ├── InvalidProviderError     a mistake in the file of OIDC providers
    │   ├── ReservedNameError        the actor's name is reserved for Pedigree
    │   ├── InvalidSearchError       a filter, an order or a cursor; the message marks the place
    │   │   └── SearchTooBroadError  it takes longer than it may; the message says what narrows it
    │   ├── TooLargeError            the request is larger than the service accepts
    │   ├── KeyReusedError           the idempotency key belongs to another request
    │   ├── UnknownFlavorError
    │   ├── UnsupportedModelError    the flavor cannot save or call this object
    │   └── UnverifiedModelError     the saved model does not predict what the model predicts
    ├── NotFoundError
    │   ├── ModelNotFoundError
    │   ├── VersionNotFoundError
    │   ├── AliasNotFoundError
    │   ├── TagNotFoundError
    │   ├── StageEmptyError          no version is in the stage
    │   ├── QuarantineNotFoundError  the data is not quarantined
    │   ├── SessionNotFoundError
    │   ├── TokenNotFoundError
    │   ├── AccessNotFoundError      no role, group, member or grant of access
    │   ├── PrincipalNotFoundError   no principal has the name, or no such identity acts by it
    │   ├── WebhookNotFoundError
    │   ├── DeliveryNotFoundError    the webhook has no delivery for the event, or its log expired
    │   ├── UploadNotFoundError      it was sealed or aborted, or it expired
    │   └── NothingToRollBackError
    ├── RefusedError                 the request is well-formed, but the rules do not allow it
    │   ├── NameTakenError           the name, or one that differs only by case, exists or existed
    │   ├── TransitionNotAllowedError
    │   ├── GateNotPassedError
    │   ├── NotPermittedError        the actor has no permission
    │   │   └── OwnRightsError       nobody extends their own rights
    │   ├── AccessInUseError         grants, tokens or policies name the role or the group
    │   ├── NotAuthenticatedError    the service does not know the token
    │   ├── ExchangeRefusedError     the token of a workload cannot be exchanged
    │   ├── LoginFailedError         the provider, or the person, ended the login
    │   ├── StateChangedError        the state does not satisfy If-Match or If-None-Match
    │   ├── RequestInFlightError     a request with the same idempotency key is still running
    │   ├── AmbiguousStageError      several versions are in a stage that is not exclusive
    │   ├── GenerationConflictError  the model's stages or aliases changed concurrently
    │   ├── VersionInUseError        a stage, an alias or a legal hold protects the version
    │   ├── BytesCollectedError      a deleted version's bytes are gone; it cannot be restored
    │   ├── BytesMissingError        the registry lacks files of the version; the message lists them
    │   ├── BytesTakenError          the same bytes were registered again; it cannot be restored
    │   ├── NotRetrainableError      no asset trained the version
    │   ├── AlreadySealedError       the version has other bytes, and a digest is final
    │   ├── NotSealedError           the registry does not have the version's bytes, or not yet
    │   ├── PlanChangedError         garbage collection would now delete something else
    │   ├── UntrustedModelError      loading would run code or build types that are not trusted
    │   ├── FileConflictError        a pull would replace files that no pull wrote
    │   ├── NotServedError           the service has no route for it; use a registry in process
    │   └── UnsupportedByStoreError  this kind of object store does not support it
    ├── CorruptionError              bytes do not match their digest, or are missing
    │   └── LogTamperedError         the audit log contradicts its tree, a signature or an anchor
    ├── SecretKeyError               PEDIGREE_SECRET_KEY is missing, invalid, or another key
    ├── LogKeyError                  the key that signs the audit log cannot be used
    ├── OriginRefusedError           an MLflow that is read or written refuses a request
    ├── MissingDependencyError       an optional library is not installed; the remedy names it
    └── UnavailableError             something that Pedigree depends on does not answer
        ├── DatabaseUnavailableError
        │   └── DatabaseBusyError    nothing was done; retry later
        ├── SourceUnavailableError   where a version is does not answer; it is fetched again later
        ├── SinkUnavailableError     the sink did not accept events; they are sent again
        ├── ServiceBusyError         nothing was done; retry later
        ├── AttestationUnavailableError  a witness, or an authority of time stamps; asked again
        ├── OriginUnavailableError   an MLflow that is read or written; run it again to go on
        ├── ProviderUnavailableError no key of the OIDC provider is known yet; try again later
        ├── SlowRequestError         the request did not arrive in time; nothing was done
        ├── ServiceUnavailableError  the service is unreachable, or fails
        │   └── OutcomeUnknownError  no answer to a write: it may be done
        ├── CacheUnavailableError    the cache of this machine cannot be written
        ├── EmbeddedPostgresError
        ├── SchemaBehindError        run `pedigree migrate`
        ├── MigrationFailedError     a statement failed; the migration was rolled back
        ├── MigrationChangedError    an applied migration differs from the file in the code
        └── StoreUnavailableError
            └── ObjectArchivedError  the object must be restored from its storage class first

A message says what is wrong, with which value, and what to do. It never contains a secret.
"""

from pedigree._access_errors import AccessInUseError as AccessInUseError  # noqa: PLC0414
from pedigree._access_errors import AccessNotFoundError as AccessNotFoundError  # noqa: PLC0414
from pedigree._access_errors import NotPermittedError as NotPermittedError  # noqa: PLC0414
from pedigree._access_errors import OwnRightsError as OwnRightsError  # noqa: PLC0414
from pedigree._access_errors import SessionNotFoundError as SessionNotFoundError  # noqa: PLC0414
from pedigree._access_errors import TokenNotFoundError as TokenNotFoundError  # noqa: PLC0414
from pedigree._byte_errors import AlreadySealedError as AlreadySealedError  # noqa: PLC0414
from pedigree._byte_errors import BytesCollectedError as BytesCollectedError  # noqa: PLC0414
from pedigree._byte_errors import BytesMissingError as BytesMissingError  # noqa: PLC0414
from pedigree._byte_errors import BytesTakenError as BytesTakenError  # noqa: PLC0414
from pedigree._byte_errors import NotSealedError as NotSealedError  # noqa: PLC0414
from pedigree._error import GateNotPassedError as GateNotPassedError  # noqa: PLC0414
from pedigree._error import InvalidInputError as InvalidInputError  # noqa: PLC0414
from pedigree._error import InvalidSearchError as InvalidSearchError  # noqa: PLC0414
from pedigree._error import NotFoundError as NotFoundError  # noqa: PLC0414
from pedigree._error import PedigreeError as PedigreeError  # noqa: PLC0414
from pedigree._error import RefusedError as RefusedError  # noqa: PLC0414
from pedigree._error import ReservedNameError as ReservedNameError  # noqa: PLC0414
from pedigree._error import SearchTooBroadError as SearchTooBroadError  # noqa: PLC0414
from pedigree._error import UntrustedModelError as UntrustedModelError  # noqa: PLC0414
from pedigree._error import UnverifiedModelError as UnverifiedModelError  # noqa: PLC0414
from pedigree._identity_errors import ExchangeRefusedError as ExchangeRefusedError  # noqa: PLC0414
from pedigree._identity_errors import InvalidProviderError as InvalidProviderError  # noqa: PLC0414
from pedigree._identity_errors import LoginFailedError as LoginFailedError  # noqa: PLC0414
from pedigree._identity_errors import NotAuthenticatedError as NotAuthenticatedError  # noqa: PLC0414
from pedigree._key_errors import LogKeyError as LogKeyError  # noqa: PLC0414
from pedigree._key_errors import SecretKeyError as SecretKeyError  # noqa: PLC0414
from pedigree._source_errors import InvalidSourceError as InvalidSourceError  # noqa: PLC0414
from pedigree._source_errors import SourceUnavailableError as SourceUnavailableError  # noqa: PLC0414
from pedigree._transfer_errors import OriginRefusedError as OriginRefusedError  # noqa: PLC0414
from pedigree._transfer_errors import OriginUnavailableError as OriginUnavailableError  # noqa: PLC0414
from pedigree._unavailable import AttestationUnavailableError as AttestationUnavailableError  # noqa: PLC0414
from pedigree._unavailable import CacheUnavailableError as CacheUnavailableError  # noqa: PLC0414
from pedigree._unavailable import DatabaseBusyError as DatabaseBusyError  # noqa: PLC0414
from pedigree._unavailable import DatabaseUnavailableError as DatabaseUnavailableError  # noqa: PLC0414
from pedigree._unavailable import EmbeddedPostgresError as EmbeddedPostgresError  # noqa: PLC0414
from pedigree._unavailable import MigrationChangedError as MigrationChangedError  # noqa: PLC0414
from pedigree._unavailable import MigrationFailedError as MigrationFailedError  # noqa: PLC0414
from pedigree._unavailable import ObjectArchivedError as ObjectArchivedError  # noqa: PLC0414
from pedigree._unavailable import OutcomeUnknownError as OutcomeUnknownError  # noqa: PLC0414
from pedigree._unavailable import ProviderUnavailableError as ProviderUnavailableError  # noqa: PLC0414
from pedigree._unavailable import SchemaBehindError as SchemaBehindError  # noqa: PLC0414
from pedigree._unavailable import ServiceBusyError as ServiceBusyError  # noqa: PLC0414
from pedigree._unavailable import ServiceUnavailableError as ServiceUnavailableError  # noqa: PLC0414
from pedigree._unavailable import SinkUnavailableError as SinkUnavailableError  # noqa: PLC0414
from pedigree._unavailable import SlowRequestError as SlowRequestError  # noqa: PLC0414
from pedigree._unavailable import StoreUnavailableError as StoreUnavailableError  # noqa: PLC0414
from pedigree._unavailable import UnavailableError as UnavailableError  # noqa: PLC0414


class InvalidNameError(InvalidInputError):
    """A registered model's name breaks the naming rule."""


class InvalidAliasError(InvalidInputError):
    """An alias breaks the naming rule or takes a reserved word."""


class InvalidReferenceError(InvalidInputError):
    """A reference such as ``customer_churn/3`` cannot be parsed."""


class InvalidMetadataError(InvalidInputError):
    """A required field is missing, or a value is outside its domain."""


class InvalidSignatureError(InvalidInputError):
    """A signature cannot be read, or cannot be inferred from the input."""


class InvalidSampleError(InvalidInputError):
    """The model cannot predict the sample; the message names the column or the dtype."""


class InvalidArtifactError(InvalidInputError):
    """The artifact's path is missing, empty, contains a link, or leaves its folder."""


class InvalidPolicyError(InvalidInputError):
    """A policy contradicts itself or names a stage it does not declare."""


class TooLargeError(InvalidInputError):
    """The request is larger than the service accepts."""


class KeyReusedError(InvalidInputError):
    """The idempotency key was used for another request, so this request is not a repetition."""


class UnknownFlavorError(InvalidInputError):
    """No installed plug-in provides the flavor."""


class UnsupportedModelError(InvalidInputError):
    """The flavor cannot save this object, or cannot call it."""


class ModelNotFoundError(NotFoundError):
    """No registered model has the name."""


class VersionNotFoundError(NotFoundError):
    """The model has no such version, or it was deleted."""


class AliasNotFoundError(NotFoundError):
    """The model has no such alias."""


class TagNotFoundError(NotFoundError):
    """The model or version has no such tag."""


class StageEmptyError(NotFoundError):
    """No version is in the stage."""


class QuarantineNotFoundError(NotFoundError):
    """The data is not quarantined, so there is nothing to release."""


class PrincipalNotFoundError(NotFoundError):
    """No principal has the name, or no such identity acts by it."""


class WebhookNotFoundError(NotFoundError):
    """No webhook has the id."""


class DeliveryNotFoundError(NotFoundError):
    """The webhook has no delivery for this event, or the delivery's log expired."""


class UploadNotFoundError(NotFoundError):
    """The upload is not open: it was sealed or aborted, or it expired."""


class NothingToRollBackError(NotFoundError):
    """The stage never held another version to return to."""


class NameTakenError(RefusedError):
    """The name, or one that differs only by case or Unicode form, exists or was deleted."""


class TransitionNotAllowedError(RefusedError):
    """The policy has no transition between the two stages."""


class StateChangedError(RefusedError):
    """The current state does not satisfy the caller's ``If-Match`` or ``If-None-Match``."""


class RequestInFlightError(RefusedError):
    """A request with the same idempotency key is still running."""


class AmbiguousStageError(RefusedError):
    """Several versions are in the stage, so it does not identify a single one."""


class GenerationConflictError(RefusedError):
    """The model's stages or aliases changed since the caller read them."""


class VersionInUseError(RefusedError):
    """A stage, an alias or a legal hold protects the version."""


class NotRetrainableError(RefusedError):
    """No asset trained the version, so no run can retrain it."""


class PlanChangedError(RefusedError):
    """The garbage collection plan is no longer the one that the caller saw."""


class FileConflictError(RefusedError):
    """A pull would replace files that no pull wrote; the message lists them."""


class NotServedError(RefusedError):
    """The service does not offer this; it needs access to the database and the store."""


class UnsupportedByStoreError(RefusedError):
    """This kind of object store does not support the operation; the message names one that does."""


class CorruptionError(PedigreeError):
    """Bytes do not match their digest, or are missing."""


class LogTamperedError(CorruptionError):
    """The audit log contradicts its own tree, a signature, an anchor or what a client saw."""


class MissingDependencyError(PedigreeError):
    """An optional library is not installed; the remedy names the extra."""
