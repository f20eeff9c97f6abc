-- Which version a stage or an alias points to, now and at any time before; and what checks found.

-- A pointer is a stage or an alias; a tenure is the time a version held it. The open tenures
-- (held_until IS NULL) are the present, the closed ones the timeline.
CREATE TABLE pedigree.tenure (
    tenure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    pointer text NOT NULL CHECK (pointer IN ('stage', 'alias')),
    name text COLLATE "C" NOT NULL,
    exclusive boolean NOT NULL,
    held_since timestamptz NOT NULL,
    held_until timestamptz,
    moved_by text NOT NULL,
    reason text,
    -- How the tenure ended; a version that was rolled back is no target of a later rollback.
    ended_by text CHECK (ended_by IN ('promotion', 'rollback', 'move', 'deletion')),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version),
    CHECK ((held_until IS NULL) = (ended_by IS NULL)),
    CHECK (held_until >= held_since)
);

CREATE UNIQUE INDEX tenure_exclusive
    ON pedigree.tenure (model_id, pointer, name) WHERE exclusive AND held_until IS NULL;

-- A version is in one stage at a time.
CREATE UNIQUE INDEX tenure_one_stage
    ON pedigree.tenure (model_id, version) WHERE pointer = 'stage' AND held_until IS NULL;

CREATE INDEX tenure_timeline ON pedigree.tenure (model_id, pointer, name, held_since);

CREATE INDEX tenure_version ON pedigree.tenure (model_id, version);

CREATE TABLE pedigree.verdict (
    verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    check_name text COLLATE "C" NOT NULL,
    passed boolean NOT NULL,
    severity text NOT NULL CHECK (severity IN ('error', 'warn')),
    digest text COLLATE "C" NOT NULL,
    relative boolean NOT NULL,
    baseline_digest text COLLATE "C",
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX verdict_latest ON pedigree.verdict (model_id, version, check_name, verdict_id DESC);
