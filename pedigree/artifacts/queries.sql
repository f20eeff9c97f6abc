-- name: open_upload
-- Announce an upload before its first byte; without digests if they are not known yet.
INSERT INTO pedigree.upload (upload_id, digests, lease_until)
VALUES (%(upload_id)s, %(digests)s::text[], clock_timestamp() + %(lease)s::interval)
ON CONFLICT (upload_id) DO NOTHING;

-- name: open_block
-- Announce a block of keys before the first byte under one of them.
INSERT INTO pedigree.upload (upload_id, keys, lease_until)
VALUES (%(upload_id)s, %(keys)s, clock_timestamp() + %(lease)s::interval)
ON CONFLICT (upload_id) DO NOTHING;

-- name: shorten_blocks
-- Note how many keys of some blocks were taken, before the blocks are given up.
UPDATE pedigree.upload u SET keys = taken.keys
FROM unnest(%(upload_ids)s::uuid[], %(keys)s::integer[]) AS taken (upload_id, keys)
WHERE u.upload_id = taken.upload_id;

-- name: lock_block
-- Wait for the transactions that make objects of a block live, and keep others out.
SELECT FROM pedigree.upload WHERE upload_id = %(upload_id)s FOR UPDATE;

-- name: claim_digests
-- Return which digests are live, and a few other objects that the store must have; announce the
-- upload of the missing digests, if there are any.
WITH live AS (
    SELECT digest, size, key FROM pedigree.blob WHERE digest = ANY(%(digests)s::text[])
), missing AS (
    SELECT wanted.digest
    FROM unnest(%(digests)s::text[]) AS wanted (digest)
    WHERE wanted.digest NOT IN (SELECT digest FROM live)
), claimed AS (
    INSERT INTO pedigree.upload (upload_id, digests, lease_until)
    SELECT %(upload_id)s, array_agg(digest), clock_timestamp() + %(lease)s::interval
    FROM missing
    HAVING count(*) > 0
    ON CONFLICT (upload_id) DO UPDATE
    SET digests = excluded.digests, lease_until = excluded.lease_until
)
SELECT digest, size, key, true AS wanted FROM live
UNION ALL
(SELECT digest, size, key, false FROM pedigree.blob LIMIT 5);

-- name: renew_lease
-- Protect an upload from the sweep; no row means that it was swept already.
UPDATE pedigree.upload
SET lease_until = clock_timestamp() + %(lease)s::interval
WHERE upload_id = %(upload_id)s
RETURNING upload_id;

-- name: begin_session
-- Begin a session for a version's files; also remove expired sessions.
WITH old AS (
    DELETE FROM pedigree.upload_session
    WHERE upload_id IN (
        SELECT upload_id FROM pedigree.upload_session
        WHERE lease_until < clock_timestamp()
        ORDER BY lease_until
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    )
), begun AS (
    INSERT INTO pedigree.upload_session (upload_id, model, lease_until)
    VALUES (%(upload_id)s, %(model)s, clock_timestamp() + %(lease)s::interval)
    ON CONFLICT (upload_id) DO NOTHING
    RETURNING upload_id
)
INSERT INTO pedigree.upload_file (upload_id, digest, size)
SELECT begun.upload_id, file.digest, file.size
FROM begun, unnest(%(digests)s::text[], %(sizes)s::bigint[]) AS file (digest, size);

-- name: keep_session
-- Extend an active session of a model; no row if there is none.
UPDATE pedigree.upload_session SET lease_until = clock_timestamp() + %(lease)s::interval
WHERE upload_id = %(upload_id)s AND model = %(model)s AND lease_until > clock_timestamp()
RETURNING upload_id, model, lease_until AS expires_at;

-- name: session_files
-- The files of a session, whether their bytes are live, and whether it uploaded them.
SELECT f.digest, f.size, b.digest IS NOT NULL AS stored, f.received
FROM pedigree.upload_file f
LEFT JOIN pedigree.blob b USING (digest)
WHERE f.upload_id = %(upload_id)s
ORDER BY f.digest;

-- name: received_files
-- The files that an active session of a model has uploaded.
SELECT f.digest
FROM pedigree.upload_session s
JOIN pedigree.upload_file f USING (upload_id)
WHERE s.upload_id = %(upload_id)s AND s.model = %(model)s AND s.lease_until > clock_timestamp()
    AND f.received;

