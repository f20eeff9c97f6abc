-- name: settings
-- The settings of one search statement: which joins the planner may use, since it cannot know how
-- many versions a filter finds; whether it plans with the values; the statement timeout, and a shorter one
-- for locks, since a filter is not too broad because of what others lock. The sets
-- that a scan looks up fit into memory. There are no parallel workers: few searches run at once, so
-- that reads find a free processor, and workers would take those.
SELECT set_config('enable_nestloop', %(nested)s, true), set_config('enable_mergejoin', %(merged)s, true),
    set_config('enable_hashjoin', %(hashed)s, true), set_config('enable_seqscan', %(scanned)s, true),
    set_config('plan_cache_mode', %(replan)s, true),
    set_config('statement_timeout', %(limit)s, true), set_config('lock_timeout', %(wait)s, true),
    set_config('work_mem', '64MB', true),
    set_config('max_parallel_workers_per_gather', '0', true);

-- name: trigrams
-- The schema of the extension pg_trgm, if it is installed.
SELECT n.nspname AS home
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_trgm';

-- name: search_size
-- About how many versions there are, as last counted by Postgres; 0 if never.
SELECT greatest(reltuples, 0)::bigint AS versions
FROM pg_class WHERE oid = 'pedigree.search_version'::regclass;

-- name: records
-- The records of some versions, in the given order. One row at a time and with a limit, so that it
-- never becomes a scan of all records, and the first row comes before the last one is read. The planner
-- does not see how many they are, so that it keeps one plan for all numbers.
SELECT found.place, shown.record, shown.signature, shown.verification,
    (
        SELECT m.generation FROM pedigree.registered_model m WHERE m.model_id = found.model_id
    ) AS generation
FROM unnest((SELECT %(model_ids)s::bigint[]), (SELECT %(versions)s::integer[]))
    WITH ORDINALITY AS found (model_id, version, place)
CROSS JOIN LATERAL (
    SELECT r.record::text, r.signature, r.verification::text FROM pedigree.search_record r
    WHERE r.model_id = found.model_id AND r.version = found.version
    LIMIT 1
) AS shown;
