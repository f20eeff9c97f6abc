-- name: snapshot_facts
-- What the manifest of a folder says of the registry.
SELECT registry_id::text, clock_timestamp() AS exported_at,
    (SELECT coalesce(max(seq), 0) FROM pedigree.feed) AS events
FROM pedigree.registry_identity;

-- name: all_blobs
-- All live blobs.
SELECT digest, size, key FROM pedigree.blob ORDER BY digest;

-- name: time_now
-- The database's time.
SELECT clock_timestamp() AS at;
