-- Changes of who is one person with whom, and of who is let in. Each needs somebody else: nobody links,
-- unlinks or reactivates themselves.

-- Whether a principal is of the person who acts.
CREATE FUNCTION pedigree.is_acting(of_principal bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT p.person_id::text = pedigree.person_of(pedigree.acting())
FROM pedigree.principal p WHERE p.principal_id = of_principal
$$;

-- Let an identity act by a principal. What it did before by another one was the same person.
CREATE FUNCTION pedigree.link_identity(given text, given_issuer text, given_subject text)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    target bigint;
    former bigint;
    linked bigint;
    events jsonb;
BEGIN
    SELECT k.chosen, k.events INTO target, events FROM pedigree.known_principal(given, at) k;
    SELECT i.principal_id INTO former FROM pedigree.identity i
    WHERE i.issuer = given_issuer AND i.subject = given_subject;
    IF target IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(target) OR pedigree.is_acting(former) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    INSERT INTO pedigree.identity AS i (issuer, subject, principal_id, created_at)
    VALUES (given_issuer, given_subject, target, at)
    ON CONFLICT ON CONSTRAINT identity_subject_unique
        DO UPDATE SET principal_id = excluded.principal_id
    RETURNING i.identity_id INTO linked;
    events := events || pedigree.event_of_people('identity.linked', jsonb_build_object(
        'principal', (SELECT p.name FROM pedigree.principal p WHERE p.principal_id = target),
        'principal_id', target, 'identity_id', linked, 'issuer', given_issuer, 'because', 'a person'
    ));
    IF former IS NOT NULL THEN
        events := events || pedigree.join_persons(
            (SELECT person_id FROM pedigree.principal WHERE principal_id = target),
            (SELECT person_id FROM pedigree.principal WHERE principal_id = former),
            'an identity of both'
        );
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events);
END
$$;

-- Let an identity act by no principal: its next token finds or adds one again.
CREATE FUNCTION pedigree.unlink_identity(given text, given_issuer text, given_subject text)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    former pedigree.principal;
    unlinked bigint;
BEGIN
    SELECT p.* INTO former FROM pedigree.principal p
    WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
    SELECT i.identity_id INTO unlinked FROM pedigree.identity i
    WHERE i.issuer = given_issuer AND i.subject = given_subject
        AND i.principal_id = former.principal_id;
    IF unlinked IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(former.principal_id) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    UPDATE pedigree.identity SET principal_id = NULL, roles = '{}', models = '{}', groups = '{}',
        issued_at = NULL, email = NULL
    WHERE identity_id = unlinked;
    RETURN jsonb_build_object('at', at, 'events', pedigree.event_of_people(
        'identity.unlinked', jsonb_build_object('principal', former.name,
        'principal_id', former.principal_id, 'identity_id', unlinked, 'issuer', given_issuer)
    ));
END
$$;

-- Say that two principals are one person.
CREATE FUNCTION pedigree.link_principal(given text, of_person text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    one bigint;
    other bigint;
    events jsonb;
    more jsonb;
BEGIN
    SELECT k.chosen, k.events INTO one, events FROM pedigree.known_principal(given, at) k;
    SELECT k.chosen, k.events INTO other, more FROM pedigree.known_principal(of_person, at) k;
    IF one IS NULL OR other IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(one) OR pedigree.is_acting(other) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events || more || pedigree.join_persons(
        (SELECT person_id FROM pedigree.principal WHERE principal_id = one),
        (SELECT person_id FROM pedigree.principal WHERE principal_id = other),
        'a person'
    ));
END
$$;

-- The name of a principal, and the verified e-mails of its identities.
CREATE FUNCTION pedigree.keys_of_principal(of_principal bigint)
RETURNS TABLE (key text, is_email boolean) LANGUAGE sql STABLE AS $$
SELECT pedigree.person_key(p.name), false
FROM pedigree.principal p WHERE p.principal_id = of_principal
UNION
SELECT pedigree.person_key(i.email), true
FROM pedigree.identity i WHERE i.principal_id = of_principal AND i.email IS NOT NULL
$$;

