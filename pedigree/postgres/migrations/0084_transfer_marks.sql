-- What an import from another registry carried last, so that a further run carries only what changed
-- there since, and overwrites nothing that changed here.
CREATE TABLE pedigree.transfer_mark (
    -- The address of the other registry, without credentials.
    origin text COLLATE "C" NOT NULL,
    -- The name of the model there.
    model text COLLATE "C" NOT NULL,
    -- The number of the version; 0 for the model itself.
    version integer NOT NULL CONSTRAINT transfer_mark_version CHECK (version >= 0),
    carried jsonb NOT NULL,
    PRIMARY KEY (origin, model, version)
);
