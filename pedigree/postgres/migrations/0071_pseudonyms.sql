-- Names of people are in one table, whose rows can be deleted. Every other table, and every event from
-- here on, has pseudonyms in their place.

CREATE TABLE pedigree.pseudonym (
    pseudonym text CONSTRAINT pseudonym_pkey PRIMARY KEY,
    name text NOT NULL,
    -- A hash index: a name may be longer than an entry of a B-tree.
    CONSTRAINT pseudonym_one_of_person EXCLUDE USING hash (pedigree.person_key(name) WITH =)
);

-- The people whose names are in the tables already keep them: for them, the pseudonym is the name.
INSERT INTO pedigree.pseudonym (pseudonym, name)
SELECT DISTINCT ON (pedigree.person_key(known.name)) known.name, known.name
FROM (
    SELECT principal AS name FROM pedigree.access_token
    UNION SELECT created_by FROM pedigree.access_token
    UNION SELECT revoked_by FROM pedigree.access_token
    UNION SELECT name FROM pedigree.principal
    UNION SELECT email FROM pedigree.identity
    UNION SELECT principal FROM pedigree.access_grant
    UNION SELECT granted_by FROM pedigree.access_grant
    UNION SELECT ended_by FROM pedigree.access_grant
    UNION SELECT created_by FROM pedigree.access_group
    UNION SELECT member FROM pedigree.access_group_member
    UNION SELECT added_by FROM pedigree.access_group_member
    UNION SELECT defined_by FROM pedigree.access_role
    UNION SELECT author FROM pedigree.decision
    UNION SELECT decided_by FROM pedigree.decision
    UNION SELECT author FROM pedigree.stage_override
    UNION SELECT overridden_by FROM pedigree.stage_override
    UNION SELECT moved_by FROM pedigree.tenure
    UNION SELECT requested_by FROM pedigree.stage_request
    UNION SELECT closed_by FROM pedigree.stage_request
    UNION SELECT retried_by FROM pedigree.given_up_promotion
    UNION SELECT created_by FROM pedigree.registered_model
    UNION SELECT created_by FROM pedigree.model_version
    UNION SELECT approved_by FROM pedigree.model_version
    UNION SELECT created_by FROM pedigree.training
    UNION SELECT recorded_by FROM pedigree.verdict
    UNION SELECT recorded_by FROM pedigree.data_verdict
    UNION SELECT recorded_by FROM pedigree.datasheet
    UNION SELECT recorded_by FROM pedigree.drift_result
    UNION SELECT recorded_by FROM pedigree.evaluation
    UNION SELECT quarantined_by FROM pedigree.quarantine
    UNION SELECT released_by FROM pedigree.quarantine
    UNION SELECT created_by FROM pedigree.webhook
    UNION SELECT unnest(owners) FROM pedigree.registered_model
    UNION SELECT unnest(owners) FROM pedigree.model_version
    UNION SELECT unnest(owners) FROM pedigree.training
    UNION SELECT entry #>> '{}' FROM pedigree.registered_model m
        CROSS JOIN LATERAL jsonb_path_query(m.policy, '$.editors[*]') AS entry
    UNION SELECT entry #>> '{}' FROM pedigree.registered_model m
        CROSS JOIN LATERAL jsonb_path_query(m.policy, '$.stages[*].promoters[*]') AS entry
    UNION SELECT entry #>> '{}' FROM pedigree.registered_model m
        CROSS JOIN LATERAL jsonb_path_query(m.policy, '$.stages[*].approvals.by[*]') AS entry
) AS known
-- Not the names that are reserved for Pedigree, nor what policies write of roles, groups and patterns.
WHERE pedigree.person_key(known.name) !~ '^(sensor|service|role|group):' AND known.name !~ '[*]'
ORDER BY pedigree.person_key(known.name), known.name COLLATE "C";

