-- name: insert_node
-- Write one event of a training's graph.
INSERT INTO pedigree.lineage_node (
    training_id, node_id, kind, asset, partition, storage_id, run_id, data_version, code_version, at
) VALUES (
    %(training_id)s, %(node_id)s, %(kind)s, %(asset)s, %(partition)s, %(storage_id)s, %(run_id)s,
    %(data_version)s, %(code_version)s, %(at)s
);

-- name: insert_edge
-- Write that one event used another.
INSERT INTO pedigree.lineage_edge (training_id, consumer, source, capture)
VALUES (%(training_id)s, %(consumer)s, %(source)s, %(capture)s);

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
