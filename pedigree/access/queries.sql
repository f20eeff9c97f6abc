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
-- Revoke a token, unless it is already revoked. The actor is set before the function runs.
SELECT (ended.token).token_id, (ended.token).principal, (ended.token).roles, (ended.token).models,
    (ended.token).created_at, (ended.token).created_by, (ended.token).expires_at,
    (ended.token).revoked_at, (ended.token).revoked_by
FROM (
    SELECT pedigree.revoke_token(known.token_id) AS token
    FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
        set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source,
        pedigree.access_token AS known
    WHERE known.token_id = %(token_id)s
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

-- name: find_identity
-- An identity with its principal, as JSON; no row if it is unknown, or has no principal.
SELECT identity FROM pedigree.find_identity(%(issuer)s, %(subject)s);

-- name: see_identity
-- Note what the token of an identity says, and find or add its principal.
SELECT pedigree.see_identity(%(seen)s::jsonb) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: is_active_until_end
-- Whether the person of a name is let in; nobody changes that until the transaction ends.
SELECT pedigree.is_active_until_end(%(principal)s) AS is_active;

-- name: link_identity
-- Let an identity act by a principal.
SELECT pedigree.link_identity(%(principal)s, %(issuer)s, %(subject)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: unlink_identity
-- Let an identity act by no principal until its next token.
SELECT pedigree.unlink_identity(%(principal)s, %(issuer)s, %(subject)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: link_principal
-- Say that two principals are one person.
SELECT pedigree.link_principal(%(principal)s, %(person)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: unlink_principal
-- Say that a principal is a person of its own.
SELECT pedigree.unlink_principal(%(principal)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: set_person_active
-- Let a person in, or no longer.
SELECT pedigree.set_person_active(%(principal)s, %(active)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: end_rights
-- Revoke the tokens of a person, and end what was last seen in the tokens of their issuers.
SELECT pedigree.end_rights(%(principal)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: roles_last_seen
-- The roles and groups that the identities of a principal had in their newest tokens.
SELECT issuer, roles, models, groups, issued_at, seen_at
FROM pedigree.roles_last_seen(%(principal)s);

-- name: principals
-- Principals after another one, or the one of a name, with their persons and identities.
SELECT p.principal_id, p.name, p.kind, person.name AS person, p.created_at,
    person.deactivated_at, coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'identity_id', i.identity_id, 'issuer', i.issuer, 'subject', i.subject,
            'email', i.email, 'roles', i.roles, 'models', i.models, 'groups', i.groups,
            'issued_at', i.issued_at, 'seen_at', i.seen_at, 'ended_at', i.ended_at
        ) ORDER BY i.identity_id)
        FROM pedigree.identity i WHERE i.principal_id = p.principal_id
    ), '[]') AS identities
FROM pedigree.principal p
JOIN pedigree.principal person ON person.principal_id = p.person_id
WHERE p.principal_id > %(after)s AND (
    %(name)s::text IS NULL OR pedigree.person_key(p.name) = pedigree.person_key(%(name)s)
)
ORDER BY p.principal_id
LIMIT %(limit)s;


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
    AND (%(principal)s::text IS NULL OR pedigree.person_key(principal) = pedigree.person_key(%(principal)s::text))
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
WHERE pedigree.person_key(principal) = pedigree.person_key(%(principal)s) AND ended_at IS NULL
    AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY grant_id;

-- name: groups_of_principal
-- The groups of a principal.
SELECT group_name, pedigree.group_denies(group_name) AS denies
FROM pedigree.access_group_member
WHERE pedigree.person_key(member) = pedigree.person_key(%(principal)s)
ORDER BY group_name;

-- name: tokens_of_principal
-- The numbers of the tokens of a principal that are not revoked.
SELECT token_id FROM pedigree.access_token
WHERE pedigree.person_key(principal) = pedigree.person_key(%(principal)s) AND revoked_at IS NULL
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
    WHERE m.group_name = g.name ORDER BY pedigree.shown_name(m.member)
) AS members
FROM pedigree.access_group g
WHERE g.name > %(after)s AND (%(name)s::text IS NULL OR g.name = %(name)s::text)
ORDER BY g.name
LIMIT %(limit)s;

-- name: standing_of
-- What people hold now by grants, groups and tokens that are not revoked.
SELECT name, access::text AS access, tokens::text AS tokens, seen::text AS seen
FROM pedigree.standing_of(%(names)s);

-- name: note_grants_used
-- Note that grants were used, at most once an hour each.
SELECT pedigree.note_grants_used(%(used)s);

-- name: is_one_person
-- Whether two names are those of one person.
SELECT pedigree.person_of(%(one)s) = pedigree.person_of(%(other)s) AS same;

-- name: had_admin
-- Whether anybody ever had a role that administers access: by a grant, a token, or a login.
WITH administering AS (
    SELECT r.name FROM pedigree.access_role r WHERE 'administer' = ANY (r.permissions)
)
SELECT EXISTS (
    SELECT FROM pedigree.access_grant g JOIN administering a ON a.name = g.role
    WHERE g.effect = 'allow'
) OR EXISTS (
    SELECT FROM pedigree.access_token t JOIN administering a ON a.name = ANY (t.roles)
) OR EXISTS (
    SELECT FROM pedigree.identity i JOIN administering a ON a.name = ANY (i.roles)
) AS had_admin;

-- name: begin_web_session
-- Begin a session of the web page; no row if its token or the answer of its issuer does not give one.
SELECT begun.session_id
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source,
    pedigree.begin_web_session(
        %(secret_hash)s, %(token_id)s::bigint, %(issuer)s::text, %(subject)s::text,
        %(login)s::jsonb, %(login_hash)s::bytea
    ) AS begun;

-- name: find_web_session
-- The open session of a secret with its token and what its principal holds, or its identity, as JSON.
SELECT session, token, access, identity FROM pedigree.find_web_session(%(secret_hash)s);

-- name: note_web_session_used
-- Note that a session is used.
SELECT pedigree.note_web_session_used(%(session_id)s);

-- name: end_web_session
-- End a session; no row if it ended before. The actor is set before the function runs.
SELECT ended.session_id
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source,
    pedigree.end_web_session(%(session_id)s) AS ended;

-- name: web_session
-- One session.
SELECT s.session_id, coalesce(t.principal, p.name) AS principal, s.token_id, i.issuer, s.began_at,
    s.used_at, s.expires_at, s.ended_at, s.ended_by, pedigree.is_open(s) AS is_open
FROM pedigree.web_session s
LEFT JOIN pedigree.access_token t USING (token_id)
LEFT JOIN pedigree.identity i USING (identity_id)
LEFT JOIN pedigree.principal p ON p.principal_id = i.principal_id
WHERE s.session_id = %(session_id)s;

-- name: web_sessions
-- Sessions before another one, the newest first, with ended ones.
SELECT s.session_id, coalesce(t.principal, p.name) AS principal, s.token_id, i.issuer, s.began_at,
    s.used_at, s.expires_at, s.ended_at, s.ended_by, pedigree.is_open(s) AS is_open
FROM pedigree.web_session s
LEFT JOIN pedigree.access_token t USING (token_id)
LEFT JOIN pedigree.identity i USING (identity_id)
LEFT JOIN pedigree.principal p ON p.principal_id = i.principal_id
WHERE %(before)s::bigint IS NULL OR s.session_id < %(before)s::bigint
ORDER BY s.session_id DESC
LIMIT %(limit)s;

-- name: begin_provisioning
-- Wait for other changes of access and of people.
SELECT pedigree.begin_provisioning() AS at;

-- name: count_users
-- The number of users that SCIM provisions.
SELECT count(*) AS total FROM pedigree.provisioned_user WHERE deleted_at IS NULL;

-- name: provisioned_users
-- Users that SCIM provisions, the oldest first; only those of an id, a name or an external id if given.
SELECT u.user_id, p.name, u.external_id, i.email, first.deactivated_at IS NULL AS active, u.created_at,
    u.modified_at
FROM pedigree.provisioned_user u
JOIN pedigree.principal p USING (principal_id)
JOIN pedigree.principal first ON first.principal_id = p.person_id
LEFT JOIN pedigree.identity i
    ON i.issuer = 'urn:pedigree:scim' AND i.subject = u.principal_id::text
WHERE u.deleted_at IS NULL
    AND (%(user_ids)s::uuid[] IS NULL OR u.user_id = ANY (%(user_ids)s::uuid[]))
    AND (%(external_id)s::text IS NULL OR u.external_id = %(external_id)s::text)
    AND (
        %(name)s::text IS NULL OR pedigree.person_key(p.name) = pedigree.person_key(%(name)s::text)
    )
ORDER BY u.created_at, u.user_id
LIMIT %(limit)s OFFSET %(skip)s;

-- name: provision_user
-- Provision a user. The actor is set before the function runs.
SELECT pedigree.provision_user(
    %(user_id)s, %(principal)s, %(external_id)s, %(email)s, %(active)s::boolean
) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: change_user
-- Change what SCIM says of a user.
SELECT pedigree.change_user(
    %(user_id)s, %(principal)s, %(external_id)s, %(email)s, %(active)s::boolean
) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: deprovision_user
-- Remove a user, who is no longer let in.
SELECT pedigree.deprovision_user(%(user_id)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: provisioned_groups_of
-- The groups of SCIM that a principal is in.
SELECT m.group_name
FROM pedigree.access_group_member m
JOIN pedigree.provisioned_group USING (group_name)
WHERE pedigree.person_key(m.member) = pedigree.person_key(%(principal)s)
ORDER BY m.group_name;

-- name: count_groups
-- The number of groups that SCIM provisions.
SELECT count(*) AS total FROM pedigree.provisioned_group;

-- name: provisioned_groups
-- Groups that SCIM provisions, the oldest first; only the one of an id if given.
SELECT g.group_id, g.group_name AS "group", g.display_name, g.external_id, g.created_at, g.modified_at
FROM pedigree.provisioned_group g
WHERE %(group_id)s::uuid IS NULL OR g.group_id = %(group_id)s::uuid
ORDER BY g.created_at, g.group_id
LIMIT %(limit)s OFFSET %(skip)s;

-- name: provisioned_members
-- The members of groups that are users of SCIM, in the order of the groups.
SELECT m.group_name AS "group", u.user_id, m.member AS name
FROM pedigree.access_group_member m
JOIN pedigree.principal p ON pedigree.person_key(p.name) = pedigree.person_key(m.member)
JOIN pedigree.provisioned_user u ON u.principal_id = p.principal_id AND u.deleted_at IS NULL
WHERE m.group_name = ANY (%(groups)s)
ORDER BY array_position(%(groups)s, m.group_name), u.created_at, u.user_id
LIMIT %(limit)s;

-- name: provision_group
-- Keep what SCIM says of a new group.
SELECT pedigree.provision_group(%(group_id)s, %(group)s, %(display_name)s, %(external_id)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: change_group
-- Change what SCIM says of a group.
SELECT pedigree.change_group(%(group_id)s, %(display_name)s, %(external_id)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: pseudonyms_of
-- The pseudonyms of names, and the names that answers show for them; a new name gets a pseudonym.
SELECT made.name, made.pseudonym, coalesce(p.name, made.name) AS shown
FROM (
    SELECT given.name, pedigree.pseudonym_of(given.name) AS pseudonym
    FROM unnest(%(names)s::text[]) AS given (name)
    OFFSET 0  -- so that it is called once
) AS made
LEFT JOIN pedigree.pseudonym p ON p.pseudonym = made.pseudonym;

-- name: known_pseudonyms
-- The pseudonyms of the names that have one, and the names that answers show for them.
SELECT given.name, p.pseudonym, p.name AS shown
FROM unnest(%(names)s::text[]) AS given (name)
JOIN pedigree.pseudonym p ON pedigree.person_key(p.name) = pedigree.person_key(given.name);

-- name: exact_pseudonyms
-- The pseudonyms of the people with exactly these names.
SELECT p.name, p.pseudonym
FROM unnest(%(names)s::text[]) AS given (name)
JOIN pedigree.pseudonym p
    ON pedigree.person_key(p.name) = pedigree.person_key(given.name) AND p.name = given.name;

-- name: names_of
-- The names of the pseudonyms that are not erased.
SELECT pseudonym, name FROM pedigree.pseudonym WHERE pseudonym = ANY (%(wanted)s::text[]);

-- name: principals_of_person
-- The principals of the person of a name.
SELECT p.name FROM pedigree.principal p
WHERE p.person_id::text = pedigree.person_of(%(name)s)
ORDER BY p.principal_id;

-- name: erase_person
-- Erase the names of a person, and the subjects of their identities.
SELECT pedigree.erase_person(%(principal)s) AS done
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;
