-- A registration is one look, a judgement outside the database, and one call of create_version.
--
-- The call is one transaction of its own: no round trip happens while the model's row is locked. It is
-- PL/pgSQL, whose plans the server session keeps, also through a pooler that prepares no statements.
-- Only the two functions that a caller names set the mode of plans; it holds for those that they call.
-- A refusal before the first row of the version is a value, not an error. Who acts comes from the
-- transaction's settings, and the time from the clock; nothing of the document replaces them.

-- Texts of the document have holes for what only the transaction knows: a random token of the
-- document, with a letter for the value. So a text of a user is never taken for a hole.
CREATE FUNCTION pedigree.filled(given text, holes text[], fillings text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR place IN 1 .. cardinality(holes) LOOP
        given := replace(given, holes[place], fillings[place]);
    END LOOP;
    RETURN given;
END
$$;

-- The open quarantines of data on which the nodes of a training's graph depend or may depend, with
-- the best certainty, except those that its version already has. A node without a time may be older
-- or newer, so it is possible.
CREATE FUNCTION pedigree.quarantines_of_nodes(nodes jsonb, of_model bigint, of_version integer)
RETURNS TABLE (
    quarantine_id bigint, asset text, partition text, since timestamptz, reason text,
    only_certain boolean, at timestamptz, quarantined_by text, certainty text
)
LANGUAGE sql STABLE AS $$
WITH node AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(nodes) AS given (
        kind text, asset text, partition text, at timestamptz, certainty pedigree.certainty,
        upstream text[]
    )
), found AS (
    SELECT
        q.quarantine_id,
        CASE
            WHEN n.kind = 'missing' AND n.partition IS NULL THEN CASE
                WHEN q.partition IS NULL THEN 'possible' ELSE 'unknown'
            END::pedigree.certainty
            WHEN n.at IS NULL THEN least(n.certainty, 'possible')
            ELSE n.certainty
        END AS certainty
    FROM pedigree.quarantine q
    JOIN node n ON n.asset = q.asset AND n.kind <> 'step'
        AND (
            q.partition IS NULL OR n.partition = q.partition
            OR (n.partition IS NULL AND n.kind = 'missing')
        )
        AND (n.at IS NULL OR (n.at <= q.at AND (q.since IS NULL OR n.at >= q.since)))
    WHERE q.released_at IS NULL AND q.asset IS NOT NULL
    UNION ALL
    SELECT q.quarantine_id, 'unknown'::pedigree.certainty
    FROM pedigree.quarantine q
    JOIN node n ON n.kind IN ('step', 'missing')
        AND (n.upstream IS NULL OR n.upstream @> ARRAY[q.asset])
    WHERE q.released_at IS NULL AND q.asset IS NOT NULL
), best AS (
    SELECT found.quarantine_id, max(found.certainty) AS certainty
    FROM found GROUP BY found.quarantine_id
)
SELECT q.quarantine_id, q.asset, q.partition, q.since, q.reason, q.only_certain, q.at,
    q.quarantined_by, best.certainty::text
FROM best
JOIN pedigree.quarantine q USING (quarantine_id)
WHERE NOT EXISTS (
    SELECT FROM pedigree.quarantine_mark k
    WHERE k.quarantine_id = q.quarantine_id
        AND k.model_id = of_model AND k.version = of_version
)
ORDER BY q.quarantine_id
$$;

-- A text that changes with whatever a registration of the same bytes says about their version.
CREATE FUNCTION pedigree.state_of_version(of_model bigint, of_version integer) RETURNS text
LANGUAGE sql STABLE AS $$
SELECT md5(source.record::text || source.verification::text)
FROM pedigree.search_record_source source
WHERE source.model_id = of_model AND source.version = of_version
$$;

-- The version that entered a stage last and still holds it.
CREATE FUNCTION pedigree.holder_of_stage(of_model bigint, stage text)
RETURNS TABLE (version integer, digest text)
LANGUAGE sql STABLE AS $$
SELECT t.version, v.digest
FROM pedigree.tenure t
JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
WHERE t.model_id = of_model AND t.pointer = 'stage' AND t.name = stage AND t.held_until IS NULL
ORDER BY t.tenure_id DESC
LIMIT 1
$$;

CREATE FUNCTION pedigree.has_alias(of_model bigint, called text) RETURNS boolean
LANGUAGE sql STABLE AS $$
SELECT EXISTS (
    SELECT FROM pedigree.tenure t
    WHERE t.model_id = of_model AND t.pointer = 'alias' AND t.name = called
        AND t.held_until IS NULL
)
$$;

