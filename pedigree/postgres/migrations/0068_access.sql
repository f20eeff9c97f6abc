-- Roles, groups and grants as data. Each change is the event that describes it: one function applies
-- the event to the tables and writes it, so that no row can differ from the log.

CREATE TABLE pedigree.access_role (
    name text CONSTRAINT access_role_pkey PRIMARY KEY
        CONSTRAINT access_role_name CHECK (name ~ '^[a-z][a-z0-9_-]{0,63}$'),
    permissions text[] NOT NULL
        CONSTRAINT access_role_permissions CHECK (cardinality(permissions) > 0),
    -- Stages to which the permissions that concern a stage are limited; all if empty.
    stages text[] NOT NULL DEFAULT '{}',
    description text,
    -- Null for the built-in roles, which no event defines.
    defined_at timestamptz,
    defined_by text,
    CONSTRAINT access_role_defined CHECK ((defined_at IS NULL) = (defined_by IS NULL))
);

INSERT INTO pedigree.access_role (name, permissions) VALUES
    ('reader', '{read}'),
    ('contributor', '{read,register,describe,request,judge}'),
    ('deployer', '{read,request,move,decide,quarantine,judge}'),
    ('approver', '{read,decide}'),
    ('auditor', '{read,audit}'),
    ('admin', '{read,register,describe,request,move,decide,override,quarantine,judge,govern,delete}'
        || '{configure,operate,administer,audit}'::text[]);

CREATE TABLE pedigree.access_group (
    name text CONSTRAINT access_group_pkey PRIMARY KEY
        CONSTRAINT access_group_name CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,127}$'),
    description text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE pedigree.access_group_member (
    group_name text NOT NULL CONSTRAINT access_group_member_group
        REFERENCES pedigree.access_group (name),
    member text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    CONSTRAINT access_group_member_not_oneself
        CHECK (pedigree.person_key(added_by) <> pedigree.person_key(member))
);

CREATE UNIQUE INDEX access_group_member_once
    ON pedigree.access_group_member (pedigree.person_key(member), group_name);
CREATE INDEX access_group_member_of_group ON pedigree.access_group_member (group_name);

CREATE SEQUENCE pedigree.access_grant_id AS bigint;

CREATE TABLE pedigree.access_grant (
    grant_id bigint CONSTRAINT access_grant_pkey PRIMARY KEY,
    principal text,
    group_name text,
    role text NOT NULL,
    models text[] NOT NULL,
    stages text[] NOT NULL,
    effect text NOT NULL CONSTRAINT access_grant_effect CHECK (effect IN ('allow', 'deny')),
    expires_at timestamptz,
    reason text,
    granted_at timestamptz NOT NULL,
    granted_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    end_reason text,
    -- No event changes it: it is updated at most once an hour.
    last_used_at timestamptz,
    CONSTRAINT access_grant_grantee CHECK (num_nonnulls(principal, group_name) = 1),
    CONSTRAINT access_grant_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT access_grant_expiry CHECK (expires_at > granted_at),
    CONSTRAINT access_grant_not_to_oneself
        CHECK (effect = 'deny' OR pedigree.person_key(principal) <> pedigree.person_key(granted_by)),
    CONSTRAINT access_grant_denial_not_ended_by_oneself
        CHECK (effect = 'allow' OR pedigree.person_key(principal) <> pedigree.person_key(ended_by))
);

CREATE INDEX access_grant_of_principal ON pedigree.access_grant (pedigree.person_key(principal))
    WHERE ended_at IS NULL;
CREATE INDEX access_grant_of_group ON pedigree.access_grant (group_name) WHERE ended_at IS NULL;

-- A token without roles has what its principal is granted.
ALTER TABLE pedigree.access_token DROP CONSTRAINT access_token_roles_check;

-- The keys of all names by which a person acts, with their verified e-mails.
CREATE FUNCTION pedigree.keys_of_person(who text)
RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    person text := pedigree.person_of(who);
    known bigint := CASE WHEN person NOT LIKE 'name %' THEN person::bigint END;
