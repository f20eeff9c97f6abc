-- name: graph
-- The lineage of a version's first or newest training, as one JSON document.
SELECT pedigree.graph_of(t.training_id, t.raced) AS graph
FROM pedigree.training t
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND t.version = %(version)s
ORDER BY
    CASE WHEN %(newest)s THEN t.created_at END DESC,
    CASE WHEN NOT %(newest)s THEN t.created_at END,
    t.training_id
LIMIT 1;

-- name: trained_on
-- A page of the versions, deleted or not, with a training that depends on some data, directly or
-- indirectly, and the highest certainty of that; each row with the number of further versions that
-- have a training without recorded lineage, of which only as many are counted as are asked for. Without versions it is one row with this number. A missing node without a partition is some part of the asset:
-- the dependency is possible for the asset, and unknown for a partition. It is also unknown if the
-- asset may be upstream of a missing node. For a node without a time only the later time of the
-- training is known, so the node may be older than the given time.
WITH found AS (
    SELECT n.training_id, n.node_id, n.partition, n.at,
        CASE
            WHEN n.kind = 'missing' AND n.partition IS NULL THEN CASE
                WHEN %(partition)s::text IS NULL THEN 'possible' ELSE 'unknown'
            END::pedigree.certainty
            WHEN %(since)s::timestamptz IS NOT NULL AND n.at IS NULL
                THEN least(pedigree.lineage_certainty(n.certainty, n.kind), 'possible')
            ELSE pedigree.lineage_certainty(n.certainty, n.kind)
        END AS certainty
    FROM pedigree.lineage_node n
    WHERE n.asset = %(asset)s AND n.kind <> 'step'
        AND (
            %(partition)s::text IS NULL OR n.partition = %(partition)s
            OR (n.partition IS NULL AND n.kind = 'missing')
        )
    UNION ALL
    SELECT n.training_id, NULL, NULL, NULL, 'unknown'
    FROM pedigree.lineage_node n
    WHERE n.kind IN ('step', 'missing') AND n.upstream IS NULL
    UNION ALL
    SELECT n.training_id, NULL, NULL, NULL, 'unknown'
    FROM pedigree.lineage_node n
    WHERE n.kind IN ('step', 'missing') AND n.upstream <> '{}'
        AND n.upstream @> ARRAY[%(asset)s::text]
)
, seen AS MATERIALIZED (
    SELECT model_id FROM pedigree.registered_model WHERE name = ANY (%(visible)s::text[])
), depending AS MATERIALIZED (
    SELECT t.model_id, t.version, max(f.certainty)::text AS certainty,
        array_agg(f.training_id) AS trainings, array_agg(f.node_id) AS nodes,
        coalesce(
            array_agg(DISTINCT f.partition) FILTER (WHERE f.partition IS NOT NULL), '{}'
        ) AS partitions
    FROM found f
    JOIN pedigree.training t USING (training_id)
    WHERE (%(since)s::timestamptz IS NULL OR coalesce(f.at, t.created_at) >= %(since)s)
        AND (%(visible)s::text[] IS NULL OR t.model_id IN (SELECT model_id FROM seen))
    GROUP BY t.model_id, t.version
), without AS (
    SELECT count(*) AS without_lineage
    FROM (
        SELECT FROM (
            SELECT DISTINCT model_id, version FROM pedigree.training
            WHERE NOT lineage_recorded
                AND (%(visible)s::text[] IS NULL OR model_id IN (SELECT model_id FROM seen))
                AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        ) AS blank
        WHERE (model_id, version) NOT IN (SELECT model_id, version FROM depending)
        LIMIT %(counted)s::bigint
    ) AS further
)
SELECT without.without_lineage, page.*
FROM without
LEFT JOIN LATERAL (
    SELECT m.name AS model_name, d.version, v.digest, v.created_at, v.deleted_at,
        v.quarantine_reason, d.certainty, d.partitions, d.model_id,
        -- Only of those on the page: many versions may depend on the data.
        EXISTS (
            SELECT FROM unnest(d.trainings, d.nodes) AS used (training_id, node_id)
            JOIN pedigree.lineage_edge e
                ON e.training_id = used.training_id AND e.consumer = 0 AND e.source = used.node_id
        ) AS direct
    FROM depending d
    JOIN pedigree.registered_model m USING (model_id)
    JOIN pedigree.model_version v USING (model_id, version)
    WHERE %(after_name)s::text IS NULL OR (d.model_id, d.version) > (
        (SELECT model_id FROM pedigree.registered_model WHERE name_key = %(after_name)s),
        %(after_version)s::integer
    )
    ORDER BY d.model_id, d.version
    LIMIT %(limit)s::bigint
) AS page ON true
ORDER BY page.model_id, page.version;

