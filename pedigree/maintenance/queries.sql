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

-- name: count_versions_gapless
-- How many models there are.
SELECT count(*) FROM pedigree.registered_model;

-- name: versions_gapless
-- Models whose numbers have a gap, or whose next number is not the one behind the last.
SELECT m.name AS reference, format(
        '%s versions, numbered %s to %s, and the next number is %s',
        count(v.version), min(v.version), max(v.version), m.next_version
    ) AS problem
FROM pedigree.registered_model m
LEFT JOIN pedigree.model_version v USING (model_id)
GROUP BY m.model_id
HAVING count(v.version) <> m.next_version - 1
    OR coalesce(max(v.version), 0) <> m.next_version - 1
    OR coalesce(min(v.version), 1) <> 1;

-- name: count_models_told
-- How many models there are.
SELECT count(*) FROM pedigree.registered_model;

-- name: models_told
-- Models without an event of their creation, and such events without their model.
SELECT coalesce(m.name, e.model) AS reference,
    CASE WHEN m.name IS NULL THEN 'its row is gone' ELSE 'no event tells of it' END AS problem
FROM pedigree.registered_model m
FULL JOIN (SELECT model FROM pedigree.event WHERE type = 'model.created') AS e ON e.model = m.name
WHERE m.name IS NULL OR e.model IS NULL;

-- name: count_artifacts_whole
-- How many versions can be read or restored.
SELECT count(*) FROM pedigree.model_version WHERE collected_at IS NULL;

-- name: artifacts_whole
-- Artifacts of such versions whose manifest, list of files and blobs do not agree.
WITH needed AS MATERIALIZED (
    SELECT a.digest,
        CASE WHEN 'sha256:' || encode(sha256(a.manifest), 'hex') = a.digest
            THEN convert_from(a.manifest, 'UTF8')::json -> 'files' END AS files
    FROM pedigree.artifact a
    WHERE EXISTS (
        SELECT FROM pedigree.model_version v WHERE v.digest = a.digest AND v.collected_at IS NULL
    )
)
SELECT digest AS reference, 'its manifest has other bytes' AS problem
FROM needed WHERE files IS NULL
UNION ALL
SELECT n.digest, 'no blob of its size and digest is there for ' || (file.value ->> 'path')
FROM needed n
CROSS JOIN LATERAL json_array_elements(n.files) AS file
LEFT JOIN pedigree.artifact_file f
    ON f.artifact_digest = n.digest AND f.path = file.value ->> 'path'
LEFT JOIN pedigree.blob b
    ON b.digest = f.blob_digest AND b.digest = file.value ->> 'digest'
    AND b.size = (file.value ->> 'size')::bigint
WHERE b.digest IS NULL
UNION ALL
SELECT n.digest, 'it lists a file that its manifest has not: ' || f.path
FROM needed n
JOIN pedigree.artifact_file f ON f.artifact_digest = n.digest
WHERE NOT EXISTS (
    SELECT FROM json_array_elements(n.files) AS file WHERE file.value ->> 'path' = f.path
);

-- name: count_cards_whole
-- How many revisions of cards there are.
SELECT count(*) FROM pedigree.model_card;

-- name: cards_whole
-- Cards whose text has another digest than the blob they name, or whose blob is gone; and cards
-- that count as current whatever happens next, for they name an event that is not there yet.
SELECT m.name || '/' || c.version AS reference,
    format('revision %s of its card has other bytes than %s', c.revision, c.digest) AS problem
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN pedigree.blob b ON b.digest = c.digest
WHERE b.digest IS NULL
    OR 'sha256:' || encode(sha256(convert_to(c.markdown, 'UTF8')), 'hex') <> c.digest
UNION ALL
SELECT m.name || '/' || c.version,
    format('revision %s of its card shows an event that is not there: %s', c.revision, c.event_id)
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
WHERE c.event_id > (SELECT max(e.id) FROM pedigree.event e WHERE e.model = m.name);

-- name: count_one_holder
-- How many stages and aliases are held.
SELECT count(DISTINCT (model_id, pointer, name)) FROM pedigree.tenure WHERE held_until IS NULL;