BEGIN
    IF known IS NULL THEN
        RETURN ARRAY[pedigree.person_key(who)];
    END IF;
    RETURN ARRAY(
        SELECT pedigree.person_key(who)
        UNION
        SELECT pedigree.person_key(p.name) FROM pedigree.principal p WHERE p.person_id = known
        UNION
        SELECT pedigree.person_key(i.email)
        FROM pedigree.principal p JOIN pedigree.identity i USING (principal_id)
        WHERE p.person_id = known AND i.email IS NOT NULL
    );
END
$$;

-- The grants that apply to somebody now, their own and those of their groups. What is denied to a person
-- is denied by every name; what is allowed to one name is not allowed to another: a link, or an e-mail
-- that another issuer verified, gives nobody rights.
CREATE FUNCTION pedigree.grants_in_force(who text)
RETURNS SETOF pedigree.access_grant
LANGUAGE plpgsql STABLE AS $$
DECLARE
    own text := pedigree.person_key(who);
    keys text[] := pedigree.keys_of_person(who);
BEGIN
    RETURN QUERY
    SELECT g.* FROM pedigree.access_grant g
    WHERE g.ended_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
        AND pedigree.person_key(g.principal) = ANY (keys)
        AND (g.effect = 'deny' OR pedigree.person_key(g.principal) = own)
    UNION ALL
    SELECT g.* FROM pedigree.access_grant g
    WHERE g.ended_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
        AND g.group_name IN (
            SELECT m.group_name FROM pedigree.access_group_member m
            WHERE pedigree.person_key(m.member) = ANY (keys)
                AND (g.effect = 'deny' OR pedigree.person_key(m.member) = own)
        );
END
$$;

-- What somebody may do: the given roles, their grants, and their groups.
CREATE FUNCTION pedigree.access_of(who text, carried text[])
RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN json_build_object(
        'roles', (
            SELECT coalesce(json_agg(json_build_object(
                'name', r.name, 'permissions', r.permissions, 'stages', r.stages
            )), '[]')
            FROM pedigree.access_role r WHERE r.name = ANY (carried)
        ),
        'grants', (
            SELECT coalesce(json_agg(json_build_object(
                'grant_id', g.grant_id, 'group', g.group_name, 'effect', g.effect, 'role', g.role,
                'permissions', r.permissions, 'models', g.models,
                'stages', CASE WHEN cardinality(g.stages) > 0 THEN g.stages ELSE r.stages END
            )), '[]')
            FROM pedigree.grants_in_force(who) g
            JOIN pedigree.access_role r ON r.name = g.role
        ),
        'groups', (
            SELECT coalesce(json_agg(m.group_name), '[]')
            FROM pedigree.access_group_member m
            WHERE pedigree.person_key(m.member) = pedigree.person_key(who)
        )
    );
END
$$;

-- A token that is neither revoked nor expired, and what its principal may do, both as JSON.
CREATE FUNCTION pedigree.find_bearer(wanted_hash bytea)
RETURNS TABLE (token text, access text)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    RETURN QUERY
    SELECT to_json(valid)::text, pedigree.access_of(valid.principal, valid.roles)::text FROM (
        SELECT t.token_id, t.principal, t.roles, t.models, t.created_at, t.created_by,
            t.expires_at, t.revoked_at, t.revoked_by
        FROM pedigree.access_token t
        WHERE t.secret_hash = wanted_hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
    ) AS valid;
END
$$;

-- What somebody holds who decided: their grants and groups, the roles of their tokens, and those that
-- the newest tokens of their identities had. A token that expired still counts: its end is that of a
-- secret, and only a revocation withdraws its roles.
CREATE FUNCTION pedigree.standing_of(names text[])
RETURNS TABLE (name text, access json, tokens json, seen json)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT each.name, pedigree.access_of(each.name, '{}'), (
        SELECT coalesce(json_agg(json_build_object(
            'token_id', t.token_id, 'expires_at', t.expires_at,
            'roles', pedigree.access_of('', t.roles) -> 'roles', 'models', t.models
        )), '[]')
        FROM pedigree.access_token t
        WHERE pedigree.person_key(t.principal) = ANY (pedigree.keys_of_person(each.name))
            AND t.revoked_at IS NULL
    ), (
        SELECT coalesce(json_agg(json_build_object(
            'issuer', i.issuer, 'roles', pedigree.access_of('', i.roles) -> 'roles',
            'models', i.models
        )), '[]')
        FROM pedigree.principal p JOIN pedigree.identity i USING (principal_id)
        WHERE p.person_id::text = pedigree.person_of(each.name)
    )
    FROM unnest(names) AS each (name);
