-- Copies of Dagster's asset events upstream of models, with what their steps recorded of their reads:
-- deleting a run or wiping an asset deletes Dagster's own.

CREATE TABLE pedigree.asset_event (
    instance_id text NOT NULL,
    storage_id bigint NOT NULL,
    asset text COLLATE "C" NOT NULL,
    partition text COLLATE "C",
    kind text NOT NULL CHECK (kind IN ('materialization', 'observation')),
    run_id text,
    step_key text,
    data_version text,
    code_version text,
    at timestamptz NOT NULL,
    -- Dagster's tags about the versions of the event and of its inputs.
    tags jsonb NOT NULL,
    -- What the step that made it recorded of its reads; NULL: nothing.
    reads jsonb,
    PRIMARY KEY (instance_id, storage_id)
);

CREATE INDEX asset_event_asset ON pedigree.asset_event (instance_id, asset);
