-- name: make_plan_tables
-- Temporary tables, so that a plan of any length fits into the memory of its process.
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

-- name: analyze_planned_versions
-- Update the planner's statistics.
ANALYZE planned_version;

-- name: analyze_planned_artifacts
-- Update the planner's statistics.
ANALYZE planned_artifact;

-- name: plan_versions
-- Deleted versions whose window has expired: their model's own, else that of the setting.
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
-- Artifacts that no version needs once those versions are collected. Only those of these versions,
-- and those that lost a version before, can be such.
INSERT INTO planned_artifact
SELECT candidate.digest
FROM (
    SELECT digest FROM planned_version
    UNION
    SELECT digest FROM pedigree.released WHERE kind = 'artifact'
) AS candidate
WHERE EXISTS (
        SELECT FROM pedigree.artifact_file f WHERE f.artifact_digest = candidate.digest
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.digest = candidate.digest AND v.collected_at IS NULL AND NOT EXISTS (
            SELECT FROM planned_version p WHERE p.model_id = v.model_id AND p.version = v.version
        )
    );

-- name: plan_blobs
-- Blobs without a reference once those artifacts, and the documents of those versions, are removed.
-- Only what these refer to, and what lost a reference or an upload before, can be such.
INSERT INTO planned_blob
SELECT b.digest, b.key, b.size, owner.model_id, owner.version
FROM (
    SELECT f.blob_digest AS digest
    FROM planned_artifact p
    JOIN pedigree.artifact_file f ON f.artifact_digest = p.digest
    UNION
    SELECT c.digest FROM planned_version p JOIN pedigree.document c USING (model_id, version)
    UNION
    SELECT digest FROM pedigree.released WHERE kind = 'blob'
    UNION
    SELECT u.digest
    FROM pedigree.upload_session s
    JOIN pedigree.upload_file u USING (upload_id)
    WHERE s.lease_until <= clock_timestamp()
) AS candidate
JOIN pedigree.blob b ON b.digest = candidate.digest
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
        WHERE f.blob_digest = b.digest AND NOT EXISTS (
            SELECT FROM planned_artifact p WHERE p.digest = f.artifact_digest
        )
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.document c
        WHERE c.digest = b.digest AND NOT EXISTS (
            SELECT FROM planned_version p WHERE p.model_id = c.model_id AND p.version = c.version
        )
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.upload_file u
        JOIN pedigree.upload_session s USING (upload_id)
        WHERE u.digest = b.digest AND s.lease_until > clock_timestamp()
    );

-- name: plan_tiers
-- Versions that are not in the tier that the rules of their model require.
INSERT INTO planned_tier
SELECT model_id, version, wanted, why FROM pedigree.wanted_tiers(NULL) WHERE tier <> wanted;

-- name: list_versions
-- The versions of the plan, and what is removed with each.
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
-- The blobs that are not in the highest tier that a version will need. Only those that are in the
-- archive, and those of versions that are or will be, can be such.
WITH candidate AS (
    SELECT digest FROM pedigree.blob WHERE tier = 'archive'
    UNION
    SELECT f.blob_digest
    FROM (
        SELECT digest FROM pedigree.model_version WHERE tier = 'archive' AND deleted_at IS NULL
        UNION
        SELECT v.digest
        FROM planned_tier p
        JOIN pedigree.model_version v USING (model_id, version)
        WHERE p.tier = 'archive'
    ) AS archived
    JOIN pedigree.artifact_file f ON f.artifact_digest = archived.digest
), need AS (
    SELECT c.digest, CASE
        WHEN EXISTS (SELECT FROM pedigree.document k WHERE k.digest = c.digest) THEN 'standard'
        ELSE (
            SELECT max(coalesce(p.tier, v.tier))  -- 'standard' sorts after 'archive'
            FROM pedigree.artifact_file f
            JOIN pedigree.model_version v ON v.digest = f.artifact_digest
            LEFT JOIN planned_tier p ON p.model_id = v.model_id AND p.version = v.version
            WHERE f.blob_digest = c.digest AND v.deleted_at IS NULL
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
-- Uploads whose process has died.
SELECT upload_id::text AS upload_id FROM pedigree.upload
WHERE lease_until < clock_timestamp()
ORDER BY upload_id;

-- name: list_keys
-- Keys without a blob that nobody reads.
SELECT key FROM pedigree.orphan WHERE removable_at <= clock_timestamp() ORDER BY key;

-- name: collect_versions
-- Collect deleted versions, unless they were restored or their window was extended.
SELECT version, digest, deleted_at FROM pedigree.collect_versions(
    %(model_id)s, %(versions)s::integer[], %(deleted)s::timestamptz[], %(at)s, %(window_s)s
);

-- name: delete_cards
-- Remove every revision of the cards of collected versions; the events keep their digests.
DELETE FROM pedigree.model_card
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: delete_drift
-- Remove the results of collected versions, which hold values of the data.
DELETE FROM pedigree.drift_result
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: delete_profiles
-- Remove the profiles of the training data of collected versions.
DELETE FROM pedigree.data_profile
WHERE model_id = %(model_id)s AND version = ANY (%(versions)s::integer[]);

-- name: lock_artifacts
-- Lock artifacts against registrations; one that is being registered is skipped.
SELECT digest FROM pedigree.artifact
WHERE digest = ANY (%(digests)s::text[])
ORDER BY digest
FOR UPDATE SKIP LOCKED;

-- name: empty_artifacts
-- Remove the file lists of locked artifacts that no version needs; their manifests stay.
WITH removed AS (
    DELETE FROM pedigree.artifact_file f
    WHERE f.artifact_digest = ANY (%(digests)s::text[]) AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.digest = f.artifact_digest AND v.collected_at IS NULL
    )
    RETURNING f.artifact_digest
)
SELECT DISTINCT artifact_digest AS digest FROM removed;

-- name: lock_planned_blobs
-- Lock blobs against registrations; one that is being registered is skipped.
SELECT digest FROM pedigree.blob
WHERE digest = ANY (%(digests)s::text[]) AND key = ANY (%(keys)s::text[])
ORDER BY digest
FOR UPDATE SKIP LOCKED;

-- name: remove_blobs
-- Remove locked blobs without a reference, and record their keys. A separate statement after the
-- lock, so that it sees the references that were committed before the lock.
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

-- name: lock_released
-- A page of the released bytes, locked against another release; what is being released is skipped.
SELECT kind, digest FROM pedigree.released
WHERE (kind, digest) > (%(kind)s, %(digest)s)
ORDER BY kind, digest
LIMIT 1000
FOR UPDATE SKIP LOCKED;

-- name: settle_released
-- Forget released bytes that are gone, or that something refers to: when that reference goes, they
-- are released again. A separate statement after the lock, so that it sees what was committed before.
DELETE FROM pedigree.released r
USING unnest(%(kinds)s::text[], %(digests)s::text[]) AS locked (kind, digest)
WHERE r.kind = locked.kind AND r.digest = locked.digest AND CASE r.kind
    WHEN 'artifact' THEN
        NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.artifact_digest = r.digest)
        OR EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.digest = r.digest AND v.collected_at IS NULL
        )
    ELSE
        NOT EXISTS (SELECT FROM pedigree.blob b WHERE b.digest = r.digest)
        OR EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = r.digest)
        OR EXISTS (SELECT FROM pedigree.document c WHERE c.digest = r.digest)
END;

-- name: wanted_tiers
-- The tiers that the rules of a model require for its versions, read under the model's lock.
SELECT version, tier, wanted, why FROM pedigree.wanted_tiers(%(model_id)s) WHERE tier <> wanted;

-- name: set_tier
-- Set a version's tier.
SELECT pedigree.set_tier(%(model_id)s, %(version)s, %(tier)s);

-- name: needed_tier
-- The highest tier that versions need for a blob; none if no version has it.
SELECT clock_timestamp() AS at, CASE
    WHEN EXISTS (SELECT FROM pedigree.document c WHERE c.digest = %(digest)s) THEN 'standard'
    ELSE (
        SELECT max(v.tier)  -- 'standard' sorts after 'archive'
        FROM pedigree.artifact_file f
        JOIN pedigree.model_version v ON v.digest = f.artifact_digest
        WHERE f.blob_digest = %(digest)s AND v.deleted_at IS NULL
    )
END AS tier;

-- name: plan_for_whole_tables
-- Every query of a check reads whole tables. Without recent statistics the planner expects few rows,
-- and would look up each of a million.
SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '32MB', true);

-- name: count_versions_gapless
-- The number of models.
SELECT count(*) FROM pedigree.registered_model;

-- name: versions_gapless
-- Models whose version numbers have a gap, or whose next number does not follow the last one.
SELECT m.name AS reference, format(
        '%s versions, numbered %s to %s, and the next number is %s',
        count(v.version), min(v.version), max(v.version), m.next_version
    ) AS problem
FROM pedigree.registered_model m
LEFT JOIN pedigree.model_version v USING (model_id)
GROUP BY m.model_id
HAVING count(v.version) <> m.next_version - m.first_version
    OR coalesce(max(v.version), m.first_version - 1) <> m.next_version - 1
    OR coalesce(min(v.version), m.first_version) <> m.first_version;

-- name: count_models_match_events
-- The number of models.
SELECT count(*) FROM pedigree.registered_model;

-- name: models_match_events
-- Models without an event of their creation, such events without their model, and models with another
-- name than their newest event of a name gives them.
SELECT coalesce(m.name, e.model) AS reference,
    CASE WHEN m.name IS NULL THEN 'its row is missing'
        WHEN e.model IS NULL THEN 'it has no event'
        ELSE format('its name is %s by its events', e.name) END AS problem