END
$$;

-- Whether somebody holds a role: by a grant, a group, a valid token, or the newest token of an identity.
CREATE FUNCTION pedigree.holds_role(who text, wanted text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pedigree.grants_in_force(who) g WHERE g.role = wanted)
        OR EXISTS (
            SELECT FROM pedigree.access_token t
            WHERE pedigree.person_key(t.principal) = ANY (pedigree.keys_of_person(who))
                AND t.revoked_at IS NULL
                AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
                AND wanted = ANY (t.roles)
        ) OR EXISTS (
            SELECT FROM pedigree.principal p JOIN pedigree.identity i USING (principal_id)
            WHERE p.person_id::text = pedigree.person_of(who) AND wanted = ANY (i.roles)
        )
$$;

CREATE FUNCTION pedigree.is_in_group(who text, wanted text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.access_group_member m
        WHERE pedigree.person_key(m.member) = ANY (pedigree.keys_of_person(who))
            AND m.group_name = wanted
    )
$$;

-- Whether a group denies something to its members.
CREATE FUNCTION pedigree.group_denies(wanted text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.access_grant g
        WHERE g.group_name = wanted AND g.effect = 'deny' AND g.ended_at IS NULL
            AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
    )
$$;

-- Refuse a change of access; the constraint names the reason.
CREATE FUNCTION pedigree.refuse_access(reason text)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the change of access is refused: %', reason
        USING ERRCODE = 'check_violation', CONSTRAINT = reason;
END
$$;