-- name: record_usage
-- Record that a run uses a version to write some partitions.
INSERT INTO pedigree.usage (
    model_id, version, asset, partition, run_id, instance_id, capture, used_at, storage_id,
    data_version, code_version, written_at, settled
)
SELECT m.model_id, %(version)s, %(asset)s, made.partition, %(run_id)s, %(instance_id)s,
    %(capture)s, coalesce(%(written_at)s::timestamptz, clock_timestamp()), %(storage_id)s::bigint,
    %(data_version)s, %(code_version)s, %(written_at)s, %(settled)s
FROM pedigree.registered_model m
CROSS JOIN unnest(%(partitions)s::text[]) AS made (partition)
WHERE m.name_key = %(name_key)s AND (
    %(capture)s <> 'declared' OR NOT EXISTS (
        SELECT FROM pedigree.usage u
        WHERE u.model_id = m.model_id AND u.version <> %(version)s AND u.run_id = %(run_id)s
            AND u.asset = %(asset)s AND u.partition IS NOT DISTINCT FROM made.partition
            AND u.capture = 'read'
    )
)
ON CONFLICT (model_id, version, run_id, asset, coalesce(partition, '')) DO UPDATE SET
    storage_id = excluded.storage_id, data_version = excluded.data_version,
    code_version = excluded.code_version, written_at = excluded.written_at, settled = true
WHERE excluded.settled AND usage.storage_id IS NULL;

-- name: usages_of_version
-- The usages of a version, newest first.
SELECT u.usage_id, u.asset, u.partition, u.run_id, u.instance_id, u.capture, u.used_at,
    u.storage_id, u.data_version, u.code_version, u.written_at, u.settled
FROM pedigree.usage u
WHERE u.version = %(version)s AND (%(before)s::bigint IS NULL OR u.usage_id < %(before)s)
    AND u.model_id = (
        SELECT model_id FROM pedigree.registered_model WHERE name_key = %(name_key)s
    )
ORDER BY u.usage_id DESC
LIMIT %(limit)s;

-- name: outputs_of_versions
-- The newest output of each version for each asset and partition.
SELECT DISTINCT ON (wanted.name_key, wanted.version, u.asset, u.partition)
    wanted.name_key, wanted.version, u.usage_id, u.asset, u.partition, u.run_id, u.instance_id,
    u.capture, u.used_at, u.storage_id, u.data_version, u.code_version, u.written_at, u.settled
FROM unnest(%(name_keys)s::text[], %(versions)s::integer[]) AS wanted (name_key, version)
JOIN pedigree.registered_model m ON m.name_key = wanted.name_key
JOIN pedigree.usage u ON u.model_id = m.model_id AND u.version = wanted.version
WHERE u.storage_id IS NOT NULL
ORDER BY wanted.name_key, wanted.version, u.asset, u.partition, u.storage_id DESC;

-- name: unsettled_usages
-- Usages of a Dagster instance whose output is not known yet, oldest first.
SELECT usage_id, asset, partition, run_id, instance_id, capture, used_at, storage_id, data_version,
    code_version, written_at, settled
FROM pedigree.usage
WHERE NOT settled AND instance_id IS NOT DISTINCT FROM %(instance_id)s AND usage_id > %(after)s
ORDER BY usage_id
LIMIT %(limit)s;

-- name: settle_usages
-- Record the outputs of usages, and that they are settled.
UPDATE pedigree.usage u SET storage_id = made.storage_id, data_version = made.data_version,
    code_version = made.code_version, written_at = made.written_at, settled = true
FROM unnest(
    %(usage_id)s::bigint[], %(storage_id)s::bigint[], %(data_version)s::text[],
    %(code_version)s::text[], %(written_at)s::timestamptz[]
) AS made (usage_id, storage_id, data_version, code_version, written_at)
WHERE u.usage_id = made.usage_id AND NOT u.settled;

-- name: trained_with
-- The first versions, without deleted ones, that were trained after a version was registered and
-- depend on it, the most certain ones first. Each row has the number of all of them, of those that are
-- not visible, and of the further visible versions that have a later training without recorded lineage.
SELECT seen, hidden, without_lineage, name, version, certainty FROM pedigree.trained_with(
    %(name_key)s, %(version)s, %(registered_at)s, %(visible)s::text[], %(most)s
);

