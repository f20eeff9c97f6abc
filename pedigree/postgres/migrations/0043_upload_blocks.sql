-- Blocks of keys: a process announces many keys for small objects at once, instead of each upload.
-- Nothing deletes its row while its keys are used; its lease is renewed.

ALTER TABLE pedigree.upload ADD COLUMN keys integer CHECK (keys > 0);

COMMENT ON COLUMN pedigree.upload.keys IS
    'How many keys a block has; NULL for the upload of the digests. A number has one key.';

-- Make the objects of an upload, or of keys of a block, live if it was not given up. If the same bytes
-- are live under another key, those stay, and the ones here become orphans.
CREATE FUNCTION pedigree.make_live(
    of_upload uuid, stored_digests text[], stored_sizes bigint[], stored_keys text[]
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- The lock is a statement of its own, so that the next one sees which keys were given up.
    PERFORM FROM pedigree.upload WHERE upload_id = of_upload AND keys IS NOT NULL FOR SHARE;
    IF NOT FOUND THEN
        DELETE FROM pedigree.upload WHERE upload_id = of_upload;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    WITH stored AS (
        SELECT file.digest, file.size, file.key
        FROM unnest(stored_digests, stored_sizes, stored_keys) AS file (digest, size, key)
        WHERE NOT EXISTS (SELECT FROM pedigree.orphan o WHERE o.key = file.key)
    ), sealed AS (
        INSERT INTO pedigree.blob (digest, size, key)
        SELECT digest, size, key FROM stored ORDER BY digest COLLATE "C"
        ON CONFLICT (digest) DO NOTHING
        RETURNING digest
    )
    INSERT INTO pedigree.orphan (key)
    SELECT s.key FROM stored s
    WHERE s.digest NOT IN (SELECT digest FROM sealed)
        -- A transaction is repeated if the answer to its commit was lost.
        AND NOT EXISTS (SELECT FROM pedigree.blob b WHERE b.key = s.key);
END
$$;

CREATE OR REPLACE FUNCTION pedigree.take_blobs(doc jsonb) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    wanted text[] := ARRAY(
        SELECT DISTINCT f ->> 'digest' FROM jsonb_array_elements(doc #> '{artifact,files}') f
    );
    live text[];
BEGIN
    IF doc ->> 'upload' IS NOT NULL THEN
        PERFORM pedigree.make_live(
            (doc ->> 'upload')::uuid, array_agg(digest), array_agg(size), array_agg(key)
        )
        FROM jsonb_to_recordset(doc -> 'stored') AS file (digest text, size bigint, key text);
    END IF;
    SELECT array_agg(b.digest) INTO live FROM (
        SELECT digest FROM pedigree.blob WHERE digest = ANY (wanted) ORDER BY digest FOR SHARE
    ) AS b;
    RETURN ARRAY(
        SELECT w.digest FROM unnest(wanted) AS w (digest)
        WHERE w.digest <> ALL (coalesce(live, '{}')) ORDER BY w.digest
    );
END
$$;
