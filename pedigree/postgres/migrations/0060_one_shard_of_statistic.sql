-- Add to exactly one shard. Before, the shard was chosen inside the UPDATE. A plan that chose it again
-- for each row of the table, which a session made while the table was small, added to every shard.

CREATE OR REPLACE FUNCTION pedigree.add_to_statistic(
    versions bigint DEFAULT 0, logical_bytes bigint DEFAULT 0, artifacts bigint DEFAULT 0,
    files bigint DEFAULT 0, blobs bigint DEFAULT 0, stored_bytes bigint DEFAULT 0,
    archived_bytes bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    free integer;
BEGIN
    SELECT s.shard INTO free FROM pedigree.statistic s
    ORDER BY s.shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF free IS NULL THEN
        INSERT INTO pedigree.statistic (
            versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
        ) VALUES ($1, $2, $3, $4, $5, $6, $7);
        RETURN;
    END IF;
    UPDATE pedigree.statistic s SET
        versions = s.versions + $1, logical_bytes = s.logical_bytes + $2,
        artifacts = s.artifacts + $3, files = s.files + $4, blobs = s.blobs + $5,
        stored_bytes = s.stored_bytes + $6, archived_bytes = s.archived_bytes + $7
    WHERE s.shard = free;
END
$$;

-- Count again. A change that is not committed yet, and not counted here, adds to the new rows.
LOCK TABLE pedigree.statistic IN EXCLUSIVE MODE;
DELETE FROM pedigree.statistic;
INSERT INTO pedigree.statistic (
    versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
) SELECT versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
FROM pedigree.statistic_source;
