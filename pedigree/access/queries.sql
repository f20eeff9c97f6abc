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

-- name: find_bearer
-- The token of a secret, if it is neither revoked nor expired, and what its principal holds, as JSON.
SELECT token, access FROM pedigree.find_bearer(%(secret_hash)s);

-- name: access_of
-- What somebody holds, with the roles of their token, as JSON.
SELECT pedigree.access_of(%(principal)s, %(roles)s::text[])::text AS access;

-- name: unknown_words
-- The words such as role:approver that name no role and no group.
SELECT pedigree.unknown_words(%(words)s) AS unknown;

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

-- name: begin_access_change
-- Wait for other changes of access; the time of this one, and the number of a new grant.
SELECT at, grant_id FROM pedigree.begin_access_change(%(is_grant)s);

-- name: change_access
-- Apply a change of roles, groups or grants, and write its event; false if it changes nothing.
SELECT pedigree.change_access(%(event_id)s::uuid, %(canonical)s) AS changed
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: access_grant
-- One grant.
SELECT grant_id, principal, group_name AS "group", role, models, stages, effect, expires_at, reason,
    granted_at, granted_by, ended_at, ended_by, end_reason, last_used_at
FROM pedigree.access_grant
WHERE grant_id = %(grant_id)s;

-- name: access_grants
-- Grants after another one, also ended and expired ones if they are wanted, the oldest first.
SELECT grant_id, principal, group_name AS "group", role, models, stages, effect, expires_at, reason,
    granted_at, granted_by, ended_at, ended_by, end_reason, last_used_at
FROM pedigree.access_grant
WHERE grant_id > %(after)s
    AND (%(principal)s::text IS NULL OR lower(principal) = lower(%(principal)s::text))
    AND (%(group)s::text IS NULL OR group_name = %(group)s::text)
    AND (
        %(ended)s OR (
            ended_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
        )
    )
ORDER BY grant_id
LIMIT %(limit)s;

-- name: grants_of_principal
-- The numbers of the grants of a principal that neither ended nor expired.
SELECT grant_id FROM pedigree.access_grant
WHERE lower(principal) = lower(%(principal)s) AND ended_at IS NULL
    AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY grant_id;

-- name: groups_of_principal
-- The groups of a principal.
SELECT group_name, pedigree.group_denies(group_name) AS denies
FROM pedigree.access_group_member
WHERE lower(member) = lower(%(principal)s)
ORDER BY group_name;

-- name: tokens_of_principal
-- The numbers of the tokens of a principal that are not revoked.
SELECT token_id FROM pedigree.access_token
WHERE lower(principal) = lower(%(principal)s) AND revoked_at IS NULL
ORDER BY token_id;

-- name: access_roles
-- Roles after another one, by name.
SELECT name, permissions, stages, description, defined_at IS NULL AS is_built_in, defined_at,
    defined_by
FROM pedigree.access_role
WHERE name > %(after)s AND (%(name)s::text IS NULL OR name = %(name)s::text)
ORDER BY name
LIMIT %(limit)s;

-- name: access_groups
-- Groups after another one with their members, by name.
SELECT g.name, g.description, g.created_at, g.created_by, ARRAY(
    SELECT m.member FROM pedigree.access_group_member m
    WHERE m.group_name = g.name ORDER BY m.member
) AS members
FROM pedigree.access_group g
WHERE g.name > %(after)s AND (%(name)s::text IS NULL OR g.name = %(name)s::text)
ORDER BY g.name
LIMIT %(limit)s;

-- name: standing_of
-- What people hold now by grants, groups and tokens that are not revoked.
SELECT name, access::text AS access, tokens::text AS tokens FROM pedigree.standing_of(%(names)s);

-- name: note_grants_used
-- Note that grants were used, at most once an hour each.
SELECT pedigree.note_grants_used(%(used)s);
