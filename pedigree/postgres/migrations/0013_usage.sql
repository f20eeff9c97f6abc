-- What versions are used for: the assets and partitions that runs make with them.

CREATE TABLE pedigree.usage (
    usage_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text COLLATE "C" NOT NULL,
    partition text COLLATE "C",
    run_id text NOT NULL,
    instance_id text,
    -- read: the run loaded the version; declared: its definition says that it depends on the stage.
    capture text NOT NULL CHECK (capture IN ('read', 'declared')),
    used_at timestamptz NOT NULL,
    -- What the run wrote then; NULL as long as nobody looked, and for ever if it wrote nothing.
    storage_id bigint,
    data_version text,
    code_version text,
    written_at timestamptz,
    -- The run has ended, so that nothing more is to be looked for.
    settled boolean NOT NULL DEFAULT false,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version),
    CHECK ((storage_id IS NULL) = (written_at IS NULL))
);

-- A step that is retried uses the version once.
CREATE UNIQUE INDEX usage_of_run
    ON pedigree.usage (model_id, version, run_id, asset, coalesce(partition, ''));

CREATE INDEX usage_unsettled ON pedigree.usage (usage_id) WHERE NOT settled;

-- How the step was configured, for a run that trains alike.
ALTER TABLE pedigree.training ADD COLUMN config jsonb;