FROM pedigree.registered_model m
FULL JOIN (
    SELECT DISTINCT ON (model) model,
        -- Bytes that were edited may not even be JSON.
        CASE WHEN sha256('\x00'::bytea || canonical) = leaf
            THEN convert_from(canonical, 'UTF8')::jsonb #>> CASE type
                WHEN 'model.renamed' THEN ARRAY['body', 'to'] ELSE ARRAY['model'] END END AS name
    FROM pedigree.event WHERE type IN ('model.created', 'model.renamed')
    ORDER BY model, id DESC
) AS e ON e.model = m.log_name
WHERE m.name IS NULL OR e.model IS NULL OR e.name <> m.name;

-- name: count_names_match_events
-- The number of names that models have or had.
SELECT (SELECT count(*) FROM pedigree.registered_model)
    + (SELECT count(*) FROM pedigree.former_name) AS count;

-- name: names_match_events
-- Former names without the event of their end, such events without the name, and numbers that two
-- models have under one name. The key of a deleted model whose name was had again ends with its number.
WITH renamed AS MATERIALIZED (
    SELECT m.model_id, e.at,
        -- Bytes that were edited may not even be JSON.
        CASE WHEN sha256('\x00'::bytea || e.canonical) = e.leaf
            THEN convert_from(e.canonical, 'UTF8')::jsonb #>> '{body,from}' END AS name
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    WHERE e.type = 'model.renamed'
), had AS MATERIALIZED (
    SELECT model_id, name, name_key, first_version, next_version FROM pedigree.former_name
    UNION ALL
    SELECT model_id, name, regexp_replace(name_key, '/[0-9]+$', ''), first_version, next_version
    FROM pedigree.registered_model
)
SELECT coalesce(f.name, r.name, '') AS reference,
    CASE WHEN r.model_id IS NULL THEN 'no event says that it is the former name of a model'
        ELSE 'a model had this name by its events, and the name is not kept' END AS problem
FROM pedigree.former_name f
FULL JOIN renamed r ON r.model_id = f.model_id AND r.at = f.held_until AND r.name = f.name
WHERE f.model_id IS NULL OR r.model_id IS NULL
UNION ALL
SELECT a.name || '/' || greatest(a.first_version, b.first_version),
    'two models have this number under the name'
FROM had a
JOIN had b ON b.name_key = a.name_key AND b.model_id > a.model_id
    AND b.first_version < a.next_version AND a.first_version < b.next_version;

-- name: count_artifacts_complete
-- The number of versions that can be read or restored.
SELECT count(*) FROM pedigree.model_version WHERE collected_at IS NULL AND digest IS NOT NULL;

-- name: artifacts_complete
-- Artifacts of such versions whose manifest, file list and blobs do not match.
WITH needed AS MATERIALIZED (
    SELECT a.digest,
        CASE WHEN 'sha256:' || encode(sha256(a.manifest), 'hex') = a.digest
            THEN convert_from(a.manifest, 'UTF8')::json -> 'files' END AS files
    FROM pedigree.artifact a
    WHERE EXISTS (
        SELECT FROM pedigree.model_version v WHERE v.digest = a.digest AND v.collected_at IS NULL
    )
)
SELECT digest AS reference, 'its manifest does not match its digest' AS problem
FROM needed WHERE files IS NULL
UNION ALL
SELECT n.digest, 'no blob of its size and digest exists for ' || (file.value ->> 'path')
FROM needed n
CROSS JOIN LATERAL json_array_elements(n.files) AS file
LEFT JOIN pedigree.artifact_file f
    ON f.artifact_digest = n.digest AND f.path = file.value ->> 'path'
LEFT JOIN pedigree.blob b
    ON b.digest = f.blob_digest AND b.digest = file.value ->> 'digest'
    AND b.size = (file.value ->> 'size')::bigint
WHERE b.digest IS NULL
UNION ALL
SELECT n.digest, 'it has a file that is not in its manifest: ' || f.path
FROM needed n
JOIN pedigree.artifact_file f ON f.artifact_digest = n.digest
WHERE NOT EXISTS (
    SELECT FROM json_array_elements(n.files) AS file WHERE file.value ->> 'path' = f.path
);

-- name: count_cards_complete
-- The number of revisions of cards.
SELECT count(*) FROM pedigree.model_card;

-- name: cards_complete
-- Cards whose text does not match the digest of their blob, or whose blob is missing; and cards
-- that would always count as current because they name an event that does not exist yet.
SELECT m.name || '/' || c.version AS reference,
    format('revision %s of its card does not match %s', c.revision, c.digest) AS problem
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN pedigree.blob b ON b.digest = c.digest
WHERE b.digest IS NULL
    OR 'sha256:' || encode(sha256(convert_to(c.markdown, 'UTF8')), 'hex') <> c.digest
UNION ALL
SELECT m.name || '/' || c.version,
    format('revision %s of its card shows a missing event: %s', c.revision, c.event_id)
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
WHERE c.event_id > (SELECT max(e.id) FROM pedigree.event e WHERE e.model = m.log_name);

-- name: count_one_holder
-- The number of stages and aliases with a version.
SELECT count(DISTINCT (model_id, pointer, name)) FROM pedigree.tenure WHERE held_until IS NULL;

-- name: one_holder
-- Exclusive stages and aliases with several versions.
SELECT m.name || '@' || t.name AS reference,
    'it is held by ' || string_agg(t.version::text, ', ' ORDER BY t.version) AS problem
FROM pedigree.tenure t
JOIN pedigree.registered_model m USING (model_id)
WHERE t.held_until IS NULL
GROUP BY m.name, t.pointer, t.name
HAVING count(*) > 1 AND (bool_or(t.exclusive) OR t.pointer = 'alias');

-- name: count_pointers_resolve
-- The number of stages and aliases with a version.
SELECT count(*) FROM pedigree.tenure WHERE held_until IS NULL;

-- name: pointers_resolve
-- Stages and aliases whose version was deleted.
SELECT m.name || '@' || t.name AS reference,
    format('its version %s is deleted or missing', t.version) AS problem
FROM pedigree.tenure t
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
WHERE t.held_until IS NULL
    AND (v.version IS NULL OR v.deleted_at IS NOT NULL OR m.deleted_at IS NOT NULL);

-- name: count_aliases_guarded
-- The number of aliases that policies guard.
SELECT count(*) FROM pedigree.registered_model m
CROSS JOIN LATERAL jsonb_object_keys(
    CASE jsonb_typeof(m.policy -> 'aliases') WHEN 'object' THEN m.policy -> 'aliases' END
) AS guard;

-- name: aliases_guarded
-- Aliases that a policy guards, of versions that do not hold the stage.
SELECT m.name || '@' || u.alias AS reference,
    format('it names version %s, which does not hold %s', u.version, u.stage) AS problem
FROM pedigree.unguarded_alias u
JOIN pedigree.registered_model m USING (model_id);

-- name: count_tenures_disjoint
-- The number of tenures.
SELECT count(*) FROM pedigree.tenure;

-- name: tenures_disjoint
-- Tenures that began before the end of the previous one: of an exclusive pointer, and of the stages
-- of one version.
WITH chained AS (
    SELECT model_id, pointer, name, version, tenure_id, held_since,
        lag(coalesce(held_until, 'infinity')) OVER (
            PARTITION BY model_id, pointer, name ORDER BY held_since, tenure_id
        ) AS before
    FROM pedigree.tenure WHERE exclusive
    UNION ALL
    SELECT model_id, pointer, name, version, tenure_id, held_since,
        lag(coalesce(held_until, 'infinity')) OVER (
            PARTITION BY model_id, version ORDER BY held_since, tenure_id
        ) AS before
    FROM pedigree.tenure WHERE pointer = 'stage'
)
SELECT m.name || '@' || c.name AS reference,
    format('the tenure of %s began before the end of the previous one', c.version) AS problem
FROM chained c
JOIN pedigree.registered_model m USING (model_id)
WHERE c.held_since < c.before;

-- name: count_feed_contiguous
-- The number of events.
SELECT count(*) FROM pedigree.event;

-- name: feed_contiguous
-- Gaps of the feed, and events that are neither in it nor waiting for it, or both.
SELECT 'feed' AS reference, format('%s places, the last is %s', count(*), max(seq)) AS problem
FROM pedigree.feed
HAVING count(*) <> coalesce(max(seq), 0) OR coalesce(min(seq), 1) <> 1
UNION ALL
SELECT 'event ' || e.id, CASE WHEN f.id IS NULL THEN 'it is neither in the feed nor waits for it'
        ELSE 'it is in the feed, but also waits for it' END
FROM pedigree.event e
LEFT JOIN pedigree.feed f USING (id)
LEFT JOIN pedigree.unsequenced u USING (id)
WHERE (f.id IS NULL) = (u.id IS NULL);

-- name: count_event_counts_match
-- The number of counts.
SELECT count(*) FROM pedigree.event_count;

-- name: event_counts_match
-- Counts that differ from the feed; one statement, so that both are from one snapshot.
SELECT concat_ws(' ', type, nullif(detail, '')) AS reference,
    format('%s are counted, but the feed has %s', coalesce(c.count, 0), coalesce(f.count, 0))
        AS problem
FROM pedigree.event_count c
FULL JOIN (
    SELECT e.type, e.detail, count(*) AS count
    FROM pedigree.feed
    JOIN (
        SELECT id, type,
            -- Bytes that were edited may not even be JSON.
            CASE WHEN sha256('\x00'::bytea || canonical) = leaf
                THEN pedigree.event_detail(type, canonical) ELSE '' END AS detail
        FROM pedigree.event
        OFFSET 0  -- the join then moves no bytes
    ) AS e USING (id)
    GROUP BY 1, 2
) AS f USING (type, detail)
WHERE c.count IS DISTINCT FROM f.count;

-- name: count_leaves_match
-- The number of events.
SELECT count(*) FROM pedigree.event;

