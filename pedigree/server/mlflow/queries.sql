-- Each read is a statement of its own: Postgres would plan one for all of them again each time, which
-- takes ten times as long as the read. All columns are texts, since the pipe reads nothing else.

-- name: shown_version
-- A living version by its number; without it, a row of the model alone.
SELECT m.model_id::text, m.name, s.version::text, s.description AS version_description,
    s.tags::text AS version_tags, pedigree.milliseconds(s.created_at)::text AS version_created_ms,
    x.updated_ms::text AS version_updated_ms, s.stage,
    CASE WHEN s.stage <> 'none' THEN m.policy::text END AS policy, s.state,
    CASE WHEN s.state <> 'sealed' THEN (
        SELECT v.state_reason FROM pedigree.model_version v
        WHERE v.model_id = s.model_id AND v.version = s.version
    ) END AS state_reason,
    x.source, x.run_id, o.run_link, o.location,
    array_to_json(ARRAY(
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = s.model_id AND t.version = s.version AND t.pointer = 'alias'
            AND t.held_until IS NULL
        ORDER BY t.name
    ))::text AS version_aliases
FROM pedigree.registered_model m
LEFT JOIN pedigree.search_version s ON s.model_id = m.model_id AND s.version = %(version)s::integer
LEFT JOIN pedigree.search_mlflow x ON x.model_id = s.model_id AND x.version = s.version
LEFT JOIN pedigree.version_source o ON o.model_id = s.model_id AND o.version = s.version
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL;

-- name: shown_holder
-- The living version that has an alias, or else the newest one in a stage of this name; without it,
-- a row of the model alone.
SELECT m.model_id::text, m.name, s.version::text, s.description AS version_description,
    s.tags::text AS version_tags, pedigree.milliseconds(s.created_at)::text AS version_created_ms,
    x.updated_ms::text AS version_updated_ms, s.stage,
    CASE WHEN s.stage <> 'none' THEN m.policy::text END AS policy, s.state,
    CASE WHEN s.state <> 'sealed' THEN (
        SELECT v.state_reason FROM pedigree.model_version v
        WHERE v.model_id = s.model_id AND v.version = s.version
    ) END AS state_reason,
    x.source, x.run_id, o.run_link, o.location,
    array_to_json(ARRAY(
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = s.model_id AND t.version = s.version AND t.pointer = 'alias'
            AND t.held_until IS NULL
        ORDER BY t.name
    ))::text AS version_aliases
FROM pedigree.registered_model m
LEFT JOIN pedigree.search_version s ON s.model_id = m.model_id AND s.version = coalesce(
    (
        SELECT t.version FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.name = %(alias)s::text AND t.pointer = 'alias'
            AND t.held_until IS NULL
        ORDER BY t.version DESC LIMIT 1
    ),
    (
        SELECT max(t.version) FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.name IN (%(alias)s::text, lower(%(alias)s::text))
            AND t.pointer = 'stage' AND t.held_until IS NULL
    )
)
LEFT JOIN pedigree.search_mlflow x ON x.model_id = s.model_id AND x.version = s.version
LEFT JOIN pedigree.version_source o ON o.model_id = s.model_id AND o.version = s.version
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL;

-- name: shown_newest
-- A model with its newest living version of each stage, a row each; without one, a row of the model
-- alone. One version at a time and with a limit, so that it never becomes a scan of all versions.
SELECT m.model_id::text, m.name, m.description, m.tags::text AS tags,
    pedigree.milliseconds(m.created_at)::text AS created_ms,
    pedigree.milliseconds(m.last_updated_at)::text AS updated_ms, held.aliases,
    v.version::text, v.description AS version_description, v.tags::text AS version_tags,
    pedigree.milliseconds(v.created_at)::text AS version_created_ms,
    v.updated_ms::text AS version_updated_ms, v.stage,
    CASE WHEN v.stage <> 'none' THEN m.policy::text END AS policy, v.state, v.state_reason,
    v.source, v.run_id, v.run_link
FROM pedigree.registered_model m
CROSS JOIN LATERAL (
    SELECT array_to_json(ARRAY(
        SELECT json_build_array(t.name, t.version) FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.pointer = 'alias' AND t.held_until IS NULL
        ORDER BY t.name
    ))::text AS aliases
    OFFSET 0
) AS held
LEFT JOIN LATERAL pedigree.newest_of_stages(m.model_id) AS newest ON true
LEFT JOIN LATERAL (
    SELECT s.version, s.description, s.tags, s.created_at, x.updated_ms, s.stage, s.state,
        x.source, x.run_id, o.run_link,
        CASE WHEN s.state <> 'sealed' THEN (
            SELECT r.state_reason FROM pedigree.model_version r
            WHERE r.model_id = s.model_id AND r.version = s.version
        ) END AS state_reason
    FROM pedigree.search_version s
    JOIN pedigree.search_mlflow x USING (model_id, version)
    LEFT JOIN pedigree.version_source o USING (model_id, version)
    WHERE s.model_id = m.model_id AND s.version = newest.version
    LIMIT 1
) AS v ON true
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL;
