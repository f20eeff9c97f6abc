"""The keys under which Pedigree writes to Dagster's events, definitions and runs."""

# Dagster's own event tags. Given with a MaterializeResult they win over those it computes.
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
# those that measure nothing are written as text.
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

# Metadata of what a run's log says of the versions that its steps load.
LOADED_AS = "pedigree/loaded_as"

# Metadata of what a step makes: which events it read, of which assets and partitions.
READS = "pedigree/reads"

# Metadata of drift assets, and of the check on the stage that is watched.
PARTITION = "pedigree/partition"
BASELINE = "pedigree/baseline"
COLUMNS = "pedigree/columns"
REPORT = "pedigree/report"
DRIFT_ID = "pedigree/drift_id"

# Metadata of the definition of a model's asset: what its stages, checks and sensors are made from.
LINE = "pedigree/line"

# Metadata of the definition of a plain asset whose value is a trained model, beside MODEL.
FLAVOR = "pedigree/flavor"
PARTITION_NAME = "pedigree/partition_name"
POLICY = "pedigree/policy"

# Metadata of the definition of an asset whose data has a datasheet.
DATASHEET = "pedigree/datasheet"

# Tags of runs.
ACTOR = "pedigree/actor"
PROMOTION = "pedigree/promotion"
EVIDENCE = "pedigree/evidence"
WAITS_FOR = "pedigree/waits_for"
RETRAINED_LIKE = "pedigree/retrained_like"
