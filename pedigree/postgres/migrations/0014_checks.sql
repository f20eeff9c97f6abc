-- What further checks look at: datasheets of assets, verdicts on data, evaluations by group; and
-- the settings under which a check judged.

CREATE TABLE pedigree.datasheet (
    asset text COLLATE "C" NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    digest text COLLATE "C" NOT NULL,
    sheet jsonb NOT NULL,
    at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    PRIMARY KEY (asset, revision)
);

-- A verdict on one state of some data: on an event of the asset graph, and, where the data version
-- speaks for the content, on that content wherever it turns up again.
CREATE TABLE pedigree.data_verdict (
    data_verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset text COLLATE "C" NOT NULL,
    partition text COLLATE "C",
    storage_id bigint,
    materialized_by text,
    data_version text COLLATE "C",
    check_name text COLLATE "C" NOT NULL,
    passed boolean NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warn')),
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamptz NOT NULL,
    recorded_by text NOT NULL
);

CREATE INDEX data_verdict_asset ON pedigree.data_verdict (asset, storage_id);

CREATE INDEX data_verdict_content ON pedigree.data_verdict (asset, data_version);

-- How a version did for each group of its evaluation data; the latest one counts.
CREATE TABLE pedigree.evaluation (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    digest text COLLATE "C" NOT NULL,
    evaluation jsonb NOT NULL,
    at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    PRIMARY KEY (model_id, version, revision),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

-- Of the rule under which a check judged; NULL for a check that knows no settings.
ALTER TABLE pedigree.verdict ADD COLUMN settings jsonb;
