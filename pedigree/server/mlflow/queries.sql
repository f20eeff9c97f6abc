-- name: shown
-- A model, and those of its living versions that are asked for: one number, the one that an alias or a stage
-- names, or the newest of each stage. A row each; without one, a row of the model alone. All columns are
-- texts, since the pipe reads nothing else.
SELECT m.model_id::text, m.name, m.description, m.tags::text AS tags,
    floor(extract(epoch FROM m.created_at) * 1000)::bigint::text AS created_ms,
    floor(extract(epoch FROM m.last_updated_at) * 1000)::bigint::text AS updated_ms,
    (
        SELECT json_agg(json_build_array(t.name, t.version) ORDER BY t.name)::text FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.pointer = 'alias' AND t.held_until IS NULL
    ) AS aliases,
    s.version::text, s.description AS version_description, s.tags::text AS version_tags,
    floor(extract(epoch FROM s.created_at) * 1000)::bigint::text AS version_created_ms,
    floor(extract(epoch FROM coalesce(v.last_updated_at, s.created_at)) * 1000)::bigint::text
        AS version_updated_ms,
    s.stage, CASE WHEN s.stage <> 'none' THEN m.policy::text END AS policy,
    s.state, v.state_reason, coalesce(o.source, 'pedigree://artifacts/' || s.digest) AS source,
    coalesce(o.run_id, s.run_id, '') AS run_id, o.run_link, o.location
FROM pedigree.registered_model m
LEFT JOIN LATERAL (
    SELECT %(version)s::integer AS version WHERE %(version)s::integer IS NOT NULL
    UNION ALL
    (
        SELECT t.version FROM pedigree.tenure t
        WHERE %(alias)s::text IS NOT NULL AND t.model_id = m.model_id AND t.held_until IS NULL
            AND (t.name = %(alias)s::text OR t.pointer = 'stage' AND t.name = lower(%(alias)s::text))
        ORDER BY t.pointer, t.version DESC LIMIT 1
    )
    UNION ALL
    SELECT n.version FROM pedigree.newest_of_stages(m.model_id) AS n WHERE %(newest)s::boolean
) AS asked ON true
LEFT JOIN pedigree.search_version s ON s.model_id = m.model_id AND s.version = asked.version
LEFT JOIN pedigree.model_version v ON v.model_id = m.model_id AND v.version = s.version
LEFT JOIN pedigree.version_source o ON o.model_id = m.model_id AND o.version = s.version
WHERE m.name_key = %(name_key)s AND m.deleted_at IS NULL;
