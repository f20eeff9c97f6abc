-- Data and versions in quarantine. A version is in quarantine as long as one of its marks is open;
-- model_version.quarantine_reason says why, for whoever reads a version.

CREATE TABLE pedigree.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- NULL where a single version was put in quarantine.
    asset text COLLATE "C",
    -- NULL: all partitions, or an asset without any.
    partition text COLLATE "C",
    -- Only data that was recorded from then on; NULL: whenever.
    since timestamptz,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    quarantined_by text NOT NULL,
    released_at timestamptz,
    released_by text,
    CHECK (asset IS NOT NULL OR (partition IS NULL AND since IS NULL)),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);

CREATE INDEX quarantine_open ON pedigree.quarantine (asset, partition) WHERE released_at IS NULL;

CREATE TABLE pedigree.quarantine_mark (
    quarantine_id bigint NOT NULL REFERENCES pedigree.quarantine (quarantine_id),
    model_id bigint NOT NULL,
    version integer NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (quarantine_id, model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX quarantine_mark_version ON pedigree.quarantine_mark (model_id, version);
