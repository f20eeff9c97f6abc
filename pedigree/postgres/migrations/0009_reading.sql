-- Reads that cost the same however many versions a model has.

-- What points where now. The name stands first: a reference does not say whether it is a stage or an
-- alias.
CREATE INDEX tenure_held ON pedigree.tenure (model_id, name, pointer, version)
    WHERE held_until IS NULL;

-- A timeline, read from its end.
CREATE INDEX tenure_of_model ON pedigree.tenure (model_id, tenure_id);

-- Which versions shared a stage at some moment. Who held an exclusive one is the last to take it,
-- which tenure_timeline finds.
CREATE INDEX tenure_shared ON pedigree.tenure
    (model_id, pointer, name, coalesce(held_until, 'infinity'::timestamptz))
    WHERE NOT exclusive;

-- The same columns with fewer joins: a subquery in the list is planned by itself, where each further
-- table of a join doubles the orders that the planner weighs. Planning took longer than reading.
CREATE OR REPLACE VIEW pedigree.version_record AS
SELECT
    v.model_id,
    m.name AS model_name,
    m.name_key,
    m.generation,
    v.version AS version_id,
    v.digest,
    (SELECT a.size FROM pedigree.artifact a WHERE a.digest = v.digest) AS size,
    v.flavor,
    v.signature,
    v.description,
    v.owners,
    v.tags,
    v.approval_status,
    v.approval_notes,
    v.approved_by,
    v.approval_timestamp,
    v.risk_class,
    v.risk_assessment_id,
    v.drift_monitor_id,
    v.datasheet_uri,
    v.quarantine_reason,
    v.hold_reason,
    v.created_at,
    v.created_by,
    v.created_by_source,
    first.run_id,
    first.git_commit,
    first.git_dirty,
    first.git_source,
    first.code_version,
    first.training_data_digest,
    first.training_data_version,
    first.validation_dataset_id,
    first.environment_hash,
    first.ci_build,
    first.metrics,
    first.params,
    (
        SELECT count(*) FROM pedigree.training t
        WHERE t.model_id = v.model_id AND t.version = v.version
    ) AS trainings,
    coalesce(stage.name, 'none') AS stage,
    stage.held_since AS stage_since,
    ARRAY(
        SELECT t.name::text FROM pedigree.tenure t
        WHERE t.model_id = v.model_id AND t.version = v.version
            AND t.pointer = 'alias' AND t.held_until IS NULL
        ORDER BY t.name
    ) AS aliases,
    (
        SELECT c.digest FROM pedigree.model_card c
        WHERE c.model_id = v.model_id AND c.version = v.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS model_card_digest
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
CROSS JOIN LATERAL (
    SELECT t.* FROM pedigree.training t
    WHERE t.model_id = v.model_id AND t.version = v.version
    ORDER BY t.created_at, t.training_id LIMIT 1
) AS first
LEFT JOIN pedigree.tenure stage
    ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;

-- A living model with what its stages and aliases point to. Of a stage that versions share, the newest
-- twenty: all that were ever archived would be most of the model. The recursion hops from pointer to
-- pointer, past however many versions hold each.
CREATE VIEW pedigree.model_record AS
SELECT
    m.name,
    m.name_key,
    m.description,
    m.owners,
    m.tags,
    m.created_by,
    m.created_at,
    m.generation,
    m.next_version - 1 AS latest_version,
    held.stages,
    held.aliases
FROM pedigree.registered_model m
CROSS JOIN LATERAL (
    WITH RECURSIVE held_pointer (name, pointer) AS (
        (
            SELECT t.name, t.pointer FROM pedigree.tenure t
            WHERE t.model_id = m.model_id AND t.held_until IS NULL
            ORDER BY t.name, t.pointer LIMIT 1
        )
        UNION ALL
        SELECT further.name, further.pointer
        FROM held_pointer h
        CROSS JOIN LATERAL (
            SELECT t.name, t.pointer FROM pedigree.tenure t
            WHERE t.model_id = m.model_id AND t.held_until IS NULL
                AND (t.name, t.pointer) > (h.name, h.pointer)
            ORDER BY t.name, t.pointer LIMIT 1
        ) AS further
    ),
    holders AS (
        SELECT h.name, h.pointer, (
            SELECT jsonb_agg(newest.version ORDER BY newest.version)
            FROM (
                SELECT t.version FROM pedigree.tenure t
                WHERE t.model_id = m.model_id AND t.held_until IS NULL
                    AND t.name = h.name AND t.pointer = h.pointer
                ORDER BY t.version DESC LIMIT 20
            ) AS newest
        ) AS versions
        FROM held_pointer h
    )
    SELECT
        coalesce(jsonb_object_agg(name, versions) FILTER (WHERE pointer = 'stage'), '{}') AS stages,
        coalesce(jsonb_object_agg(name, versions -> 0) FILTER (WHERE pointer = 'alias'), '{}')
            AS aliases
    FROM holders
) AS held
WHERE m.deleted_at IS NULL;

-- The key by which names are told apart now also makes compatible characters one, such as full-width
-- letters. Of what was stored only such names change; two that are twins by it must be renamed first.
UPDATE pedigree.registered_model SET name_key = lower(normalize(name_key, NFKC))
WHERE name_key <> lower(normalize(name_key, NFKC));
