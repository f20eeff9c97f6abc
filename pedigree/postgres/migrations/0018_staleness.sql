-- How far data and code have moved on since the training of a version that holds a stage or an alias.
-- Only the asset graph knows; whoever looks at it last keeps here what was seen, and when.

CREATE TABLE pedigree.staleness (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stale boolean NOT NULL,
    data_behind integer NOT NULL,
    code_behind integer NOT NULL,
    -- The whole answer, by partition.
    seen jsonb NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX staleness_stale ON pedigree.staleness (data_behind) WHERE stale;
