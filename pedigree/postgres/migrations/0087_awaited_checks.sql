-- Pending versions whose bytes the registry has, and which wait for asset checks that a Dagster
-- deployment runs. A row is only work that is not done: the verdicts are recorded with the sealing.

CREATE TABLE pedigree.awaited_judgement (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    -- The upload session that keeps the bytes.
    upload_id uuid NOT NULL,
    digest text COLLATE "C" NOT NULL,
    manifest bytea NOT NULL,
    -- What is known of the training, for the sealing; null if the version states one already.
    stated jsonb,
    -- The checks that somebody must run.
    checks text[] COLLATE "C" NOT NULL,
    -- What runs found, by the name of the check.
    answers jsonb NOT NULL DEFAULT '{}',
    -- Why nobody will run the checks that have no answer.
    problem text,
    -- When a deployment last said that it runs them, or when the version began to wait.
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);
