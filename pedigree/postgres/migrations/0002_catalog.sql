-- Registered models, their versions, and the trainings that produced them.

CREATE TABLE pedigree.registered_model (
    model_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    -- The name with case folded. Unique also after deletion: a name never comes back.
    name_key text COLLATE "C" NOT NULL CONSTRAINT registered_model_name_unique UNIQUE,
    next_version integer NOT NULL DEFAULT 1,
    -- Grows whenever a stage or an alias moves: the value that compare-and-swap goes by.
    generation bigint NOT NULL DEFAULT 0,
    description text,
    owners text[] NOT NULL DEFAULT '{}',
    tags jsonb NOT NULL DEFAULT '{}',
    policy jsonb,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    deleted_at timestamptz
);

CREATE TABLE pedigree.model_version (
    model_id bigint NOT NULL REFERENCES pedigree.registered_model (model_id),
    version integer NOT NULL CHECK (version >= 1),
    digest text COLLATE "C" NOT NULL REFERENCES pedigree.artifact (digest),
    -- 0 for a native version; a dialect that must register equal bytes twice counts further.
    copy integer NOT NULL DEFAULT 0,
    flavor text NOT NULL,
    signature jsonb NOT NULL,
    description text,
    owners text[] NOT NULL DEFAULT '{}',
    tags jsonb NOT NULL DEFAULT '{}',
    approval_status text NOT NULL DEFAULT 'none'
        CHECK (approval_status IN ('none', 'pending', 'approved', 'rejected')),
    approval_notes text,
    approved_by text,
    approval_timestamp timestamptz,
    risk_class text CHECK (risk_class IN ('minimal', 'limited', 'high', 'unacceptable')),
    risk_assessment_id text,
    drift_monitor_id text,
    datasheet_uri text,
    quarantine_reason text,
    hold_reason text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (model_id, version)
);

CREATE UNIQUE INDEX model_version_digest_unique
    ON pedigree.model_version (model_id, digest, copy) WHERE deleted_at IS NULL;

CREATE TABLE pedigree.environment (
    hash text COLLATE "C" PRIMARY KEY,
    packages text[] NOT NULL
);

-- One run that produced a version's bytes. The first one is the version's own metadata.
CREATE TABLE pedigree.training (
    training_id uuid PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    instance_id text,
    job_name text,
    step_key text,
    asset text,
    partition text,
    git_commit text NOT NULL,
    git_dirty boolean NOT NULL,
    git_source text NOT NULL,
    code_version text,
    training_data_digest text,
    training_data_version text,
    validation_dataset_id text,
    environment_hash text COLLATE "C" REFERENCES pedigree.environment (hash),
    ci_build text,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL,
    raced boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX training_version ON pedigree.training (model_id, version, created_at, training_id);

-- A retry inside one run is the same training; the same bytes from another step or run are not.
CREATE UNIQUE INDEX training_run_unique
    ON pedigree.training (model_id, version, run_id, coalesce(step_key, ''));
