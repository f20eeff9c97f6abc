-- name: insert_token
-- Insert a new token with the hash of its secret, never the secret.
INSERT INTO pedigree.access_token (
    principal, secret_hash, roles, models, created_at, created_by, expires_at
)
SELECT
    %(principal)s, %(secret_hash)s, %(roles)s, %(models)s, now.at, %(actor)s,
    now.at + %(expires)s::interval
FROM (SELECT clock_timestamp() AS at) AS now
RETURNING token_id, principal, roles, models, created_at, created_by, expires_at, revoked_at,
    revoked_by;

-- name: find_token
-- The token of a secret, if it is neither revoked nor expired, as JSON.
SELECT token FROM pedigree.find_token(%(secret_hash)s);

-- name: any_token
-- Whether a token exists that is neither revoked nor expired.
SELECT EXISTS (
    SELECT FROM pedigree.access_token
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
) AS present;

-- name: tokens
-- Tokens after another one, with revoked and expired ones.
SELECT token_id, principal, roles, models, created_at, created_by, expires_at, revoked_at,
    revoked_by
FROM pedigree.access_token
WHERE token_id > %(after)s
ORDER BY token_id
LIMIT %(limit)s;

-- name: revoke_token
-- Revoke a token, unless it is already revoked.
UPDATE pedigree.access_token SET revoked_at = clock_timestamp(), revoked_by = %(actor)s
WHERE token_id = %(token_id)s AND revoked_at IS NULL
RETURNING token_id, principal, roles, models, created_at, created_by, expires_at, revoked_at,
    revoked_by;

-- name: token
-- One token.
SELECT token_id, principal, roles, models, created_at, created_by, expires_at, revoked_at,
    revoked_by
FROM pedigree.access_token
WHERE token_id = %(token_id)s;

-- name: note_exchange
-- Note that a workload's token is exchanged; no row if it was before. Tokens that expired an hour
-- ago are forgotten, since the clocks of a worker and of the database differ by less.
WITH forgotten AS (
    DELETE FROM pedigree.exchanged_token
    WHERE (issuer, jti_hash) IN (
        SELECT issuer, jti_hash FROM pedigree.exchanged_token
        WHERE expires_at < clock_timestamp() - interval '1 hour'
        ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO pedigree.exchanged_token (issuer, jti_hash, expires_at, token_id)
VALUES (%(issuer)s, %(jti_hash)s, %(expires_at)s, %(token_id)s)
ON CONFLICT DO NOTHING
RETURNING token_id;
