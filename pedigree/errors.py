"""Every error that Pedigree raises on purpose, as one tree.

::

    PedigreeError
    ├── InvalidInputError            what the caller gave is wrong; nothing was written
    │   ├── InvalidNameError         a model's name, see DESIGN "Words"
    │   ├── InvalidAliasError
    │   ├── InvalidReferenceError    "customer_churn/3" could not be read
    │   ├── InvalidMetadataError     a required field is missing, or a value is out of its domain
    │   ├── InvalidSignatureError
    │   ├── InvalidSampleError       the model cannot predict it; names the column or the dtype
    │   ├── InvalidArtifactError     the path is missing, empty, holds a link, or leaves its folder
    │   ├── InvalidPolicyError
    │   ├── ReservedNameError        the name of an actor is one of Pedigree's own
    │   ├── InvalidSearchError       a filter, an order or a cursor; the message points at the place
    │   ├── TooLargeError            the service takes no more in one request
    │   ├── KeyReusedError           the idempotency key belongs to another request
    │   ├── UnknownFlavorError
    │   ├── UnsupportedModelError    the flavor cannot store or call this object
    │   └── UnverifiedModelError     what was saved does not predict as the model does
    ├── NotFoundError
    │   ├── ModelNotFoundError
    │   ├── VersionNotFoundError
    │   ├── AliasNotFoundError
    │   ├── StageEmptyError          no version holds the stage
    │   ├── QuarantineNotFoundError  the data is in no quarantine
    │   ├── TokenNotFoundError
    │   ├── WebhookNotFoundError
    │   ├── DeliveryNotFoundError    the webhook was not to be told of it, or that was forgotten
    │   ├── UploadNotFoundError      it was sealed, given up, or its time ran out
    │   └── NothingToRollBackError
    ├── RefusedError                 the request is well-formed and the rules say no
    │   ├── NameTakenError           the name, or its twin by case, exists (also when deleted)
    │   ├── TransitionNotAllowedError
    │   ├── GateNotPassedError
    │   ├── NotPermittedError        the actor is not among those who may
    │   ├── NotAuthenticatedError    the service knows no such token
    │   ├── StateChangedError        it is not what If-Match or If-None-Match ask for
    │   ├── RequestInFlightError     a request with the same idempotency key is at work
    │   ├── AmbiguousStageError      several versions hold a stage that is not exclusive
    │   ├── GenerationConflictError  somebody moved the model's pointers in the meantime
    │   ├── VersionInUseError        a stage, an alias or a hold protects it
    │   ├── BytesCollectedError      a deleted version's bytes are gone; it cannot be restored
    │   ├── BytesMissingError        the registry lacks files of the version; it names them
    │   ├── BytesTakenError          the same bytes were registered anew; it cannot be restored
    │   ├── NotRetrainableError      no asset trained the version
    │   ├── PlanChangedError         garbage collection would now do something else
    │   ├── UntrustedModelError      loading it would run or build what nobody vouched for
    │   ├── NotServedError           the service has no route for it; a registry in process does it
    │   └── UnsupportedByStoreError  this kind of object store has no such ability
    ├── CorruptionError              bytes are not what their digest says, or are gone
    ├── SecretKeyError               PEDIGREE_SECRET_KEY is missing, no key, or not the one of then
    ├── MissingDependencyError       an optional library is not installed; names the extra
    └── UnavailableError             a part that Pedigree stands on does not answer
        ├── DatabaseUnavailableError
        │   └── DatabaseBusyError    nothing was done; the same will succeed a little later
        ├── SinkUnavailableError     it did not take events; they are sent again
        ├── ServiceBusyError         nothing was done; the same will succeed a little later
        ├── ServiceUnavailableError  the service cannot be reached, or fails
        ├── EmbeddedPostgresError
        ├── SchemaBehindError        run `pedigree migrate`
        ├── MigrationFailedError     one statement of it was refused; nothing of it is left
        ├── MigrationChangedError    an applied migration is not the file that the code carries
        └── StoreUnavailableError
            └── ObjectArchivedError  the object must be restored from its storage class first

A message says what was wrong, with which value, and what to do; it never holds a secret.
"""

from pedigree._error import InvalidInputError as InvalidInputError  # noqa: PLC0414
from pedigree._error import InvalidSearchError as InvalidSearchError  # noqa: PLC0414
from pedigree._error import PedigreeError as PedigreeError  # noqa: PLC0414
from pedigree._error import RefusedError as RefusedError  # noqa: PLC0414
from pedigree._error import ReservedNameError as ReservedNameError  # noqa: PLC0414
from pedigree._error import UntrustedModelError as UntrustedModelError  # noqa: PLC0414
from pedigree._error import UnverifiedModelError as UnverifiedModelError  # noqa: PLC0414


class InvalidNameError(InvalidInputError):
    """A registered model's name breaks the naming rule."""


class InvalidAliasError(InvalidInputError):
    """An alias breaks the naming rule or takes a reserved word."""


class InvalidReferenceError(InvalidInputError):
    """A reference such as ``customer_churn/3`` could not be read."""


class InvalidMetadataError(InvalidInputError):
    """A required field is missing, or a value lies outside its domain."""


