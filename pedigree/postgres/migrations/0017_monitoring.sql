-- What the versions learnt from, and what was found when later data was held against it.

CREATE TABLE pedigree.data_profile (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE "C" NOT NULL,
    profile jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

-- One comparison of one partition of an asset; the newest of a partition counts.
CREATE TABLE pedigree.drift_result (
    drift_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text NOT NULL,
    -- '' where the asset has no partitions.
    partition text COLLATE "C" NOT NULL,
    drifted boolean NOT NULL,
    result jsonb NOT NULL,
    profile jsonb NOT NULL,
    html text COLLATE "C" NOT NULL REFERENCES pedigree.blob (digest),
    markdown text COLLATE "C" NOT NULL REFERENCES pedigree.blob (digest),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    -- When the event version.drift_detected told of it.
    alerted_at timestamptz,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX drift_result_newest
    ON pedigree.drift_result (model_id, version, asset, partition, drift_id);
CREATE INDEX drift_result_html ON pedigree.drift_result (html);
CREATE INDEX drift_result_markdown ON pedigree.drift_result (markdown);

-- Blobs that people read beside the artifacts, and the version that each tells of.
CREATE VIEW pedigree.document (digest, model_id, version) AS
SELECT digest, model_id, version FROM pedigree.model_card
UNION ALL
SELECT html, model_id, version FROM pedigree.drift_result
UNION ALL
SELECT markdown, model_id, version FROM pedigree.drift_result;
