-- Model cards. A card is written again when what it tells of changes; the latest one counts.

CREATE TABLE pedigree.model_card (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    digest text COLLATE "C" NOT NULL REFERENCES pedigree.blob (digest),
    markdown text NOT NULL,
    -- What people wrote; the rest of the card is rendered from the record.
    notes jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, version, revision),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);
