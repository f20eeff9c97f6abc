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

-- False: nothing is known about what the training depends on. So it is also of a training that the
-- release before this one writes, whose closure rules nothing out either.
ALTER TABLE pedigree.training ADD COLUMN lineage_recorded boolean NOT NULL DEFAULT false;

-- Search shows nothing of this, so it need not follow.
ALTER TABLE pedigree.training DISABLE TRIGGER training_changed;
UPDATE pedigree.training t SET lineage_recorded = true
WHERE EXISTS (SELECT FROM pedigree.lineage_node n WHERE n.training_id = t.training_id);
ALTER TABLE pedigree.training ENABLE TRIGGER training_changed;

CREATE INDEX training_without_lineage ON pedigree.training (model_id, version, created_at)
    WHERE NOT lineage_recorded;

-- Marks only versions that certainly use the data, also those that are registered later.
ALTER TABLE pedigree.quarantine ADD COLUMN only_certain boolean NOT NULL DEFAULT false;

-- How certain it is that the version uses the data; NULL: a single version is meant, or the release
-- before this one marked it.
ALTER TABLE pedigree.quarantine_mark ADD COLUMN certainty pedigree.certainty;

-- NULL: nothing is known to have changed, and not everything is known. So it is of what was seen of
-- closures of the release before, unless the model's own code is newer; the next look says more.
ALTER TABLE pedigree.staleness ALTER COLUMN stale DROP NOT NULL;
UPDATE pedigree.staleness SET stale = NULL WHERE seen -> 'newer_code' = '[]';
