-- The work on pending versions: their bytes are fetched and judged by one process at a time.

CREATE INDEX model_version_pending ON pedigree.model_version (model_id, version)
    WHERE state = 'pending';

-- One row for each pending version that a process has taken. The row says until when it is that
-- process's; a process that was killed does not renew it, and another one takes the version.
CREATE TABLE pedigree.pending_work (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    due_at timestamptz NOT NULL,
    -- A random value of the process that has it.
    holder uuid NOT NULL,
    -- How often its source did not answer.
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);