-- Wait for other changes of access, and return the time of this one; for a new grant also its id.
CREATE FUNCTION pedigree.begin_access_change(is_grant boolean)
RETURNS TABLE (at timestamptz, grant_id bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.access', 0));
    RETURN QUERY
    SELECT clock_timestamp(), CASE WHEN is_grant THEN nextval('pedigree.access_grant_id') END;
END
$$;

-- Names of roles and groups, written as role:approver and group:risk, that do not exist. No change of
-- access comes before the end of the transaction.
CREATE FUNCTION pedigree.unknown_words(words text[])
RETURNS text[]
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.access', 0));
    RETURN ARRAY(
        SELECT word FROM unnest(words) AS word
        WHERE NOT EXISTS (SELECT FROM pedigree.access_role r WHERE 'role:' || r.name = word)
            AND NOT EXISTS (SELECT FROM pedigree.access_group g WHERE 'group:' || g.name = word)
    );
END
$$;

-- Whether a policy of a living model names a role or a group.
CREATE FUNCTION pedigree.is_in_policy(word text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.deleted_at IS NULL
            AND jsonb_path_exists(m.policy, '$.** ? (@ == $word)', jsonb_build_object('word', word))
    )
$$;

CREATE FUNCTION pedigree.apply_grant(kind text, body jsonb, at timestamptz, actor text)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    known pedigree.access_grant;
    limited boolean;
BEGIN
    IF kind = 'grant.created' THEN
        SELECT cardinality(r.stages) > 0 INTO limited
        FROM pedigree.access_role r WHERE r.name = body ->> 'role';
        IF limited IS NULL THEN
            PERFORM pedigree.refuse_access('access_grant_role');
        END IF;
        IF limited AND jsonb_array_length(body -> 'stages') > 0 THEN
            PERFORM pedigree.refuse_access('access_grant_stages');
        END IF;
        IF body ->> 'group' IS NOT NULL THEN
            IF NOT EXISTS (SELECT FROM pedigree.access_group WHERE name = body ->> 'group') THEN
                PERFORM pedigree.refuse_access('access_grant_group');
            END IF;
        END IF;
        IF body ->> 'effect' = 'allow' AND (
            pedigree.is_in_group(actor, body ->> 'group')
            OR pedigree.person_of(body ->> 'principal') = pedigree.person_of(actor)
        ) THEN
            PERFORM pedigree.refuse_access('access_grant_not_to_oneself');
        END IF;
        INSERT INTO pedigree.access_grant (
            grant_id, principal, group_name, role, models, stages, effect, expires_at, reason,
            granted_at, granted_by
        )
        VALUES (
            (body ->> 'grant_id')::bigint, body ->> 'principal', body ->> 'group', body ->> 'role',
            ARRAY(SELECT jsonb_array_elements_text(body -> 'models')),
            ARRAY(SELECT jsonb_array_elements_text(body -> 'stages')),
            body ->> 'effect', (body ->> 'expires_at')::timestamptz, body ->> 'reason', at, actor
        );
        RETURN true;
    END IF;
    SELECT * INTO known FROM pedigree.access_grant g
    WHERE g.grant_id = (body ->> 'grant_id')::bigint;
    IF known.effect = 'deny' AND (
        pedigree.is_in_group(actor, known.group_name)
        OR pedigree.person_of(known.principal) = pedigree.person_of(actor)
    ) THEN
        PERFORM pedigree.refuse_access('access_grant_denial_not_ended_by_oneself');
    END IF;
    UPDATE pedigree.access_grant g
    SET ended_at = at, ended_by = actor, end_reason = body ->> 'reason'
    WHERE g.grant_id = known.grant_id AND g.ended_at IS NULL;
    RETURN FOUND;
END
$$;

CREATE FUNCTION pedigree.apply_role(kind text, body jsonb, at timestamptz, actor text)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    wanted text := body ->> 'role';
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.access_role r WHERE r.name = wanted AND r.defined_at IS NULL
    ) THEN
        PERFORM pedigree.refuse_access('access_role_built_in');
    END IF;
    IF pedigree.holds_role(actor, wanted) THEN
        PERFORM pedigree.refuse_access('access_role_not_of_oneself');
    END IF;
    IF kind = 'role.defined' THEN
        IF jsonb_array_length(body -> 'stages') > 0 AND EXISTS (
            SELECT FROM pedigree.access_grant g
            WHERE g.role = wanted AND g.ended_at IS NULL AND cardinality(g.stages) > 0
        ) THEN
            PERFORM pedigree.refuse_access('access_grant_stages');
        END IF;
        INSERT INTO pedigree.access_role AS known (
            name, permissions, stages, description, defined_at, defined_by
        )
        VALUES (
            wanted,
            ARRAY(SELECT jsonb_array_elements_text(body -> 'permissions')),
            ARRAY(SELECT jsonb_array_elements_text(body -> 'stages')),
            body ->> 'description', at, actor
        )
        ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions,
            stages = excluded.stages, description = excluded.description,
            defined_at = excluded.defined_at, defined_by = excluded.defined_by;
        RETURN true;
    END IF;
    IF pedigree.is_in_policy('role:' || wanted) OR EXISTS (
        SELECT FROM pedigree.access_grant g
        WHERE g.role = wanted AND g.ended_at IS NULL
            AND (g.expires_at IS NULL OR g.expires_at > at)
    ) OR EXISTS (
        SELECT FROM pedigree.access_token t
        WHERE wanted = ANY (t.roles) AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > at)
    ) THEN
        PERFORM pedigree.refuse_access('access_role_unused');
    END IF;
    DELETE FROM pedigree.access_role r WHERE r.name = wanted;
    RETURN FOUND;
END
$$;

CREATE FUNCTION pedigree.apply_group(kind text, body jsonb, at timestamptz, actor text)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    wanted text := body ->> 'group';
    who text := body ->> 'member';
