-- name: insert_card
-- Add the next revision of a living version's card.
INSERT INTO pedigree.model_card (model_id, version, revision, digest, markdown, notes, created_at)
SELECT %(model_id)s, %(version)s, coalesce(max(revision), 0) + 1, %(digest)s, %(markdown)s,
    %(notes)s, %(at)s
FROM pedigree.model_card
WHERE model_id = %(model_id)s AND version = %(version)s
HAVING EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = %(model_id)s AND v.version = %(version)s AND v.deleted_at IS NULL
)
RETURNING revision;

-- name: latest_card
-- A version's newest card.
SELECT c.revision, c.digest, c.markdown, c.notes, c.created_at
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND c.version = %(version)s
ORDER BY c.revision DESC
LIMIT 1;
