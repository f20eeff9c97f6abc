-- The graph of data events behind a training, copied from Dagster when the training was registered:
-- deleting a run or wiping an asset deletes Dagster's own record of it.

CREATE TABLE pedigree.lineage_node (
    training_id uuid NOT NULL REFERENCES pedigree.training (training_id),
    node_id integer NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('step', 'materialization', 'observation', 'external', 'missing')),
    asset text COLLATE "C" NOT NULL,
    partition text COLLATE "C",
    storage_id bigint,
    run_id text,
    data_version text,
    code_version text,
    at timestamptz,
    PRIMARY KEY (training_id, node_id)
);

CREATE INDEX lineage_node_asset ON pedigree.lineage_node (asset, partition);

CREATE TABLE pedigree.lineage_edge (
    training_id uuid NOT NULL,
    consumer integer NOT NULL,
    source integer NOT NULL,
    capture text NOT NULL CHECK (capture IN ('read', 'declared', 'provenance')),
    PRIMARY KEY (training_id, consumer, source),
    FOREIGN KEY (training_id, consumer) REFERENCES pedigree.lineage_node (training_id, node_id),
    FOREIGN KEY (training_id, source) REFERENCES pedigree.lineage_node (training_id, node_id)
);
