-- Changes of models and of their versions, stages, aliases and verdicts, as functions that write the
-- events of a change and apply what they say. So no row can differ from the log, and a role of the
-- database needs no right to change these tables (roles.sql). The caller locked the model before.

-- Create a model with its event, unless one of its name (case folded) exists or existed; whether it did.
-- The time is put into the hole of the event's text.
CREATE FUNCTION pedigree.create_model(of_name text, of_key text, event jsonb, hole text)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by)
    VALUES (of_name, of_key, at, pedigree.acting_in_event() ->> 'name')
    ON CONFLICT ON CONSTRAINT registered_model_name_unique DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pedigree.record_events(
        ARRAY[(event ->> 'event_id')::uuid], 'model.created', of_name, NULL, at,
        ARRAY[convert_to(replace(event ->> 'canonical', hole, pedigree.time_in_json(at)), 'UTF8')]
    );
    RETURN true;
END
$$;

-- Refuse a change whose event says something else than the rows.
CREATE FUNCTION pedigree.refuse_change_of(subject text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event of a change differs from the rows: %', subject
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- A version holds a pointer from now on.
CREATE FUNCTION pedigree.begin_tenure(
    of_model bigint, of_version integer, of_pointer text, of_name text, is_exclusive boolean,
    at timestamptz, why text
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.tenure (
        model_id, version, pointer, name, exclusive, held_since, moved_by, reason
    ) VALUES (
        of_model, of_version, of_pointer, of_name, is_exclusive, at,
        pedigree.acting_in_event() ->> 'name', why
    );
END
$$;

-- A version leaves one stage, unless it was in none, and enters another one.
CREATE FUNCTION pedigree.apply_stage(
    of_model bigint, of_version integer, body jsonb, change jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    left_stage text;
BEGIN
    UPDATE pedigree.tenure SET held_until = at, ended_by = change ->> 'ended_by'
    WHERE model_id = of_model AND version = of_version AND pointer = 'stage' AND held_until IS NULL
    RETURNING name INTO left_stage;
    IF coalesce(left_stage, 'none') IS DISTINCT FROM body ->> 'from' THEN
        PERFORM pedigree.refuse_change_of('the stage that a version leaves');
    END IF;
    PERFORM pedigree.begin_tenure(
        of_model, of_version, 'stage', body ->> 'to', (change ->> 'exclusive')::boolean, at,
        body ->> 'reason'
    );
END
$$;

-- An alias leaves the version that holds it, and may go to another one.
CREATE FUNCTION pedigree.apply_alias(
    of_model bigint, of_version integer, kind text, body jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    known integer;
BEGIN
    UPDATE pedigree.tenure SET held_until = at, ended_by = 'move'
    WHERE model_id = of_model AND pointer = 'alias' AND name = body ->> 'alias'
        AND held_until IS NULL
    RETURNING version INTO known;
    IF kind = 'alias.set' AND known IS DISTINCT FROM (body ->> 'previous_version')::integer
        OR kind = 'alias.deleted' AND known IS DISTINCT FROM of_version
    THEN
        PERFORM pedigree.refuse_change_of('the version that held an alias');
    END IF;
    IF kind = 'alias.set' THEN
        PERFORM pedigree.begin_tenure(
            of_model, of_version, 'alias', body ->> 'alias', true, at, body ->> 'reason'
        );
    END IF;
END
$$;

-- Mark a version deleted, which ends its stage; its row and number stay.
CREATE FUNCTION pedigree.apply_deletion(of_model bigint, of_version integer, at timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.tenure SET held_until = at, ended_by = 'deletion'
    WHERE model_id = of_model AND version = of_version AND pointer = 'stage' AND held_until IS NULL;
    UPDATE pedigree.model_version SET deleted_at = at
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- Restore a deleted version, in the stage that the event names.
CREATE FUNCTION pedigree.apply_restoration(
    of_model bigint, of_version integer, body jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.model_version SET deleted_at = NULL
    WHERE model_id = of_model AND version = of_version;
    IF body ->> 'stage' <> 'none' THEN
        PERFORM pedigree.begin_tenure(
            of_model, of_version, 'stage', body ->> 'stage', false, at, body ->> 'reason'
        );
    END IF;
END
$$;

-- Set a version's approval status, which the actor's decision gives it.
CREATE FUNCTION pedigree.apply_decision(
    of_model bigint, of_version integer, kind text, body jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    actor text := pedigree.acting_in_event() ->> 'name';
BEGIN
    IF NOT EXISTS (
        SELECT FROM pedigree.decision d
        WHERE d.model_id = of_model AND d.version = of_version AND d.at = apply_decision.at
            AND d.decided_by = actor AND d.approved = (kind = 'version.approved')
            AND d.from_stage = body ->> 'from_stage' AND d.to_stage = body ->> 'to_stage'
            AND d.generation = (body ->> 'generation')::bigint AND d.comment = body ->> 'comment'
    ) OR (kind = 'version.approved') = (body ->> 'status' = 'rejected') THEN
        PERFORM pedigree.refuse_change_of('a decision');
    END IF;
    UPDATE pedigree.model_version SET approval_status = body ->> 'status',
        approval_notes = body ->> 'comment',
        approved_by = CASE WHEN kind = 'version.approved' THEN actor END,
        approval_timestamp = apply_decision.at,
        approval_stage = CASE WHEN body ->> 'status' = 'approved' THEN body ->> 'to_stage' END
    WHERE model_id = of_model AND version = of_version;
END
$$;

-- The texts of a list.
CREATE FUNCTION pedigree.texts_of(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(each ORDER BY place)
    FROM jsonb_array_elements_text(list) WITH ORDINALITY AS given (each, place)
$$;

-- Replace what an event names of what people write about a version.
CREATE FUNCTION pedigree.apply_description(of_model bigint, of_version integer, body jsonb)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.model_version v SET
        description = CASE WHEN body ? 'description' THEN body ->> 'description' ELSE v.description END,
        owners = CASE WHEN body ? 'owners'
            THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE v.owners END,
        tags = CASE WHEN body ? 'tags' THEN body -> 'tags' ELSE v.tags END
    WHERE v.model_id = of_model AND v.version = of_version;
    IF body - '{description,owners,tags}'::text[] <> '{}' THEN
        PERFORM pedigree.refuse_change_of('the description of a version');
    END IF;
END
$$;

-- The same for a model; its policy is set already.
CREATE FUNCTION pedigree.apply_model(of_model bigint, body jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT body ? 'policy' AND body - '{description,owners,tags}'::text[] <> '{}' THEN
        PERFORM pedigree.refuse_change_of('the description of a model');
    END IF;
    IF body ?| '{description,owners,tags}'::text[] THEN
        UPDATE pedigree.registered_model m SET
            description = CASE WHEN body ? 'description' THEN body ->> 'description'
                ELSE m.description END,
            owners = CASE WHEN body ? 'owners'
                THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE m.owners END,
            tags = CASE WHEN body ? 'tags' THEN body -> 'tags' ELSE m.tags END
        WHERE m.model_id = of_model;
    END IF;
END
$$;

-- Set why a version is in quarantine or on legal hold; NULL: it is not.
CREATE FUNCTION pedigree.apply_block(
    of_model bigint, of_version integer, kind text, body jsonb, change jsonb
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF kind = 'version.quarantined' OR body ->> 'from' = 'quarantine' THEN
        UPDATE pedigree.model_version SET quarantine_reason = change ->> 'reason'
        WHERE model_id = of_model AND version = of_version;
    ELSE
        UPDATE pedigree.model_version
        SET hold_reason = CASE WHEN kind = 'version.held' THEN body ->> 'reason' END
        WHERE model_id = of_model AND version = of_version;
    END IF;
END
$$;

-- Apply what one event says to the rows of its model or version.
CREATE FUNCTION pedigree.apply_event(
    of_model bigint, of_version integer, kind text, body jsonb, change jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF body ? 'digest' AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.digest = body ->> 'digest'
    ) THEN
        PERFORM pedigree.refuse_change_of('the digest of a version');
    END IF;
    CASE kind
        WHEN 'version.stage_changed' THEN
            PERFORM pedigree.apply_stage(of_model, of_version, body, change, at);
        WHEN 'alias.set', 'alias.deleted' THEN
            PERFORM pedigree.apply_alias(of_model, of_version, kind, body, at);
        WHEN 'version.deleted' THEN
            PERFORM pedigree.apply_deletion(of_model, of_version, at);
        WHEN 'version.restored' THEN
            PERFORM pedigree.apply_restoration(of_model, of_version, body, at);
        WHEN 'version.approved', 'version.rejected' THEN
            PERFORM pedigree.apply_decision(of_model, of_version, kind, body, at);
        WHEN 'version.updated' THEN
            PERFORM pedigree.apply_description(of_model, of_version, body);
        WHEN 'version.held', 'version.released', 'version.quarantined' THEN
            PERFORM pedigree.apply_block(of_model, of_version, kind, body, change);
        WHEN 'model.updated' THEN
            PERFORM pedigree.apply_model(of_model, body);
        WHEN 'model.deleted' THEN
            UPDATE pedigree.registered_model SET deleted_at = at WHERE model_id = of_model;
        WHEN 'model.restored' THEN
            UPDATE pedigree.registered_model SET deleted_at = NULL WHERE model_id = of_model;
        ELSE
            PERFORM pedigree.refuse_change_of('the type ' || kind);
    END CASE;
END
$$;

-- Count one move of a model. Earlier approvals refer to the state before it, so those of versions that
-- have not made their transition are open again; an override voids none. The approval of the version
-- that enters its stage can no longer become void.
CREATE FUNCTION pedigree.count_move(
    of_model bigint, of_version integer, kind text, body jsonb,
    OUT generation bigint, OUT voided integer[]
)
LANGUAGE plpgsql AS $$
DECLARE
    entered text := CASE WHEN kind = 'version.stage_changed' THEN body ->> 'to' END;
BEGIN
    UPDATE pedigree.model_version v SET approval_stage = NULL
    WHERE v.model_id = of_model AND v.version = of_version AND v.approval_stage = entered
        AND v.approval_status = 'approved';
    UPDATE pedigree.registered_model m SET generation = m.generation + 1
    WHERE m.model_id = of_model
    RETURNING m.generation INTO count_move.generation;
    IF EXISTS (
        SELECT FROM pedigree.stage_override o
        WHERE o.model_id = of_model AND o.generation = count_move.generation
            AND o.version = of_version AND o.to_stage = entered
    ) THEN
        voided := '{}';
    ELSE
        voided := pedigree.void_approvals(of_model);
    END IF;
END
$$;

-- Write the events of one change of a model and apply them, in their order. What only the change knows
-- is put into holes of their texts: the model's generation, the versions whose approval is void, and the
-- revision of its policy.
CREATE FUNCTION pedigree.change_model(
    of_model bigint, events jsonb, at timestamptz, hole text,
    OUT generation bigint, OUT voided integer[], OUT policy_revision integer
)
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    last jsonb := events -> -1;
    body jsonb := (last ->> 'canonical')::jsonb -> 'body';
    of_name text;
    change jsonb;
    canonical text;
BEGIN
    SELECT m.name, m.generation, '{}', m.policy_revision
    INTO of_name, change_model.generation, voided, change_model.policy_revision
    FROM pedigree.registered_model m
    WHERE m.model_id = of_model AND pedigree.sees_key(m.name_key)
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM pedigree.refuse_change_of('the model');
    END IF;
    IF last ->> 'type' = 'model.updated' AND body ? 'policy' THEN
        UPDATE pedigree.registered_model m SET policy = body -> 'policy'
        WHERE m.model_id = of_model
        RETURNING m.policy_revision INTO change_model.policy_revision;
    END IF;
    IF body ->> 'generation' = hole || 'generation' THEN
        SELECT moved.generation, moved.voided INTO change_model.generation, change_model.voided
        FROM pedigree.count_move(of_model, (last ->> 'version')::integer, last ->> 'type', body) AS moved;
    ELSIF last ->> 'type' = ANY (ARRAY[
        'version.stage_changed', 'alias.set', 'alias.deleted', 'version.deleted', 'version.restored'
    ]) THEN
        PERFORM pedigree.refuse_change_of('the generation of a move');
    END IF;
    FOR change IN SELECT jsonb_array_elements(events) LOOP
        canonical := pedigree.filled(
            change ->> 'canonical',
            ARRAY['"' || hole || 'generation"', '"' || hole || 'voided"', '"' || hole || 'revision"'],
            ARRAY[
                change_model.generation::text, array_to_json(voided)::text,
                change_model.policy_revision::text
            ]
        );
        PERFORM pedigree.record_events(
            ARRAY[(change ->> 'event_id')::uuid], change ->> 'type', of_name,
            (change ->> 'version')::integer, at, ARRAY[convert_to(canonical, 'UTF8')]
        );
        PERFORM pedigree.apply_event(
            of_model, (change ->> 'version')::integer, change ->> 'type',
            canonical::jsonb -> 'body', change, at
        );
    END LOOP;
END
$$;

-- The same for changes of stages and for decisions, which sensors make as well.
CREATE FUNCTION pedigree.move_versions(
    of_model bigint, events jsonb, at timestamptz, hole text,
    OUT generation bigint, OUT voided integer[], OUT policy_revision integer
)
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_array_elements(events) AS change
        WHERE change ->> 'type' NOT IN (
            'version.stage_changed', 'version.approved', 'version.rejected'
        )
    ) THEN
        PERFORM pedigree.refuse_change_of('the type of a move');
    END IF;
    SELECT made.generation, made.voided, made.policy_revision
    INTO move_versions.generation, move_versions.voided, move_versions.policy_revision
    FROM pedigree.change_model(of_model, events, at, hole) AS made;
END
$$;

-- Write the verdicts of checks on a version, each with its event, and return their ids.
CREATE FUNCTION pedigree.record_verdicts(
    of_model bigint, of_version integer, verdicts jsonb, event_ids uuid[], canonicals bytea[],
    at timestamptz
) RETURNS TABLE (verdict_id bigint)
LANGUAGE plpgsql SET enable_seqscan TO 'off' AS $$
DECLARE
    actor text := pedigree.acting_in_event() ->> 'name';
BEGIN
    PERFORM pedigree.record_events(event_ids, 'version.check_recorded', (
        SELECT m.name FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND pedigree.sees_key(m.name_key)
    ), of_version, at, canonicals);
    IF verdicts IS DISTINCT FROM (
        SELECT jsonb_agg(convert_from(canonical, 'UTF8')::jsonb -> 'body' ORDER BY place)
        FROM unnest(canonicals) WITH ORDINALITY AS given (canonical, place)
    ) THEN
        PERFORM pedigree.refuse_change_of('a verdict');
    END IF;
    RETURN QUERY
    INSERT INTO pedigree.verdict (
        model_id, version, check_name, passed, severity, digest, relative, baseline_digest,
        settings, summary, details, run_id, at, recorded_by
    )
    SELECT of_model, of_version, each."check", each.passed, each.severity, each.digest,
        each.relative, each.baseline_digest, each.settings, each.summary, each.details,
        each.run_id, record_verdicts.at, actor
    FROM jsonb_to_recordset(verdicts) AS each (
        "check" text, passed boolean, severity text, digest text, relative boolean,
        baseline_digest text, settings jsonb, summary text, details jsonb, run_id text
    )
    RETURNING verdict.verdict_id;
END
$$;

-- The roles of the database may lock a model's row, which takes the right to change a column of it.
CREATE TRIGGER model_id_fixed BEFORE UPDATE OF model_id ON pedigree.registered_model
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.registered_model ENABLE ALWAYS TRIGGER model_id_fixed;

-- What change_model replaces.
DROP FUNCTION pedigree.describe_version(bigint, integer, text, text[], jsonb);
DROP FUNCTION pedigree.quarantine_version(bigint, integer, text);
DROP FUNCTION pedigree.advance_generation(bigint);
DROP FUNCTION pedigree.use_approval(bigint, integer, text);
DROP FUNCTION pedigree.conclude(
    bigint, integer, text, text, boolean, timestamptz, text
);
DROP FUNCTION pedigree.hold_version(bigint, integer, text);
DROP FUNCTION pedigree.delete_version(bigint, integer, timestamptz);
