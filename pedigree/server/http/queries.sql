-- name: begin_request
-- Lock this key until the transaction ends; false when another request with it is in progress.
SELECT pg_try_advisory_xact_lock(
    hashtextextended('pedigree.request ' || %(principal)s || ' ' || %(key)s, 0)
) AS free;

-- name: kept_answer
-- The stored answer of the request that had this key.
SELECT fingerprint, status, headers, body FROM pedigree.kept_answer
WHERE principal = %(principal)s AND key = %(key)s;

-- name: keep_answer
-- Store a request's answer, and delete some answers that have expired.
WITH old AS (
    DELETE FROM pedigree.kept_answer
    WHERE (principal, key) IN (
        SELECT principal, key FROM pedigree.kept_answer
        WHERE answered_at < clock_timestamp() - %(kept)s::interval
        ORDER BY answered_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO pedigree.kept_answer (principal, key, fingerprint, status, headers, body)
VALUES (%(principal)s, %(key)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s);
