-- name: count_all
-- The number of all models, and of their versions.
SELECT count(*) AS models, coalesce(sum(m.versions), 0)::bigint AS versions
FROM pedigree.search_model m;

-- name: count_visible
-- The same of the models that the caller may read.
SELECT count(*) AS models, coalesce(sum(m.versions), 0)::bigint AS versions
FROM pedigree.search_model m
WHERE m.name IN (SELECT unnest(%(visible)s::text[]));
