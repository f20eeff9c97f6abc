-- name: insert_card
-- Add a card's next revision.
INSERT INTO pedigree.model_card (model_id, version, revision, digest, markdown, notes, created_at)
SELECT %(model_id)s, %(version)s, coalesce(max(revision), 0) + 1, %(digest)s, %(markdown)s,
    %(notes)s, %(at)s
FROM pedigree.model_card
WHERE model_id = %(model_id)s AND version = %(version)s
RETURNING revision;

-- name: latest_card
-- A version's newest card.
SELECT c.revision, c.digest, c.markdown, c.notes, c.created_at
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND c.version = %(version)s
ORDER BY c.revision DESC
LIMIT 1;
