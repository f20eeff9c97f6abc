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

-- name: marks_of_model
-- What was carried last of a model and its versions.
SELECT version, carried FROM pedigree.transfer_mark
WHERE origin = %(origin)s AND model = %(model)s ORDER BY version;

-- name: set_mark
-- Note what was carried of a model or of a version.
INSERT INTO pedigree.transfer_mark (origin, model, version, carried)
VALUES (%(origin)s, %(model)s, %(version)s, %(carried)s::jsonb)
ON CONFLICT (origin, model, version) DO UPDATE SET carried = excluded.carried;