-- name: newer_code
-- The code versions of the trainings of higher versions of the model, without that of the version's
-- newest training, in the order of their first use.
SELECT t.code_version
FROM pedigree.registered_model m
CROSS JOIN LATERAL (
    SELECT t.code_version FROM pedigree.training t
    WHERE t.model_id = m.model_id AND t.version = %(version)s
    ORDER BY t.created_at DESC, t.training_id DESC LIMIT 1
) AS own
JOIN pedigree.training t ON t.model_id = m.model_id AND t.version > %(version)s
WHERE m.name_key = %(name_key)s AND t.code_version <> own.code_version
GROUP BY t.code_version
ORDER BY min(t.created_at), t.code_version;

-- name: versions_to_look_at
-- Versions, without deleted ones, that hold a stage other than archived, or an alias, and whose
-- staleness was not checked for a while.
SELECT m.name, t.version
FROM pedigree.registered_model m
JOIN pedigree.tenure t ON t.model_id = m.model_id AND t.held_until IS NULL
LEFT JOIN pedigree.staleness f ON f.model_id = t.model_id AND f.version = t.version
WHERE m.name_key = ANY (%(name_keys)s::text[]) AND m.deleted_at IS NULL
    AND (t.pointer = 'alias' OR t.name <> 'archived')
    AND (f.seen_at IS NULL OR f.seen_at <= clock_timestamp() - %(age)s::interval)
GROUP BY m.name, t.version, f.seen_at
ORDER BY f.seen_at NULLS FIRST, m.name, t.version
LIMIT %(limit)s;

-- name: forget_staleness
-- Delete the staleness of versions that no longer hold a stage or an alias.
DELETE FROM pedigree.staleness f
USING pedigree.registered_model m
WHERE m.model_id = f.model_id AND m.name_key = ANY (%(name_keys)s::text[])
    AND NOT EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = f.model_id AND t.version = f.version AND t.held_until IS NULL
            AND (t.pointer = 'alias' OR t.name <> 'archived')
    );

-- name: keep_staleness
-- Store the staleness of a version.
INSERT INTO pedigree.staleness (
    model_id, version, stale, data_behind, code_behind, seen, seen_at
)
SELECT model_id, %(version)s, %(stale)s, %(data_behind)s, %(code_behind)s, %(seen)s,
    clock_timestamp()
FROM pedigree.registered_model WHERE name_key = %(name_key)s
ON CONFLICT (model_id, version) DO UPDATE SET
    stale = excluded.stale, data_behind = excluded.data_behind,
    code_behind = excluded.code_behind, seen = excluded.seen, seen_at = excluded.seen_at;

-- name: kept_staleness
-- The last stored staleness of a version.
SELECT f.seen, f.seen_at
FROM pedigree.staleness f
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND f.version = %(version)s;

-- name: stale_holders
-- The holders of a stage whose stored staleness is at or above the given limits.
SELECT m.name, f.version, f.seen, f.seen_at
FROM pedigree.registered_model m
JOIN pedigree.tenure t ON t.model_id = m.model_id AND t.held_until IS NULL
    AND t.pointer = 'stage' AND t.name = %(stage)s
JOIN pedigree.staleness f ON f.model_id = t.model_id AND f.version = t.version
WHERE m.name_key = ANY (%(name_keys)s::text[]) AND m.deleted_at IS NULL
    AND (f.data_behind >= %(data_behind)s OR f.code_behind >= %(code_behind)s::integer)
ORDER BY m.name, f.version;

-- name: keep_events
-- Store copies of asset events of an instance in one statement.
INSERT INTO pedigree.asset_event (
    instance_id, storage_id, asset, partition, kind, run_id, step_key, data_version, code_version,
    at, tags, reads
)
SELECT %(instance_id)s, event.*
FROM unnest(
    %(storage_id)s::bigint[], %(asset)s::text[], %(partition)s::text[], %(kind)s::text[],
    %(run_id)s::text[], %(step_key)s::text[], %(data_version)s::text[], %(code_version)s::text[],
    %(at)s::timestamptz[], %(tags)s::jsonb[], %(reads)s::jsonb[]
) AS event
-- SQLite, in which Dagster may store its events, reuses the ID of a deleted event.
ON CONFLICT (instance_id, storage_id) DO UPDATE SET
    asset = excluded.asset, partition = excluded.partition, kind = excluded.kind,
    run_id = excluded.run_id, step_key = excluded.step_key, data_version = excluded.data_version,
    code_version = excluded.code_version, at = excluded.at, tags = excluded.tags,
    reads = excluded.reads
WHERE asset_event.at <> excluded.at;

-- name: kept_events
-- The copies of an asset's events on an instance, newest first.
SELECT storage_id, asset, partition, kind, run_id, step_key, data_version, code_version, at, tags,
    reads
FROM pedigree.asset_event
WHERE instance_id = %(instance_id)s AND asset = %(asset)s
ORDER BY storage_id DESC;