-- Say that a principal is a person of its own. The others of its person stay one.
CREATE FUNCTION pedigree.unlink_principal(given text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    chosen pedigree.principal;
    first bigint;
    since timestamptz;
    events jsonb;
BEGIN
    SELECT p.* INTO chosen FROM pedigree.principal p
    WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
    SELECT min(p.principal_id) INTO first FROM pedigree.principal p
    WHERE p.person_id = chosen.person_id AND p.principal_id <> chosen.principal_id;
    IF first IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(chosen.principal_id) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    IF EXISTS (
        SELECT FROM pedigree.keys_of_principal(chosen.principal_id) own
        JOIN pedigree.principal p ON p.person_id = chosen.person_id
            AND p.principal_id <> chosen.principal_id
        JOIN LATERAL pedigree.keys_of_principal(p.principal_id) theirs
            ON theirs.key = own.key AND (own.is_email OR theirs.is_email)
    ) THEN
        RETURN '{"refused": "e-mail"}';
    END IF;
    SELECT p.deactivated_at INTO since FROM pedigree.principal p
    WHERE p.principal_id = chosen.person_id;
    WITH moved AS (
        UPDATE pedigree.principal p SET
            person_id = CASE p.principal_id WHEN chosen.principal_id THEN p.principal_id ELSE first END,
            deactivated_at = CASE WHEN p.principal_id IN (chosen.principal_id, first) THEN since END
        WHERE p.person_id = chosen.person_id
        RETURNING p.principal_id, p.name, p.person_id
    )
    SELECT jsonb_agg(jsonb_build_object('type', 'principal.unlinked', 'body', jsonb_build_object(
        'principal', m.name, 'principal_id', m.principal_id, 'person_id', m.person_id
    )) ORDER BY m.principal_id) INTO events
    FROM moved m WHERE m.principal_id = chosen.principal_id OR m.person_id <> chosen.person_id;
    IF since IS NOT NULL THEN
        events := events || pedigree.deactivation_of(chosen.principal_id)
            || pedigree.deactivation_of(first);
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events);
END
$$;

-- Let a person in, or no longer: then their tokens are revoked, and those of their issuers refused.
CREATE FUNCTION pedigree.set_person_active(given text, wanted boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    chosen bigint;
    person pedigree.principal;
    events jsonb;
BEGIN
    SELECT k.chosen, k.events INTO chosen, events FROM pedigree.known_principal(given, at) k;
    SELECT person_row.* INTO person
    FROM pedigree.principal p
    JOIN pedigree.principal person_row ON person_row.principal_id = p.person_id
    WHERE p.principal_id = chosen;
    IF chosen IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    IF pedigree.is_acting(chosen) THEN
        RETURN '{"refused": "oneself"}';
    END IF;
    IF wanted = (person.deactivated_at IS NULL) THEN
        RETURN jsonb_build_object('at', at, 'events', events);
    END IF;
    UPDATE pedigree.principal p SET deactivated_at = CASE WHEN NOT wanted THEN at END
    WHERE p.principal_id = person.principal_id;
    IF wanted THEN
        events := events || pedigree.event_of_people('principal.reactivated', jsonb_build_object(
            'principal', person.name, 'principal_id', person.principal_id
        ));
    ELSE
        events := events || pedigree.deactivation_of(person.principal_id)
            || pedigree.end_rights_of_person(person.principal_id, at);
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events);
END
$$;

-- End what a principal's person has by tokens: of the service, and of their issuers until now.
CREATE FUNCTION pedigree.end_rights(given text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    chosen bigint;
    events jsonb;
BEGIN
    SELECT k.chosen, k.events INTO chosen, events FROM pedigree.known_principal(given, at) k;
    IF chosen IS NULL THEN
        RETURN '{"refused": "unknown"}';
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events || pedigree.end_rights_of_person(
        (SELECT p.person_id FROM pedigree.principal p WHERE p.principal_id = chosen), at
    ));
END
$$;