CREATE FUNCTION pedigree.has_open_quarantines() RETURNS boolean
LANGUAGE sql STABLE AS $$
SELECT EXISTS (
    SELECT FROM pedigree.quarantine WHERE released_at IS NULL AND asset IS NOT NULL
)
$$;

-- What the database knows about a registration before it: one snapshot, no lock.
CREATE FUNCTION pedigree.look_before_creation(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
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
        SELECT v.version INTO known FROM pedigree.model_version v
        WHERE v.model_id = model.model_id AND v.digest = asked ->> 'artifact'
            AND v.copy = 0 AND v.deleted_at IS NULL;
        IF FOUND THEN
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
        'quarantines', asked ->> 'has_lineage' = 'true' AND pedigree.has_open_quarantines()
    );
END
$$;

-- Make the blobs of the document's upload live, as the query close_upload, and lock all blobs of the
-- artifact against removal, in one order. Returns those that are not live.
CREATE FUNCTION pedigree.take_blobs(doc jsonb) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    wanted text[] := ARRAY(
        SELECT DISTINCT f ->> 'digest' FROM jsonb_array_elements(doc #> '{artifact,files}') f
    );
    live text[];
BEGIN
    IF doc ->> 'upload' IS NOT NULL THEN
        WITH closed AS (
            DELETE FROM pedigree.upload WHERE upload_id = (doc ->> 'upload')::uuid
            RETURNING upload_id
        ), stored AS (
            SELECT file.digest, file.size, file.key
            FROM closed, jsonb_to_recordset(doc -> 'stored')
                AS file (digest text, size bigint, key text)
        ), sealed AS (
            INSERT INTO pedigree.blob (digest, size, key)
            SELECT digest, size, key FROM stored ORDER BY digest COLLATE "C"
            ON CONFLICT (digest) DO NOTHING
            RETURNING digest
        )
        INSERT INTO pedigree.orphan (key)
        SELECT key FROM stored WHERE digest NOT IN (SELECT digest FROM sealed);
    END IF;
    SELECT array_agg(b.digest) INTO live FROM (
        SELECT digest FROM pedigree.blob WHERE digest = ANY (wanted) ORDER BY digest FOR SHARE
    ) AS b;
    RETURN ARRAY(
        SELECT w.digest FROM unnest(wanted) AS w (digest)
        WHERE w.digest <> ALL (coalesce(live, '{}')) ORDER BY w.digest
    );
END
$$;

-- Write an artifact unless it exists; a collected one still has its manifest, and gets its files.
CREATE FUNCTION pedigree.keep_artifact(doc jsonb, manifest bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    named text := doc #>> '{artifact,digest}';
BEGIN
    INSERT INTO pedigree.artifact (digest, manifest, size)
    VALUES (named, manifest, (doc #>> '{artifact,size}')::bigint)
    ON CONFLICT (digest) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM FROM pedigree.artifact WHERE digest = named FOR SHARE;
    END IF;
    INSERT INTO pedigree.artifact_file (artifact_digest, path, blob_digest)
    SELECT named, f.path, f.digest
    FROM jsonb_to_recordset(doc #> '{artifact,files}') AS f (path text, digest text)
    ON CONFLICT (artifact_digest, path) DO NOTHING;
END
$$;

-- Insert events of the document, their holes filled, and queue them for the feed.
CREATE FUNCTION pedigree.record_filled_events(
    events jsonb, holes text[], fillings text[], of_model text, of_version integer, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
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
    )
    INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;
END
$$;

-- Add a training with its environment, its lineage, and its wait for the asset graph. The training
-- comes last of all rows of a version: by its trigger the version enters search, in its final state.
CREATE FUNCTION pedigree.add_training(
    doc jsonb, of_model bigint, of_version integer, at timestamptz, actor text, actor_source text
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t jsonb := doc -> 'training';
BEGIN
    IF doc ? 'packages' THEN
        INSERT INTO pedigree.environment (hash, packages)
        VALUES (t ->> 'environment_hash', ARRAY(SELECT jsonb_array_elements_text(doc -> 'packages')))
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO pedigree.training
    SELECT row.* FROM jsonb_populate_record(
        NULL::pedigree.training,
        t || jsonb_build_object(
            'model_id', of_model, 'version', of_version,
            'created_at', at, 'created_by', actor, 'created_by_source', actor_source
        )
    ) AS row;
    IF doc ? 'awaits' THEN
        INSERT INTO pedigree.awaited (training_id, instance_id, since)
        VALUES ((t ->> 'training_id')::uuid, t ->> 'instance_id', add_training.at);
    END IF;
    IF doc ? 'nodes' THEN
        INSERT INTO pedigree.lineage_node (
            training_id, node_id, kind, asset, partition, storage_id, run_id, data_version,
            code_version, at, certainty, upstream
        )
        SELECT (t ->> 'training_id')::uuid, n.node_id, n.kind, n.asset, n.partition, n.storage_id,
            n.run_id, n.data_version, n.code_version, n.at, n.certainty, n.upstream
        FROM jsonb_populate_recordset(NULL::pedigree.lineage_node, doc -> 'nodes') AS n;
    END IF;
    IF doc ? 'edges' THEN
        INSERT INTO pedigree.lineage_edge (training_id, consumer, source, capture, certainty)
        SELECT (t ->> 'training_id')::uuid, e.consumer, e.source, e.capture, e.certainty
        FROM jsonb_populate_recordset(NULL::pedigree.lineage_edge, doc -> 'edges') AS e;
    END IF;
END
$$;

-- What the checks of a new version found: the verdicts, and the stage that it enters by them.
CREATE FUNCTION pedigree.add_judgement(
    judged jsonb, of_model bigint, of_version integer, at timestamptz, actor text
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.verdict (
        model_id, version, check_name, passed, severity, digest, relative, baseline_digest,
        settings, summary, details, run_id, at, recorded_by
    )
    SELECT of_model, of_version, "check", passed, severity, digest, relative, baseline_digest,
        settings, summary, details, run_id, add_judgement.at, actor
    FROM jsonb_to_recordset(judged -> 'verdicts') AS found (
        "check" text, passed boolean, severity text, digest text, relative boolean,
        baseline_digest text, settings jsonb, summary text, details jsonb, run_id text
    );
    IF judged ->> 'stage' IS NOT NULL THEN
        INSERT INTO pedigree.tenure (
            model_id, version, pointer, name, exclusive, held_since, moved_by
        ) VALUES (of_model, of_version, 'stage', judged ->> 'stage', false, add_judgement.at, actor);
    END IF;
END
$$;

-- Count a move of a model, as the query advance_generation: approvals of versions that have not made
-- their transition are open again. Returns the numbers of these versions.
CREATE FUNCTION pedigree.void_approvals(of_model bigint) RETURNS integer[]
LANGUAGE plpgsql AS $$
DECLARE
    voided integer[] := '{}';
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.approval_status = 'approved'
            AND v.approval_stage IS NOT NULL
    ) THEN
        WITH reopened AS (
            UPDATE pedigree.model_version SET approval_status = 'pending', approval_stage = NULL
            WHERE model_id = of_model AND approval_status = 'approved'
                AND approval_stage IS NOT NULL
            RETURNING version
        )
        SELECT array_agg(version ORDER BY version) INTO voided FROM reopened;
    END IF;
    RETURN voided;
END
$$;

-- Begin the request of an idempotency key: refuse a second one in flight, and return the answer of an
-- earlier one; NULL if it is new.
CREATE FUNCTION pedigree.earlier_answer(request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(
        'pedigree.request ' || (request ->> 'principal') || ' ' || (request ->> 'key'), 0
    )) THEN
        RETURN '{"refused": "in flight"}';
    END IF;
    RETURN (
        SELECT jsonb_build_object('kept', jsonb_build_object(
            'fingerprint', encode(a.fingerprint, 'base64'), 'status', a.status,
            'headers', a.headers, 'body', encode(a.body, 'base64')
        ))
        FROM pedigree.kept_answer a
        WHERE a.principal = request ->> 'principal' AND a.key = request ->> 'key'
    );
END
$$;

-- Keep the answer to a request, and delete some that have expired. Returns it as it is kept.
CREATE FUNCTION pedigree.keep_filled_answer(request jsonb, holes text[], fillings text[])
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    headers text := pedigree.filled(request ->> 'headers', holes, fillings);
    body text := pedigree.filled(request ->> 'body', holes, fillings);
    expired_before timestamptz := clock_timestamp() - (request ->> 'kept')::interval;
BEGIN
    INSERT INTO pedigree.kept_answer (principal, key, fingerprint, status, headers, body)
    VALUES (
        request ->> 'principal', request ->> 'key', decode(request ->> 'fingerprint', 'hex'),
        (request ->> 'status')::integer, headers::jsonb, convert_to(body, 'UTF8')
    );
    IF EXISTS (SELECT FROM pedigree.kept_answer a WHERE a.answered_at < expired_before) THEN
        DELETE FROM pedigree.kept_answer a
        USING (
            SELECT old.principal, old.key FROM pedigree.kept_answer old
            WHERE old.answered_at < expired_before
            ORDER BY old.answered_at
            LIMIT 10
            FOR UPDATE SKIP LOCKED
        ) AS expired
        WHERE a.principal = expired.principal AND a.key = expired.key;
    END IF;
    RETURN jsonb_build_object('headers', headers::jsonb, 'body', body);
END
$$;

-- A time as the records and events have it in JSON: without a fraction if that is zero.
CREATE FUNCTION pedigree.time_in_json(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
SELECT replace(
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
)
$$;

-- Whether something that the document relies on is another since the look: the version of the same
-- bytes, the policy and the champion of the judgement, or the quarantines of the training's data.
CREATE FUNCTION pedigree.is_stale(
    doc jsonb, of_model bigint, policy_revision integer, known integer
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF known IS DISTINCT FROM (doc #>> '{known,version}')::integer THEN
        RETURN true;
    END IF;
    IF known IS NOT NULL
        AND pedigree.state_of_version(of_model, known) IS DISTINCT FROM doc #>> '{known,state}'
    THEN
        RETURN true;
    END IF;
    IF doc ? 'judged' AND (
        policy_revision <> (doc #>> '{judged,policy_revision}')::integer
        OR doc #>> '{judged,champion}' IS DISTINCT FROM (
            SELECT held.version || ' ' || held.digest
            FROM pedigree.holder_of_stage(of_model, doc #>> '{judged,champion_stage}') held
        )
        OR pedigree.has_alias(of_model, doc #>> '{judged,stage}')
    ) THEN
        RETURN true;
    END IF;
    RETURN doc ? 'nodes' AND pedigree.has_open_quarantines() AND ARRAY(
        SELECT q.quarantine_id
        FROM pedigree.quarantines_of_nodes(doc -> 'nodes', of_model, known) q
    ) IS DISTINCT FROM ARRAY(SELECT jsonb_array_elements_text(doc -> 'quarantines')::bigint);
END
$$;

-- Write a version under a number, or what a further training changes of the version that has it.
CREATE FUNCTION pedigree.keep_version(
    doc jsonb, of_model bigint, of_version integer, at timestamptz, actor text, actor_source text
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF doc ? 'version' THEN
        -- A row has the columns of its table, so a new metadata field needs no change here.
        INSERT INTO pedigree.model_version
        SELECT row.* FROM jsonb_populate_record(
            NULL::pedigree.model_version,
            doc -> 'version' || jsonb_build_object(
                'model_id', of_model, 'version', of_version,
                'digest', doc #>> '{artifact,digest}', 'copy', 0,
                'approval_status', 'none', 'tier', 'standard',
                'quarantine_reason', doc ->> 'quarantine_reason',
                'created_at', at, 'created_by', actor, 'created_by_source', actor_source
            )
        ) AS row;
    ELSIF doc ? 'marks' THEN
        UPDATE pedigree.model_version SET quarantine_reason = doc ->> 'quarantine_reason'
        WHERE model_id = of_model AND version = of_version;
    END IF;
    IF doc ? 'marks' THEN
        INSERT INTO pedigree.quarantine_mark (quarantine_id, model_id, version, certainty)
        SELECT mark.quarantine_id, of_model, of_version, mark.certainty
        FROM jsonb_to_recordset(doc -> 'marks')
            AS mark (quarantine_id bigint, certainty pedigree.certainty);
    END IF;
END
$$;

-- The one way in for versions and trainings. It returns the number, the time and the generation; or
-- the answer of an earlier request with the same key; or why it wrote no version: "in flight",
-- "missing" bytes, a "name" that is taken, or "stale" when the caller must look again.
CREATE FUNCTION pedigree.create_version(doc jsonb, manifest bytea) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode = 'force_generic_plan'
SET lock_timeout = '10s'
AS $$
DECLARE
    actor text := nullif(current_setting('pedigree.actor', true), '');
    actor_source text := nullif(current_setting('pedigree.actor_source', true), '');
    actor_in_json text := format('{"name":%s,"source":%s}', to_json(actor), to_json(actor_source));
    hole text := doc ->> 'hole';
    hole_of_actor text := format('"%sactor"', hole);
    answer jsonb;
    missing text[];
    model record;
    model_since timestamptz;
    taken integer;
    entered text := doc #>> '{judged,stage}';
    voided integer[] := '{}';
    holes text[];
    fillings text[];
BEGIN
    IF actor IS NULL OR actor_source IS NULL THEN
        RAISE EXCEPTION 'somebody creates a version: the setting pedigree.actor is empty'
            USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    IF doc ? 'request' THEN
        answer := pedigree.earlier_answer(doc -> 'request');
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    IF doc ? 'nodes' THEN
        -- Before the model's lock, in the same order as the creation of a quarantine.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.quarantine', 0));
    END IF;
    missing := pedigree.take_blobs(doc);
    IF cardinality(missing) > 0 THEN
        RETURN jsonb_build_object('refused', 'missing', 'digests', missing);
    END IF;
    IF doc ? 'new_model' THEN
        INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by)
        VALUES (doc ->> 'name', doc ->> 'name_key', clock_timestamp(), actor)
        ON CONFLICT ON CONSTRAINT registered_model_name_unique DO NOTHING
        RETURNING created_at INTO model_since;
    END IF;
    -- The time is read after the lock is held, so the times of a model's changes ascend in the order
    -- in which they commit, even if the clock jumps back.
    WITH locked AS MATERIALIZED (
        SELECT model_id, name, next_version, generation, policy_revision, deleted_at
        FROM pedigree.registered_model WHERE name_key = doc ->> 'name_key'
        FOR NO KEY UPDATE
    )
    SELECT locked.*, pedigree.time_of_change(locked.name) AS at INTO model FROM locked;
    IF NOT FOUND THEN
        RETURN '{"refused": "stale"}';
    END IF;
    IF model.name <> doc ->> 'name' OR model.deleted_at IS NOT NULL THEN
        RETURN jsonb_build_object('refused', 'name', 'name', model.name, 'is_deleted',
            model.deleted_at IS NOT NULL);
    END IF;
    IF model_since IS NOT NULL THEN
        -- The model stays, also if its first version is refused below.
        PERFORM pedigree.record_filled_events(
            jsonb_build_array(doc -> 'new_model'), ARRAY[hole || 'time', hole_of_actor],
            ARRAY[pedigree.time_in_json(model_since), actor_in_json], model.name, NULL, model_since
        );
    END IF;
    SELECT v.version INTO taken FROM pedigree.model_version v
    WHERE v.model_id = model.model_id AND v.digest = doc #>> '{artifact,digest}'
        AND v.copy = 0 AND v.deleted_at IS NULL;
    IF pedigree.is_stale(doc, model.model_id, model.policy_revision, taken) THEN
        RETURN '{"refused": "stale"}';
    END IF;

    PERFORM pedigree.keep_artifact(doc, manifest);
    IF doc ->> 'session' IS NOT NULL THEN
        DELETE FROM pedigree.upload_session s
        WHERE s.upload_id = (doc ->> 'session')::uuid AND s.model = model.name;
    END IF;
    IF entered IS NOT NULL THEN
        voided := pedigree.void_approvals(model.model_id);
        model.generation := model.generation + 1;
    END IF;
    IF taken IS NULL THEN
        taken := model.next_version;
        UPDATE pedigree.registered_model
        SET next_version = next_version + 1, generation = model.generation
        WHERE model_id = model.model_id;
    END IF;
    PERFORM pedigree.keep_version(doc, model.model_id, taken, model.at, actor, actor_source);
    IF doc ? 'judged' THEN
        PERFORM pedigree.add_judgement(doc -> 'judged', model.model_id, taken, model.at, actor);
    END IF;
    IF doc ? 'judge_later' THEN
        INSERT INTO pedigree.unjudged (model_id, version, due_at)
        VALUES (model.model_id, taken, clock_timestamp() + (doc ->> 'judge_later')::interval)
        ON CONFLICT (model_id, version) DO UPDATE SET due_at = excluded.due_at, failures = 0;
    END IF;
    holes := ARRAY[
        format('"%sversion"', hole), hole || 'version', hole || 'time',
        format('"%sgeneration"', hole), format('"%svoided"', hole), hole_of_actor,
        format('"%sby"', hole), format('"%ssource"', hole)
    ];
    fillings := ARRAY[
        taken::text, taken::text, pedigree.time_in_json(model.at), model.generation::text,
        array_to_json(voided)::text, actor_in_json,
        to_json(actor)::text, to_json(actor_source)::text
    ];
    PERFORM pedigree.record_filled_events(
        doc -> 'events', holes, fillings, model.name, taken, model.at
    );
    IF doc ? 'training' THEN
        PERFORM pedigree.add_training(doc, model.model_id, taken, model.at, actor, actor_source);
    END IF;
    IF doc ? 'request' THEN
        answer := pedigree.keep_filled_answer(doc -> 'request', holes, fillings);
    END IF;
    RETURN jsonb_build_object('version', taken, 'at', model.at, 'generation', model.generation,
        'answer', answer);
END
$$;
