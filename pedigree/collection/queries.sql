-- name: make_plan_tables
-- Tables of this transaction alone, so that a plan of any length fits the memory of its process.
CREATE TEMPORARY TABLE planned_version (
    model_id bigint, version integer, digest text COLLATE "C", deleted_at timestamptz,
    window_s double precision, PRIMARY KEY (model_id, version)
) ON COMMIT DROP;
CREATE INDEX ON planned_version (digest);
CREATE TEMPORARY TABLE planned_artifact (digest text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;
CREATE TEMPORARY TABLE planned_blob (
    digest text COLLATE "C" PRIMARY KEY, key text COLLATE "C", size bigint,
    model_id bigint, version integer
) ON COMMIT DROP;
CREATE INDEX ON planned_blob (model_id, version);
CREATE TEMPORARY TABLE planned_tier (
    model_id bigint, version integer, tier text, why text, PRIMARY KEY (model_id, version)
) ON COMMIT DROP;

-- name: know_planned_versions
-- Let the planner know how many there are.
ANALYZE planned_version;

-- name: know_planned_artifacts
-- Let the planner know how many there are.
ANALYZE planned_artifact;

-- name: plan_versions
-- Deleted versions whose window is over: their model's own, else the one of the setting.
INSERT INTO planned_version
SELECT v.model_id, v.version, v.digest, v.deleted_at, rule.window_s
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
CROSS JOIN LATERAL (
    SELECT coalesce(
        (m.policy #>> '{retention,window}')::double precision, %(window_s)s::double precision
    ) AS window_s
) AS rule
WHERE v.deleted_at IS NOT NULL AND v.collected_at IS NULL AND v.hold_reason IS NULL
    AND v.deleted_at + make_interval(secs => rule.window_s) <= clock_timestamp();

-- name: plan_artifacts
-- Artifacts that no version needs any more once those versions are collected.
INSERT INTO planned_artifact
SELECT a.digest
FROM pedigree.artifact a
WHERE EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.artifact_digest = a.digest)
    AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        LEFT JOIN planned_version p USING (model_id, version)
        WHERE v.digest = a.digest AND v.collected_at IS NULL AND p.version IS NULL
    );

-- name: plan_blobs
-- Blobs that nothing refers to once those artifacts, and the documents of those versions, are gone.
INSERT INTO planned_blob
SELECT b.digest, b.key, b.size, owner.model_id, owner.version
FROM pedigree.blob b
LEFT JOIN LATERAL (
    SELECT p.model_id, p.version
    FROM pedigree.artifact_file f
    JOIN planned_version p ON p.digest = f.artifact_digest
    WHERE f.blob_digest = b.digest
    UNION ALL
    SELECT p.model_id, p.version
    FROM pedigree.document c
    JOIN planned_version p USING (model_id, version)
    WHERE c.digest = b.digest
    ORDER BY 1, 2
    LIMIT 1
) AS owner ON true
WHERE NOT EXISTS (
        SELECT FROM pedigree.artifact_file f
        LEFT JOIN planned_artifact p ON p.digest = f.artifact_digest
        WHERE f.blob_digest = b.digest AND p.digest IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.document c
        LEFT JOIN planned_version p USING (model_id, version)
        WHERE c.digest = b.digest AND p.version IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.upload_file u
        JOIN pedigree.upload_session s USING (upload_id)
        WHERE u.digest = b.digest AND s.lease_until > clock_timestamp()
    );

-- name: plan_tiers
-- Living versions that lie in another tier than the rules of their model want.
INSERT INTO planned_tier
SELECT model_id, version, wanted, why FROM pedigree.wanted_tiers(NULL) WHERE tier <> wanted;

-- name: list_versions
-- The versions of the plan, and what goes because of each.
SELECT m.name AS model_name, p.version AS version_id, p.digest, p.deleted_at, p.window_s,
    count(b.digest) AS objects, coalesce(sum(b.size), 0)::bigint AS bytes
FROM planned_version p
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN planned_blob b USING (model_id, version)
GROUP BY m.name, p.version, p.digest, p.deleted_at, p.window_s
ORDER BY m.name, p.version;

-- name: list_artifacts
-- The artifacts of the plan.
SELECT digest FROM planned_artifact ORDER BY digest;

-- name: list_blobs
-- The blobs of the plan.
SELECT b.digest, b.key, b.size AS bytes, m.name || '/' || b.version AS because_of
FROM planned_blob b
LEFT JOIN pedigree.registered_model m USING (model_id)
ORDER BY b.digest;

-- name: list_tiers
-- The versions of the plan that change their tier.
SELECT m.name AS model_name, p.version AS version_id, p.tier, p.why
FROM planned_tier p
JOIN pedigree.registered_model m USING (model_id)
ORDER BY m.name, p.version;

