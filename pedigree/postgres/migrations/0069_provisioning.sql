-- Users and groups that an identity provider provisions by SCIM 2.0 (RFC 7643 and 7644). A user is a
-- principal of a person, and a group is a group of access: these tables have only what the protocol adds.

UPDATE pedigree.access_role SET permissions = permissions || '{provision}'::text[]
WHERE name = 'admin' AND defined_at IS NULL;

-- The e-mail of a user is that of an identity with the issuer urn:pedigree:scim, so that it is found as
-- the e-mails of logins are.
CREATE TABLE pedigree.provisioned_user (
    user_id uuid CONSTRAINT provisioned_user_pkey PRIMARY KEY,
    principal_id bigint NOT NULL CONSTRAINT provisioned_user_principal UNIQUE
        REFERENCES pedigree.principal (principal_id),
    external_id text,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL,
    -- When the provider deactivated the person. It lets them in again only if that is still in force:
    -- what an admin deactivates, an admin reactivates.
    deactivated_at timestamptz,
    -- When the provider removed the user; the row waits for the person's return.
    deleted_at timestamptz
);

CREATE UNIQUE INDEX provisioned_user_external ON pedigree.provisioned_user (external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX provisioned_user_order ON pedigree.provisioned_user (created_at, user_id)
    WHERE deleted_at IS NULL;

CREATE TABLE pedigree.provisioned_group (
    group_id uuid CONSTRAINT provisioned_group_pkey PRIMARY KEY,
    group_name text NOT NULL CONSTRAINT provisioned_group_name UNIQUE
        REFERENCES pedigree.access_group (name) ON DELETE CASCADE,
    display_name text NOT NULL,
    external_id text,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);

-- As before, and the time is kept for what the change entails: its events have this one time.
CREATE OR REPLACE FUNCTION pedigree.begin_change_of_people() RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.people', 0));
    RETURN set_config('pedigree.people_at', clock_timestamp()::text, true)::timestamptz;
END
$$;

-- As before, but tokens are revoked at the time of their events.
CREATE OR REPLACE FUNCTION pedigree.join_persons(one bigint, other bigint, because text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    kept bigint := least(one, other);
    ended bigint := greatest(one, other);
    ended_since timestamptz;
    events jsonb;
BEGIN
    IF one = other THEN
        RETURN '[]';
    END IF;
    SELECT p.deactivated_at INTO ended_since FROM pedigree.principal p
    WHERE p.principal_id = ended;
    WITH moved AS (
        UPDATE pedigree.principal SET person_id = kept, deactivated_at = NULL
        WHERE person_id = ended
        RETURNING principal_id, name
    )
    SELECT jsonb_agg(jsonb_build_object('type', 'principal.linked', 'body', jsonb_build_object(
        'principal', m.name, 'principal_id', m.principal_id, 'person_id', kept, 'because', because
    )) ORDER BY m.principal_id) INTO events
    FROM moved m;
    UPDATE pedigree.principal p SET deactivated_at = ended_since
    WHERE p.principal_id = kept AND p.deactivated_at IS NULL AND ended_since IS NOT NULL;
    IF FOUND THEN
        events := events || pedigree.deactivation_of(kept);
    END IF;
    IF (SELECT p.deactivated_at FROM pedigree.principal p WHERE p.principal_id = kept) IS NOT NULL
    THEN
        events := events || pedigree.end_rights_of_person(
            kept, current_setting('pedigree.people_at')::timestamptz
        );
    END IF;
    RETURN events;
END
$$;

-- Let one transaction at a time change what is provisioned. The lock of access comes before that of
-- people, as where access is revoked, so that the two do not wait for each other.
CREATE FUNCTION pedigree.begin_provisioning() RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.access', 0));
    RETURN pedigree.begin_change_of_people();
END
$$;

-- Whether an identity acts by a principal, besides what SCIM says of it.
CREATE FUNCTION pedigree.has_login(of_principal bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT EXISTS (
    SELECT FROM pedigree.identity i
    WHERE i.principal_id = of_principal AND i.issuer <> 'urn:pedigree:scim'
)
$$;

-- Let the person of a principal in, or no longer, and return the events.
CREATE FUNCTION pedigree.set_activity(of_principal bigint, wanted boolean, at timestamptz)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    person pedigree.principal;
BEGIN
    SELECT first.* INTO person
    FROM pedigree.principal p JOIN pedigree.principal first ON first.principal_id = p.person_id
    WHERE p.principal_id = of_principal;
    IF wanted = (person.deactivated_at IS NULL) THEN
        RETURN '[]';
    END IF;
    UPDATE pedigree.principal p SET deactivated_at = CASE WHEN NOT wanted THEN at END
    WHERE p.principal_id = person.principal_id;
    IF wanted THEN
        RETURN pedigree.event_of_people('principal.reactivated', jsonb_build_object(
            'principal', person.name, 'principal_id', person.principal_id
        ));
    END IF;
    RETURN pedigree.deactivation_of(person.principal_id)
        || pedigree.end_rights_of_person(person.principal_id, at);
END
$$;

-- As before, by the function above.
CREATE OR REPLACE FUNCTION pedigree.set_person_active(given text, wanted boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    chosen bigint;
    events jsonb;
BEGIN
    SELECT k.chosen, k.events INTO chosen, events FROM pedigree.known_principal(given, at) k;
    IF chosen IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(chosen) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    RETURN jsonb_build_object(
        'at', at, 'events', events || pedigree.set_activity(chosen, wanted, at)
    );
END
$$;

-- As before, and a name that SCIM provisioned belongs to the person's first login: by the same e-mail as
-- name, or as SCIM has it, or by what the provider's file says of SCIM (scim = "name" or "subject").
CREATE OR REPLACE FUNCTION pedigree.principal_of_new(
    seen jsonb, at timestamptz, OUT chosen bigint, OUT events jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    given text := seen ->> 'name';
    own_email boolean := coalesce(
        pedigree.person_key(seen ->> 'email') = pedigree.person_key(given), false
    );
    is_workload boolean := seen ->> 'kind' = 'workload';
    has_email boolean;
BEGIN
    events := '[]';
    IF seen ->> 'scim' = 'subject' THEN
        SELECT u.principal_id INTO chosen FROM pedigree.provisioned_user u
        WHERE u.external_id = seen ->> 'subject' AND u.deleted_at IS NULL
            AND NOT pedigree.has_login(u.principal_id);
        IF chosen IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    SELECT p.principal_id INTO chosen FROM pedigree.principal p
    WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
    has_email := EXISTS (
        SELECT FROM pedigree.identity i
        WHERE i.principal_id = chosen
            AND pedigree.person_key(i.email) = pedigree.person_key(seen ->> 'email')
    );
    IF chosen IS NULL THEN
        IF own_email OR is_workload OR NOT EXISTS (
            SELECT FROM pedigree.access_token t
            WHERE pedigree.person_key(t.principal) = pedigree.person_key(given)
        ) THEN
            SELECT a.added, a.events INTO chosen, events
            FROM pedigree.add_principal(given, seen ->> 'kind', at) a;
        END IF;
    ELSIF pedigree.has_login(chosen) THEN
        IF NOT ((seen ->> 'links_by_email')::boolean AND has_email) THEN
            chosen := NULL;
        END IF;
    ELSIF EXISTS (SELECT FROM pedigree.provisioned_user u WHERE u.principal_id = chosen) THEN
        IF seen ->> 'kind' <> 'person'
            OR NOT (own_email OR has_email OR coalesce(seen ->> 'scim' = 'name', false))
        THEN
            chosen := NULL;
        END IF;
    ELSIF NOT own_email AND NOT is_workload THEN
        chosen := NULL;
    END IF;
END
$$;

-- Whether a name or an e-mail is that of a token, a workload or a service, and of no person.
CREATE FUNCTION pedigree.is_of_system(given text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_person boolean := (
        SELECT p.kind = 'person' FROM pedigree.principal p
        WHERE pedigree.person_key(p.name) = pedigree.person_key(given)
    );
BEGIN
    RETURN is_person IS FALSE OR is_person IS NULL AND EXISTS (
        SELECT FROM pedigree.access_token t
        WHERE pedigree.person_key(t.principal) = pedigree.person_key(given)
    );
END
$$;

-- What SCIM says of a user: an id of the provider, an e-mail, and whether they are let in; an activity of
-- NULL stays as it is. The result has the events, or why it is refused.
CREATE FUNCTION pedigree.apply_user(
    of_principal bigint, external text, mail text, wanted boolean, at timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    named text := (SELECT p.name FROM pedigree.principal p WHERE p.principal_id = of_principal);
    known pedigree.provisioned_user;
    before pedigree.identity;
    linked bigint;
    ended timestamptz;
    events jsonb := '[]';
BEGIN
    SELECT u.* INTO known FROM pedigree.provisioned_user u WHERE u.principal_id = of_principal;
    IF EXISTS (
        SELECT FROM pedigree.provisioned_user u
        WHERE u.external_id = external AND u.deleted_at IS NULL AND u.principal_id <> of_principal
    ) THEN
        RETURN '{"refused": "external"}';
    END IF;
    IF pedigree.is_of_system(mail) THEN
        RETURN '{"refused": "e-mail"}';
    END IF;
    SELECT i.* INTO before FROM pedigree.identity i
    WHERE i.issuer = 'urn:pedigree:scim' AND i.subject = of_principal::text;
    INSERT INTO pedigree.identity AS i (issuer, subject, principal_id, email, created_at)
    VALUES ('urn:pedigree:scim', of_principal::text, of_principal, mail, at)
    ON CONFLICT ON CONSTRAINT identity_subject_unique
        DO UPDATE SET principal_id = excluded.principal_id, email = excluded.email
    RETURNING i.identity_id INTO linked;
    IF before.principal_id IS NULL THEN
        events := events || pedigree.event_of_people('identity.linked', jsonb_build_object(
            'principal', named, 'principal_id', of_principal, 'identity_id', linked,
            'issuer', 'urn:pedigree:scim', 'because', 'SCIM'
        ));
    END IF;
    IF mail IS NOT NULL THEN
        events := events || pedigree.join_by_email(of_principal, mail);
    END IF;
    -- Only now it is known who the person is.
    IF pedigree.is_acting(of_principal) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    SELECT first.deactivated_at INTO ended
    FROM pedigree.principal p JOIN pedigree.principal first ON first.principal_id = p.person_id
    WHERE p.principal_id = of_principal;
    IF wanted AND ended IS DISTINCT FROM known.deactivated_at AND ended IS NOT NULL THEN
        RETURN '{"refused": "deactivated"}';
    END IF;
    IF wanted IS NOT NULL THEN
        events := events || pedigree.set_activity(of_principal, wanted, at);
        UPDATE pedigree.provisioned_user u SET deactivated_at = CASE
            WHEN wanted THEN NULL WHEN ended IS NULL THEN at ELSE u.deactivated_at
        END
        WHERE u.principal_id = of_principal;
    END IF;
    IF known.modified_at <> at AND events = '[]' AND known.deleted_at IS NULL
        AND (external, mail) IS NOT DISTINCT FROM (known.external_id, before.email)
    THEN
        RETURN '[]';
    END IF;
    UPDATE pedigree.provisioned_user u
    SET external_id = external, modified_at = at, deleted_at = NULL
    WHERE u.principal_id = of_principal;
    RETURN events || pedigree.event_of_people('principal.provisioned', jsonb_build_object(
        'principal', named, 'principal_id', of_principal
    ));
END
$$;

-- Provision a user: a person of a new name, or one who is known by it.
CREATE FUNCTION pedigree.provision_user(
    new_id uuid, given text, external text, mail text, wanted boolean
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_provisioning();
    chosen bigint;
    events jsonb := '[]';
    applied jsonb;
BEGIN
    SELECT p.principal_id INTO chosen FROM pedigree.principal p
    WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
    IF pedigree.is_of_system(given) OR EXISTS (
        SELECT FROM pedigree.provisioned_user u
        WHERE u.principal_id = chosen AND u.deleted_at IS NULL
    ) THEN
        RETURN '{"refused": "taken"}';
    END IF;
    IF chosen IS NULL THEN
        SELECT a.added, a.events INTO chosen, events
        FROM pedigree.add_principal(given, 'person', at) a;
    END IF;
    INSERT INTO pedigree.provisioned_user AS u (user_id, principal_id, created_at, modified_at)
    VALUES (new_id, chosen, at, at)
    ON CONFLICT ON CONSTRAINT provisioned_user_principal
        DO UPDATE SET user_id = excluded.user_id, created_at = at, modified_at = at;
    applied := pedigree.apply_user(chosen, external, mail, wanted, at);
    IF jsonb_typeof(applied) = 'object' THEN
        RETURN applied;
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events || applied);
END
$$;

-- Change what SCIM says of a user; the name stays.
CREATE FUNCTION pedigree.change_user(
    of_user uuid, given text, external text, mail text, wanted boolean
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_provisioning();
    chosen pedigree.principal;
    applied jsonb;
BEGIN
    SELECT p.* INTO chosen
    FROM pedigree.provisioned_user u JOIN pedigree.principal p USING (principal_id)
    WHERE u.user_id = of_user AND u.deleted_at IS NULL;
    IF chosen.principal_id IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.person_key(given) <> pedigree.person_key(chosen.name) THEN
        RETURN '{"refused": "renamed"}';
    END IF;
    applied := pedigree.apply_user(chosen.principal_id, external, mail, wanted, at);
    IF jsonb_typeof(applied) = 'object' THEN
        RETURN applied;
    END IF;
    RETURN jsonb_build_object('at', at, 'events', applied);
END
$$;

-- Remove a user, who is no longer let in. Their e-mail stays that of the person: nobody comes back by it.
CREATE FUNCTION pedigree.deprovision_user(of_user uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_provisioning();
    chosen pedigree.principal;
    events jsonb;
BEGIN
    SELECT p.* INTO chosen
    FROM pedigree.provisioned_user u JOIN pedigree.principal p USING (principal_id)
    WHERE u.user_id = of_user AND u.deleted_at IS NULL;
    IF chosen.principal_id IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(chosen.principal_id) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    events := pedigree.set_activity(chosen.principal_id, false, at);
    UPDATE pedigree.provisioned_user u SET deleted_at = at, modified_at = at,
        deactivated_at = CASE WHEN events = '[]' THEN u.deactivated_at ELSE at END
    WHERE u.user_id = of_user;
    RETURN jsonb_build_object('at', at, 'events', events || pedigree.event_of_people(
        'principal.deprovisioned',
        jsonb_build_object('principal', chosen.name, 'principal_id', chosen.principal_id)
    ));
END
$$;

-- Keep what SCIM says of a group; a group that SCIM did not make stays out of its reach.
CREATE FUNCTION pedigree.provision_group(new_id uuid, of_group text, shown text, external text)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_provisioning();
BEGIN
    INSERT INTO pedigree.provisioned_group (
        group_id, group_name, display_name, external_id, created_at, modified_at
    )
    VALUES (new_id, of_group, shown, external, at, at);
    RETURN jsonb_build_object('at', at, 'events', pedigree.event_of_people(
        'group.provisioned', jsonb_build_object('group', of_group, 'display_name', shown)
    ));
END
$$;

-- Change what SCIM says of a group; its name stays, so that policies and grants hold.
CREATE FUNCTION pedigree.change_group(of_id uuid, shown text, external text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_provisioning();
    changed text;
BEGIN
    IF NOT EXISTS (SELECT FROM pedigree.provisioned_group g WHERE g.group_id = of_id) THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    UPDATE pedigree.provisioned_group g
    SET display_name = shown, external_id = external, modified_at = at
    WHERE g.group_id = of_id AND (g.display_name, g.external_id) IS DISTINCT FROM (shown, external)
    RETURNING g.group_name INTO changed;
    RETURN jsonb_build_object('at', at, 'events', CASE WHEN changed IS NULL THEN '[]'::jsonb ELSE
        pedigree.event_of_people(
            'group.provisioned', jsonb_build_object('group', changed, 'display_name', shown)
        )
    END);
END
$$;

-- As before, and the provider alone adds members to a group that it provisions; an admin may remove them.
CREATE OR REPLACE FUNCTION pedigree.apply_group(kind text, body jsonb, at timestamptz, actor text)
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
        IF coalesce((body ->> 'provisioned')::boolean, false) <> EXISTS (
            SELECT FROM pedigree.provisioned_group g WHERE g.group_name = wanted
        ) THEN
            PERFORM pedigree.refuse_access('access_group_provisioned');
        END IF;
        INSERT INTO pedigree.access_group_member (group_name, member, added_at, added_by)
        VALUES (wanted, who, at, actor)
        ON CONFLICT (pedigree.person_key(member), group_name) DO NOTHING;
        RETURN FOUND;
    END IF;
    -- Who leaves a group, or deletes it, also leaves what it denies.
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