-- name: note_received
-- Record that a session uploaded a file.
UPDATE pedigree.upload_file SET received = true
WHERE upload_id = %(upload_id)s AND digest = %(digest)s;

-- name: end_session
-- End a session: its files are in a version now, or may be collected.
DELETE FROM pedigree.upload_session WHERE upload_id = %(upload_id)s AND model = %(model)s;

-- name: note_staged
-- Record keys with signed upload URLs; their objects are removed after the URLs expire.
INSERT INTO pedigree.orphan (key, orphaned_at, removable_at)
SELECT unnest(%(keys)s::text[]), until.at, until.at
FROM (SELECT clock_timestamp() + %(lease)s::interval AS at) AS until
ON CONFLICT (key) DO UPDATE
SET orphaned_at = excluded.orphaned_at, removable_at = excluded.removable_at;

-- name: close_upload
-- Make an upload's blobs live, if the upload was not swept. If another upload stored the same bytes
-- in the meantime, those stay and the ones of this upload become orphans.
SELECT pedigree.make_live(
    %(upload_id)s, %(digests)s::text[], %(sizes)s::bigint[], %(keys)s::text[]
);

-- name: live_blobs
-- The live ones of some blobs.
SELECT digest, size, key FROM pedigree.blob WHERE digest = ANY(%(digests)s::text[]);

-- name: lock_blobs
-- Lock the live blobs against removal until the transaction ends, always in one order.
SELECT digest, size FROM pedigree.blob
WHERE digest = ANY(%(digests)s::text[])
ORDER BY digest
FOR SHARE;

-- name: insert_artifact
-- Write an artifact, unless it exists; a collected one still has its manifest.
INSERT INTO pedigree.artifact (digest, manifest, size)
VALUES (%(digest)s, %(manifest)s, %(size)s)
ON CONFLICT (digest) DO NOTHING;

-- name: lock_artifact
-- Lock an artifact against removal until the transaction ends.
SELECT FROM pedigree.artifact WHERE digest = %(digest)s FOR SHARE;

-- name: insert_artifact_files
-- Write an artifact's list of files. It exists already, unless it was collected in the meantime. So
-- this is a separate statement after the lock, and sees the result of a collection.
INSERT INTO pedigree.artifact_file (artifact_digest, path, blob_digest)
SELECT %(digest)s, file.path, file.digest
FROM unnest(%(paths)s::text[], %(digests)s::text[]) AS file (path, digest)
ON CONFLICT (artifact_digest, path) DO NOTHING;

-- name: get_manifest
-- The canonical bytes of an artifact's manifest.
SELECT manifest FROM pedigree.artifact WHERE digest = %(digest)s;

-- name: locate
-- The keys of the objects of some digests.
SELECT digest, key FROM pedigree.blob WHERE digest = ANY(%(digests)s::text[]);

-- name: find_blob
-- The key and the tier of a blob.
SELECT key, tier FROM pedigree.blob WHERE digest = %(digest)s;

-- name: swap_key
-- Point a blob to the object that an upload made, in another tier or in place of a lost one. If the
-- blob moved or is gone, or the upload was swept, this object becomes the orphan; else the previous
-- one of the blob.
WITH closed AS (
    DELETE FROM pedigree.upload WHERE upload_id = %(upload_id)s RETURNING upload_id
), swapped AS (
    UPDATE pedigree.blob SET key = %(new_key)s, tier = %(tier)s
    FROM closed
    WHERE digest = %(digest)s AND key = %(old_key)s
    RETURNING digest
), orphaned AS (
    INSERT INTO pedigree.orphan (key, removable_at)
    SELECT %(old_key)s, clock_timestamp() + %(grace)s::interval FROM swapped
    UNION ALL
    SELECT %(new_key)s, '-infinity' FROM closed WHERE NOT EXISTS (SELECT FROM swapped)
)
SELECT EXISTS (SELECT FROM swapped) OR EXISTS (
    SELECT FROM pedigree.blob WHERE digest = %(digest)s AND key = %(new_key)s
) AS moved, clock_timestamp() AS at;

