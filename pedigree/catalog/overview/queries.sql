-- name: seen_of_all
-- The number of all versions, and whether no later transaction changed what counts of a snapshot are
-- made of; NULL without a snapshot.
SELECT (SELECT coalesce(sum(s.versions), 0)::bigint FROM pedigree.statistic s) AS versions,
    pg_snapshot_xmin(pg_current_snapshot()) >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
    AND NOT EXISTS (
        SELECT FROM pedigree.search_model_change c
        WHERE c.changed_by >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
            AND NOT pg_visible_in_snapshot(c.changed_by, %(snapshot)s::pg_snapshot)
    ) AS holds;

-- name: count_visible
-- The number of the models that the caller may read, and of their versions.
SELECT count(*) AS models, coalesce(sum(m.versions), 0)::bigint AS versions
FROM pedigree.search_model m
WHERE m.name IN (SELECT unnest(%(visible)s::text[]));

-- name: names_around
-- Names of models around the place that a name would have in their order: as many before as after.
(
    SELECT m.name FROM pedigree.search_model m
    WHERE m.name_key < %(key)s
    ORDER BY m.name_key DESC LIMIT %(around)s
)
UNION ALL
(
    SELECT m.name FROM pedigree.search_model m
    WHERE m.name_key >= %(key)s
    ORDER BY m.name_key LIMIT %(around)s
);

-- name: visible_names_around
-- The same among the models that the caller may read.
(
    SELECT m.name FROM pedigree.search_model m
    WHERE m.name_key < %(key)s AND m.name IN (SELECT unnest(%(visible)s::text[]))
    ORDER BY m.name_key DESC LIMIT %(around)s
)
UNION ALL
(
    SELECT m.name FROM pedigree.search_model m
    WHERE m.name_key >= %(key)s AND m.name IN (SELECT unnest(%(visible)s::text[]))
    ORDER BY m.name_key LIMIT %(around)s
);