-- name: one_holder
-- Exclusive stages, and aliases, that several versions hold.
SELECT m.name || '@' || t.name AS reference,
    'it is held by ' || string_agg(t.version::text, ', ' ORDER BY t.version) AS problem
FROM pedigree.tenure t
JOIN pedigree.registered_model m USING (model_id)
WHERE t.held_until IS NULL
GROUP BY m.name, t.pointer, t.name
HAVING count(*) > 1 AND (bool_or(t.exclusive) OR t.pointer = 'alias');

-- name: count_pointers_resolve
-- How many stages and aliases are held.
SELECT count(*) FROM pedigree.tenure WHERE held_until IS NULL;

-- name: pointers_resolve
-- Stages and aliases whose holder was deleted.
SELECT m.name || '@' || t.name AS reference,
    format('its holder %s is no living version', t.version) AS problem
FROM pedigree.tenure t
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
WHERE t.held_until IS NULL
    AND (v.version IS NULL OR v.deleted_at IS NOT NULL OR m.deleted_at IS NOT NULL);

-- name: count_tenures_apart
-- How many tenures there are.
SELECT count(*) FROM pedigree.tenure;

-- name: tenures_apart
-- Tenures that began before the one before them had ended: of an exclusive pointer, and of the
-- stages of one version.
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
    format('the tenure of %s began before the one before it had ended', c.version) AS problem
FROM chained c
JOIN pedigree.registered_model m USING (model_id)
WHERE c.held_since < c.before;

-- name: count_feed_contiguous
-- How many events there are.
SELECT count(*) FROM pedigree.event;

-- name: feed_contiguous
-- Gaps of the feed, and events that are neither in it nor waiting for it, or both.
SELECT 'feed' AS reference, format('%s places, the last is %s', count(*), max(seq)) AS problem
FROM pedigree.feed
HAVING count(*) <> coalesce(max(seq), 0) OR coalesce(min(seq), 1) <> 1
UNION ALL
SELECT 'event ' || e.id, CASE WHEN f.id IS NULL THEN 'it is not in the feed, and does not wait'
        ELSE 'it is in the feed, and waits for it as well' END
FROM pedigree.event e
LEFT JOIN pedigree.feed f USING (id)
LEFT JOIN pedigree.unsequenced u USING (id)
WHERE (f.id IS NULL) = (u.id IS NULL);

-- name: count_events_counted
-- How many counts there are.
SELECT count(*) FROM pedigree.event_count;

-- name: events_counted
-- Counts that are not what the feed has; one statement, so both are of one moment.
SELECT concat_ws(' ', type, nullif(detail, '')) AS reference,
    format('%s are counted, and there are %s', coalesce(c.count, 0), coalesce(f.count, 0))
        AS problem
FROM pedigree.event_count c
FULL JOIN (
    SELECT e.type,
        -- Bytes that were edited may not even be JSON.
        CASE WHEN sha256('\x00'::bytea || e.canonical) = e.leaf
            THEN pedigree.event_detail(e.type, e.canonical) ELSE '' END AS detail,
        count(*) AS count
    FROM pedigree.feed JOIN pedigree.event e USING (id)
    GROUP BY 1, 2
) AS f USING (type, detail)
WHERE c.count IS DISTINCT FROM f.count;

-- name: count_leaves_match
-- How many events there are.
SELECT count(*) FROM pedigree.event;

-- name: leaves_match
-- Events whose bytes have another leaf hash, or say something else than their row.
WITH sound AS (
    SELECT id, event_id, type, model, version,
        CASE WHEN sha256('\x00'::bytea || canonical) = leaf
            THEN convert_from(canonical, 'UTF8')::json END AS said
    FROM pedigree.event
)
SELECT 'event ' || id AS reference,
    CASE WHEN said IS NULL THEN 'its bytes have another leaf hash'
        ELSE 'its row says something else than its bytes' END AS problem
FROM sound
WHERE said IS NULL OR said ->> 'event_id' <> event_id::text OR said ->> 'type' <> type
    OR said ->> 'model' IS DISTINCT FROM model
    OR (said ->> 'version')::integer IS DISTINCT FROM version;