BEGIN
    IF kind = 'group.created' THEN
        INSERT INTO pedigree.access_group (name, description, created_at, created_by)
        VALUES (wanted, body ->> 'description', at, actor)
        ON CONFLICT (name) DO NOTHING;
        RETURN FOUND;
    ELSIF kind = 'group.member_added' THEN
        IF pedigree.person_of(who) = pedigree.person_of(actor) THEN
            PERFORM pedigree.refuse_access('access_group_member_not_oneself');
        END IF;
        INSERT INTO pedigree.access_group_member (group_name, member, added_at, added_by)
        VALUES (wanted, who, at, actor)
        ON CONFLICT (pedigree.person_key(member), group_name) DO NOTHING;
        RETURN FOUND;
    END IF;
    -- Whoever leaves a group, or deletes it, also leaves what it denies.
    IF pedigree.group_denies(wanted) AND (
        CASE WHEN kind = 'group.deleted' THEN pedigree.is_in_group(actor, wanted)
            ELSE pedigree.person_of(actor) = pedigree.person_of(who) END
    ) THEN
        PERFORM pedigree.refuse_access('access_grant_denial_not_ended_by_oneself');
    END IF;
    IF kind = 'group.member_removed' THEN
        DELETE FROM pedigree.access_group_member m
        WHERE m.group_name = wanted
            AND pedigree.person_key(m.member) = pedigree.person_key(who);
        RETURN FOUND;
    END IF;
    IF pedigree.is_in_policy('group:' || wanted) THEN
        PERFORM pedigree.refuse_access('access_group_unused');
    END IF;
    DELETE FROM pedigree.access_group_member m WHERE m.group_name = wanted;
    UPDATE pedigree.access_grant g
    SET ended_at = at, ended_by = actor, end_reason = body ->> 'reason'
    WHERE g.group_name = wanted AND g.ended_at IS NULL;
    DELETE FROM pedigree.access_group g WHERE g.name = wanted;
    RETURN FOUND;
END
$$;

-- Apply a change of roles, groups or grants, and write its event; false if it changes nothing. The actor
-- is the setting of the transaction, and the time is of this transaction.
CREATE FUNCTION pedigree.change_access(event_id uuid, canonical bytea)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    content jsonb := convert_from(canonical, 'UTF8')::jsonb;
    kind text := content ->> 'type';
    at timestamptz := (content ->> 'at')::timestamptz;
    actor text := nullif(current_setting('pedigree.actor', true), '');
    changed boolean;
BEGIN
    IF actor IS NULL OR actor IS DISTINCT FROM content #>> '{actor,name}'
        OR current_setting('pedigree.actor_source', true)
            IS DISTINCT FROM content #>> '{actor,source}'
    THEN
        RAISE EXCEPTION 'somebody changes access: the setting pedigree.actor is not their name'
            USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    IF event_id::text IS DISTINCT FROM content ->> 'event_id'
        OR at NOT BETWEEN transaction_timestamp() AND clock_timestamp()
    THEN
        RAISE EXCEPTION 'the event of a change of access is not of this transaction';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.access', 0));
    changed := CASE split_part(kind, '.', 1)
        WHEN 'grant' THEN pedigree.apply_grant(kind, content -> 'body', at, actor)
        WHEN 'role' THEN pedigree.apply_role(kind, content -> 'body', at, actor)
        WHEN 'group' THEN pedigree.apply_group(kind, content -> 'body', at, actor)
    END;
    IF changed THEN
        WITH written AS (
            INSERT INTO pedigree.event (event_id, type, canonical, leaf, at)
            VALUES (event_id, kind, canonical, sha256('\x00'::bytea || canonical), at)
            RETURNING id
        )
        INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;
    END IF;
    RETURN changed;
END
$$;

-- Note that grants were used, at most once an hour each.
CREATE FUNCTION pedigree.note_grants_used(used bigint[])
RETURNS void
LANGUAGE sql AS $$
    UPDATE pedigree.access_grant g SET last_used_at = clock_timestamp()
    WHERE g.grant_id = ANY (used)
        AND (g.last_used_at IS NULL OR g.last_used_at < clock_timestamp() - interval '1 hour')
$$;
