-- When a version was sealed, or its registration failed, it changed. A name that belonged to another
-- model is known before the bytes of a registration are stored.

CREATE OR REPLACE FUNCTION pedigree.look_before_creation(asked jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    model record;
    seen jsonb := '{}';
    known integer;
    wanted text[] := ARRAY(SELECT jsonb_array_elements_text(asked -> 'digests'));
BEGIN
    IF asked ->> 'key' IS NOT NULL THEN
        SELECT seen || jsonb_build_object('kept', jsonb_build_object(
            'fingerprint', encode(a.fingerprint, 'base64'), 'status', a.status,
            'headers', a.headers, 'body', encode(a.body, 'base64')
        )) INTO seen
        FROM pedigree.kept_answer a
        WHERE a.principal = asked ->> 'principal' AND a.key = asked ->> 'key';
        IF FOUND THEN
            RETURN seen;
        END IF;
        seen := '{}';
    END IF;
    SELECT m.model_id, m.name, m.next_version, m.generation, m.policy, m.policy_revision,
        m.deleted_at IS NOT NULL AS is_deleted,
        pedigree.has_alias(m.model_id, asked ->> 'candidate') AS is_aliased
    INTO model
    FROM pedigree.registered_model m WHERE m.name_key = asked ->> 'name_key';
    IF FOUND THEN
        seen := seen || jsonb_build_object('model', to_jsonb(model), 'champion', (
            SELECT jsonb_build_object(
                'version', held.version, 'digest', held.digest, 'record', r.record::text,
                'signature', r.signature, 'verification', r.verification::text
            )
            FROM pedigree.holder_of_stage(model.model_id, asked ->> 'champion') held
            LEFT JOIN pedigree.search_record r
                ON r.model_id = model.model_id AND r.version = held.version
        ));
        IF asked ->> 'copies' IS DISTINCT FROM 'true' THEN
            known := pedigree.version_of_bytes(model.model_id, asked ->> 'artifact');
        END IF;
        IF known IS NOT NULL THEN
            seen := seen || jsonb_build_object('known', (
                SELECT jsonb_build_object(
                    'record', r.record::text, 'signature', r.signature,
                    'verification', r.verification::text,
                    'state', pedigree.state_of_version(model.model_id, known)
                )
                FROM pedigree.search_record_source r
                WHERE r.model_id = model.model_id AND r.version = known
            ), 'trainings', (
                SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.restated), '[]')
                FROM pedigree.training t
                WHERE t.model_id = model.model_id AND t.version = known
                    AND t.run_id = asked ->> 'run_id'
                    AND coalesce(t.step_key, '') = coalesce(asked ->> 'step_key', '')
            ));
        END IF;
    END IF;
    RETURN seen || jsonb_build_object(
        'at', clock_timestamp(),
        'live', (
            SELECT coalesce(jsonb_agg(to_jsonb(b)), '[]')
            FROM (
                SELECT digest, size, key FROM pedigree.blob WHERE digest = ANY (wanted)
            ) AS b
        ),
        'unread', (
            SELECT coalesce(jsonb_agg(w.digest), '[]')
            FROM unnest(wanted) AS w (digest)
            WHERE asked ->> 'proves' = 'true' AND NOT EXISTS (
                SELECT FROM pedigree.artifact_file f
                JOIN pedigree.model_version v ON v.digest = f.artifact_digest
                WHERE f.blob_digest = w.digest AND v.deleted_at IS NULL
            ) AND NOT EXISTS (
                SELECT FROM pedigree.upload_session s
                JOIN pedigree.upload_file f USING (upload_id)
                WHERE s.upload_id = (asked ->> 'session')::uuid AND s.model = asked ->> 'name'
                    AND s.lease_until > clock_timestamp()
                    AND f.digest = w.digest AND f.received
            )
        ),
        'quarantines', asked ->> 'has_lineage' = 'true' AND pedigree.has_open_quarantines(),
        'defaults', NOT seen ? 'model' AND EXISTS (SELECT FROM pedigree.policy_default),
        'had', NOT seen ? 'model'
            AND pedigree.highest_of_name(asked ->> 'name', asked ->> 'name_key', 0) IS NOT NULL
    );
END
$$;

CREATE OR REPLACE FUNCTION pedigree.seal_version(doc jsonb, manifest bytea) RETURNS jsonb
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET lock_timeout TO '10s'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    given text := doc #>> '{artifact,digest}';
    locked record;
    missing text[];
    voided integer[];