-- name: count_tokens_told
-- How many tokens of the service there are.
SELECT count(*) FROM pedigree.access_token;

-- name: tokens_told
-- Tokens without an event, events without their token, and tokens that are not what was told.
WITH told AS MATERIALIZED (
    SELECT type, convert_from(canonical, 'UTF8')::jsonb AS event
    FROM pedigree.event
    WHERE type IN ('token.created', 'token.revoked')
), created AS (
    SELECT (event #>> '{body,token_id}')::bigint AS token_id, event -> 'body' AS body,
        (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor
    FROM told WHERE type = 'token.created'
), revoked AS (
    SELECT (event #>> '{body,token_id}')::bigint AS token_id,
        (event ->> 'at')::timestamptz AS at, event #>> '{actor,name}' AS actor
    FROM told WHERE type = 'token.revoked'
)
SELECT 'token ' || coalesce(t.token_id, c.token_id) AS reference,
    CASE
        WHEN t.token_id IS NULL THEN 'its row is gone'
        WHEN c.token_id IS NULL THEN 'no event tells of it'
        ELSE 'its row is not what its events say'
    END AS problem
FROM pedigree.access_token t
FULL JOIN created c ON c.token_id = t.token_id
LEFT JOIN revoked r ON r.token_id = coalesce(t.token_id, c.token_id)
WHERE (
    t.principal, encode(t.secret_hash, 'hex'), to_jsonb(t.roles), to_jsonb(t.models),
    t.created_at, t.created_by, t.expires_at, t.revoked_at, t.revoked_by
) IS DISTINCT FROM (
    c.body ->> 'principal', c.body ->> 'secret_hash', c.body -> 'roles', c.body -> 'models',
    c.at, c.actor, (c.body ->> 'expires_at')::timestamptz, r.at, r.actor
);

-- name: count_webhooks_told
-- How many webhooks there are.
SELECT count(*) FROM pedigree.webhook;

-- name: webhooks_told
-- Webhooks without an event, events without their webhook, and webhooks that are not what was told.
WITH told AS MATERIALIZED (
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
), living AS (
    SELECT * FROM told WHERE type <> 'webhook.deleted'
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
        WHEN w.webhook_id IS NULL THEN 'its row is gone'
        WHEN t.webhook_id IS NULL THEN 'no event tells of it'
        ELSE 'its row is not what its events say'
    END AS problem
FROM pedigree.webhook w
FULL JOIN living t ON t.webhook_id = w.webhook_id
LEFT JOIN made m ON m.webhook_id = t.webhook_id
WHERE (
    encode(sha256(convert_to(w.url, 'UTF8')), 'hex'), w.description, to_jsonb(w.types),
    to_jsonb(w.models), to_jsonb(w.active), encode(sha256(w.secret), 'hex'),
    encode(sha256(w.old_secret), 'hex'), w.old_secret_until, w.created_at, w.created_by
) IS DISTINCT FROM (
    t.body ->> 'url_sha256', t.body ->> 'description', t.body -> 'types',
    t.body -> 'models', t.body -> 'active', t.body ->> 'secret_sha256',
    t.body ->> 'old_secret_sha256', (t.body ->> 'old_secret_until')::timestamptz, m.at, m.actor
);

-- name: count_datasheets_told
-- How many revisions of datasheets there are.
SELECT count(*) FROM pedigree.datasheet;

-- name: datasheets_told
-- Revisions of datasheets without an event, events without their revision, and revisions that are
-- not what was told. Events of an earlier release tell the digest alone.
WITH told AS MATERIALIZED (
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
        WHEN d.asset IS NULL THEN 'its row is gone'
        WHEN t.asset IS NULL THEN 'no event tells of it'
        ELSE 'its row is not what its event says'
    END AS problem
FROM pedigree.datasheet d
FULL JOIN told t ON t.asset = d.asset AND t.revision = d.revision
WHERE (d.digest, d.at, d.recorded_by) IS DISTINCT FROM (t.body ->> 'digest', t.at, t.actor)
    OR (t.body ? 'sheet' AND d.sheet IS DISTINCT FROM t.body -> 'sheet');

-- name: count_data_verdicts_told
-- How many verdicts on data there are.
SELECT count(*) FROM pedigree.data_verdict;

-- name: data_verdicts_told
-- Verdicts on data without an event, and events without their verdict: one that was changed is both.
WITH told AS (
    SELECT event #>> '{actor,name}' AS recorded_by, (event ->> 'at')::timestamptz AS at,
        event -> 'body' AS said
    FROM (
        SELECT convert_from(canonical, 'UTF8')::jsonb AS event FROM pedigree.event
        WHERE type = 'data.check_recorded'
    ) AS recorded
), kept AS (
    SELECT recorded_by, at, to_jsonb(d) - '{data_verdict_id,check_name,at,recorded_by}'::text[]
        || jsonb_build_object('check', check_name) AS said
    FROM pedigree.data_verdict d
), different AS (
    SELECT 'no event tells so' AS problem, more.*
    FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM told) AS more
    UNION ALL
    SELECT 'its row is gone', less.*
    FROM (SELECT * FROM told EXCEPT ALL SELECT * FROM kept) AS less
)
SELECT format('%s of %s', said ->> 'check', said ->> 'asset') AS reference,
    format('%s, by %s at %s', problem, recorded_by, at) AS problem
FROM different;

-- name: count_quarantines_told
-- How many quarantines there are.
SELECT count(*) FROM pedigree.quarantine;

-- name: quarantines_told
-- Quarantines without an event, events without their quarantine, and quarantines that are not what
-- was told. One of a version has its time from the version's event.
WITH told AS MATERIALIZED (
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
    FROM told
    WHERE type = 'asset.quarantined'
        OR (type = 'version.quarantined' AND body ->> 'asset' IS NULL)
), ended AS (
    SELECT DISTINCT ON (b.quarantine_id) b.quarantine_id, t.actor
    FROM told t
    CROSS JOIN LATERAL jsonb_array_elements_text(t.body -> 'quarantine_ids') AS each (value)
    JOIN began b ON b.quarantine_id = each.value::bigint
    WHERE t.type = 'asset.released'
        OR (t.type = 'version.released' AND b.body ->> 'asset' IS NULL)
    ORDER BY b.quarantine_id, t.id
)
SELECT 'quarantine ' || coalesce(q.quarantine_id, b.quarantine_id) AS reference,
    CASE
        WHEN q.quarantine_id IS NULL THEN 'its row is gone'
        WHEN b.quarantine_id IS NULL THEN 'no event tells of it'
        ELSE 'its row is not what its events say'
    END AS problem
FROM pedigree.quarantine q
FULL JOIN began b ON b.quarantine_id = q.quarantine_id
LEFT JOIN ended e ON e.quarantine_id = coalesce(q.quarantine_id, b.quarantine_id)
WHERE (
    q.asset, q.partition, q.since, q.reason, q.only_certain, q.quarantined_by, q.released_by,
    CASE WHEN q.asset IS NOT NULL THEN q.at END
) IS DISTINCT FROM (
    b.body ->> 'asset', b.body ->> 'partition', (b.body ->> 'since')::timestamptz,
    -- What was recorded before there was the choice marks all.
    b.body ->> 'reason', coalesce((b.body ->> 'only_certain')::boolean, false), b.actor, e.actor,
    CASE WHEN b.body ->> 'asset' IS NOT NULL THEN b.at END
);

-- name: count_keys_dead
-- How many keys were given up.
SELECT count(*) FROM pedigree.orphan;

-- name: keys_dead
-- Blobs under a key that was given up, or whose removal an event tells of.
SELECT b.digest AS reference, 'its key was given up: ' || b.key AS problem
FROM pedigree.blob b
JOIN pedigree.orphan o USING (key)
UNION ALL
SELECT b.digest, 'an event tells that its key was removed: ' || b.key
FROM pedigree.event e
JOIN pedigree.blob b ON b.key = convert_from(e.canonical, 'UTF8')::json #>> '{body,key}'
WHERE e.type = 'blob.removed';

-- name: count_search_follows
-- How many versions search looks at.
SELECT count(*) FROM pedigree.search_version;

-- name: search_follows
-- Rows of search's tables that are not what their sources give; of the words, those that it lacks.
SELECT coalesce(m.name, 'model ' || d.model_id) || coalesce('/' || d.version, '') AS reference,
    CASE WHEN d.is_surplus THEN 'search has, and should not, ' WHEN d.is_missing THEN 'search lacks '
        ELSE 'search has another state of ' END || d.what AS problem
FROM (
    SELECT model_id, version, 'its row' AS what,
        s.model_id IS NULL AS is_surplus, t.model_id IS NULL AS is_missing
    FROM pedigree.search_version t
    FULL JOIN pedigree.search_source s USING (model_id, version)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
    UNION ALL
    SELECT model_id, version, format('its term %s = %s', field, value),
        s.model_id IS NULL, t.model_id IS NULL
    FROM pedigree.search_term t
    FULL JOIN pedigree.search_term_source s USING (field, value, created_at, model_id, version)
    WHERE s.model_id IS NULL OR t.model_id IS NULL
    UNION ALL
    SELECT model_id, version, format('its metric %s = %s', key, value),
        s.model_id IS NULL, t.model_id IS NULL
    FROM pedigree.search_metric t
    FULL JOIN pedigree.search_metric_source s USING (key, value, model_id, version)
    WHERE s.model_id IS NULL OR t.model_id IS NULL
    UNION ALL
    SELECT model_id, version, 'its text', s.model_id IS NULL, t.model_id IS NULL
    FROM pedigree.search_text t
    FULL JOIN pedigree.search_text_source s USING (model_id, version)
    WHERE ROW(t.*) IS DISTINCT FROM ROW(s.*)
    UNION ALL
    SELECT model_id, version, 'its record', s.model_id IS NULL, t.model_id IS NULL
    FROM pedigree.search_record t
    FULL JOIN pedigree.search_record_source s USING (model_id, version)
    WHERE (t.signature, t.record::text, t.verification::text)
        IS DISTINCT FROM (s.signature, s.record::text, s.verification::text)
    UNION ALL
    SELECT s.model_id, NULL, format('the word %s of its name', word), false, true
    FROM pedigree.search_word_source s
    LEFT JOIN pedigree.search_word t USING (word)
    WHERE t.word IS NULL
) AS d
LEFT JOIN pedigree.registered_model m USING (model_id);

-- name: count_guards_in_place
-- How many constraints, indexes and triggers are looked at.
SELECT 9 + 7 + 6 AS count;

-- name: guards_in_place
-- Foreign keys, unique indexes and triggers that are missing or not in force.
SELECT format('%s → %s', wanted.source, wanted.target) AS reference,
    'no foreign key is in force' AS problem
FROM (
    VALUES ('artifact_file', 'blob'), ('artifact_file', 'artifact'), ('model_card', 'blob'),
        ('drift_result', 'blob'), ('data_profile', 'model_version'),
        ('model_version', 'artifact'), ('feed', 'event'), ('unsequenced', 'event'),
        ('decision', 'model_version')
) AS wanted (source, target)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f' AND c.convalidated
        AND c.conrelid = to_regclass('pedigree.' || wanted.source)
        AND c.confrelid = to_regclass('pedigree.' || wanted.target)
)
UNION ALL
SELECT wanted.name, 'no unique index is in force'
FROM (
    VALUES ('registered_model_name_unique'), ('model_version_digest_unique'),
        ('tenure_exclusive'), ('tenure_one_stage'), ('blob_key_unique'), ('model_version_author'),
        ('access_token_secret_unique')
) AS wanted (name)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i
    WHERE i.indexrelid = to_regclass('pedigree.' || wanted.name) AND i.indisunique
        AND i.indisvalid
)
UNION ALL
SELECT wanted.name, 'the trigger that keeps ' || wanted.source || ' unchanged is not in force'
FROM (
    VALUES ('event', 'event_append_only'), ('event', 'event_no_truncate'),
        ('feed', 'feed_append_only'), ('feed', 'feed_no_truncate'),
        ('decision', 'decision_append_only'), ('decision', 'decision_no_truncate')
) AS wanted (source, name)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger t
    WHERE t.tgrelid = to_regclass('pedigree.' || wanted.source) AND t.tgname = wanted.name
        AND t.tgenabled = 'A'
);

-- name: page_of_blobs
-- A page of the blobs that live.
SELECT digest, size, key FROM pedigree.blob
WHERE digest > %(after)s
ORDER BY digest
LIMIT 1000;

-- name: key_of_blob
-- Where a blob lies now.
SELECT key FROM pedigree.blob WHERE digest = %(digest)s;

-- name: next_model
-- The model behind another.
SELECT model_id FROM pedigree.registered_model
WHERE model_id > %(after)s
ORDER BY model_id
LIMIT 1;

-- name: model
-- What the events tell of a model.
SELECT model_id, name, name_key, generation, policy, policy_revision, deleted_at, description,
    owners, tags
FROM pedigree.registered_model
WHERE model_id = %(model_id)s;

-- name: events_of_model
-- A model's events in the order in which they were committed.
SELECT canonical FROM pedigree.event WHERE model = %(name)s ORDER BY id;

-- name: versions_of_model
-- What the events tell of versions.
SELECT version, digest, created_at, created_by, description, owners, tags, hold_reason,
    quarantine_reason, approval_status, approval_notes, approved_by, approval_timestamp,
    approval_stage, tier, deleted_at, collected_at IS NOT NULL AS collected
FROM pedigree.model_version
WHERE model_id = %(model_id)s;

-- name: trainings_of_model
-- What the events tell of trainings.
SELECT version, training_id::text AS training_id, run_id, git_commit, git_dirty,
    training_data_digest, environment_hash, metrics, verification, description, owners, tags
FROM pedigree.training
WHERE model_id = %(model_id)s;

-- name: verdicts_of_model
-- What the events tell of verdicts.
SELECT version, check_name AS check, passed, severity, digest, relative, baseline_digest, summary,
    run_id, settings, details, at, recorded_by
FROM pedigree.verdict
WHERE model_id = %(model_id)s
ORDER BY verdict_id;

-- name: profiles_of_model
-- What the events tell of the profiles of training data.
SELECT version, digest, profile, created_at FROM pedigree.data_profile
WHERE model_id = %(model_id)s;

-- name: drifts_of_model
-- What the events tell of comparisons with later data.
SELECT version, drift_id, asset, partition, drifted, result, profile AS served, html, markdown,
    recorded_at, recorded_by, alerted_at
FROM pedigree.drift_result
WHERE model_id = %(model_id)s;

-- name: marks_of_model
-- What the events tell of the quarantines that a model's versions are or were in.
SELECT version, quarantine_id, certainty::text AS certainty, released_at
FROM pedigree.quarantine_mark
WHERE model_id = %(model_id)s;

-- name: decisions_of_model
-- What the events tell of decisions.
SELECT version, digest, from_stage, to_stage, generation, comment, approved, decided_by, at
FROM pedigree.decision
WHERE model_id = %(model_id)s
ORDER BY decision_id;

-- name: requests_of_model
-- What the events tell of the stages that were asked for.
SELECT version, request_id, from_stage, stage, reason, only_asks, requested_by,
    requested_by_source, at, outcome, closed_at, closed_by
FROM pedigree.stage_request
WHERE model_id = %(model_id)s;

-- name: given_up_of_model
-- What the events tell of the promotions that the sensor gave up.
SELECT version, stage, generation, policy_revision, evidence_at, attempts, run_id, problem, at,
    retried_at, retried_by
FROM pedigree.given_up_promotion
WHERE model_id = %(model_id)s
ORDER BY given_up_id;

-- name: evaluations_of_model
-- Every evaluation by group of a model's versions, whose digests the events tell.
SELECT version, evaluation FROM pedigree.evaluation
WHERE model_id = %(model_id)s
ORDER BY version, revision;

-- name: cards_of_model
-- What the events tell of cards.
SELECT version, digest FROM pedigree.model_card
WHERE model_id = %(model_id)s
ORDER BY version, revision;

-- name: tenures_of_model
-- Every tenure of a model's stages and aliases.
SELECT held_since AS since, pointer, name, version, held_until AS until, moved_by, reason
FROM pedigree.tenure
WHERE model_id = %(model_id)s
ORDER BY tenure_id;
