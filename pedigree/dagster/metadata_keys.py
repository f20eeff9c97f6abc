"""Keys of the metadata and tags that Pedigree writes to Dagster's events, definitions and runs."""

# Dagster's own event tags. Tags of a MaterializeResult override those that Dagster computes.
DATA_VERSION = "dagster/data_version"
DATA_VERSION_GIVEN = "dagster/data_version_is_user_provided"
CODE_VERSION = "dagster/code_version"
INPUT_POINTER = "dagster/input_event_pointer/"
INPUT_DATA_VERSION = "dagster/input_data_version/"
COLUMN_SCHEMA = "dagster/column_schema"
CODE_REFERENCES = "dagster/code_references"
IO_MANAGER_KEY = "dagster/io_manager_key"

# Tags of the materializations of models and stages.
VERSION = "pedigree/version"

# Metadata of the materializations of models and stages. Dagster plots every number over time, so
# numbers that are not measurements are written as text.
MODEL = "pedigree/model"
REFERENCE = "pedigree/reference"
DIGEST = "pedigree/digest"
CREATED = "pedigree/created"
NOTICE = "pedigree/notice"
CARD = "pedigree/card"
PAGE = "pedigree/page"
RACED = "pedigree/raced"
VERIFICATION = "pedigree/verification"
INPUTS = "pedigree/inputs"
STAGE = "pedigree/stage"
GENERATION = "pedigree/generation"
MOVED = "pedigree/moved"
PREVIOUS = "pedigree/previous_version"
REASON = "pedigree/reason"
REGISTRY_SEQ = "pedigree/registry_seq"
MOVED_BY = "pedigree/moved_by"
ALIAS = "pedigree/alias"
ALIAS_OF = "pedigree/alias_of"
STORAGE_ID = "pedigree/storage_id"

# Metadata of the run log entry for a version that a step loads.
LOADED_AS = "pedigree/loaded_as"

# Metadata of a step's outputs: which events it read, of which assets and partitions.
READS = "pedigree/reads"

# Metadata of drift assets, and of the drift check on the monitored stage.
PARTITION = "pedigree/partition"
BASELINE = "pedigree/baseline"
COLUMNS = "pedigree/columns"
REPORT = "pedigree/report"
DRIFT_ID = "pedigree/drift_id"

# Metadata of the definition of a model's asset: the spec that its stages, checks and sensors use.
MODEL_SPEC = "pedigree/line"
STAGE_OF = "pedigree/stage_of"

# Metadata of the definition of a plain asset whose value is a trained model, in addition to MODEL.
FLAVOR = "pedigree/flavor"
PARTITION_NAME = "pedigree/partition_name"
POLICY = "pedigree/policy"

# Metadata of the definition of an asset that has a datasheet.
DATASHEET = "pedigree/datasheet"

# Tags of runs.
ACTOR = "pedigree/actor"
PROMOTION = "pedigree/promotion"
EVIDENCE = "pedigree/evidence"
WAITS_FOR = "pedigree/waits_for"
RETRAINED_LIKE = "pedigree/retrained_like"
REGISTRATION = "pedigree/registration"
REGISTRATION_OF = "pedigree/registration_of"