-- name: delete_upload
-- Give up one upload.
DELETE FROM pedigree.upload WHERE upload_id = %(upload_id)s RETURNING upload_id, digests, keys;

-- name: delete_uploads
-- Give up some uploads.
DELETE FROM pedigree.upload WHERE upload_id = ANY(%(upload_ids)s::uuid[])
RETURNING upload_id, digests, keys;

-- name: delete_expired_uploads
-- Give up the uploads whose lease expired. A registration that is sealing an upload holds its row,
-- which is skipped.
DELETE FROM pedigree.upload
WHERE upload_id IN (
    SELECT upload_id FROM pedigree.upload
    WHERE upload_id = ANY(%(upload_ids)s::uuid[]) AND lease_until < clock_timestamp()
    ORDER BY upload_id
    FOR UPDATE SKIP LOCKED
)
RETURNING upload_id, digests, keys;

-- name: insert_orphans
-- Record keys to remove from the store, unless their objects are live.
INSERT INTO pedigree.orphan (key)
SELECT given.key FROM unnest(%(keys)s::text[]) AS given (key)
WHERE NOT EXISTS (SELECT FROM pedigree.blob b WHERE b.key = given.key)
ON CONFLICT (key) DO NOTHING
RETURNING key;

-- name: find_orphans
-- The given keys that may be removed now, and whether no writer can exist that might write them
-- again.
SELECT key, orphaned_at + %(settle)s::interval < clock_timestamp() AS settled
FROM pedigree.orphan
WHERE key = ANY(%(keys)s::text[]) AND removable_at <= clock_timestamp();

-- name: postpone_orphans
-- Keep keys whose objects were removed until no writer of them can exist.
UPDATE pedigree.orphan SET removable_at = orphaned_at + %(settle)s::interval
WHERE key = ANY(%(keys)s::text[]);

-- name: delete_orphans
-- Delete keys whose objects are permanently gone.
DELETE FROM pedigree.orphan WHERE key = ANY(%(keys)s::text[]);

-- name: statistics
-- The bytes that versions refer to and the bytes in the store: sums that triggers keep.
SELECT
    (SELECT count(*) FROM pedigree.registered_model WHERE deleted_at IS NULL) AS models,
    kept.*,
    (SELECT count(*) FROM pedigree.upload WHERE keys IS NULL) AS uploads,
    (SELECT count(*) FROM pedigree.orphan) AS orphans
FROM (
    SELECT
        coalesce(sum(versions), 0)::bigint AS versions,
        coalesce(sum(artifacts), 0)::bigint AS artifacts,
        coalesce(sum(files), 0)::bigint AS files,
        coalesce(sum(blobs), 0)::bigint AS blobs,
        coalesce(sum(logical_bytes), 0)::bigint AS logical_bytes,
        coalesce(sum(stored_bytes), 0)::bigint AS stored_bytes,
        coalesce(sum(archived_bytes), 0)::bigint AS archived_bytes
    FROM pedigree.statistic
) AS kept;

-- name: statistics_of_models
-- The same of some models: of their living versions, and of the files of these.
WITH living AS (
    SELECT v.digest, artifact.size
    FROM pedigree.model_version v
    JOIN pedigree.registered_model m USING (model_id)
    LEFT JOIN pedigree.artifact ON artifact.digest = v.digest
    WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL AND m.name = ANY (%(visible)s::text[])
), file AS (
    SELECT f.blob_digest
    FROM pedigree.artifact_file f
    WHERE f.artifact_digest IN (SELECT digest FROM living)
), stored AS (
    SELECT
        count(*) AS blobs,
        coalesce(sum(size), 0) AS size,
        coalesce(sum(size) FILTER (WHERE tier = 'archive'), 0) AS archived
    FROM pedigree.blob WHERE digest IN (SELECT blob_digest FROM file)
)
SELECT
    (
        SELECT count(*) FROM pedigree.registered_model
        WHERE deleted_at IS NULL AND name = ANY (%(visible)s::text[])
    ) AS models,
    (SELECT count(*) FROM living) AS versions,
    (SELECT count(DISTINCT digest) FROM living) AS artifacts,
    (SELECT count(*) FROM file) AS files,
    stored.blobs,
    (SELECT coalesce(sum(size), 0) FROM living)::bigint AS logical_bytes,
    stored.size::bigint AS stored_bytes,
    stored.archived::bigint AS archived_bytes
