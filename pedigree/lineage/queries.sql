-- name: insert_nodes
-- Write the events of a training's graph, however many, in one statement.
INSERT INTO pedigree.lineage_node (
    training_id, node_id, kind, asset, partition, storage_id, run_id, data_version, code_version, at
)
SELECT %(training_id)s, node.*
FROM unnest(
    %(node_id)s::integer[], %(kind)s::text[], %(asset)s::text[], %(partition)s::text[],
    %(storage_id)s::bigint[], %(run_id)s::text[], %(data_version)s::text[],
    %(code_version)s::text[], %(at)s::timestamptz[]
) AS node;

-- name: insert_edges
-- Write who used what in a training's graph, in one statement.
INSERT INTO pedigree.lineage_edge (training_id, consumer, source, capture)
SELECT %(training_id)s, edge.*
FROM unnest(%(consumer)s::integer[], %(source)s::integer[], %(capture)s::text[]) AS edge;

-- name: nodes
-- The events of a training's graph, the step first.
SELECT node_id, kind, asset, partition, storage_id, run_id, data_version, code_version, at
FROM pedigree.lineage_node
WHERE training_id = %(training_id)s
ORDER BY node_id;

-- name: edges
-- Who used what in a training's graph.
SELECT consumer, source, capture
FROM pedigree.lineage_edge
WHERE training_id = %(training_id)s
ORDER BY consumer, source;

-- name: training_of_version
-- The training whose lineage is asked for: a version's first, or its newest one.
SELECT t.training_id, t.raced
FROM pedigree.training t
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND t.version = %(version)s
ORDER BY
    CASE WHEN %(newest)s THEN t.created_at END DESC,
    CASE WHEN NOT %(newest)s THEN t.created_at END,
    t.training_id
LIMIT 1;

-- name: trained_on
-- The versions, deleted or not, one of whose trainings stands on some data, directly or not. A node
-- without partition is all that is known where the partitions that were read are not.
SELECT m.name AS model_name, t.version, v.digest, v.created_at, v.deleted_at, v.quarantine_reason,
    bool_or(%(partition)s::text IS NULL OR n.partition IS NOT NULL) AS certain,
    bool_or(EXISTS (
        SELECT FROM pedigree.lineage_edge e
        WHERE e.training_id = n.training_id AND e.consumer = 0 AND e.source = n.node_id
    )) AS direct,
    coalesce(
        array_agg(DISTINCT n.partition) FILTER (WHERE n.partition IS NOT NULL), '{}'
    ) AS partitions
FROM pedigree.lineage_node n
JOIN pedigree.training t USING (training_id)
JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
JOIN pedigree.registered_model m ON m.model_id = t.model_id
WHERE n.asset = %(asset)s AND n.kind <> 'step'
    AND (
        %(partition)s::text IS NULL OR n.partition = %(partition)s
        OR (n.partition IS NULL AND n.kind = 'missing')
    )
    AND (%(since)s::timestamptz IS NULL OR coalesce(n.at, t.created_at) >= %(since)s)
GROUP BY m.model_id, m.name, t.version, v.digest, v.created_at, v.deleted_at, v.quarantine_reason
ORDER BY m.model_id, t.version;