BEGIN
    IF doc ? 'nodes' THEN
        -- Before the model's lock, in the same order as the creation of a quarantine.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.quarantine', 0));
    END IF;
    missing := pedigree.take_blobs(doc);
    IF cardinality(missing) > 0 THEN
        RETURN jsonb_build_object('refused', 'missing', 'digests', missing);
    END IF;
    SELECT l.* INTO locked FROM pedigree.lock_version(doc) AS l;
    IF locked.state IS NULL THEN
        RETURN '{"refused": "unknown"}';
    ELSIF locked.state = 'sealed' THEN
        RETURN jsonb_build_object('refused', 'sealed', 'digest', locked.digest);
    END IF;
    IF doc ? 'nodes' AND pedigree.has_open_quarantines() AND ARRAY(
        SELECT q.quarantine_id FROM pedigree.quarantines_of_nodes(
            doc -> 'nodes', locked.model_id, (doc ->> 'number')::integer
        ) q
    ) IS DISTINCT FROM ARRAY(SELECT jsonb_array_elements_text(doc -> 'quarantines')::bigint) THEN
        RETURN '{"refused": "stale"}';
    END IF;
    PERFORM pedigree.keep_artifact(doc, manifest);
    voided := pedigree.void_approvals(locked.model_id);
    UPDATE pedigree.registered_model m SET generation = m.generation + 1
    WHERE m.model_id = locked.model_id
    RETURNING m.generation INTO locked.generation;
    UPDATE pedigree.model_version v SET
        digest = given, copy = pedigree.next_copy(locked.model_id, given), state = 'sealed',
        state_reason = NULL, flavor = doc ->> 'flavor',
        signature = nullif(doc -> 'signature', 'null'), last_updated_at = locked.at
    WHERE v.model_id = locked.model_id AND v.version = (doc ->> 'number')::integer;
    PERFORM pedigree.add_to_statistic(logical_bytes => (doc #>> '{artifact,size}')::bigint);
    PERFORM pedigree.record_state_events(doc, locked.name, locked.at, locked.generation, voided);
    PERFORM pedigree.keep_version(
        doc, locked.model_id, (doc ->> 'number')::integer, locked.at, actor ->> 'name',
        actor ->> 'source'
    );
    IF doc ? 'training' THEN
        PERFORM pedigree.add_training(doc, locked.model_id, (doc ->> 'number')::integer, locked.at,
            actor ->> 'name', actor ->> 'source');
    END IF;
    IF doc ? 'judged' THEN
        PERFORM pedigree.add_judgement(doc -> 'judged', locked.model_id,
            (doc ->> 'number')::integer, locked.at, actor ->> 'name');
    END IF;
    IF doc ? 'judge_later' THEN
        INSERT INTO pedigree.unjudged (model_id, version, due_at)
        VALUES (locked.model_id, (doc ->> 'number')::integer,
            clock_timestamp() + (doc ->> 'judge_later')::interval)
        ON CONFLICT (model_id, version) DO UPDATE SET due_at = excluded.due_at, failures = 0;
    END IF;
    RETURN jsonb_build_object('at', locked.at, 'generation', locked.generation);
END
$$;

CREATE OR REPLACE FUNCTION pedigree.fail_version(doc jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET lock_timeout TO '10s'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    locked record;
BEGIN
    SELECT l.* INTO locked FROM pedigree.lock_version(doc) AS l;
    IF locked.state IS NULL THEN
        RETURN '{"refused": "unknown"}';
    ELSIF locked.state <> 'pending' THEN
        RETURN jsonb_build_object('refused', locked.state);
    END IF;
    UPDATE pedigree.model_version v SET
        state = 'failed', state_reason = doc ->> 'reason', last_updated_at = locked.at
    WHERE v.model_id = locked.model_id AND v.version = (doc ->> 'number')::integer;
    PERFORM pedigree.record_state_events(doc, locked.name, locked.at, locked.generation, '{}');
    RETURN jsonb_build_object('at', locked.at);
END
$$;

-- What was sealed or failed until now changed then.
CREATE TEMPORARY TABLE ended_until_now ON COMMIT DROP AS
SELECT m.model_id, e.version, max(e.at) AS at
FROM pedigree.event e
JOIN pedigree.registered_model m ON m.log_name = e.model
WHERE e.type IN ('version.sealed', 'version.registration_failed')
GROUP BY m.model_id, e.version;

ALTER TABLE pedigree.model_version DISABLE TRIGGER version_changed, DISABLE TRIGGER version_state_changed;
UPDATE pedigree.model_version v SET last_updated_at = greatest(v.last_updated_at, e.at)
FROM ended_until_now e
WHERE e.model_id = v.model_id AND e.version = v.version;
ALTER TABLE pedigree.model_version ENABLE TRIGGER version_changed, ENABLE TRIGGER version_state_changed;
UPDATE pedigree.search_record r SET record = s.record
FROM ended_until_now e
JOIN pedigree.search_record_source s ON s.model_id = e.model_id AND s.version = e.version
WHERE r.model_id = e.model_id AND r.version = e.version;