FROM stored;

-- name: registry_id
-- The identity of this database's registry.
SELECT registry_id FROM pedigree.registry_identity;

-- name: some_blobs
-- A few objects that the store must have.
SELECT digest, size, key FROM pedigree.blob LIMIT 5;

-- name: lock_area_name
-- Let one transaction at a time make the area of a name.
SELECT pg_advisory_xact_lock(hashtextextended(%(principal)s || '/' || %(name)s, 81));

-- name: keep_area
-- Extend an area of a principal that is in use; no row if there is none.
UPDATE pedigree.upload_session s SET lease_until = clock_timestamp() + %(lease)s::interval
FROM pedigree.upload_area a
WHERE a.principal = %(principal)s AND a.name = %(name)s AND s.upload_id = a.upload_id
    AND s.lease_until > clock_timestamp()
RETURNING s.upload_id;

-- name: end_old_area
-- End an area that nobody has used in time.
DELETE FROM pedigree.upload_session s USING pedigree.upload_area a
WHERE a.principal = %(principal)s AND a.name = %(name)s AND s.upload_id = a.upload_id;

-- name: begin_area
-- Begin an area without files.
INSERT INTO pedigree.upload_area (upload_id, principal, name)
VALUES (%(upload_id)s, %(principal)s, %(name)s);

-- name: note_area_bytes
-- Record that an area has bytes, which are live.
INSERT INTO pedigree.upload_file (upload_id, digest, size, received)
VALUES (%(upload_id)s, %(digest)s, %(size)s, true)
ON CONFLICT (upload_id, digest) DO UPDATE SET received = true;

-- name: note_area_file
-- Record what bytes the file at a path of an area has.
INSERT INTO pedigree.upload_area_file (upload_id, path, digest)
VALUES (%(upload_id)s, %(path)s, %(digest)s)
ON CONFLICT (upload_id, path) DO UPDATE SET digest = excluded.digest;

-- name: area_size
-- How many files an area has, without the one at a path.
SELECT count(*) AS files FROM pedigree.upload_area_file
WHERE upload_id = %(upload_id)s AND path <> %(path)s;

-- name: remove_area_files
-- Remove the file at a path of an area, or the files below it.
DELETE FROM pedigree.upload_area_file
WHERE upload_id = %(upload_id)s
    AND (%(path)s = '' OR path = %(path)s OR starts_with(path, %(path)s || '/'))
RETURNING path;

-- name: forget_area_bytes
-- Let go of the bytes of an area that no file of it has any more.
DELETE FROM pedigree.upload_file u
WHERE u.upload_id = %(upload_id)s AND NOT EXISTS (
    SELECT FROM pedigree.upload_area_file f
    WHERE f.upload_id = u.upload_id AND f.digest = u.digest
);

-- name: area_files
-- The files of an area in use, by path.
SELECT f.path, u.size, f.digest
FROM pedigree.upload_area a
JOIN pedigree.upload_session s USING (upload_id)
JOIN pedigree.upload_area_file f USING (upload_id)
JOIN pedigree.upload_file u ON u.upload_id = f.upload_id AND u.digest = f.digest
WHERE a.principal = %(principal)s AND a.name = %(name)s AND s.lease_until > clock_timestamp()
ORDER BY f.path;

-- name: begin_parts
-- Begin a file that is sent in parts.
INSERT INTO pedigree.upload_area_parts (parts_id, upload_id, path, parts)
VALUES (%(parts_id)s, %(upload_id)s, %(path)s, %(parts)s);

-- name: find_parts
-- A file of an area that is sent in parts.
SELECT p.parts
FROM pedigree.upload_area a
JOIN pedigree.upload_session s USING (upload_id)
JOIN pedigree.upload_area_parts p USING (upload_id)
WHERE a.principal = %(principal)s AND a.name = %(name)s AND p.path = %(path)s
    AND p.parts_id = %(parts_id)s AND s.lease_until > clock_timestamp();

-- name: end_parts
-- End a file that was sent in parts; their objects are removed after their URLs expire.
DELETE FROM pedigree.upload_area_parts WHERE parts_id = %(parts_id)s;
