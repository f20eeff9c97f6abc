-- Changes of versions, events, decisions and tokens, as functions. So a role of the database can be
-- allowed to call them without the right to change these tables (roles.sql). Who acts is the
-- transaction's setting, and a time is one of the clock within the transaction. A session keeps the
-- plans of a function: without enable_seqscan = off one that is made among few rows would stay.

-- The actor of the transaction's settings, as events have it.
CREATE FUNCTION pedigree.acting_in_event() RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    actor text := nullif(current_setting('pedigree.actor', true), '');
    actor_source text := nullif(current_setting('pedigree.actor_source', true), '');
BEGIN
    IF actor IS NULL OR actor_source IS NULL THEN
        RAISE EXCEPTION 'somebody changes the registry: the setting pedigree.actor is empty'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN jsonb_build_object('name', actor, 'source', actor_source);
END
$$;

-- Refuse a time that is not the clock's within this transaction. A model's times ascend also if the
-- clock jumps back, so the time of its newest event may be ahead of the clock. The minute is for such
-- a jump within the transaction.
CREATE FUNCTION pedigree.require_time(at timestamptz, of_model text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF at >= transaction_timestamp() - interval '1 minute' AND (
        at <= clock_timestamp() + interval '1 minute' OR at <= pedigree.time_of_change(of_model)
    ) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'the time % is not one of this transaction', at
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The same for a model's id.
CREATE FUNCTION pedigree.require_time_of(at timestamptz, of_model bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pedigree.require_time(at, (
        SELECT m.name FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND at > clock_timestamp()
    ));
END
$$;

-- Whether the bytes of an event say what its row says, and that the transaction's actor acts.
CREATE FUNCTION pedigree.is_own_event(
    canonical bytea, event_id uuid, type text, model text, version integer, at timestamptz, actor jsonb
) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    content jsonb := convert_from(canonical, 'UTF8')::jsonb;
BEGIN
    RETURN content -> 'actor' = actor
        AND pedigree.is_regular_event(content, event_id, type, model, version, at);
END
$$;

CREATE FUNCTION pedigree.refuse_event() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event names another actor, time or subject than its transaction'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Write simultaneous events of one type, and queue them for the feed.
CREATE FUNCTION pedigree.record_events(
    event_ids uuid[], of_type text, of_model text, of_version integer, at timestamptz,
    canonicals bytea[]
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
BEGIN
    PERFORM pedigree.require_time(at, of_model);
    FOR place IN 1 .. cardinality(event_ids) LOOP
        IF pedigree.is_own_event(
            canonicals[place], event_ids[place], of_type, of_model, of_version, at, actor
        ) IS NOT TRUE THEN
            PERFORM pedigree.refuse_event();
        END IF;
    END LOOP;
    WITH written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT event_id, of_type, of_model, of_version, canonical,
            sha256('\x00'::bytea || canonical), record_events.at
        FROM unnest(event_ids, canonicals) WITH ORDINALITY AS given (event_id, canonical, place)
        ORDER BY place
        RETURNING id
    )
    INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;
END
$$;

-- The events of a registration, with what only its transaction knows.
CREATE OR REPLACE FUNCTION pedigree.record_filled_events(
    events jsonb, holes text[], fillings text[], of_model text, of_version integer, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    are_own boolean;
BEGIN
    WITH filled AS MATERIALIZED (
        SELECT (e ->> 'event_id')::uuid AS event_id, e ->> 'type' AS type, place,
            convert_to(pedigree.filled(e ->> 'canonical', holes, fillings), 'UTF8') AS canonical
        FROM jsonb_array_elements(events) WITH ORDINALITY AS given (e, place)
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT event_id, type, of_model, of_version, canonical, sha256('\x00'::bytea || canonical),
            record_filled_events.at
        FROM filled ORDER BY place
        RETURNING id
    ), queued AS (
        INSERT INTO pedigree.unsequenced (id) SELECT id FROM written
    )
    SELECT bool_and(coalesce(pedigree.is_own_event(
        canonical, event_id, type, of_model, of_version, record_filled_events.at, actor
    ), false)) INTO are_own FROM filled;
    IF are_own IS FALSE THEN
        PERFORM pedigree.refuse_event();
    END IF;
END
$$;

-- Give every visible event a contiguous place, unless another process does. Ids of one model ascend
-- in commit order, because the model's row was locked before the id was assigned; so the order within
-- a model is preserved. The statement after the lock sees all that the previous leader committed.
CREATE FUNCTION pedigree.sequence_events() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0)) THEN
        RETURN;
    END IF;
    WITH due AS (
        DELETE FROM pedigree.unsequenced RETURNING id
    ), head AS (
        SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed
    )
    INSERT INTO pedigree.feed (seq, id)
    SELECT head.seq + row_number() OVER (ORDER BY due.id), due.id
    FROM due, head;
END
$$;

-- Insert drawn cards with their events; the places of those that others overtook. The previous
-- release calls add_cards, which does not compare the actor.
CREATE FUNCTION pedigree.write_cards(cards jsonb) RETURNS integer[]
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    overtaken integer[] := pedigree.add_cards(cards);
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.event e
        WHERE e.event_id = ANY (ARRAY(
            SELECT (card #>> '{event,event_id}')::uuid FROM jsonb_array_elements(cards) AS card
        )) AND pedigree.is_own_event(
            e.canonical, e.event_id, e.type, e.model, e.version, e.at, actor
        ) IS NOT TRUE
    ) THEN
        PERFORM pedigree.refuse_event();
    END IF;
    RETURN overtaken;
END
$$;

-- Replace what people write about a version.
CREATE FUNCTION pedigree.describe_version(
    of_model bigint, of_version integer, new_description text, new_owners text[], new_tags jsonb
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    UPDATE pedigree.model_version
    SET description = new_description, owners = new_owners, tags = new_tags
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Set why a version is in quarantine; NULL: it is not.
CREATE FUNCTION pedigree.quarantine_version(of_model bigint, of_version integer, reason text)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    UPDATE pedigree.model_version SET quarantine_reason = reason
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Count one move of a model. Earlier approvals refer to the state before it, so those of versions that
-- have not made their transition are open again.
CREATE FUNCTION pedigree.advance_generation(of_model bigint)
RETURNS TABLE (generation bigint, voided integer[])
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    voided := pedigree.void_approvals(of_model);
    UPDATE pedigree.registered_model m SET generation = m.generation + 1
    WHERE m.model_id = of_model
    RETURNING m.generation INTO advance_generation.generation;
    IF FOUND THEN
        RETURN NEXT;
    END IF;
END
$$;

-- A version makes its approved transition; the approval can no longer become void.
CREATE FUNCTION pedigree.use_approval(of_model bigint, of_version integer, stage text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    UPDATE pedigree.model_version SET approval_stage = NULL
    WHERE model_id = of_model AND version = of_version AND approval_stage = stage;
END
$$;

-- Write a decision about a version as it is; its authors are refused.
CREATE FUNCTION pedigree.decide(
    of_model bigint, of_version integer, left_stage text, entered_stage text, is_approved boolean,
    why text, issued_by text, at timestamptz
) RETURNS pedigree.decision
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    made pedigree.decision;
BEGIN
    PERFORM pedigree.require_time_of(at, of_model);
    INSERT INTO pedigree.decision (
        model_id, version, digest, author, from_stage, to_stage, generation, approved, comment,
        decided_by, decided_by_source, issued_by, at
    )
    SELECT v.model_id, v.version, v.digest, v.created_by, left_stage, entered_stage, m.generation,
        is_approved, why, actor ->> 'name', actor ->> 'source', decide.issued_by, decide.at
    FROM pedigree.model_version v
    JOIN pedigree.registered_model m ON m.model_id = v.model_id
    WHERE v.model_id = of_model AND v.version = of_version
    RETURNING * INTO made;
    RETURN made;
END
$$;

-- Write an override about a version as it is; its authors are refused.
CREATE FUNCTION pedigree.write_override(
    of_model bigint, of_version integer, left_stage text, entered_stage text, open_gates jsonb,
    why text, issued_by text, at timestamptz
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
BEGIN
    PERFORM pedigree.require_time_of(at, of_model);
    INSERT INTO pedigree.stage_override (
        model_id, version, digest, author, from_stage, to_stage, generation, gates, reason,
        overridden_by, overridden_by_source, issued_by, at
    )
    SELECT v.model_id, v.version, v.digest, v.created_by, left_stage, entered_stage,
        m.generation + 1, open_gates, why, actor ->> 'name', actor ->> 'source',
        write_override.issued_by, write_override.at
    FROM pedigree.model_version v
    JOIN pedigree.registered_model m ON m.model_id = v.model_id
    WHERE v.model_id = of_model AND v.version = of_version;
END
$$;

-- Set a version's approval status, which the actor's decision gives it.
CREATE FUNCTION pedigree.conclude(
    of_model bigint, of_version integer, status text, notes text, is_approved boolean,
    at timestamptz, stage text
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
BEGIN
    PERFORM pedigree.require_time_of(at, of_model);
    UPDATE pedigree.model_version SET approval_status = status, approval_notes = notes,
        approved_by = CASE WHEN is_approved THEN actor ->> 'name' END,
        approval_timestamp = conclude.at, approval_stage = stage
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Put a legal hold on a version, or lift it (reason NULL).
CREATE FUNCTION pedigree.hold_version(of_model bigint, of_version integer, reason text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    UPDATE pedigree.model_version SET hold_reason = reason
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Mark a version deleted, or restore it (at NULL); its row and number stay.
CREATE FUNCTION pedigree.delete_version(of_model bigint, of_version integer, at timestamptz)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    IF at IS NOT NULL THEN
        PERFORM pedigree.require_time_of(at, of_model);
    END IF;
    UPDATE pedigree.model_version SET deleted_at = at
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Collect deleted versions, unless they were restored or their window was extended.
CREATE FUNCTION pedigree.collect_versions(
    of_model bigint, numbers integer[], deleted timestamptz[], at timestamptz, window_s float8
) RETURNS TABLE (version integer, digest text, deleted_at timestamptz)
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    PERFORM pedigree.require_time_of(at, of_model);
    RETURN QUERY
    UPDATE pedigree.model_version v SET collected_at = collect_versions.at
    FROM pedigree.registered_model m, unnest(numbers, deleted) AS planned (version, deleted_at)
    WHERE v.model_id = of_model AND m.model_id = v.model_id AND v.version = planned.version
        AND v.deleted_at = planned.deleted_at AND v.collected_at IS NULL AND v.hold_reason IS NULL
        AND v.deleted_at + make_interval(secs => coalesce(
            (m.policy #>> '{retention,window}')::double precision, window_s
        )) <= clock_timestamp()
    RETURNING v.version, v.digest, planned.deleted_at;
END
$$;

-- Set a version's tier.
CREATE FUNCTION pedigree.set_tier(of_model bigint, of_version integer, new_tier text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    UPDATE pedigree.model_version SET tier = new_tier
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Insert a token with the hash of its secret, never the secret.
CREATE FUNCTION pedigree.create_token(
    for_principal text, hash bytea, given_roles text[], given_models text[], expires interval
) RETURNS pedigree.access_token
LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := clock_timestamp();
    made pedigree.access_token;
BEGIN
    INSERT INTO pedigree.access_token (
        principal, secret_hash, roles, models, created_at, created_by, expires_at
    ) VALUES (
        for_principal, hash, given_roles, given_models, now, pedigree.acting(),
        now + expires
    )
    RETURNING * INTO made;
    RETURN made;
END
$$;

-- Revoke a token, unless it is already revoked; no row then.
CREATE FUNCTION pedigree.revoke_token(of_token bigint) RETURNS SETOF pedigree.access_token
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
BEGIN
    RETURN QUERY
    UPDATE pedigree.access_token
    SET revoked_at = clock_timestamp(), revoked_by = pedigree.acting()
    WHERE token_id = of_token AND revoked_at IS NULL
    RETURNING *;
END
$$;

-- Note that a workload's token is exchanged; NULL if it was before. Tokens that expired an hour ago are
-- forgotten, since the clocks of a worker and of the database differ by less.
CREATE FUNCTION pedigree.note_exchange(
    by_issuer text, hash bytea, expires timestamptz, for_token bigint
) RETURNS bigint
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    noted bigint;
BEGIN
    DELETE FROM pedigree.exchanged_token WHERE (issuer, jti_hash) IN (
        SELECT issuer, jti_hash FROM pedigree.exchanged_token
        WHERE expires_at < clock_timestamp() - interval '1 hour'
        ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    INSERT INTO pedigree.exchanged_token (issuer, jti_hash, expires_at, token_id)
    VALUES (by_issuer, hash, expires, for_token)
    ON CONFLICT DO NOTHING
    RETURNING token_id INTO noted;
    RETURN noted;
END
$$;