-- The pseudonym of a name, which is made if the name is new; a pseudonym stands for itself. It is random,
-- so that nothing leads from it to a name whose row is deleted. Of two, the second finds the first.
CREATE FUNCTION pedigree.pseudonym_of(given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    IF given ~ '^person-[0-9a-f]{32}$' THEN
        RETURN given;
    END IF;
    LOOP
        SELECT p.pseudonym INTO found FROM pedigree.pseudonym p
        WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
        IF found IS NOT NULL THEN
            RETURN found;
        END IF;
        INSERT INTO pedigree.pseudonym (pseudonym, name)
        VALUES ('person-' || replace(gen_random_uuid()::text, '-', ''), given)
        ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- The name that answers show for a pseudonym; the pseudonym itself if its name is erased.
CREATE FUNCTION pedigree.shown_name(given text) RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
SELECT coalesce((SELECT p.name FROM pedigree.pseudonym p WHERE p.pseudonym = given), given)
$$;

-- As before, also for a name that a process of an earlier release writes until it is replaced.
CREATE OR REPLACE FUNCTION pedigree.person_of(name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
SELECT coalesce(
    (
        SELECT p.person_id::text FROM pedigree.principal p
        WHERE pedigree.person_key(p.name) = pedigree.person_key(known.pseudonym)
    ),
    (
        SELECT min(p.person_id)::text
        FROM pedigree.identity i JOIN pedigree.principal p USING (principal_id)
        WHERE pedigree.person_key(i.email) = pedigree.person_key(known.pseudonym)
    ),
    'name ' || pedigree.person_key(known.pseudonym)
)
FROM (
    SELECT coalesce(
        (
            SELECT p.pseudonym FROM pedigree.pseudonym p
            WHERE pedigree.person_key(p.name) = pedigree.person_key(person_of.name)
        ),
        person_of.name
    ) AS pseudonym
) AS known
$$;

-- As before, with the name, which patterns in lists of people are compared with.
CREATE OR REPLACE FUNCTION pedigree.access_of(who text, carried text[]) RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN json_build_object(
        'name', pedigree.shown_name(who),
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

-- Erase a person: the names of all their pseudonyms, and the ids by which providers know them. What they
-- may has ended before. The pseudonyms stay, so that nobody can approve what they made themselves.
CREATE FUNCTION pedigree.erase_person(given text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    keys text[] := pedigree.keys_of_person(given);
    person text := pedigree.person_of(given);
    events jsonb := '[]';
    erased text[];
    former text[];
BEGIN
    IF person = pedigree.person_of(pedigree.acting()) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    IF person NOT LIKE 'name %' THEN
        events := pedigree.end_rights_of_person(person::bigint, at);
        UPDATE pedigree.identity i SET subject = 'erased-' || gen_random_uuid()
        FROM pedigree.principal p
        WHERE p.principal_id = i.principal_id AND p.person_id = person::bigint
            AND i.issuer <> 'urn:pedigree:scim';
        -- The provider finds nobody under the old name, and provisions another person.
        WITH removed AS (
            UPDATE pedigree.provisioned_user u
            SET external_id = NULL, deleted_at = at, modified_at = at
            FROM pedigree.principal p
            WHERE p.principal_id = u.principal_id AND p.person_id = person::bigint
                AND u.deleted_at IS NULL
            RETURNING p.principal_id, p.name
        )
        SELECT events || coalesce(jsonb_agg(jsonb_build_object(
            'type', 'principal.deprovisioned',
            'body', jsonb_build_object('principal', r.name, 'principal_id', r.principal_id)
        ) ORDER BY r.principal_id), '[]') INTO events
        FROM removed r;
        UPDATE pedigree.provisioned_user u SET external_id = NULL
        FROM pedigree.principal p
        WHERE p.principal_id = u.principal_id AND p.person_id = person::bigint;
    END IF;
    WITH gone AS (
        DELETE FROM pedigree.pseudonym p WHERE pedigree.person_key(p.pseudonym) = ANY (keys)
        RETURNING p.pseudonym, p.pseudonym = p.name AS is_former
    )
    SELECT array_agg(g.pseudonym ORDER BY g.pseudonym) FILTER (WHERE NOT g.is_former),
        array_agg(g.pseudonym) FILTER (WHERE g.is_former)
    INTO erased, former FROM gone g;
    IF erased IS NULL AND former IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    RETURN jsonb_build_object(
        'at', at, 'pseudonyms', coalesce(to_jsonb(erased), '[]'), 'is_former', former IS NOT NULL,
        'events', events || pedigree.event_of_people('person.erased', jsonb_build_object(
            'principal', coalesce(erased[1], 'erased'), 'pseudonyms', coalesce(to_jsonb(erased), '[]')
        ))
    );
END
$$;