-- name: list_moves
-- The blobs that lie in another tier than the highest that a living version will need.
WITH version AS (
    SELECT v.digest, coalesce(p.tier, v.tier) AS tier
    FROM pedigree.model_version v
    LEFT JOIN planned_tier p USING (model_id, version)
    WHERE v.deleted_at IS NULL
), candidate AS (
    SELECT digest FROM pedigree.blob WHERE tier = 'archive'
    UNION
    SELECT f.blob_digest FROM version
    JOIN pedigree.artifact_file f ON f.artifact_digest = version.digest
    WHERE version.tier = 'archive'
), need AS (
    SELECT c.digest, CASE
        WHEN EXISTS (SELECT FROM pedigree.document k WHERE k.digest = c.digest) THEN 'standard'
        ELSE (
            SELECT max(version.tier)  -- 'standard' sorts behind 'archive'
            FROM pedigree.artifact_file f JOIN version ON version.digest = f.artifact_digest
            WHERE f.blob_digest = c.digest
        )
    END AS tier
    FROM candidate c
)
SELECT b.digest, b.size AS bytes, need.tier
FROM need
JOIN pedigree.blob b USING (digest)
WHERE b.tier <> need.tier
ORDER BY b.digest;

-- name: list_uploads
-- Uploads whose process has not been heard of.
SELECT upload_id::text AS upload_id FROM pedigree.upload
WHERE lease_until < clock_timestamp()
ORDER BY upload_id;

-- name: list_keys
-- Keys that no blob names and nobody reads any more.
SELECT key FROM pedigree.orphan WHERE removable_at <= clock_timestamp() ORDER BY key;

-- name: collect_versions
-- Give up for good what was deleted, unless it was restored or its window was made longer.
UPDATE pedigree.model_version v SET collected_at = %(at)s
FROM pedigree.registered_model m,
    unnest(%(versions)s::integer[], %(deleted)s::timestamptz[]) AS planned (version, deleted_at)
WHERE v.model_id = %(model_id)s AND m.model_id = v.model_id AND v.version = planned.version
    AND v.deleted_at = planned.deleted_at AND v.collected_at IS NULL AND v.hold_reason IS NULL
    AND v.deleted_at + make_interval(secs => coalesce(
        (m.policy #>> '{retention,window}')::double precision, %(window_s)s::double precision
    )) <= clock_timestamp()
RETURNING v.version, v.digest, planned.deleted_at;

-- name: delete_cards
-- Remove every revision of the cards of collected versions; the events keep their digests.
DELETE FROM pedigree.model_card
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: delete_drift
-- Remove the results of collected versions, which hold values of the data.
DELETE FROM pedigree.drift_result
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: delete_profiles
-- Remove the profiles of what collected versions learnt from.
DELETE FROM pedigree.data_profile
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: lock_artifacts
-- Lock artifacts against registrations. One that is being registered is passed by.
SELECT digest FROM pedigree.artifact
WHERE digest = ANY (%(digests)s::text[])
ORDER BY digest
FOR UPDATE SKIP LOCKED;

-- name: empty_artifacts
-- Remove the lists of files of locked artifacts that no version needs; their manifests stay.
WITH removed AS (
    DELETE FROM pedigree.artifact_file f
    WHERE f.artifact_digest = ANY (%(digests)s::text[]) AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.digest = f.artifact_digest AND v.collected_at IS NULL
    )
    RETURNING f.artifact_digest
)
SELECT DISTINCT artifact_digest AS digest FROM removed;

-- name: lock_dying_blobs
-- Lock blobs against registrations. One that is being registered is passed by.
SELECT digest FROM pedigree.blob
WHERE digest = ANY (%(digests)s::text[]) AND key = ANY (%(keys)s::text[])
ORDER BY digest
FOR UPDATE SKIP LOCKED;

-- name: remove_blobs
-- Remove locked blobs that nothing refers to, and note their keys. In a statement of its own behind
-- the lock, so that it sees whatever came to refer to them before they were locked.
WITH removed AS (
    DELETE FROM pedigree.blob b
    WHERE b.digest = ANY (%(digests)s::text[])
        AND NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = b.digest)
        AND NOT EXISTS (SELECT FROM pedigree.document c WHERE c.digest = b.digest)
        AND NOT EXISTS (
            SELECT FROM pedigree.upload_file u
            JOIN pedigree.upload_session s USING (upload_id)
            WHERE u.digest = b.digest AND s.lease_until > clock_timestamp()
        )
    RETURNING b.digest, b.key, b.size
), noted AS (
    INSERT INTO pedigree.orphan (key) SELECT key FROM removed
)
SELECT digest, key, size, clock_timestamp() AS at FROM removed ORDER BY digest;

-- name: wanted_tiers
-- Which tier the rules of a model want for its versions, read under the model's lock.
SELECT version, tier, wanted, why FROM pedigree.wanted_tiers(%(model_id)s) WHERE tier <> wanted;

-- name: set_tier
-- Let a version need another tier.
UPDATE pedigree.model_version SET tier = %(tier)s
WHERE model_id = %(model_id)s AND version = %(version)s;

-- name: needed_tier
-- The highest tier that a living version needs of a blob; none where no living version has it.
SELECT clock_timestamp() AS at, CASE
    WHEN EXISTS (SELECT FROM pedigree.document c WHERE c.digest = %(digest)s) THEN 'standard'
    ELSE (
        SELECT max(v.tier)  -- 'standard' sorts behind 'archive'
        FROM pedigree.artifact_file f
        JOIN pedigree.model_version v ON v.digest = f.artifact_digest
        WHERE f.blob_digest = %(digest)s AND v.deleted_at IS NULL
    )
END AS tier;
