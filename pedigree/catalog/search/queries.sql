-- name: settings
-- What holds for one statement of a search: which joins the planner may take, since it cannot know
-- how many versions a filter finds; whether it looks at the values; how long the statement may take.
SELECT set_config('enable_nestloop', %(nested)s, true), set_config('enable_mergejoin', %(merged)s, true),
    set_config('enable_hashjoin', %(hashed)s, true), set_config('enable_seqscan', %(scanned)s, true),
    set_config('plan_cache_mode', %(anew)s, true),
    set_config('statement_timeout', '60s', true);

-- name: trigrams
-- Where the extension pg_trgm is, if it is there.
SELECT n.nspname AS home
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_trgm';

-- name: newest_stretch
-- When the version was registered that so many others followed, NULL if there are not as many; and
-- when the first and the last of all were.
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