class InvalidSignatureError(InvalidInputError):
    """A signature cannot be read, or cannot be inferred from what was given."""


class InvalidSampleError(InvalidInputError):
    """A model cannot predict the sample; the message names the column or the dtype."""


class InvalidArtifactError(InvalidInputError):
    """The artifact's path is missing, empty, holds a link, or leaves its folder."""


class InvalidPolicyError(InvalidInputError):
    """A policy contradicts itself or names a stage it does not declare."""


class TooLargeError(InvalidInputError):
    """What was sent is more than the service takes in one request."""


class KeyReusedError(InvalidInputError):
    """The idempotency key was used for another request, so it names no repetition of this one."""


class UnknownFlavorError(InvalidInputError):
    """No installed plug-in provides the flavor."""


class UnsupportedModelError(InvalidInputError):
    """The flavor cannot store this object, or cannot call it."""


class NotFoundError(PedigreeError):
    """What the caller asked for does not exist."""

    exit_code = 2


class ModelNotFoundError(NotFoundError):
    """No registered model has the name."""


class VersionNotFoundError(NotFoundError):
    """The model has no such version, or it was deleted."""


class AliasNotFoundError(NotFoundError):
    """The model has no such alias."""


class StageEmptyError(NotFoundError):
    """No version holds the stage."""


class QuarantineNotFoundError(NotFoundError):
    """The data is in no quarantine, so there is nothing to release."""


class TokenNotFoundError(NotFoundError):
    """No token of the service has the id."""


class WebhookNotFoundError(NotFoundError):
    """No webhook has the id."""


class DeliveryNotFoundError(NotFoundError):
    """The webhook was never to be told of this event, or its log was forgotten."""


class UploadNotFoundError(NotFoundError):
    """No such upload is under way: it was sealed, given up, or its time ran out."""


class NothingToRollBackError(NotFoundError):
    """The stage never had another holder to return to."""


class NameTakenError(RefusedError):
    """The name, or a twin by case or form of characters, exists; also when it was deleted."""


class TransitionNotAllowedError(RefusedError):
    """The policy has no transition between the two stages."""


class GateNotPassedError(RefusedError):
    """A gate of the policy is not passed; the message lists what is missing."""


class NotPermittedError(RefusedError):
    """The policy names others who may do this, or the version is the actor's own."""


class NotAuthenticatedError(RefusedError):
    """The service knows no such token; nothing was looked at."""


class StateChangedError(RefusedError):
    """What is there is not what the caller's ``If-Match`` or ``If-None-Match`` asks for."""


class RequestInFlightError(RefusedError):
    """A request with the same idempotency key has not ended yet."""


class AmbiguousStageError(RefusedError):
    """Several versions hold the stage, so it names no single one."""


class GenerationConflictError(RefusedError):
    """Somebody moved the model's stages or aliases since the caller looked."""


class VersionInUseError(RefusedError):
    """A stage, an alias or a legal hold protects the version."""


class BytesCollectedError(RefusedError):
    """The deleted version's bytes were collected, so only its record is left."""


class BytesMissingError(RefusedError):
    """The registry lacks files that a version is to be made of; the message names them."""


class BytesTakenError(RefusedError):
    """A living version of the model has the bytes of the deleted one."""


class NotRetrainableError(RefusedError):
    """No asset trained the version, so no run can do so again."""


class PlanChangedError(RefusedError):
    """The plan of the garbage collection is not the one that the caller saw."""


class NotServedError(RefusedError):
    """The service does not do this for others; who has its database and store can."""


class UnsupportedByStoreError(RefusedError):
    """This kind of object store has no such ability; the message names one that has."""


class CorruptionError(PedigreeError):
    """Bytes are not what their digest says, or are gone."""


class SecretKeyError(PedigreeError):
    """What encrypts secrets at rest is missing, is no key, or is not the one they were kept by."""


class MissingDependencyError(PedigreeError):
    """An optional library is not installed; the remedy names the extra."""


class UnavailableError(PedigreeError):
    """A part that Pedigree stands on does not answer."""


class DatabaseUnavailableError(UnavailableError):
    """The database cannot be reached, or went away during the work."""


class DatabaseBusyError(DatabaseUnavailableError):
    """No connection or lock was free in time. Nothing was done, and it may be tried again."""


class SinkUnavailableError(UnavailableError):
    """A sink did not take events. All of them are sent again."""


class ServiceBusyError(UnavailableError):
    """The service has too many requests at work. Nothing was done, and it may be tried again."""


class ServiceUnavailableError(UnavailableError):
    """The service cannot be reached, or something before it fails."""


class EmbeddedPostgresError(UnavailableError):
    """The embedded Postgres cannot be started."""


class SchemaBehindError(UnavailableError):
    """The database's schema is not the one this code was written for."""


class MigrationFailedError(UnavailableError):
    """A migration was refused by the database; nothing of it is left."""


class MigrationChangedError(UnavailableError):
    """An applied migration is not the file that this code carries."""


class StoreUnavailableError(UnavailableError):
    """The object store cannot be reached, or refused a request."""


class ObjectArchivedError(StoreUnavailableError):
    """The object lies in a storage class from which it must be restored before it can be read."""