-- name: leaves_match
-- Events whose bytes do not match their leaf hash or their row.
-- Canonical bytes end with what their row repeats, so few are parsed: those that end in another way.
SELECT 'event ' || id AS reference,
    CASE WHEN is_sound THEN 'its row does not match its bytes'
        ELSE 'its bytes do not match its leaf hash' END AS problem
FROM (
    SELECT e.*, sha256('\x00'::bytea || canonical) = leaf AS is_sound, convert_to(format(
        ',"event_id":"%s","model":%s,"type":"%s","version":%s}', event_id,
        coalesce(to_json(model)::text, 'null'), type, coalesce(version::text, 'null')
    ), 'UTF8') AS ending
    FROM pedigree.event e
) AS hashed
WHERE CASE
    WHEN NOT is_sound THEN true
    WHEN substr(canonical, 1 + greatest(0, length(canonical) - length(ending))) = ending THEN false
    ELSE (
        SELECT content ->> 'event_id' IS DISTINCT FROM event_id::text
            OR content ->> 'type' IS DISTINCT FROM type
            OR content ->> 'model' IS DISTINCT FROM pedigree.name_in_event(model, content::jsonb)
            OR (content ->> 'version')::integer IS DISTINCT FROM version
        FROM (SELECT convert_from(canonical, 'UTF8')::json AS content OFFSET 0) AS parsed
    )
END;

-- name: count_log_keys_match_events
-- The number of keys of the audit log.
SELECT count(*) FROM pedigree.log_key;

