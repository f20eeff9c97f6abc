-- Versions that were registered to be judged by the registry, and that nobody has judged yet.

CREATE TABLE pedigree.unjudged (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    -- Until then somebody is at it; from then on anybody judges it.
    due_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX unjudged_due ON pedigree.unjudged (due_at);
