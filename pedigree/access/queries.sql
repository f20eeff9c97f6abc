-- name: insert_token
-- Insert a new token with the hash of its secret, never the secret. The actor is set before the function
-- runs.
SELECT (made.token).token_id, (made.token).principal, (made.token).roles, (made.token).models,
    (made.token).created_at, (made.token).created_by, (made.token).expires_at,
    (made.token).revoked_at, (made.token).revoked_by
FROM (
    SELECT pedigree.create_token(
        %(principal)s, %(secret_hash)s, %(roles)s::text[], %(models)s::text[], %(expires)s::interval
    ) AS token
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source
    OFFSET 0  -- so that it is called once
) AS made;

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
-- Revoke a token, unless it is already revoked. The actor is set before the function runs.
SELECT (ended.token).token_id, (ended.token).principal, (ended.token).roles, (ended.token).models,
    (ended.token).created_at, (ended.token).created_by, (ended.token).expires_at,
    (ended.token).revoked_at, (ended.token).revoked_by
FROM (
    SELECT pedigree.revoke_token(%(token_id)s) AS token
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source
    OFFSET 0  -- so that it is called once
) AS ended;

-- name: token
-- One token.
SELECT token_id, principal, roles, models, created_at, created_by, expires_at, revoked_at,
    revoked_by
FROM pedigree.access_token
WHERE token_id = %(token_id)s;

-- name: note_exchange
-- Note that a workload's token is exchanged; no row if it was before.
SELECT noted AS token_id
FROM pedigree.note_exchange(%(issuer)s, %(jti_hash)s, %(expires_at)s, %(token_id)s) AS noted
WHERE noted IS NOT NULL;
