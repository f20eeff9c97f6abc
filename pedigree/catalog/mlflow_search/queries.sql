-- name: found_versions
-- What an answer shows of some versions, in the given order. One row at a time and with a limit, so that
-- it never becomes a scan of all versions.
SELECT found.place, shown.*
FROM unnest((SELECT %(model_ids)s::bigint[]), (SELECT %(versions)s::integer[]))
    WITH ORDINALITY AS found (model_id, version, place)
CROSS JOIN LATERAL (
    SELECT s.model_id, s.name, s.version, pedigree.milliseconds(s.created_at) AS created_ms, m.updated_ms,
        s.description, s.stage, s.state, m.source, m.run_id, o.run_link, s.tags,
        CASE WHEN s.state <> 'sealed' THEN (
            SELECT v.state_reason FROM pedigree.model_version v
            WHERE v.model_id = s.model_id AND v.version = s.version
        ) END AS state_reason
    FROM pedigree.search_version s
    JOIN pedigree.search_mlflow m USING (model_id, version)
    LEFT JOIN pedigree.version_source o USING (model_id, version)
    WHERE s.model_id = found.model_id AND s.version = found.version
    LIMIT 1
) AS shown;

-- name: found_models
-- What an answer shows of some models, in the given order.
SELECT found.place, m.model_id, m.name, pedigree.milliseconds(m.created_at) AS created_ms,
    pedigree.milliseconds(m.last_updated_at) AS updated_ms, m.description, m.tags,
    ARRAY(
        SELECT newest.version FROM pedigree.newest_of_stages(m.model_id) AS newest
        ORDER BY newest.version DESC
    ) AS newest,
    (
        SELECT jsonb_object_agg(t.name, t.version) FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.pointer = 'alias' AND t.held_until IS NULL
    ) AS aliases
FROM unnest(%(model_ids)s::bigint[]) WITH ORDINALITY AS found (model_id, place)
JOIN pedigree.registered_model m ON m.model_id = found.model_id
ORDER BY found.place;

-- name: policies
-- The policies of some models, of those that have one.
SELECT m.model_id, m.policy::text AS policy FROM pedigree.registered_model m
WHERE m.model_id = ANY (%(model_ids)s::bigint[]) AND m.policy IS NOT NULL;
