-- How certain lineage is. Closures that the release before this one stored, or still stores while it
-- runs beside this one, do not say it: their certainty is NULL. Their edges count as possible, and as
-- unknown where they lead to what is missing. That release could also name the wrong partition or
-- lose an edge, so about no asset can it be ruled out that such a training depends on it: the
-- `upstream` of its step is NULL.

-- The least certain first, so that max() is the best and least() the worst.
CREATE TYPE pedigree.certainty AS ENUM ('unknown', 'possible', 'proved', 'read');

ALTER TABLE pedigree.lineage_edge
    ADD COLUMN certainty pedigree.certainty,
    ADD CHECK (capture <> 'declared' OR certainty IN ('unknown', 'possible'));

ALTER TABLE pedigree.lineage_node
    -- Of the best path from the step: that of the path's worst edge.
    ADD COLUMN certainty pedigree.certainty,
    -- Assets that may be upstream of it beside those that edges name; NULL: any asset may be. It
    -- matters for a step and for what is missing.
    ADD COLUMN upstream text[] COLLATE "C";

-- What a caller named outside any asset graph was stored as it was named.
UPDATE pedigree.lineage_node step SET upstream = '{}'
WHERE step.kind = 'step'
    AND EXISTS (
        SELECT FROM pedigree.lineage_node n
        WHERE n.training_id = step.training_id AND n.kind = 'external'
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.lineage_node n
        WHERE n.training_id = step.training_id AND n.kind NOT IN ('step', 'external')
    );

-- The certainty of a node or of an edge to it.
CREATE FUNCTION pedigree.lineage_certainty(said pedigree.certainty, kind text)
RETURNS pedigree.certainty
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        said, (CASE kind WHEN 'missing' THEN 'unknown' ELSE 'possible' END)::pedigree.certainty
    )
$$;

CREATE INDEX lineage_node_anything ON pedigree.lineage_node (training_id)
    WHERE kind IN ('step', 'missing') AND upstream IS NULL;

CREATE INDEX lineage_node_upstream ON pedigree.lineage_node USING gin (upstream)
    WHERE kind IN ('step', 'missing') AND upstream <> '{}';

-- Trainings of which no lineage is recorded, so that nothing is known about what they depend on.
CREATE TABLE pedigree.training_without_lineage (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    training_id uuid NOT NULL REFERENCES pedigree.training (training_id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, version, training_id)
);

CREATE UNIQUE INDEX training_without_lineage_training
    ON pedigree.training_without_lineage (training_id);

-- By triggers, so that it is right also for what the version before registers.
CREATE FUNCTION pedigree.note_training_without_lineage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.training_without_lineage (model_id, version, training_id)
    SELECT model_id, version, training_id FROM added;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.note_training_with_lineage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pedigree.training_without_lineage w
    USING (SELECT DISTINCT training_id FROM added) AS recorded
    WHERE w.training_id = recorded.training_id;
    RETURN NULL;
END
$$;

-- Nobody registers between the look at what is there and the triggers.
LOCK TABLE pedigree.training, pedigree.lineage_node IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO pedigree.training_without_lineage (model_id, version, training_id)
SELECT t.model_id, t.version, t.training_id
FROM pedigree.training t
WHERE NOT EXISTS (
    SELECT FROM pedigree.lineage_node n WHERE n.training_id = t.training_id
);

CREATE TRIGGER training_without_lineage AFTER INSERT ON pedigree.training
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.note_training_without_lineage();

CREATE TRIGGER training_with_lineage AFTER INSERT ON pedigree.lineage_node
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.note_training_with_lineage();

-- Marks only versions that certainly use the data, also those that are registered later.
ALTER TABLE pedigree.quarantine ADD COLUMN only_certain boolean NOT NULL DEFAULT false;

-- How certain it is that the version uses the data; NULL: a single version is meant, or the release
-- before this one marked it.
ALTER TABLE pedigree.quarantine_mark ADD COLUMN certainty pedigree.certainty;

-- NULL: nothing is known to have changed, and not everything is known.
ALTER TABLE pedigree.staleness ALTER COLUMN stale DROP NOT NULL;