-- name: log_keys_match_events
-- Keys of the audit log without an event, events without their key, and keys that do not match.
-- The text of a key ends with the base64 of a type byte and the key.
WITH from_events AS (
    SELECT right(content #>> '{body,key}', 44) AS key,
        min((content ->> 'at')::timestamptz) FILTER (WHERE type = 'log.key_added') AS added_at,
        min((content ->> 'at')::timestamptz) FILTER (WHERE type = 'log.key_retired') AS retired_at
    FROM (
        SELECT type, convert_from(canonical, 'UTF8')::jsonb AS content
        FROM pedigree.event WHERE type IN ('log.key_added', 'log.key_retired')
    ) AS event
    GROUP BY 1
)
SELECT 'key ' || coalesce(encode(k.public_key, 'hex'), e.key) AS reference,
    'its row does not match its events' AS problem
FROM pedigree.log_key k
FULL JOIN from_events e ON e.key = encode('\x01'::bytea || k.public_key, 'base64')
WHERE (k.added_at, k.retired_at) IS DISTINCT FROM (e.added_at, e.retired_at);

-- name: count_access_matches_events
-- The number of custom roles, groups, members and grants.
SELECT (SELECT count(*) FROM pedigree.access_role WHERE defined_at IS NOT NULL)
    + (SELECT count(*) FROM pedigree.access_group)
    + (SELECT count(*) FROM pedigree.access_group_member)
    + (SELECT count(*) FROM pedigree.access_grant) AS count;

-- name: access_matches_events
-- Roles, groups, members and grants that differ from what their events say.
WITH said AS MATERIALIZED (
    SELECT id, type, (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor,
        event -> 'body' AS body
    FROM (
        SELECT id, type, convert_from(canonical, 'UTF8')::jsonb AS event
        FROM pedigree.event
        WHERE type IN (
            'grant.created', 'grant.ended', 'role.defined', 'role.removed', 'group.created',
            'group.deleted', 'group.member_added', 'group.member_removed'
        )
    ) AS event
), grants AS (
    SELECT (c.body ->> 'grant_id')::bigint AS grant_id, c.body, c.at, c.actor,
        coalesce(e.at, d.at) AS ended_at, coalesce(e.actor, d.actor) AS ended_by,
        coalesce(e.body, d.body) ->> 'reason' AS end_reason
    FROM said c
    LEFT JOIN said e ON e.type = 'grant.ended' AND e.body -> 'grant_id' = c.body -> 'grant_id'
    LEFT JOIN LATERAL (
        SELECT * FROM said d
        WHERE d.type = 'group.deleted' AND d.body -> 'group' = c.body -> 'group' AND d.id > c.id
        ORDER BY d.id LIMIT 1
    ) AS d ON true
    WHERE c.type = 'grant.created'
), roles AS (
    SELECT DISTINCT ON (body ->> 'role') * FROM said
    WHERE type IN ('role.defined', 'role.removed')
    ORDER BY body ->> 'role', id DESC
), groups AS (
    SELECT DISTINCT ON (body ->> 'group') * FROM said
    WHERE type IN ('group.created', 'group.deleted')
    ORDER BY body ->> 'group', id DESC
), members AS (
    SELECT DISTINCT ON (s.body ->> 'group', pedigree.person_key(s.body ->> 'member')) s.*
    FROM said s JOIN groups g
        ON g.type = 'group.created' AND g.body -> 'group' = s.body -> 'group' AND s.id > g.id
    WHERE s.type IN ('group.member_added', 'group.member_removed')
    ORDER BY s.body ->> 'group', pedigree.person_key(s.body ->> 'member'), s.id DESC
)
SELECT 'grant ' || coalesce(t.grant_id, e.grant_id) AS reference,
    'its row does not match its events' AS problem
FROM pedigree.access_grant t FULL JOIN grants e USING (grant_id)
WHERE (
    t.principal, t.group_name, t.role, to_jsonb(t.models), to_jsonb(t.stages), t.effect,
    t.expires_at, t.reason, t.granted_at, t.granted_by, t.ended_at, t.ended_by, t.end_reason
) IS DISTINCT FROM (
    e.body ->> 'principal', e.body ->> 'group', e.body ->> 'role', e.body -> 'models',
    e.body -> 'stages', e.body ->> 'effect', (e.body ->> 'expires_at')::timestamptz,
    e.body ->> 'reason', e.at, e.actor, e.ended_at, e.ended_by, e.end_reason
)
UNION ALL
SELECT 'role ' || coalesce(t.name, e.body ->> 'role'), 'its row does not match its events'
FROM (SELECT * FROM pedigree.access_role WHERE defined_at IS NOT NULL) t
FULL JOIN (SELECT * FROM roles WHERE type = 'role.defined') e ON e.body ->> 'role' = t.name
WHERE (to_jsonb(t.permissions), to_jsonb(t.stages), t.description, t.defined_at, t.defined_by)
    IS DISTINCT FROM (
        e.body -> 'permissions', e.body -> 'stages', e.body ->> 'description', e.at, e.actor
    )
UNION ALL
SELECT 'group ' || coalesce(t.name, e.body ->> 'group'), 'its row does not match its events'
FROM pedigree.access_group t
FULL JOIN (SELECT * FROM groups WHERE type = 'group.created') e ON e.body ->> 'group' = t.name
WHERE (t.description, t.created_at, t.created_by)
    IS DISTINCT FROM (e.body ->> 'description', e.at, e.actor)
UNION ALL
SELECT coalesce(t.member, e.body ->> 'member') || ' in the group '
        || coalesce(t.group_name, e.body ->> 'group'),
    'the membership does not match its events'
FROM pedigree.access_group_member t
FULL JOIN (SELECT * FROM members WHERE type = 'group.member_added') e
    ON e.body ->> 'group' = t.group_name AND e.body ->> 'member' = t.member
WHERE (t.added_at, t.added_by) IS DISTINCT FROM (e.at, e.actor)
UNION ALL
-- No event defines the built-in roles: they are those of the code.
SELECT 'role ' || coalesce(t.name, given.name), 'the built-in role is not that of this release'
FROM (SELECT * FROM pedigree.access_role WHERE defined_at IS NULL) t
FULL JOIN (VALUES
    ('reader', '{read}'::text[]),
    ('contributor', '{read,register,describe,request,judge,track}'),
    ('deployer', '{read,request,move,decide,quarantine,judge}'),
    ('approver', '{read,decide}'),
    ('auditor', '{read,audit}'),
    ('admin', '{read,register,describe,request,move,decide,override,quarantine,judge,govern,delete}'
        || '{configure,operate,administer,audit,provision,track}'::text[])
) AS given (name, permissions) ON given.name = t.name
WHERE t.permissions IS DISTINCT FROM given.permissions OR cardinality(t.stages) > 0
    OR num_nonnulls(t.description, t.defined_by) > 0;

-- name: count_tokens_match_events
-- The number of tokens of the service.
SELECT count(*) FROM pedigree.access_token;

-- name: tokens_match_events
-- Tokens without an event, events without their token, and tokens that do not match their events.
WITH from_events AS MATERIALIZED (
    SELECT type, convert_from(canonical, 'UTF8')::jsonb AS event
    FROM pedigree.event
    WHERE type IN ('token.created', 'token.revoked', 'principal.linked')
), created AS (
    SELECT (event #>> '{body,token_id}')::bigint AS token_id, event -> 'body' AS body,
        (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor
    FROM from_events WHERE type = 'token.created'
), revoked AS (
    SELECT (event #>> '{body,token_id}')::bigint AS token_id,
        (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor
    FROM from_events WHERE type = 'token.revoked'
), linking AS (
    SELECT DISTINCT (event ->> 'at')::timestamptz AS at
    FROM from_events WHERE type = 'principal.linked'
)
SELECT 'token ' || coalesce(t.token_id, c.token_id) AS reference,
    CASE
        WHEN t.token_id IS NULL THEN 'its row is missing'
        WHEN c.token_id IS NULL THEN 'it has no event'
        ELSE 'its row does not match its events'
    END AS problem
FROM pedigree.access_token t
FULL JOIN created c ON c.token_id = t.token_id
LEFT JOIN revoked r ON r.token_id = coalesce(t.token_id, c.token_id)
-- A link to a deactivated person revokes tokens a moment after the time of its events.
LEFT JOIN linking l ON l.at = r.at AND t.revoked_at BETWEEN r.at AND r.at + interval '10 seconds'
WHERE (
    t.principal, encode(t.secret_hash, 'hex'), to_jsonb(t.roles), to_jsonb(t.models),
    t.created_at, t.created_by, t.expires_at, coalesce(l.at, t.revoked_at), t.revoked_by
) IS DISTINCT FROM (
    c.body ->> 'principal', c.body ->> 'secret_hash', c.body -> 'roles', c.body -> 'models',
    c.at, c.actor, (c.body ->> 'expires_at')::timestamptz, r.at, r.actor
);

-- name: events_of_principals
-- The events about principals, in the order in which they were committed.
SELECT id, canonical FROM pedigree.event
WHERE type IN (
    'principal.created', 'principal.linked', 'principal.unlinked', 'principal.deactivated',
    'principal.reactivated'
)
ORDER BY id;

-- name: count_identities_match_events
-- The number of identities.
SELECT count(*) FROM pedigree.identity;

-- name: identities_match_events
-- Identities without an event, events without their identity, and identities whose principal or rights
-- do not match their newest events.
WITH from_events AS MATERIALIZED (
    SELECT id, type, event -> 'body' AS body, (event ->> 'at')::timestamptz AS at,
        (event #>> '{body,identity_id}')::bigint AS identity_id
    FROM (
        SELECT id, type, convert_from(canonical, 'UTF8')::jsonb AS event
        FROM pedigree.event
        WHERE type IN (
            'identity.linked', 'identity.unlinked', 'identity.seen', 'identity.ended',
            'principal.linked'
        )
    ) AS e
), linked AS (
    SELECT DISTINCT ON (identity_id) identity_id, body ->> 'issuer' AS issuer,
        CASE type WHEN 'identity.linked' THEN (body ->> 'principal_id')::bigint END AS principal_id
    FROM from_events WHERE type IN ('identity.linked', 'identity.unlinked')
    ORDER BY identity_id, id DESC
), said AS (
    SELECT DISTINCT ON (identity_id) identity_id, body
    FROM from_events WHERE type IN ('identity.unlinked', 'identity.seen', 'identity.ended')
    ORDER BY identity_id, id DESC
), times AS (
    SELECT identity_id, min(at) FILTER (WHERE type = 'identity.linked') AS created_at,
        max(at) FILTER (WHERE type = 'identity.ended') AS ended_at
    FROM from_events GROUP BY identity_id
), linking AS (
    SELECT DISTINCT at FROM from_events WHERE type = 'principal.linked'
)
SELECT 'identity ' || coalesce(i.identity_id, l.identity_id) AS reference,
    CASE
        WHEN i.identity_id IS NULL THEN 'its row is missing'
        WHEN l.identity_id IS NULL THEN 'it has no event'
        ELSE 'its row does not match its events'
    END AS problem
FROM pedigree.identity i
FULL JOIN linked l USING (identity_id)
LEFT JOIN said s USING (identity_id)
LEFT JOIN times t USING (identity_id)
-- A link to a deactivated person ends what was seen a moment after the time of its events.
LEFT JOIN linking k ON k.at = t.ended_at
    AND i.ended_at BETWEEN t.ended_at AND t.ended_at + interval '10 seconds'
WHERE (
    i.issuer, i.principal_id, to_jsonb(i.roles), to_jsonb(i.models), to_jsonb(i.groups),
    i.created_at, coalesce(k.at, i.ended_at)
) IS DISTINCT FROM (
    l.issuer, l.principal_id, coalesce(s.body -> 'roles', '[]'),
    coalesce(s.body -> 'models', '[]'), coalesce(s.body -> 'groups', '[]'), t.created_at, t.ended_at
);

-- name: count_provisioning_matches_events
-- The number of users and groups that SCIM provisions.
SELECT (SELECT count(*) FROM pedigree.provisioned_user WHERE deleted_at IS NULL)
    + (SELECT count(*) FROM pedigree.provisioned_group) AS count;

-- name: provisioning_matches_events
-- Users and groups of SCIM that differ from what their newest events say.
WITH said AS MATERIALIZED (
    SELECT id, type, convert_from(canonical, 'UTF8')::jsonb -> 'body' AS body,
        (convert_from(canonical, 'UTF8')::jsonb ->> 'at')::timestamptz AS at
    FROM pedigree.event
    WHERE type IN (
        'principal.provisioned', 'principal.deprovisioned', 'group.provisioned', 'group.deleted'
    )
), users AS (
    SELECT DISTINCT ON (principal_id) principal_id, type, at
    FROM (SELECT (body ->> 'principal_id')::bigint AS principal_id, id, type, at FROM said) AS s
    WHERE type LIKE 'principal.%'
    ORDER BY principal_id, id DESC
), groups AS (
    SELECT DISTINCT ON (body ->> 'group') body, type, at FROM said
    WHERE type LIKE 'group.%'
    ORDER BY body ->> 'group', id DESC
)
SELECT 'user of principal ' || coalesce(t.principal_id, e.principal_id) AS reference,
    'its row does not match its events' AS problem
FROM pedigree.provisioned_user t FULL JOIN users e USING (principal_id)
WHERE (t.deleted_at IS NULL, t.modified_at)
    IS DISTINCT FROM (e.type = 'principal.provisioned', e.at)
UNION ALL
SELECT 'provisioned group ' || coalesce(t.group_name, e.body ->> 'group'),
    'its row does not match its events'
FROM pedigree.provisioned_group t
FULL JOIN (SELECT * FROM groups WHERE type = 'group.provisioned') e
    ON e.body ->> 'group' = t.group_name
WHERE (t.display_name, t.modified_at) IS DISTINCT FROM (e.body ->> 'display_name', e.at);

-- name: count_webhooks_match_events
-- The number of webhooks.
SELECT count(*) FROM pedigree.webhook;

-- name: webhooks_match_events
-- Webhooks without an event, events without their webhook, and webhooks that do not match their
-- newest event.
WITH from_events AS MATERIALIZED (
    SELECT DISTINCT ON (event #>> '{body,webhook_id}')
        (event #>> '{body,webhook_id}')::bigint AS webhook_id, type, event -> 'body' AS body
    FROM (
        SELECT id, type, convert_from(canonical, 'UTF8')::jsonb AS event
        FROM pedigree.event
        WHERE type IN (
            'webhook.created', 'webhook.updated', 'webhook.secret_rotated', 'webhook.deleted'
        )
    ) AS e
    ORDER BY event #>> '{body,webhook_id}', id DESC
), current AS (
    SELECT * FROM from_events WHERE type <> 'webhook.deleted'
), made AS (
    SELECT (event #>> '{body,webhook_id}')::bigint AS webhook_id,
        (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor
    FROM (
        SELECT convert_from(canonical, 'UTF8')::jsonb AS event
        FROM pedigree.event WHERE type = 'webhook.created'
    ) AS e
)
SELECT 'webhook ' || coalesce(w.webhook_id, t.webhook_id) AS reference,
    CASE
        WHEN w.webhook_id IS NULL THEN 'its row is missing'
        WHEN t.webhook_id IS NULL THEN 'it has no event'
        ELSE 'its row does not match its events'
    END AS problem
FROM pedigree.webhook w
FULL JOIN current t ON t.webhook_id = w.webhook_id
LEFT JOIN made m ON m.webhook_id = t.webhook_id
WHERE (
    w.name, w.form, encode(sha256(convert_to(w.url, 'UTF8')), 'hex'), w.description,
    to_jsonb(w.types), to_jsonb(w.models), to_jsonb(w.events), to_jsonb(w.active),
    encode(sha256(w.secret), 'hex'), encode(sha256(w.old_secret), 'hex'), w.old_secret_until,
    w.created_at, w.created_by
) IS DISTINCT FROM (
    t.body ->> 'name', coalesce(t.body ->> 'form', 'pedigree'), t.body ->> 'url_sha256',
    t.body ->> 'description', t.body -> 'types', t.body -> 'models',
    coalesce(t.body -> 'events', '[]'), t.body -> 'active', t.body ->> 'secret_sha256',
    t.body ->> 'old_secret_sha256', (t.body ->> 'old_secret_until')::timestamptz, m.at, m.actor
);

-- name: count_datasheets_match_events
-- The number of revisions of datasheets.
SELECT count(*) FROM pedigree.datasheet;

-- name: datasheets_match_events
-- Revisions of datasheets without an event, events without their revision, and revisions that do
-- not match their event. Events of an earlier release have only the digest.
WITH from_events AS MATERIALIZED (
    SELECT event #>> '{body,asset}' AS asset, (event #>> '{body,revision}')::integer AS revision,
        event -> 'body' AS body, (event ->> 'at')::timestamptz AS at,
        event #>> '{actor,name}' AS actor
    FROM (
        SELECT convert_from(canonical, 'UTF8')::jsonb AS event FROM pedigree.event
        WHERE type = 'datasheet.set'
    ) AS set_before
)
SELECT 'datasheet of ' || coalesce(d.asset, t.asset) AS reference,
    format('revision %s: ', coalesce(d.revision, t.revision)) || CASE
        WHEN d.asset IS NULL THEN 'its row is missing'
        WHEN t.asset IS NULL THEN 'it has no event'
        ELSE 'its row does not match its event'
    END AS problem
FROM pedigree.datasheet d
FULL JOIN from_events t ON t.asset = d.asset AND t.revision = d.revision
WHERE (d.digest, d.at, d.recorded_by) IS DISTINCT FROM (t.body ->> 'digest', t.at, t.actor)
    OR (t.body ? 'sheet' AND d.sheet IS DISTINCT FROM t.body -> 'sheet');

-- name: count_policy_defaults_match_events
-- The number of policies of new models.
SELECT count(*) FROM pedigree.policy_default;

-- name: policy_defaults_match_events
-- Policies of new models that do not match the newest event of their pattern.
WITH newest AS MATERIALIZED (
    SELECT DISTINCT ON (event #>> '{body,pattern}') event #>> '{body,pattern}' AS pattern,
        event ->> 'type' AS type, event -> 'body' AS body, (event ->> 'at')::timestamptz AS at,
        event #>> '{actor,name}' AS actor
    FROM (
        SELECT id, convert_from(canonical, 'UTF8')::jsonb AS event FROM pedigree.event
        WHERE type IN ('policy.default_set', 'policy.default_deleted')
    ) AS changed
    ORDER BY event #>> '{body,pattern}', id DESC
)
SELECT 'policy of new models ' || coalesce(d.pattern, n.pattern) AS reference,
    CASE
        WHEN d.pattern IS NULL THEN 'its row is missing'
        WHEN n.pattern IS NULL THEN 'it has no event'
        ELSE 'its row does not match its event'
    END AS problem
FROM pedigree.policy_default d
FULL JOIN (SELECT * FROM newest WHERE type = 'policy.default_set') n USING (pattern)
WHERE (d.policy, d.set_at, d.set_by, d.reason)
    IS DISTINCT FROM (n.body -> 'policy', n.at, n.actor, n.body ->> 'reason');

-- name: count_data_verdicts_match_events
-- The number of verdicts on data.
SELECT count(*) FROM pedigree.data_verdict;

-- name: data_verdicts_match_events
-- Verdicts on data without an event, and events without their verdict; a changed verdict is both.
WITH from_events AS (
    SELECT event #>> '{actor,name}' AS recorded_by, (event ->> 'at')::timestamptz AS at,
        event -> 'body' AS content
    FROM (
        SELECT convert_from(canonical, 'UTF8')::jsonb AS event FROM pedigree.event
        WHERE type = 'data.check_recorded'
    ) AS recorded
), kept AS (
    SELECT recorded_by, at, to_jsonb(d) - '{data_verdict_id,check_name,at,recorded_by}'::text[]
        || jsonb_build_object('check', check_name) AS content
    FROM pedigree.data_verdict d
), different AS (
    SELECT 'it has no event' AS problem, more.*
    FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM from_events) AS more
    UNION ALL
    SELECT 'its row is missing', less.*
    FROM (SELECT * FROM from_events EXCEPT ALL SELECT * FROM kept) AS less
)
SELECT format('%s of %s', content ->> 'check', content ->> 'asset') AS reference,
    format('%s, by %s at %s', problem, recorded_by, at) AS problem
FROM different;

-- name: count_quarantines_match_events
-- The number of quarantines.
SELECT count(*) FROM pedigree.quarantine;

-- name: quarantines_match_events
-- Quarantines without an event, events without their quarantine, and quarantines that do not match
-- their events. A version's own quarantine has its time from the version's event.
WITH from_events AS MATERIALIZED (
    SELECT id, type, event -> 'body' AS body, (event ->> 'at')::timestamptz AS at,
        event #>> '{actor,name}' AS actor
    FROM (
        SELECT id, type, convert_from(canonical, 'UTF8')::jsonb AS event FROM pedigree.event
        WHERE type IN (
            'asset.quarantined', 'asset.released', 'version.quarantined', 'version.released'
        )
    ) AS of_quarantines
), began AS (
    SELECT (body ->> 'quarantine_id')::bigint AS quarantine_id, body, at, actor
    FROM from_events
    WHERE type = 'asset.quarantined'
        OR (type = 'version.quarantined' AND body ->> 'asset' IS NULL)
), ended AS (
    SELECT DISTINCT ON (b.quarantine_id) b.quarantine_id, t.actor
    FROM from_events t
    CROSS JOIN LATERAL jsonb_array_elements_text(t.body -> 'quarantine_ids') AS each (value)
    JOIN began b ON b.quarantine_id = each.value::bigint
    WHERE t.type = 'asset.released'
        OR (t.type = 'version.released' AND b.body ->> 'asset' IS NULL)
    ORDER BY b.quarantine_id, t.id
)
SELECT 'quarantine ' || coalesce(q.quarantine_id, b.quarantine_id) AS reference,
    CASE
        WHEN q.quarantine_id IS NULL THEN 'its row is missing'
        WHEN b.quarantine_id IS NULL THEN 'it has no event'
        ELSE 'its row does not match its events'
    END AS problem
FROM pedigree.quarantine q
FULL JOIN began b ON b.quarantine_id = q.quarantine_id
LEFT JOIN ended e ON e.quarantine_id = coalesce(q.quarantine_id, b.quarantine_id)
WHERE (
    q.asset, q.partition, q.since, q.reason, q.only_certain, q.quarantined_by, q.released_by,
    CASE WHEN q.asset IS NOT NULL THEN q.at END
) IS DISTINCT FROM (
    b.body ->> 'asset', b.body ->> 'partition', (b.body ->> 'since')::timestamptz,
    -- Events of an earlier release have no choice, and mark all versions.
    b.body ->> 'reason', coalesce((b.body ->> 'only_certain')::boolean, false), b.actor, e.actor,
    CASE WHEN b.body ->> 'asset' IS NOT NULL THEN b.at END
);

-- name: count_discarded_keys_unused
-- The number of abandoned keys.
SELECT count(*) FROM pedigree.orphan;

-- name: discarded_keys_unused
-- Blobs with an abandoned key, or with a key whose removal has an event.
SELECT b.digest AS reference, 'its key is abandoned: ' || b.key AS problem
FROM pedigree.blob b
JOIN pedigree.orphan o USING (key)
UNION ALL
SELECT b.digest, 'its key was removed, by an event: ' || b.key
FROM pedigree.event e
JOIN pedigree.blob b ON b.key = convert_from(e.canonical, 'UTF8')::json #>> '{body,key}'
WHERE e.type = 'blob.removed';

-- name: count_statistics_match
-- The number of kept counts.
SELECT 7 AS count;

-- name: statistics_match
-- Kept counts that differ from what the tables have; one statement, so both are from one snapshot.
SELECT source.name AS reference,
    format('the kept count is %s, but the tables have %s', kept.value, source.value) AS problem
FROM (
    SELECT key AS name, value FROM pedigree.statistic_source s, jsonb_each_text(to_jsonb(s))
) AS source
JOIN (
    SELECT each.key AS name, sum(each.value::bigint)::text AS value
    FROM pedigree.statistic t, jsonb_each_text(to_jsonb(t)) AS each
    GROUP BY each.key
    UNION ALL
    SELECT key, '0' FROM pedigree.statistic_source s, jsonb_each(to_jsonb(s))
    WHERE NOT EXISTS (SELECT FROM pedigree.statistic)
) AS kept USING (name)
WHERE kept.value <> source.value;

-- name: count_garbage_known
-- The number of blobs.
SELECT count(*) FROM pedigree.blob;

-- name: garbage_known
-- Blobs without a reference, and file lists without a version, that no collection would look at.
SELECT b.digest AS reference, 'nothing refers to its blob, and it was not released' AS problem
FROM pedigree.blob b
WHERE NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = b.digest)
    AND NOT EXISTS (SELECT FROM pedigree.document c WHERE c.digest = b.digest)
    AND NOT EXISTS (SELECT FROM pedigree.upload_file u WHERE u.digest = b.digest)
    AND NOT EXISTS (
        SELECT FROM pedigree.released r WHERE r.kind = 'blob' AND r.digest = b.digest
    )
UNION ALL
SELECT f.digest, 'no version needs its files, and it was not released'
FROM (SELECT DISTINCT artifact_digest AS digest FROM pedigree.artifact_file) AS f
WHERE NOT EXISTS (
        SELECT FROM pedigree.model_version v WHERE v.digest = f.digest AND v.collected_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM pedigree.released r WHERE r.kind = 'artifact' AND r.digest = f.digest
    );

-- name: count_search_index_matches
-- The number of versions in the search tables.
SELECT count(*) FROM pedigree.search_version;

-- name: search_records_match
-- Records of search that differ from their source.
SELECT coalesce(m.name, 'model ' || d.model_id) || '/' || d.version AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' WHEN d.is_missing THEN 'search lacks '
        ELSE 'search has another state of ' END || 'its record' AS problem
FROM (
    SELECT model_id, version, s.model_id IS NULL AS is_surplus, t.model_id IS NULL AS is_missing
    FROM pedigree.search_record t
    FULL JOIN pedigree.search_record_in_bulk s USING (model_id, version)
    WHERE (t.signature, t.record::text, t.verification::text)
        IS DISTINCT FROM (s.signature, s.record::text, s.verification::text)
) AS d
LEFT JOIN pedigree.registered_model m USING (model_id);

-- name: search_texts_match
-- Texts of search that differ from their source.
SELECT coalesce(m.name, 'model ' || d.model_id) || '/' || d.version AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' WHEN d.is_missing THEN 'search lacks '
        ELSE 'search has another state of ' END || 'its text' AS problem
FROM (
    SELECT model_id, version, s.model_id IS NULL AS is_surplus, t.model_id IS NULL AS is_missing
    FROM pedigree.search_text t
    FULL JOIN pedigree.search_text_in_bulk s USING (model_id, version)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
) AS d
LEFT JOIN pedigree.registered_model m USING (model_id);

-- name: search_rows_match
-- Rows of search that differ from their source.
SELECT coalesce(m.name, 'model ' || d.model_id) || '/' || d.version AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' WHEN d.is_missing THEN 'search lacks '
        ELSE 'search has another state of ' END || 'its row' AS problem
FROM (
    SELECT model_id, version, s.model_id IS NULL AS is_surplus, t.model_id IS NULL AS is_missing
    FROM pedigree.search_version t
    FULL JOIN pedigree.search_version_in_bulk s USING (model_id, version)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
) AS d
LEFT JOIN pedigree.registered_model m USING (model_id);

-- name: search_terms_match
-- Terms, metrics and rows for MLflow's clients that differ from their sources; of the words, only missing
-- ones.
SELECT coalesce(m.name, 'model ' || d.model_id) || coalesce('/' || d.version, '') AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' ELSE 'search lacks ' END || d.what
        AS problem
FROM (
    SELECT model_id, version, format('its term %s = %s', field, value) AS what,
        s.model_id IS NULL AS is_surplus
    FROM pedigree.search_term t
    FULL JOIN pedigree.search_term_source s USING (field, value, created_at, model_id, version)
    WHERE s.model_id IS NULL OR t.model_id IS NULL
    UNION ALL
    SELECT model_id, version, format('its metric %s = %s', key, value), s.model_id IS NULL
    FROM pedigree.search_metric t
    FULL JOIN pedigree.search_metric_source s USING (key, value, model_id, version)
    WHERE s.model_id IS NULL OR t.model_id IS NULL
    UNION ALL
    SELECT model_id, version, 'its row for MLflow''s clients', s.model_id IS NULL
    FROM pedigree.search_mlflow t
    FULL JOIN pedigree.search_mlflow_source s USING (model_id, version)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
    UNION ALL
    SELECT model_id, -back, format('its tag %s for MLflow''s clients', key), s.model_id IS NULL
    FROM pedigree.search_mlflow_tag t
    FULL JOIN pedigree.search_mlflow_tag_source s USING (key, value, age, name, back, model_id)
    WHERE s.model_id IS NULL OR t.model_id IS NULL
    UNION ALL
    SELECT s.model_id, NULL, format('the word %s of its name', word), false
    FROM pedigree.search_word_source s
    LEFT JOIN pedigree.search_word t USING (word)
    WHERE t.word IS NULL
) AS d
LEFT JOIN pedigree.registered_model m USING (model_id);

-- name: search_models_match
-- Rows of models that differ from their source; it looks up what it needs of each model.
SELECT coalesce(d.name, 'model ' || d.model_id) AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' WHEN d.is_missing THEN 'search lacks '
        ELSE 'search has another state of ' END || 'its row of models' AS problem
FROM (
    SELECT model_id, coalesce(s.name, t.name) AS name, s.model_id IS NULL AS is_surplus,
        t.model_id IS NULL AS is_missing
    FROM pedigree.search_model t
    FULL JOIN pedigree.search_model_source s USING (model_id)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
) AS d;

-- name: count_constraints_enforced
-- The number of checked constraints, indexes and triggers.
SELECT 9 + 9 + 13 AS count;

-- name: constraints_enforced
-- Foreign keys, unique indexes and triggers that are missing or disabled.
SELECT format('%s → %s', wanted.source, wanted.target) AS reference,
    'its foreign key is missing or disabled' AS problem
FROM (
    VALUES ('artifact_file', 'blob'), ('artifact_file', 'artifact'), ('model_card', 'blob'),
        ('drift_result', 'blob'), ('data_profile', 'model_version'),
        ('model_version', 'artifact'), ('feed', 'event'),
        ('decision', 'model_version')
) AS wanted (source, target)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f' AND c.convalidated
        AND c.conrelid = to_regclass('pedigree.' || wanted.source)
        AND c.confrelid = to_regclass('pedigree.' || wanted.target)
)
UNION ALL
SELECT wanted.name, 'its unique index is missing or invalid'
FROM (
    VALUES ('registered_model_name_unique'), ('model_version_digest_unique'),
        ('tenure_exclusive'), ('tenure_one_stage'), ('blob_key_unique'), ('model_version_author'),
        ('access_token_secret_unique'), ('principal_name_unique'), ('identity_subject_unique')
) AS wanted (name)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i
    WHERE i.indexrelid = to_regclass('pedigree.' || wanted.name) AND i.indisunique
        AND i.indisvalid
)
UNION ALL
SELECT wanted.name, 'the trigger that protects ' || wanted.source || ' is missing or disabled'
FROM (
    VALUES ('event', 'event_append_only'), ('event', 'event_no_truncate'),
        ('feed', 'feed_append_only'), ('feed', 'feed_no_truncate'),
        ('decision', 'decision_append_only'), ('decision', 'decision_no_truncate'),
        ('decision', 'decision_of_another'), ('stage_override', 'override_by_another'),
        ('stage_override', 'override_append_only'), ('stage_override', 'override_no_truncate'),
        ('log_block', 'log_block_append_only'), ('log_block', 'log_block_no_truncate'),
        ('log_checkpoint', 'log_checkpoint_append_only'),
        ('log_checkpoint', 'log_checkpoint_no_truncate'),
        ('log_anchor', 'log_anchor_append_only'), ('log_anchor', 'log_anchor_no_truncate')
) AS wanted (source, name)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = to_regclass('pedigree.' || wanted.source) AND t.tgname = wanted.name
        AND t.tgenabled = 'A'
);

-- name: page_of_blobs
-- A page of the blobs, in the order in which a store lists their objects.
SELECT digest, size, key FROM pedigree.blob
WHERE key > %(after)s
ORDER BY key
LIMIT 1000;

-- name: key_of_blob
-- The current key of a blob.
SELECT key FROM pedigree.blob WHERE digest = %(digest)s;

-- name: replay_order
-- Models with an event of a version before its creation, with a second creation of a version, or with
-- a creation without a version or a version without a creation.
SELECT DISTINCT coalesce(m.model_id, v.model_id) AS model_id
FROM (
    SELECT model, version, min(id) AS first,
        min(id) FILTER (WHERE type = 'version.created') AS created,
        count(*) FILTER (WHERE type = 'version.created') AS creations
    FROM pedigree.event
    WHERE model IS NOT NULL AND version IS NOT NULL
    GROUP BY model, version
) AS e
JOIN pedigree.registered_model m ON m.log_name = e.model
FULL JOIN pedigree.model_version v ON v.model_id = m.model_id AND v.version = e.version
WHERE v.version IS NULL OR e.creations IS DISTINCT FROM 1 OR e.first IS DISTINCT FROM e.created;

-- name: replay_kinds
-- Models with events, or rows, of which the other comparisons compare none.
SELECT m.model_id
FROM pedigree.registered_model m
JOIN (
    SELECT DISTINCT model FROM pedigree.event
    WHERE type <> ALL (ARRAY[
        'model.created', 'model.updated', 'model.deleted', 'model.restored',
        'model.check_unattributed', 'version.created', 'version.trained', 'version.updated',
        'version.downloaded', 'version.deleted', 'version.restored', 'version.collected',
        'version.tier_changed', 'version.stage_changed', 'version.check_recorded', 'version.held',
        'version.released', 'alias.set', 'alias.deleted'
    ]) OR (version IS NULL AND type LIKE 'version.%')
    UNION
    SELECT e.model
    FROM pedigree.event e
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p
    WHERE e.type IN ('model.created', 'model.check_unattributed', 'version.downloaded')
        AND pedigree.is_regular_event(
            content, event_id, type, pedigree.name_in_event(model, content), version, at
        ) IS NOT TRUE
) AS e ON e.model = m.log_name
UNION
SELECT model_id FROM pedigree.decision
UNION
SELECT model_id FROM pedigree.stage_override
UNION
SELECT model_id FROM pedigree.stage_request
UNION
SELECT model_id FROM pedigree.given_up_promotion
UNION
SELECT model_id FROM pedigree.evaluation
UNION
SELECT model_id FROM pedigree.data_profile
UNION
SELECT model_id FROM pedigree.drift_result
UNION
SELECT model_id FROM pedigree.quarantine_mark
UNION
SELECT c.model_id
FROM pedigree.model_card c
LEFT JOIN pedigree.model_version v USING (model_id, version)
WHERE v.version IS NULL
UNION
SELECT model_id FROM pedigree.model_version
WHERE quarantine_reason IS NOT NULL OR approval_status <> 'none' OR approval_notes IS NOT NULL
    OR approved_by IS NOT NULL OR approval_timestamp IS NOT NULL OR approval_stage IS NOT NULL;

-- name: replay_models
-- Models whose own fields differ from their events.
WITH changed AS MATERIALIZED (
    SELECT m.model_id, e.id, content -> 'body' AS body,
        CASE WHEN e.type = 'model.deleted' THEN (content ->> 'at')::timestamptz END AS deleted_at,
        e.type <> 'model.updated' AS is_of_deletion,
        pedigree.is_regular_event(
            content, event_id, type, pedigree.name_in_event(model, content), version, at
        ) AS is_regular
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p
    WHERE e.type IN ('model.updated', 'model.deleted', 'model.restored')
), replayed AS (
    SELECT model_id,
        bool_and(is_regular AND coalesce(body -> 'voided', '[]') = '[]') AS is_plain,
        count(*) FILTER (WHERE jsonb_typeof(body -> 'policy') = 'object') AS policies,
        array_agg(body -> 'policy' ORDER BY id DESC)
            FILTER (WHERE jsonb_typeof(body -> 'policy') = 'object') AS policy,
        array_agg(deleted_at ORDER BY id DESC) FILTER (WHERE is_of_deletion) AS deleted_at,
        array_agg(body -> 'description' ORDER BY id DESC)
            FILTER (WHERE NOT is_of_deletion AND body ? 'description') AS description,
        array_agg(body -> 'owners' ORDER BY id DESC)
            FILTER (WHERE NOT is_of_deletion AND body ? 'owners') AS owners,
        array_agg(body -> 'tags' ORDER BY id DESC)
            FILTER (WHERE NOT is_of_deletion AND body ? 'tags') AS tags,
        max(id) FILTER (WHERE NOT is_of_deletion AND body ? 'tags') AS tagged
    FROM changed
    GROUP BY model_id
), patched AS (
    -- The last change of each tag since all tags were stated.
    SELECT c.model_id, jsonb_object_agg(tag.key, tag.value ORDER BY c.id) AS tags
    FROM changed c
    JOIN replayed r USING (model_id)
    CROSS JOIN LATERAL jsonb_each(c.body -> 'tag_changes') AS tag
    WHERE NOT c.is_of_deletion AND c.id > coalesce(r.tagged, 0)
    GROUP BY c.model_id
)
SELECT model_id
FROM pedigree.registered_model m
LEFT JOIN replayed r USING (model_id)
LEFT JOIN patched p USING (model_id)
WHERE NOT coalesce(r.is_plain, true)
    OR (
        m.policy_revision, m.policy, m.deleted_at, coalesce(to_jsonb(m.description), 'null'),
        to_jsonb(m.owners), m.tags
    ) IS DISTINCT FROM (
        coalesce(r.policies, 0), r.policy[1], r.deleted_at[1], coalesce(r.description[1], 'null'),
        coalesce(r.owners[1], '[]'),
        jsonb_strip_nulls(coalesce(r.tags[1], '{}') || coalesce(p.tags, '{}'))
    );

-- name: replay_updates
-- Models that changed, or have a version that changed, at another time than their events say. The keys
-- of an event's bytes are sorted, so a description comes first in its body.
WITH noted AS MATERIALIZED (
    SELECT model, version, type, at FROM pedigree.event
    WHERE type IN (
        'model.created', 'model.restored', 'version.created', 'version.stage_changed',
        'version.deleted', 'version.restored'
    ) OR (
        type IN ('model.updated', 'version.updated')
        AND position('"body":{"description":'::bytea IN canonical) > 0
    )
)
SELECT m.model_id
FROM pedigree.registered_model m
LEFT JOIN (
    SELECT model, max(at) AS at FROM noted WHERE type <> 'version.updated' GROUP BY model
) AS e ON e.model = m.log_name
WHERE m.last_updated_at IS DISTINCT FROM e.at
UNION
SELECT v.model_id
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN (
    SELECT model, version, max(at) AS at FROM noted
    WHERE version IS NOT NULL GROUP BY model, version
) AS e ON e.model = m.log_name AND e.version = v.version
WHERE coalesce(v.last_updated_at, v.created_at) IS DISTINCT FROM e.at;

-- name: replay_versions
-- Models with a training, or a version, that differs from its events.
WITH changed AS MATERIALIZED (
    SELECT m.model_id, e.version, e.id, e.type, content -> 'body' AS body,
        (content ->> 'at')::timestamptz AS at,
        pedigree.is_regular_event(
            content, event_id, type, pedigree.name_in_event(model, content), version, e.at
        ) AS is_regular
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p
    WHERE e.type IN (
        'version.updated', 'version.deleted', 'version.restored', 'version.collected',
        'version.tier_changed', 'version.held', 'version.released'
    )
), later AS (
    SELECT model_id, version,
        bool_and(is_regular AND CASE type
            WHEN 'version.updated' THEN NOT body ? 'evaluation'
            WHEN 'version.held' THEN body ? 'reason'
            WHEN 'version.tier_changed' THEN body ? 'to'
            ELSE true
        END) AS is_plain,
        array_agg(body -> 'description' ORDER BY id DESC)
            FILTER (WHERE type = 'version.updated' AND body ? 'description') AS description,
        array_agg(body -> 'owners' ORDER BY id DESC)
            FILTER (WHERE type = 'version.updated' AND body ? 'owners') AS owners,
        array_agg(body -> 'tags' ORDER BY id DESC)
            FILTER (WHERE type = 'version.updated' AND body ? 'tags') AS tags,
        max(id) FILTER (WHERE type = 'version.updated' AND body ? 'tags') AS tagged,
        array_agg(CASE WHEN type = 'version.deleted' THEN at END ORDER BY id DESC)
            FILTER (WHERE type IN ('version.deleted', 'version.restored')) AS deleted_at,
        array_agg(body ->> 'to' ORDER BY id DESC)
            FILTER (WHERE type = 'version.tier_changed') AS tier,
        array_agg(CASE WHEN type = 'version.held' THEN body ->> 'reason' END ORDER BY id DESC)
            FILTER (WHERE type = 'version.held' OR (
                type = 'version.released' AND body ->> 'from' IS DISTINCT FROM 'quarantine'
            )) AS hold_reason,
        max(id) FILTER (WHERE type = 'version.collected') AS collected,
        max(id) FILTER (WHERE type = 'version.updated' AND body ? 'model_card') AS drawn,
        array_agg(body ->> 'model_card' ORDER BY id)
            FILTER (WHERE type = 'version.updated' AND body ? 'model_card') AS cards
    FROM changed
    GROUP BY model_id, version
), patched AS (
    -- The last change of each tag since all tags were stated.
    SELECT c.model_id, c.version, jsonb_object_agg(tag.key, tag.value ORDER BY c.id) AS tags
    FROM changed c
    JOIN later l USING (model_id, version)
    CROSS JOIN LATERAL jsonb_each(c.body -> 'tag_changes') AS tag
    WHERE c.type = 'version.updated' AND c.id > coalesce(l.tagged, 0)
    GROUP BY c.model_id, c.version
), card AS (
    SELECT model_id, version, array_agg(digest ORDER BY revision) AS digests
    FROM pedigree.model_card
    GROUP BY model_id, version
)
SELECT DISTINCT compared.model_id
FROM (
    SELECT m.model_id, e.version, e.type, e.event_id, e.model, e.at, content,
        content -> 'body' AS body, content #>> '{body,training_id}' AS training
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p
    WHERE e.type IN ('version.created', 'version.trained')
) AS e
FULL JOIN (
    SELECT t.*, training_id::text AS training
    FROM pedigree.training t JOIN pedigree.registered_model m USING (model_id)
) AS t USING (model_id, version, training) AS compared
LEFT JOIN pedigree.model_version v
    ON v.model_id = e.model_id AND v.version = e.version AND e.type = 'version.created'
LEFT JOIN later l
    ON l.model_id = e.model_id AND l.version = e.version AND e.type = 'version.created'
LEFT JOIN patched p
    ON p.model_id = e.model_id AND p.version = e.version AND e.type = 'version.created'
LEFT JOIN card c ON c.model_id = e.model_id AND c.version = e.version AND e.type = 'version.created'
WHERE pedigree.is_regular_event(
        content, event_id, e.type, pedigree.name_in_event(model, content), e.version, e.at
    ) IS NOT TRUE
    OR (t.training_id IS NOT NULL OR e.training IS NOT NULL) AND (
        coalesce(to_jsonb(t.run_id), 'null'), coalesce(to_jsonb(t.git_commit), 'null'),
        coalesce(to_jsonb(t.git_dirty), 'null'),
        coalesce(to_jsonb(t.training_data_digest), 'null'),
        coalesce(to_jsonb(t.environment_hash), 'null'), t.metrics, t.verification
    ) IS DISTINCT FROM (
        body -> 'run_id', body -> 'git_commit', body -> 'git_dirty',
        body -> 'training_data_digest',
        body -> 'environment_hash', body -> 'metrics', coalesce(
            body -> 'verification',
            -- Events of earlier releases have none.
            '{"reason": "it was registered by a Pedigree that did not verify", "spread": null, '
            '"status": "not possible"}'
        )
    )
    -- Trainings of earlier releases have none of these.
    OR (t.owners IS NOT NULL AND (
        coalesce(to_jsonb(t.description), 'null'), to_jsonb(t.owners), t.tags
    ) IS DISTINCT FROM (body -> 'description', body -> 'owners', body -> 'tags'))
    OR (e.type = 'version.created' AND (
        NOT coalesce(l.is_plain, true) OR (
            coalesce(to_jsonb(v.digest), 'null'), v.state, v.state_reason, v.created_at,
            v.created_by,
            coalesce(to_jsonb(v.description), 'null'), to_jsonb(v.owners), v.tags,
            v.hold_reason, v.tier, v.deleted_at, v.collected_at IS NULL, c.digests
        ) IS DISTINCT FROM (
            body -> 'digest', coalesce(body ->> 'state', 'sealed'), body ->> 'state_reason',
            (content ->> 'at')::timestamptz, content #>> '{actor,name}',
            coalesce(l.description[1], body -> 'description'),
            coalesce(l.owners[1], body -> 'owners'),
            jsonb_strip_nulls(coalesce(l.tags[1], body -> 'tags') || coalesce(p.tags, '{}')),
            l.hold_reason[1], coalesce(l.tier[1], 'standard'), l.deleted_at[1],
            l.collected IS NULL, CASE
                WHEN l.collected IS NULL THEN l.cards
                WHEN l.drawn > l.collected THEN '{}'
            END
        )
    ));

-- name: replay_verdicts
-- Models with a verdict that differs from its event. Both are compared in their order.
SELECT DISTINCT model_id
FROM (
    SELECT m.model_id, e.version, e.event_id, e.model, e.canonical,
        row_number() OVER (PARTITION BY m.model_id, e.version ORDER BY e.id) AS place
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    WHERE e.type = 'version.check_recorded'
) AS e
FULL JOIN (
    SELECT v.*, row_number() OVER (PARTITION BY model_id, version ORDER BY verdict_id) AS place
    FROM pedigree.verdict v
    JOIN pedigree.registered_model m USING (model_id)
) AS v USING (model_id, version, place)
LEFT JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p ON true
LEFT JOIN LATERAL (
    SELECT jsonb_build_object(
        'actor', jsonb_build_object('name', recorded_by, 'source', content #>> '{actor,source}'),
        'at', pedigree.time_in_json(v.at),
        'body', jsonb_build_object(
            'baseline_digest', baseline_digest, 'check', check_name, 'details', details,
            'digest', digest, 'passed', passed, 'relative', relative, 'run_id', run_id,
            'settings', settings, 'severity', severity, 'summary', summary
        ),
        'event_id', event_id, 'model', pedigree.name_in_event(model, content),
        'type', 'version.check_recorded', 'version', version
    ) AS expected
    OFFSET 0
) AS of_row ON true
WHERE content #>> '{actor,source}' IS NULL
    -- Events of earlier releases have no settings.
    OR (content = expected OR (settings IS NULL AND content = expected #- '{body,settings}'))
        IS NOT TRUE;

-- name: replay_tenures
-- Models with a tenure that differs from the events that began and ended it, or with another count of
-- moves. Tenures and events are compared in their order.
WITH move AS MATERIALIZED (
    SELECT m.model_id, e.id, e.type, e.version, (content ->> 'at')::timestamptz AS at,
        content #>> '{actor,name}' AS actor, body ->> 'reason' AS reason,
        body -> 'generation' AS generation,
        CASE e.type WHEN 'version.stage_changed' THEN body ->> 'to'
            WHEN 'version.restored' THEN body ->> 'stage' ELSE body ->> 'alias' END AS name,
        pedigree.is_regular_event(
            content, event_id, type, pedigree.name_in_event(model, content), version, e.at
        ) AND coalesce(body -> 'voided', '[]') = '[]' AS is_plain
    FROM pedigree.event e
    JOIN pedigree.registered_model m ON m.log_name = e.model
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS content OFFSET 0) AS p
    CROSS JOIN LATERAL (SELECT content -> 'body' AS body OFFSET 0) AS b
    WHERE e.type IN (
        'model.updated', 'version.stage_changed', 'version.deleted', 'version.restored',
        'alias.set', 'alias.deleted'
    )
), of_pointer AS (
    SELECT *,
        CASE WHEN type LIKE 'alias.%' THEN 'alias' ELSE 'stage' END AS pointer,
        lag(type) OVER one AS before, lead(at) OVER one AS until
    FROM move
    WHERE type <> 'model.updated'
    WINDOW one AS (
        PARTITION BY model_id, CASE WHEN type LIKE 'alias.%' THEN name END,
            CASE WHEN type LIKE 'version.%' THEN version END
        ORDER BY id
    )
), begun AS (
    SELECT *, row_number() OVER (PARTITION BY model_id ORDER BY id) AS place
    FROM of_pointer
    WHERE type = 'alias.set'
        OR (type IN ('version.stage_changed', 'version.restored') AND name <> 'none')
), counted AS (
    SELECT model_id, array_agg(generation ORDER BY id DESC)
        FILTER (WHERE generation IS NOT NULL) AS generation
    FROM move
    GROUP BY model_id
)
SELECT DISTINCT model_id
FROM begun b
FULL JOIN (
    SELECT t.*, row_number() OVER (PARTITION BY model_id ORDER BY tenure_id) AS place
    FROM pedigree.tenure t
    JOIN pedigree.registered_model m USING (model_id)
) AS t USING (model_id, place)
WHERE (b.at, b.pointer, b.name, b.version, b.until, b.actor, b.reason) IS DISTINCT FROM
    (t.held_since, t.pointer, t.name, t.version, t.held_until, t.moved_by, t.reason)
UNION
SELECT model_id FROM of_pointer
WHERE NOT coalesce(is_plain, false)
    OR (type = 'version.restored' AND (name IS NULL OR before IS DISTINCT FROM 'version.deleted'))
UNION
SELECT model_id FROM move WHERE jsonb_typeof(generation) <> 'number'
UNION
SELECT model_id
FROM pedigree.registered_model m
LEFT JOIN counted c USING (model_id)
WHERE to_jsonb(m.generation) IS DISTINCT FROM coalesce(c.generation[1], '0');

-- name: page_of_models
-- A page of the models.
SELECT model_id, name, name_key, log_name FROM pedigree.registered_model
WHERE model_id > %(after)s
ORDER BY model_id
LIMIT 1000;

-- name: model
-- The replayed fields of a model.
SELECT model_id, name, name_key, log_name, first_version, generation, policy, policy_revision,
    deleted_at, description, owners, tags, last_updated_at
FROM pedigree.registered_model
WHERE model_id = %(model_id)s;

-- name: events_of_model
-- A model's events in the order in which they were committed.
SELECT canonical FROM pedigree.event WHERE model = %(log_name)s ORDER BY id;

-- name: versions_of_model
-- The replayed fields of versions.
SELECT version, digest, created_at, created_by, description, owners, tags, state, state_reason,
    hold_reason, quarantine_reason, approval_status, approval_notes, approved_by, approval_timestamp,
    approval_stage, tier, deleted_at, collected_at IS NOT NULL AS collected,
    coalesce(last_updated_at, created_at) AS updated_at
FROM pedigree.model_version
WHERE model_id = %(model_id)s;

-- name: trainings_of_model
-- The replayed fields of trainings.
SELECT version, training_id::text AS training_id, run_id, git_commit, git_dirty,
    training_data_digest, environment_hash, metrics, verification, description, owners, tags
FROM pedigree.training
WHERE model_id = %(model_id)s;

-- name: verdicts_of_model
-- The replayed fields of verdicts.
SELECT version, check_name AS check, passed, severity, digest, relative, baseline_digest, summary,
    run_id, settings, details, at, recorded_by
FROM pedigree.verdict
WHERE model_id = %(model_id)s
ORDER BY verdict_id;

-- name: profiles_of_model
-- The replayed fields of the profiles of training data.
SELECT version, digest, profile, created_at FROM pedigree.data_profile
WHERE model_id = %(model_id)s;

-- name: drifts_of_model
-- The replayed fields of drift results.
SELECT version, drift_id, asset, partition, drifted, result, profile AS served, html, markdown,
    recorded_at, recorded_by, alerted_at
FROM pedigree.drift_result
WHERE model_id = %(model_id)s;

-- name: marks_of_model
-- The replayed fields of the quarantine marks of a model's versions.
SELECT version, quarantine_id, certainty::text AS certainty, released_at
FROM pedigree.quarantine_mark
WHERE model_id = %(model_id)s;

-- name: decisions_of_model
-- The replayed fields of decisions.
SELECT version, digest, from_stage, to_stage, generation, comment, approved, decided_by,
    issued_by, at
FROM pedigree.decision
WHERE model_id = %(model_id)s
ORDER BY decision_id;

-- name: overrides_of_model
-- The overrides of a model's versions, as its events have them.
SELECT version, digest, from_stage, to_stage, generation, gates, reason, overridden_by, at
FROM pedigree.stage_override
WHERE model_id = %(model_id)s
ORDER BY override_id;

-- name: requests_of_model
-- The replayed fields of stage requests.
SELECT version, request_id, from_stage, stage, reason, only_asks, requested_by,
    requested_by_source, at, outcome, closed_at, closed_by
FROM pedigree.stage_request
WHERE model_id = %(model_id)s;

-- name: given_up_of_model
-- The replayed fields of promotions that the sensor gave up.
SELECT version, stage, generation, policy_revision, evidence_at, attempts, run_id, problem, at,
    retried_at, retried_by
FROM pedigree.given_up_promotion
WHERE model_id = %(model_id)s
ORDER BY given_up_id;

-- name: evaluations_of_model
-- Every evaluation by group of a model's versions, whose digests are in the events.
SELECT version, evaluation FROM pedigree.evaluation
WHERE model_id = %(model_id)s
ORDER BY version, revision;

-- name: cards_of_model
-- The replayed fields of cards.
SELECT version, digest FROM pedigree.model_card
WHERE model_id = %(model_id)s
ORDER BY version, revision;

-- name: tenures_of_model
-- Every tenure of a model's stages and aliases.
SELECT held_since AS since, pointer, name, version, held_until AS until, moved_by, reason
FROM pedigree.tenure
WHERE model_id = %(model_id)s
ORDER BY tenure_id;

-- name: rows_of_roles
-- The roles, built-in ones included, as an export has them.
SELECT name, permissions, stages, description, defined_at, defined_by FROM pedigree.access_role;

-- name: rows_of_groups
-- The groups, as an export has them.
SELECT name, description, created_at, created_by FROM pedigree.access_group;

-- name: rows_of_members
-- The members of groups, as an export has them.
SELECT group_name AS "group", member, added_at, added_by FROM pedigree.access_group_member;

-- name: rows_of_grants
-- The grants, as far as events state them: the last use is none.
SELECT grant_id, principal, group_name AS "group", role, models, stages, effect, expires_at, reason,
    granted_at, granted_by, ended_at, ended_by, end_reason
FROM pedigree.access_grant;

-- name: rows_of_tokens
-- The tokens, as an export has them.
SELECT token_id, principal, encode(secret_hash, 'hex') AS secret_hash, roles, models, created_at,
    created_by, expires_at, revoked_at, revoked_by
FROM pedigree.access_token;

-- name: rows_of_principals
-- The principals, as an export has them.
SELECT principal_id, name, kind, person_id, created_at, deactivated_at FROM pedigree.principal;

-- name: rows_of_identities
-- The identities, as far as events state them: neither the subject, nor the e-mail, nor the times of
-- their tokens.
SELECT identity_id, issuer, principal_id, created_at, roles, models, groups, ended_at
FROM pedigree.identity;

-- name: time_of_run
-- The time of an event that belongs to no model.
SELECT clock_timestamp() AS at;

-- name: newest_run
-- The event of the newest run of fsck.
SELECT e.canonical FROM pedigree.event e WHERE e.type = 'registry.checked' ORDER BY e.id DESC LIMIT 1;
