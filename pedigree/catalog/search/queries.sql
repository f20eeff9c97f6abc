-- name: settings
-- The settings of one search statement: which joins the planner may use, since it cannot know how
-- many versions a filter finds; whether it plans with the values; the statement timeout.
SELECT set_config('enable_nestloop', %(nested)s, true), set_config('enable_mergejoin', %(merged)s, true),
    set_config('enable_hashjoin', %(hashed)s, true), set_config('enable_seqscan', %(scanned)s, true),
    set_config('plan_cache_mode', %(replan)s, true),
    set_config('statement_timeout', '60s', true);

-- name: trigrams
-- The schema of the extension pg_trgm, if it is installed.
SELECT n.nspname AS home
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_trgm';

-- name: newest_stretch
-- The registration time of the version that a given number of others follow, NULL if there are
-- fewer; and the times of the first and the last version.
SELECT
    (
        SELECT created_at FROM pedigree.search_version
        WHERE created_at <= %(until)s
        ORDER BY created_at DESC OFFSET %(versions)s LIMIT 1
    ) AS since,
    (SELECT min(created_at) FROM pedigree.search_version) AS oldest,
    (
        SELECT max(created_at) FROM pedigree.search_version WHERE created_at <= %(until)s
    ) AS newest;

-- name: records
-- The records of some versions, in the given order. One row at a time and with a limit, so that it
-- never becomes a scan of all records, and the first row comes before the last one is read.
SELECT found.place, shown.record, shown.signature, shown.verification,
    (
        SELECT m.generation FROM pedigree.registered_model m WHERE m.model_id = found.model_id
    ) AS generation
FROM unnest(%(model_ids)s::bigint[], %(versions)s::integer[])
    WITH ORDINALITY AS found (model_id, version, place)
CROSS JOIN LATERAL (
    SELECT r.record::text, r.signature, r.verification::text FROM pedigree.search_record r
    WHERE r.model_id = found.model_id AND r.version = found.version
    LIMIT 1
) AS shown;
