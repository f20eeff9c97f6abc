-- name: insert_profile
-- Insert a version's profile, unless it has one already.
INSERT INTO pedigree.data_profile (model_id, version, digest, profile, created_at)
VALUES (%(model_id)s, %(version)s, %(digest)s, %(profile)s, %(at)s)
ON CONFLICT (model_id, version) DO NOTHING;

-- name: profile_of
-- The profile of a version's training data.
SELECT p.profile
FROM pedigree.data_profile p
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND p.version = %(version)s;

-- name: insert_result
-- Insert the result of a comparison for a version that is not deleted.
INSERT INTO pedigree.drift_result (
    model_id, version, asset, partition, drifted, result, profile, html, markdown,
    recorded_at, recorded_by
)
SELECT %(model_id)s, %(version)s, %(asset)s, %(partition)s, %(drifted)s, %(result)s, %(profile)s,
    %(html)s, %(markdown)s, %(at)s, %(actor)s
WHERE EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = %(model_id)s AND v.version = %(version)s AND v.deleted_at IS NULL
)
RETURNING drift_id;

-- name: result
-- One result.
SELECT d.drift_id, d.result, d.profile, d.html, d.markdown, d.recorded_at, d.recorded_by,
    d.alerted_at
FROM pedigree.drift_result d
WHERE d.drift_id = %(drift_id)s;

-- name: newest_results
-- A page of the newest results of each partition of each asset that was compared with a version,
-- from the last partition backward.
SELECT * FROM (
    SELECT DISTINCT ON (d.asset, d.partition)
        d.asset, d.partition, d.drift_id, d.result, d.profile, d.html, d.markdown, d.recorded_at,
        d.recorded_by, d.alerted_at
    FROM pedigree.drift_result d
    JOIN pedigree.registered_model m USING (model_id)
    WHERE m.name_key = %(name_key)s AND d.version = %(version)s
        AND (%(asset)s::text IS NULL OR d.asset = %(asset)s)
    ORDER BY d.asset, d.partition, d.drift_id DESC
) AS newest
WHERE %(before)s::bigint IS NULL OR (newest.asset, newest.partition) < (
    SELECT asset, partition FROM pedigree.drift_result WHERE drift_id = %(before)s::bigint
)
ORDER BY newest.asset DESC, newest.partition DESC
LIMIT %(limit)s;

-- name: last_result
-- The newest result of all that were compared with a version.
SELECT d.drift_id, d.result, d.profile, d.html, d.markdown, d.recorded_at, d.recorded_by,
    d.alerted_at
FROM pedigree.drift_result d
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND d.version = %(version)s
ORDER BY d.drift_id DESC
LIMIT 1;

-- name: mark_alerted
-- Record that an alarm was raised; returns no row if it was raised before.
UPDATE pedigree.drift_result SET alerted_at = %(at)s
WHERE drift_id = %(drift_id)s AND drifted AND alerted_at IS NULL
RETURNING drift_id;
