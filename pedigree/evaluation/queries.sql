-- name: insert_evaluation
-- Insert the next revision of the evaluation of a version that is not deleted.
INSERT INTO pedigree.evaluation (
    model_id, version, revision, digest, evaluation, at, recorded_by
)
SELECT %(model_id)s, %(version)s, coalesce(max(revision), 0) + 1, %(digest)s, %(evaluation)s,
    %(at)s, %(actor)s
FROM pedigree.evaluation
WHERE model_id = %(model_id)s AND version = %(version)s
HAVING EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = %(model_id)s AND v.version = %(version)s AND v.deleted_at IS NULL
);

-- name: latest_evaluation
-- A version's newest evaluation.
SELECT e.revision, e.digest, e.evaluation, e.at, e.recorded_by
FROM pedigree.evaluation e
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND e.version = %(version)s
ORDER BY e.revision DESC
LIMIT 1;
