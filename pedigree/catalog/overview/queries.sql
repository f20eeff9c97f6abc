-- name: count_all
-- The number of all models, and of their versions.
SELECT count(*) AS models, coalesce(sum(m.versions), 0)::bigint AS versions
FROM pedigree.search_model m;

-- name: count_visible
-- The same of the models that the caller may read.
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
