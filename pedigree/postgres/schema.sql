-- What the migrations make, written by tests/postgres/test_schema.py. Do not edit.

CREATE SCHEMA pedigree;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA pedigree;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE TYPE pedigree.certainty AS ENUM (
    'unknown',
    'possible',
    'proved',
    'read'
);

CREATE FUNCTION pedigree.access_of(who text, carried text[]) RETURNS json
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.acting() RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    actor text := nullif(current_setting('pedigree.actor', true), '');
BEGIN
    IF actor IS NULL THEN
        RAISE EXCEPTION 'somebody acts: the setting pedigree.actor is empty'
            USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    RETURN actor;
END
$$;

CREATE FUNCTION pedigree.acting_in_event() RETURNS jsonb
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.add_cards(cards jsonb) RETURNS integer[]
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    keys text[] := ARRAY(SELECT each ->> 'name_key' FROM jsonb_array_elements(cards) AS each);
    overtaken integer[];
BEGIN
    -- In one order, so that no two blocks wait for each other; what follows sees what they changed.
    PERFORM FROM pedigree.registered_model m WHERE m.name_key = ANY (keys)
    ORDER BY m.model_id FOR NO KEY UPDATE;
    WITH model AS MATERIALIZED (
        SELECT m.model_id, m.name_key, m.log_name, pedigree.time_of_change(m.name) AS at,
            (SELECT coalesce(max(e.id), 0) FROM pedigree.event e WHERE e.model = m.log_name) AS newest
        FROM pedigree.registered_model m
        WHERE m.name_key = ANY (keys) AND m.deleted_at IS NULL
    ), given AS MATERIALIZED (
        SELECT card.*, model.model_id, model.log_name, model.at, model.newest,
            coalesce((
                SELECT max(c.revision) FROM pedigree.model_card c
                WHERE c.model_id = model.model_id AND c.version = card.version
            ), 0) + 1 <> card.revision AS is_overtaken
        FROM ROWS FROM (jsonb_to_recordset(cards) AS (
            name_key text, version integer, revision integer, newest_event bigint, digest text,
            markdown text, notes jsonb, hole text, event jsonb
        )) WITH ORDINALITY AS card (
            name_key, version, revision, newest_event, digest, markdown, notes, hole, event, place
        )
        JOIN model USING (name_key)
        WHERE EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = model.model_id AND v.version = card.version
                AND v.deleted_at IS NULL
        )
    ), filled AS MATERIALIZED (
        SELECT given.log_name, given.version, given.at, given.place, given.event,
            convert_to(replace(
                given.event ->> 'canonical', given.hole, pedigree.time_in_json(given.at)
            ), 'UTF8') AS canonical
        FROM given WHERE NOT given.is_overtaken
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT (filled.event ->> 'event_id')::uuid, filled.event ->> 'type', filled.log_name,
            filled.version, filled.canonical, sha256('\x00'::bytea || filled.canonical), filled.at
        FROM filled ORDER BY filled.place
        RETURNING id, model
    ), queued AS (
        INSERT INTO pedigree.unsequenced (id) SELECT id FROM written
    ), shown AS (
        SELECT model, max(id) AS id FROM written GROUP BY model
    ), added AS (
        -- The events of the cards make no card stale that was drawn in the newest state of its model.
        INSERT INTO pedigree.model_card (
            model_id, version, revision, digest, markdown, notes, created_at, event_id
        )
        SELECT given.model_id, given.version, given.revision, given.digest, given.markdown,
            given.notes, given.at,
            CASE WHEN given.newest_event = given.newest THEN shown.id ELSE given.newest_event END
        FROM given JOIN shown ON shown.model = given.log_name
        WHERE NOT given.is_overtaken
    )
    SELECT coalesce(array_agg(given.place::integer ORDER BY given.place), '{}') INTO overtaken
    FROM given WHERE given.is_overtaken;
    RETURN overtaken;
END
$$;

CREATE FUNCTION pedigree.add_judgement(judged jsonb, of_model bigint, of_version integer, at timestamp with time zone, actor text) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.add_principal(given text, given_kind text, at timestamp with time zone, OUT added bigint, OUT events jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    added := nextval(pg_get_serial_sequence('pedigree.principal', 'principal_id'));
    INSERT INTO pedigree.principal (principal_id, name, kind, person_id, created_at)
    VALUES (added, given, given_kind, added, at);
    events := pedigree.event_of_people('principal.created', jsonb_build_object(
        'principal', given, 'principal_id', added, 'person_id', added, 'kind', given_kind
    )) || pedigree.join_by_email(added, given);
END
$$;

CREATE FUNCTION pedigree.add_to_statistic(versions bigint DEFAULT 0, logical_bytes bigint DEFAULT 0, artifacts bigint DEFAULT 0, files bigint DEFAULT 0, blobs bigint DEFAULT 0, stored_bytes bigint DEFAULT 0, archived_bytes bigint DEFAULT 0) RETURNS void
    LANGUAGE plpgsql
    AS $_$
DECLARE
    free integer;
BEGIN
    SELECT s.shard INTO free FROM pedigree.statistic s
    ORDER BY s.shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF free IS NULL THEN
        INSERT INTO pedigree.statistic (
            versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
        ) VALUES ($1, $2, $3, $4, $5, $6, $7);
        RETURN;
    END IF;
    UPDATE pedigree.statistic s SET
        versions = s.versions + $1, logical_bytes = s.logical_bytes + $2,
        artifacts = s.artifacts + $3, files = s.files + $4, blobs = s.blobs + $5,
        stored_bytes = s.stored_bytes + $6, archived_bytes = s.archived_bytes + $7
    WHERE s.shard = free;
END
$_$;

CREATE FUNCTION pedigree.add_training(doc jsonb, of_model bigint, of_version integer, at timestamp with time zone, actor text, actor_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    t jsonb := doc -> 'training';
    known jsonb := jsonb_build_object(
        'model_id', of_model, 'version', of_version,
        'created_at', at, 'created_by', actor, 'created_by_source', actor_source
    );
BEGIN
    IF doc ? 'packages' THEN
        INSERT INTO pedigree.environment (hash, packages)
        VALUES (t ->> 'environment_hash', ARRAY(SELECT jsonb_array_elements_text(doc -> 'packages')))
        ON CONFLICT DO NOTHING;
    END IF;
    IF doc ? 'version' THEN
        PERFORM pedigree.enter_search(doc, known);
    END IF;
    INSERT INTO pedigree.training
    SELECT row.* FROM jsonb_populate_record(NULL::pedigree.training, t || known) AS row;
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

CREATE FUNCTION pedigree.age_of_event(canonical bytea) RETURNS double precision
    LANGUAGE sql
    AS $$
    SELECT greatest(0, extract(epoch FROM clock_timestamp()
        - (convert_from(canonical, 'UTF8')::json ->> 'at')::timestamptz)::float8)
$$;

CREATE FUNCTION pedigree.apply_alias(of_model bigint, of_version integer, kind text, body jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_block(of_model bigint, of_version integer, kind text, body jsonb, change jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_decision(of_model bigint, of_version integer, kind text, body jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_deletion(of_model bigint, of_version integer, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE pedigree.tenure SET held_until = at, ended_by = 'deletion'
    WHERE model_id = of_model AND version = of_version AND pointer = 'stage' AND held_until IS NULL;
    UPDATE pedigree.model_version SET deleted_at = at
    WHERE model_id = of_model AND version = of_version;
END
$$;

CREATE FUNCTION pedigree.apply_description(of_model bigint, of_version integer, body jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE pedigree.model_version v SET
        description = CASE WHEN body ? 'description' THEN body ->> 'description' ELSE v.description END,
        owners = CASE WHEN body ? 'owners'
            THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE v.owners END,
        tags = CASE WHEN body ? 'tag_changes' THEN jsonb_strip_nulls(v.tags || (body -> 'tag_changes'))
            WHEN body ? 'tags' THEN body -> 'tags' ELSE v.tags END
    WHERE v.model_id = of_model AND v.version = of_version;
    IF body - '{description,owners,tags,tag_changes,stage_confirmed}'::text[] <> '{}'
        OR body ?& '{tags,tag_changes}'::text[]
    THEN
        PERFORM pedigree.refuse_change_of('the description of a version');
    END IF;
    IF body ? 'stage_confirmed' AND body ->> 'stage_confirmed' IS DISTINCT FROM coalesce((
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = of_model AND t.version = of_version AND t.pointer = 'stage'
            AND t.held_until IS NULL
    ), 'none') THEN
        PERFORM pedigree.refuse_change_of('the stage of a version');
    END IF;
END
$$;

CREATE FUNCTION pedigree.apply_event(of_model bigint, of_version integer, kind text, body jsonb, change jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF body ? 'digest' AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.digest IS NOT DISTINCT FROM body ->> 'digest'
    ) THEN
        PERFORM pedigree.refuse_change_of('the digest of a version');
    END IF;
    PERFORM pedigree.note_update(of_model, of_version, kind, body, at);
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
        WHEN 'model.renamed' THEN
            PERFORM pedigree.apply_name(of_model, body, change, at);
        WHEN 'model.deleted' THEN
            UPDATE pedigree.registered_model SET deleted_at = at WHERE model_id = of_model;
        WHEN 'model.restored' THEN
            UPDATE pedigree.registered_model SET deleted_at = NULL WHERE model_id = of_model;
        ELSE
            PERFORM pedigree.refuse_change_of('the type ' || kind);
    END CASE;
END
$$;

CREATE FUNCTION pedigree.apply_grant(kind text, body jsonb, at timestamp with time zone, actor text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_group(kind text, body jsonb, at timestamp with time zone, actor text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_model(of_model bigint, body jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF body ?& '{tags,tag_changes}'::text[]
        OR NOT body ? 'policy' AND body - '{description,owners,tags,tag_changes}'::text[] <> '{}'
    THEN
        PERFORM pedigree.refuse_change_of('the description of a model');
    END IF;
    IF body ?| '{description,owners,tags,tag_changes}'::text[] THEN
        UPDATE pedigree.registered_model m SET
            description = CASE WHEN body ? 'description' THEN body ->> 'description'
                ELSE m.description END,
            owners = CASE WHEN body ? 'owners'
                THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE m.owners END,
            tags = CASE
                WHEN body ? 'tag_changes' THEN jsonb_strip_nulls(m.tags || (body -> 'tag_changes'))
                WHEN body ? 'tags' THEN body -> 'tags' ELSE m.tags END
        WHERE m.model_id = of_model;
    END IF;
END
$$;

CREATE FUNCTION pedigree.apply_name(of_model bigint, body jsonb, change jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    m pedigree.registered_model;
    highest integer := pedigree.highest_of_name(body ->> 'to', change ->> 'name_key', of_model);
    again boolean := coalesce((change ->> 'again')::boolean, false);
BEGIN
    SELECT * INTO m FROM pedigree.registered_model r WHERE r.model_id = of_model;
    IF m.name IS DISTINCT FROM body ->> 'from' OR m.deleted_at IS NOT NULL
        OR (body ->> 'model_id')::bigint IS DISTINCT FROM of_model
        OR (body ->> 'first_version')::integer
            IS DISTINCT FROM greatest(m.first_version, highest + 1)
    THEN
        PERFORM pedigree.refuse_change_of('the name of a model');
    END IF;
    IF highest IS NOT NULL AND NOT (
        again AND (m.first_version > highest OR m.first_version = m.next_version)
    ) THEN
        RAISE EXCEPTION 'the name % belonged to another model', body ->> 'to'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'registered_model_name_again';
    END IF;
    IF again THEN
        PERFORM pedigree.supersede(body ->> 'to', change ->> 'name_key');
    END IF;
    INSERT INTO pedigree.former_name (
        name, name_key, model_id, first_version, next_version, held_until
    ) VALUES (m.name, m.name_key, of_model, m.first_version, m.next_version, at);
    UPDATE pedigree.registered_model r SET
        name = body ->> 'to', name_key = change ->> 'name_key', last_updated_at = at,
        first_version = greatest(r.first_version, highest + 1),
        next_version = greatest(r.next_version, highest + 1)
    WHERE r.model_id = of_model;
    UPDATE pedigree.model_version v SET last_updated_at = at
    WHERE v.model_id = of_model AND v.deleted_at IS NULL;
    UPDATE pedigree.upload_session s SET model = body ->> 'to' WHERE s.model = m.name;
    INSERT INTO pedigree.search_word
    SELECT DISTINCT s.word FROM pedigree.search_word_source s WHERE s.model_id = of_model
    ORDER BY s.word
    ON CONFLICT DO NOTHING;
END
$$;

CREATE FUNCTION pedigree.apply_restoration(of_model bigint, of_version integer, body jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_role(kind text, body jsonb, at timestamp with time zone, actor text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.apply_stage(of_model bigint, of_version integer, body jsonb, change jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    left_stage text;
BEGIN
    UPDATE pedigree.tenure SET held_until = at, ended_by = change ->> 'ended_by'
    WHERE model_id = of_model AND version = of_version AND pointer = 'stage' AND held_until IS NULL
    RETURNING name INTO left_stage;
    IF coalesce(left_stage, 'none') IS DISTINCT FROM body ->> 'from' THEN
        PERFORM pedigree.refuse_change_of('the stage that a version leaves');
    END IF;
    IF body ->> 'to' <> 'none' THEN
        PERFORM pedigree.begin_tenure(
            of_model, of_version, 'stage', body ->> 'to', (change ->> 'exclusive')::boolean, at,
            body ->> 'reason'
        );
    END IF;
END
$$;

CREATE FUNCTION pedigree.apply_user(of_principal bigint, external text, mail text, wanted boolean, at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.begin_access_change(is_grant boolean) RETURNS TABLE(at timestamp with time zone, grant_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.access', 0));
    RETURN QUERY
    SELECT clock_timestamp(), CASE WHEN is_grant THEN nextval('pedigree.access_grant_id') END;
END
$$;

CREATE FUNCTION pedigree.begin_change_of_people() RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.people', 0));
    RETURN set_config('pedigree.people_at', clock_timestamp()::text, true)::timestamptz;
END
$$;

CREATE FUNCTION pedigree.begin_provisioning() RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.access', 0));
    RETURN pedigree.begin_change_of_people();
END
$$;

CREATE FUNCTION pedigree.begin_tenure(of_model bigint, of_version integer, of_pointer text, of_name text, is_exclusive boolean, at timestamp with time zone, why text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.state IN ('pending', 'failed')
    ) THEN
        RAISE EXCEPTION 'version % is pending or failed', of_version USING
            ERRCODE = 'check_violation', CONSTRAINT = 'tenure_of_available_version';
    END IF;
    INSERT INTO pedigree.tenure (
        model_id, version, pointer, name, exclusive, held_since, moved_by, reason
    ) VALUES (
        of_model, of_version, of_pointer, of_name, is_exclusive, at,
        pedigree.acting_in_event() ->> 'name', why
    );
END
$$;

CREATE TABLE pedigree.web_session (
    session_id bigint NOT NULL,
    secret_hash bytea NOT NULL,
    token_id bigint,
    identity_id bigint,
    login jsonb,
    login_hash bytea,
    began_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    CONSTRAINT web_session_end CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT web_session_is_of_one CHECK (((num_nonnulls(token_id, identity_id) = 1) AND ((identity_id IS NULL) = (login IS NULL)) AND ((identity_id IS NULL) = (login_hash IS NULL)))),
    CONSTRAINT web_session_secret_hash_check CHECK ((length(secret_hash) = 32))
);

CREATE FUNCTION pedigree.begin_web_session(hash bytea, of_token bigint, of_issuer text, of_subject text, given_login jsonb, given_login_hash bytea) RETURNS SETOF pedigree.web_session
    LANGUAGE plpgsql
    AS $$
DECLARE
    now timestamptz := clock_timestamp();
    until timestamptz := now + pedigree.web_session_length();
    of_identity bigint;
BEGIN
    PERFORM pedigree.acting();
    -- What nobody needs any more; the events keep who signed in.
    DELETE FROM pedigree.web_session s USING (
        SELECT w.session_id FROM pedigree.web_session w
        WHERE w.expires_at < now - interval '30 days'
        ORDER BY w.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
    ) AS past
    WHERE s.session_id = past.session_id;
    IF of_token IS NOT NULL THEN
        SELECT least(until, t.expires_at) INTO until FROM pedigree.access_token t
        WHERE t.token_id = of_token AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > now)
        FOR SHARE;
    ELSE
        SELECT i.identity_id INTO of_identity FROM pedigree.identity i
        WHERE i.issuer = of_issuer AND i.subject = of_subject;
    END IF;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    INSERT INTO pedigree.web_session (
        secret_hash, token_id, identity_id, login, login_hash, began_at, used_at, expires_at
    ) VALUES (hash, of_token, of_identity, given_login, given_login_hash, now, now, until)
    ON CONFLICT ON CONSTRAINT web_session_login_unique DO NOTHING
    RETURNING *;
END
$$;

CREATE FUNCTION pedigree.change_access(event_id uuid, canonical bytea) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.change_group(of_id uuid, shown text, external text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.change_model(of_model bigint, events jsonb, at timestamp with time zone, hole text, OUT generation bigint, OUT voided integer[], OUT policy_revision integer) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION pedigree.change_policy_default(event_id uuid, canonical bytea) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    content jsonb := convert_from(canonical, 'UTF8')::jsonb;
    kind text := content ->> 'type';
    body jsonb := content -> 'body';
    at timestamptz := (content ->> 'at')::timestamptz;
BEGIN
    IF kind = 'policy.default_set' THEN
        INSERT INTO pedigree.policy_default (pattern, policy, set_at, set_by, reason)
        VALUES (
            body ->> 'pattern', body -> 'policy', at, pedigree.acting_in_event() ->> 'name',
            body ->> 'reason'
        )
        ON CONFLICT (pattern) DO UPDATE SET policy = excluded.policy, set_at = excluded.set_at,
            set_by = excluded.set_by, reason = excluded.reason;
    ELSIF kind = 'policy.default_deleted' THEN
        DELETE FROM pedigree.policy_default d WHERE d.pattern = body ->> 'pattern';
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    ELSE
        PERFORM pedigree.refuse_change_of('the type ' || kind);
    END IF;
    PERFORM pedigree.record_events(ARRAY[event_id], kind, NULL, NULL, at, ARRAY[canonical]);
    RETURN true;
END
$$;

CREATE FUNCTION pedigree.change_user(of_user uuid, given text, external text, mail text, wanted boolean) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.collect_versions(of_model bigint, numbers integer[], deleted timestamp with time zone[], at timestamp with time zone, window_s double precision) RETURNS TABLE(version integer, digest text, deleted_at timestamp with time zone)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE TABLE pedigree.log_checkpoint (
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    CONSTRAINT log_checkpoint_root_check CHECK ((length(root) = 32)),
    CONSTRAINT log_checkpoint_size_check CHECK ((size > 0))
);

CREATE FUNCTION pedigree.cosigned_note(pedigree.log_checkpoint) RETURNS text
    LANGUAGE sql STABLE
    AS $_$
    SELECT $1.note || coalesce(
        (
            SELECT string_agg(line, '' ORDER BY added_at, public_key)
            FROM pedigree.log_cosignature WHERE size = $1.size
        ),
        ''
    )
$_$;

CREATE FUNCTION pedigree.count_artifacts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    number bigint;
BEGIN
    SELECT count(*) INTO number FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            artifacts => CASE TG_OP WHEN 'DELETE' THEN -number ELSE number END
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_blobs() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    number bigint;
    bytes bigint;
    archived bigint;
BEGIN
    SELECT count(*), sum(size), coalesce(sum(size) FILTER (WHERE tier = 'archive'), 0)
    INTO number, bytes, archived FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            blobs => sign * number, stored_bytes => sign * bytes,
            archived_bytes => sign * archived
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_events() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    INSERT INTO pedigree.event_count AS known (type, detail, count)
    SELECT event.type, pedigree.event_detail(event.type, event.canonical), count(*)
    FROM added JOIN pedigree.event USING (id)
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (type, detail) DO UPDATE SET count = known.count + excluded.count;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_files() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    number bigint;
BEGIN
    SELECT count(*) INTO number FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            files => CASE TG_OP WHEN 'DELETE' THEN -number ELSE number END
        );
        IF TG_OP = 'DELETE' THEN
            PERFORM pedigree.release_bytes('blob', (SELECT array_agg(blob_digest) FROM changed));
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_move(of_model bigint, of_version integer, kind text, body jsonb, OUT generation bigint, OUT voided integer[]) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.count_policy_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.policy_revision := OLD.policy_revision + 1;
    NEW.policy_since := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE FUNCTION pedigree.count_versions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    number bigint;
    bytes bigint;
BEGIN
    SELECT count(*), coalesce(sum(a.size), 0) INTO number, bytes
    FROM changed
    JOIN pedigree.registered_model m USING (model_id)
    LEFT JOIN pedigree.artifact a ON a.digest = changed.digest
    WHERE changed.deleted_at IS NULL AND m.deleted_at IS NULL;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            versions => sign * number, logical_bytes => sign * bytes
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.create_model(of_name text, of_key text, event jsonb, hole text, again boolean DEFAULT false) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    at timestamptz := clock_timestamp();
    made record;
BEGIN
    IF again THEN
        PERFORM pedigree.lock_names(of_key);
        PERFORM pedigree.supersede(of_name, of_key);
    END IF;
    INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by, is_again)
    VALUES (of_name, of_key, at, pedigree.acting_in_event() ->> 'name', again)
    ON CONFLICT ON CONSTRAINT registered_model_name_unique DO NOTHING
    RETURNING model_id, first_version INTO made;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pedigree.record_events(
        ARRAY[(event ->> 'event_id')::uuid], 'model.created', of_name, NULL, at,
        ARRAY[convert_to(pedigree.filled(
            event ->> 'canonical',
            ARRAY[format('"%sfirst"', hole), format('"%smodel"', hole), hole],
            ARRAY[made.first_version::text, made.model_id::text, pedigree.time_in_json(at)]
        ), 'UTF8')]
    );
    RETURN true;
END
$$;

CREATE TABLE pedigree.access_token (
    token_id bigint NOT NULL,
    principal text NOT NULL,
    secret_hash bytea NOT NULL,
    roles text[] NOT NULL,
    models text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_by text,
    CONSTRAINT access_token_check CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT access_token_secret_hash_check CHECK ((length(secret_hash) = 32))
);

CREATE FUNCTION pedigree.create_token(for_principal text, hash bytea, given_roles text[], given_models text[], expires interval) RETURNS pedigree.access_token
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.create_version(doc jsonb, manifest bytea) RETURNS jsonb
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET lock_timeout TO '10s'
    SET enable_seqscan TO 'off'
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
    IF NOT doc ? 'source' THEN
        taken := pedigree.version_of_bytes(model.model_id, doc #>> '{artifact,digest}');
    END IF;
    IF pedigree.is_stale(doc, model.model_id, model.policy_revision, taken) THEN
        RETURN '{"refused": "stale"}';
    END IF;

    IF doc ? 'artifact' THEN
        PERFORM pedigree.keep_artifact(doc, manifest);
    END IF;
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
        SET next_version = next_version + 1, last_updated_at = model.at, generation = model.generation
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
    ELSIF doc ? 'version' THEN
        PERFORM pedigree.enter_search(doc, jsonb_build_object(
            'model_id', model.model_id, 'version', taken,
            'created_at', model.at, 'created_by', actor, 'created_by_source', actor_source
        ));
    END IF;
    IF doc ? 'request' THEN
        answer := pedigree.keep_filled_answer(doc -> 'request', holes, fillings);
    END IF;
    RETURN jsonb_build_object('version', taken, 'at', model.at, 'generation', model.generation,
        'answer', answer);
END
$$;

CREATE FUNCTION pedigree.deactivation_of(person bigint) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
SELECT pedigree.event_of_people('principal.deactivated', jsonb_build_object(
    'principal', p.name, 'principal_id', p.principal_id
))
FROM pedigree.principal p WHERE p.principal_id = person
$$;

CREATE TABLE pedigree.decision (
    decision_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE pg_catalog."C",
    author text NOT NULL,
    from_stage text NOT NULL COLLATE pg_catalog."C",
    to_stage text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    approved boolean NOT NULL,
    comment text NOT NULL,
    decided_by text NOT NULL,
    decided_by_source text NOT NULL,
    at timestamp with time zone NOT NULL,
    issued_by text,
    CONSTRAINT decision_not_by_author CHECK ((lower(decided_by) <> lower(author)))
);

CREATE FUNCTION pedigree.decide(of_model bigint, of_version integer, left_stage text, entered_stage text, is_approved boolean, why text, issued_by text, at timestamp with time zone) RETURNS pedigree.decision
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION pedigree.deprovision_user(of_user uuid) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.earlier_answer(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.end_rights(given text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.end_rights_of_person(person bigint, at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    keys text[] := ARRAY(
        SELECT pedigree.person_key(p.name) FROM pedigree.principal p WHERE p.person_id = person
        UNION
        SELECT pedigree.person_key(i.email)
        FROM pedigree.principal p JOIN pedigree.identity i USING (principal_id)
        WHERE p.person_id = person AND i.email IS NOT NULL
    );
    revoked jsonb;
    ended jsonb;
BEGIN
    WITH changed AS (
        UPDATE pedigree.access_token t SET revoked_at = at, revoked_by = pedigree.acting()
        WHERE pedigree.person_key(t.principal) = ANY (keys) AND t.revoked_at IS NULL
        RETURNING t.token_id, t.principal
    )
    SELECT jsonb_agg(jsonb_build_object('type', 'token.revoked', 'body', jsonb_build_object(
        'token_id', c.token_id, 'principal', c.principal
    )) ORDER BY c.token_id) INTO revoked
    FROM changed c;
    WITH changed AS (
        UPDATE pedigree.identity i SET roles = '{}', models = '{}', groups = '{}', ended_at = at
        FROM pedigree.principal p
        WHERE p.principal_id = i.principal_id AND p.person_id = person AND i.issued_at IS NOT NULL
        RETURNING i.identity_id, p.name
    )
    SELECT jsonb_agg(jsonb_build_object('type', 'identity.ended', 'body', jsonb_build_object(
        'principal', c.name, 'identity_id', c.identity_id
    )) ORDER BY c.identity_id) INTO ended
    FROM changed c;
    RETURN coalesce(revoked, '[]') || coalesce(ended, '[]');
END
$$;

CREATE FUNCTION pedigree.end_web_session(of_session bigint) RETURNS SETOF pedigree.web_session
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    UPDATE pedigree.web_session s
    SET ended_at = clock_timestamp(), ended_by = pedigree.acting()
    WHERE s.session_id = of_session AND s.ended_at IS NULL
    RETURNING s.*;
END
$$;

CREATE FUNCTION pedigree.enter_search(doc jsonb, known jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    fields jsonb := jsonb_build_object(
        'metrics', '{}'::jsonb, 'params', '{}'::jsonb,
        'verification', '{"status": "not possible", "reason": "no training of it is known", "spread": null}'::jsonb
    ) || coalesce(doc -> 'training', '{}') || (doc -> 'version') || known || jsonb_build_object(
        'name', doc -> 'name', 'model_name', doc -> 'name', 'version_id', known -> 'version',
        'digest', doc #> '{artifact,digest}', 'size', doc #> '{artifact,size}',
        'stage', coalesce(doc #>> '{judged,stage}', 'none'),
        'stage_since', CASE WHEN doc #>> '{judged,stage}' IS NOT NULL
            THEN known -> 'created_at' END,
        'aliases', '[]'::jsonb, 'approval_status', 'none', 'trainings', CASE WHEN doc ? 'training' THEN 1 ELSE 0 END,
        'quarantine_reason', doc -> 'quarantine_reason',
        'quarantined', doc ->> 'quarantine_reason' IS NOT NULL, 'held', false,
        'state', coalesce(doc ->> 'state', 'sealed'), 'state_reason', doc ->> 'state_reason',
        'overrides', 0
    );
    s pedigree.search_version := jsonb_populate_record(NULL::pedigree.search_version, fields);
    r pedigree.version_in_full := jsonb_populate_record(NULL::pedigree.version_in_full, fields);
BEGIN
    INSERT INTO pedigree.search_version SELECT s.*;
    INSERT INTO pedigree.search_term (field, value, created_at, model_id, version)
    SELECT term.field, term.value, s.created_at, s.model_id, s.version
    FROM pedigree.terms_of(s.tags, s.owners, s.aliases, s.created_by) AS term;
    INSERT INTO pedigree.search_metric (key, value, model_id, version)
    SELECT metric.key, metric.value, s.model_id, s.version
    FROM pedigree.metrics_of(s.metrics) AS metric;
    INSERT INTO pedigree.search_text (model_id, version, created_at, document)
    SELECT s.model_id, s.version, s.created_at, words.document
    FROM pedigree.words_of(s.name, s.description, s.tags, NULL) AS words (document);
    INSERT INTO pedigree.search_record (model_id, version, signature, record, verification)
    SELECT s.model_id, s.version, coalesce(r.signature::text, 'null'), shown.record, r.verification
    FROM pedigree.record_shown(r) AS shown (record);
END
$$;

CREATE FUNCTION pedigree.erase_person(given text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.event_detail(type text, canonical bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
SELECT CASE WHEN type IN ('version.stage_changed', 'version.check_recorded') THEN (
    SELECT coalesce(
        CASE type
            WHEN 'version.stage_changed' THEN body ->> 'to'
            ELSE (body ->> 'check') || ':' || (body ->> 'passed')
        END, ''
    )
    FROM (SELECT convert_from(canonical, 'UTF8')::jsonb -> 'body' AS body OFFSET 0) AS parsed
) ELSE '' END
$$;

CREATE FUNCTION pedigree.event_of_people(type text, body jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT jsonb_build_array(jsonb_build_object('type', type, 'body', body))
$$;

CREATE FUNCTION pedigree.fail_version(doc jsonb) RETURNS jsonb
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

CREATE FUNCTION pedigree.filled(given text, holes text[], fillings text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    FOR place IN 1 .. cardinality(holes) LOOP
        given := replace(given, holes[place], fillings[place]);
    END LOOP;
    RETURN given;
END
$$;

CREATE FUNCTION pedigree.find_bearer(wanted_hash bytea) RETURNS TABLE(token text, access text)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
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

CREATE FUNCTION pedigree.find_holder(wanted_key text, wanted_stage text) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    IF session_user <> current_user AND NOT pedigree.sees_key(wanted_key) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
    FROM pedigree.registered_model m
    CROSS JOIN LATERAL (
        SELECT t.version FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.pointer = 'stage' AND t.name = wanted_stage
            AND t.held_until IS NULL
        ORDER BY t.tenure_id DESC LIMIT 1
    ) AS held
    JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = held.version
    WHERE m.name_key = wanted_key AND m.deleted_at IS NULL;
END
$$;

CREATE FUNCTION pedigree.find_identity(wanted_issuer text, wanted_subject text) RETURNS TABLE(identity text)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    RETURN QUERY
    SELECT to_json(known)::text FROM (
        SELECT p.name AS principal, i.roles, i.models, i.groups, i.email, i.issued_at, i.seen_at,
            i.ended_at, person.deactivated_at IS NULL AS is_active, clock_timestamp() AS now
        FROM pedigree.identity i
        JOIN pedigree.principal p USING (principal_id)
        JOIN pedigree.principal person ON person.principal_id = p.person_id
        WHERE i.issuer = wanted_issuer AND i.subject = wanted_subject
    ) AS known;
END
$$;

CREATE FUNCTION pedigree.find_newest_of_stages(wanted_key text) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint)
    LANGUAGE plpgsql STABLE ROWS 4
    AS $$
BEGIN
    IF session_user <> current_user AND NOT pedigree.sees_key(wanted_key) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
    FROM pedigree.registered_model m
    CROSS JOIN LATERAL pedigree.newest_of_stages(m.model_id) AS newest
    JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = newest.version
    WHERE m.name_key = wanted_key AND m.deleted_at IS NULL
    ORDER BY r.version DESC;
END
$$;

CREATE FUNCTION pedigree.find_token(wanted_hash bytea) RETURNS TABLE(token text)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    RETURN QUERY
    SELECT to_json(valid)::text FROM (
        SELECT t.token_id, t.principal, t.roles, t.models, t.created_at, t.created_by,
            t.expires_at, t.revoked_at, t.revoked_by
        FROM pedigree.access_token t
        WHERE t.secret_hash = wanted_hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
    ) AS valid;
END
$$;

CREATE FUNCTION pedigree.find_versions(wanted_key text, wanted_version integer, wanted_pointer text) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    IF session_user <> current_user AND NOT pedigree.sees_key(wanted_key) THEN
        RETURN;
    END IF;
    IF wanted_version IS NOT NULL THEN
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        JOIN pedigree.search_record r USING (model_id)
        WHERE m.name_key = wanted_key AND r.version = wanted_version AND m.deleted_at IS NULL;
    ELSIF wanted_pointer = 'latest' THEN
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        CROSS JOIN LATERAL (
            SELECT * FROM pedigree.search_record s
            WHERE s.model_id = m.model_id
            ORDER BY s.version DESC LIMIT 1
        ) AS r
        WHERE m.name_key = wanted_key AND m.deleted_at IS NULL;
    ELSE
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        CROSS JOIN LATERAL (
            SELECT t.version FROM pedigree.tenure t
            WHERE t.model_id = m.model_id AND t.name = wanted_pointer AND t.held_until IS NULL
            ORDER BY t.pointer DESC, t.version DESC LIMIT 2
        ) AS held
        JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = held.version
        WHERE m.name_key = wanted_key AND m.deleted_at IS NULL
        ORDER BY r.version DESC;
    END IF;
END
$$;

CREATE FUNCTION pedigree.find_web_session(wanted_hash bytea) RETURNS TABLE(session text, token text, access text, identity text)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    RETURN QUERY
    SELECT json_build_object(
        'session_id', s.session_id, 'expires_at', s.expires_at, 'login', s.login,
        'issuer', i.issuer, 'subject', i.subject,
        'is_idle', s.used_at < clock_timestamp() - interval '5 minutes'
    )::text, b.token, b.access, f.identity
    FROM pedigree.web_session s
    LEFT JOIN pedigree.access_token t ON t.token_id = s.token_id
    LEFT JOIN pedigree.identity i ON i.identity_id = s.identity_id
    LEFT JOIN LATERAL pedigree.find_bearer(t.secret_hash) b ON true
    LEFT JOIN LATERAL pedigree.find_identity(i.issuer, i.subject) f ON true
    WHERE s.secret_hash = wanted_hash AND pedigree.is_open(s);
END
$$;

CREATE FUNCTION pedigree.folded(given text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
SELECT lower(normalize(given, NFKC))
$$;

CREATE FUNCTION pedigree.forget_search(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM pedigree.search_term t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_term_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.field = source.field AND t.value = source.value
        AND t.created_at = source.created_at AND t.model_id = source.model_id
        AND t.version = source.version;
    DELETE FROM pedigree.search_metric t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_metric_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.key = source.key AND t.value = source.value
        AND t.model_id = source.model_id AND t.version = source.version;
    DELETE FROM pedigree.search_text t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
    DELETE FROM pedigree.search_record t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
    DELETE FROM pedigree.search_version t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE FUNCTION pedigree.person_key(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
SELECT normalize(lower(regexp_replace(
    normalize(name, NFKC),
    '[[:space:][:cntrl:]\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]',
    '', 'g'
)), NFKC)
$$;

CREATE TABLE pedigree.access_grant (
    grant_id bigint NOT NULL,
    principal text,
    group_name text,
    role text NOT NULL,
    models text[] NOT NULL,
    stages text[] NOT NULL,
    effect text NOT NULL,
    expires_at timestamp with time zone,
    reason text,
    granted_at timestamp with time zone NOT NULL,
    granted_by text NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    end_reason text,
    last_used_at timestamp with time zone,
    CONSTRAINT access_grant_denial_not_ended_by_oneself CHECK (((effect = 'allow'::text) OR (pedigree.person_key(principal) <> pedigree.person_key(ended_by)))),
    CONSTRAINT access_grant_effect CHECK ((effect = ANY (ARRAY['allow'::text, 'deny'::text]))),
    CONSTRAINT access_grant_ended CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT access_grant_expiry CHECK ((expires_at > granted_at)),
    CONSTRAINT access_grant_grantee CHECK ((num_nonnulls(principal, group_name) = 1)),
    CONSTRAINT access_grant_not_to_oneself CHECK (((effect = 'deny'::text) OR (pedigree.person_key(principal) <> pedigree.person_key(granted_by))))
);

CREATE FUNCTION pedigree.grants_in_force(who text) RETURNS SETOF pedigree.access_grant
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.graph_of(of_training uuid, is_raced boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN json_build_object(
        'nodes', (
            SELECT coalesce(json_agg(node ORDER BY node.node_id), '[]')
            FROM (
                SELECT node_id, kind, asset, partition, storage_id, run_id, data_version,
                    code_version, at,
                    CASE WHEN kind IN ('step', 'missing') THEN upstream
                        ELSE coalesce(upstream, '{}') END AS upstream
                FROM pedigree.lineage_node WHERE training_id = of_training
            ) AS node
        ),
        'edges', (
            SELECT coalesce(json_agg(edge ORDER BY edge.consumer, edge.source), '[]')
            FROM (
                -- The source's kind is needed only for an edge of an earlier release.
                SELECT e.consumer, e.source, e.capture, coalesce(e.certainty, (
                    SELECT pedigree.lineage_certainty(NULL, source.kind)
                    FROM pedigree.lineage_node source
                    WHERE source.training_id = e.training_id AND source.node_id = e.source
                )) AS certainty
                FROM pedigree.lineage_edge e WHERE e.training_id = of_training
            ) AS edge
        ),
        'raced', is_raced
    )::text;
END
$$;

CREATE FUNCTION pedigree.group_denies(wanted text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.access_grant g
        WHERE g.group_name = wanted AND g.effect = 'deny' AND g.ended_at IS NULL
            AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
    )
$$;

CREATE FUNCTION pedigree.has_alias(of_model bigint, called text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
SELECT EXISTS (
    SELECT FROM pedigree.tenure t
    WHERE t.model_id = of_model AND t.pointer = 'alias' AND t.name = called
        AND t.held_until IS NULL
)
$$;

CREATE FUNCTION pedigree.has_login(of_principal bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
SELECT EXISTS (
    SELECT FROM pedigree.identity i
    WHERE i.principal_id = of_principal AND i.issuer <> 'urn:pedigree:scim'
)
$$;

CREATE FUNCTION pedigree.has_open_quarantines() RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
SELECT EXISTS (
    SELECT FROM pedigree.quarantine WHERE released_at IS NULL AND asset IS NOT NULL
)
$$;

CREATE FUNCTION pedigree.highest_of_name(of_name text, of_key text, of_model bigint) RETURNS integer
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN (
        SELECT max(had.next_version) - 1 FROM (
            SELECT f.next_version FROM pedigree.former_name f
            WHERE f.name_key = of_key AND f.model_id <> of_model
            UNION ALL
            SELECT m.next_version FROM pedigree.registered_model m
            WHERE (m.name_key = of_key OR m.name = of_name) AND m.model_id <> of_model
        ) AS had
    );
END
$$;

CREATE FUNCTION pedigree.holder_of_stage(of_model bigint, stage text) RETURNS TABLE(version integer, digest text)
    LANGUAGE sql STABLE
    AS $$
SELECT t.version, v.digest
FROM pedigree.tenure t
JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
WHERE t.model_id = of_model AND t.pointer = 'stage' AND t.name = stage AND t.held_until IS NULL
ORDER BY t.tenure_id DESC
LIMIT 1
$$;

CREATE FUNCTION pedigree.holds_role(who text, wanted text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION pedigree.is_acting(of_principal bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
SELECT p.person_id::text = pedigree.person_of(pedigree.acting())
FROM pedigree.principal p WHERE p.principal_id = of_principal
$$;

CREATE FUNCTION pedigree.is_active_until_end(of_name text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.people', 0));
    RETURN NOT EXISTS (
        SELECT FROM pedigree.principal p
        WHERE p.principal_id::text = pedigree.person_of(of_name) AND p.deactivated_at IS NOT NULL
    );
END
$$;

CREATE FUNCTION pedigree.is_author(of_model bigint, of_version integer, name text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
SELECT EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = of_model AND v.version = of_version
        AND pedigree.person_of(v.created_by) = pedigree.person_of(is_author.name)
) OR EXISTS (
    SELECT FROM pedigree.training t
    WHERE t.model_id = of_model AND t.version = of_version
        AND pedigree.person_of(t.created_by) = pedigree.person_of(is_author.name)
)
$$;

CREATE FUNCTION pedigree.is_guarded(of_model bigint, alias text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND m.policy -> 'aliases' ? alias
    )
$$;

CREATE FUNCTION pedigree.is_in_group(who text, wanted text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.access_group_member m
        WHERE pedigree.person_key(m.member) = ANY (pedigree.keys_of_person(who))
            AND m.group_name = wanted
    )
$$;

CREATE FUNCTION pedigree.is_in_policy(word text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $_$
    SELECT EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.deleted_at IS NULL
            AND jsonb_path_exists(m.policy, '$.** ? (@ == $word)', jsonb_build_object('word', word))
    ) OR EXISTS (
        SELECT FROM pedigree.policy_default d
        WHERE jsonb_path_exists(d.policy, '$.** ? (@ == $word)', jsonb_build_object('word', word))
    )
$_$;

CREATE FUNCTION pedigree.is_of_system(given text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.is_open(session pedigree.web_session) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
SELECT session.ended_at IS NULL AND session.expires_at > clock_timestamp()
    AND session.used_at > clock_timestamp() - pedigree.web_session_idle()
$$;

CREATE FUNCTION pedigree.is_overridden(of_model bigint, of_version integer, pointer text, name text, since timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
SELECT pointer = 'stage' AND EXISTS (
    SELECT FROM pedigree.stage_override o
    WHERE o.model_id = of_model AND o.version = of_version AND o.to_stage = name AND o.at = since
)
$$;

CREATE FUNCTION pedigree.is_own_event(canonical bytea, event_id uuid, type text, model text, version integer, at timestamp with time zone, actor jsonb) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    content jsonb := convert_from(canonical, 'UTF8')::jsonb;
BEGIN
    RETURN content -> 'actor' = actor
        AND pedigree.is_regular_event(content, event_id, type, model, version, at);
END
$$;

CREATE FUNCTION pedigree.is_regular_event(content jsonb, event_id uuid, type text, model text, version integer, at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
SELECT coalesce(content = jsonb_build_object(
    'actor', jsonb_build_object(
        'name', content #>> '{actor,name}', 'source', content #>> '{actor,source}'
    ),
    -- A row of an earlier release has no time.
    'at', pedigree.time_in_json(coalesce(at, (content ->> 'at')::timestamptz)),
    'body', content -> 'body', 'event_id', event_id, 'model', model, 'type', type,
    'version', version
) AND jsonb_typeof(content -> 'body') = 'object' AND content #>> '{actor,source}' IS NOT NULL
    AND octet_length(content #>> '{actor,name}') <= 800, false)
$$;

CREATE FUNCTION pedigree.is_stale(doc jsonb, of_model bigint, policy_revision integer, known integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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
            SELECT held.version || ' ' || coalesce(held.digest, 'unsealed')
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

CREATE FUNCTION pedigree.is_stored_key(key bytea) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pedigree.log_key k WHERE k.public_key = key AND k.private_key IS NOT NULL
    );
END
$$;

CREATE FUNCTION pedigree.is_superseded(name_key text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (POSITION(('/'::text) IN (name_key)) > 0);

CREATE FUNCTION pedigree.join_by_email(of_principal bigint, given_email text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    events jsonb := '[]';
    other bigint;
BEGIN
    FOR other IN
        SELECT p.principal_id FROM pedigree.principal p
        WHERE pedigree.person_key(p.name) = pedigree.person_key(given_email)
        UNION
        SELECT i.principal_id FROM pedigree.identity i
        WHERE pedigree.person_key(i.email) = pedigree.person_key(given_email)
            AND i.principal_id IS NOT NULL
        ORDER BY 1
    LOOP
        events := events || pedigree.join_persons(
            (SELECT person_id FROM pedigree.principal WHERE principal_id = of_principal),
            (SELECT person_id FROM pedigree.principal WHERE principal_id = other),
            'e-mail'
        );
    END LOOP;
    RETURN events;
END
$$;

CREATE FUNCTION pedigree.join_persons(one bigint, other bigint, because text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.judge_guarded_aliases() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM pedigree.unguarded_alias u WHERE u.model_id = NEW.model_id) THEN
        RAISE EXCEPTION 'an alias names a version that does not hold the stage which guards it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'alias_guarded';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.judge_pointer_name() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.pointer = NEW.pointer AND t.name = NEW.name
    ) THEN
        RETURN NEW;
    END IF;
    -- Compared as ASCII: what is the same letter beyond it depends on the server's locale.
    IF NEW.name ~ '[\s/\\:@%#.]' OR length(NEW.name) NOT BETWEEN 1 AND 255
        OR NEW.name ~ '^[vV]?[0-9]+$' OR lower(NEW.name COLLATE "C") IN ('latest', 'none')
    THEN
        RAISE EXCEPTION 'no stage and no alias may be called %', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_name';
    END IF;
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.name = NEW.name AND t.pointer <> NEW.pointer
            AND t.held_until IS NULL
    ) THEN
        RAISE EXCEPTION '% is a stage and would be an alias, or the reverse', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_names_apart';
    END IF;
    RETURN NEW;
END
$_$;

CREATE FUNCTION pedigree.keep_artifact(doc jsonb, manifest bytea) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.keep_filled_answer(request jsonb, holes text[], fillings text[]) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.keep_version(doc jsonb, of_model bigint, of_version integer, at timestamp with time zone, actor text, actor_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF doc ? 'version' THEN
        -- A row has the columns of its table, so a new metadata field needs no change here.
        INSERT INTO pedigree.model_version
        SELECT row.* FROM jsonb_populate_record(
            NULL::pedigree.model_version,
            doc -> 'version' || jsonb_build_object(
                'model_id', of_model, 'version', of_version,
                'digest', doc #>> '{artifact,digest}',
                -- Deleted versions count, so that they can be restored.
                'copy', CASE WHEN doc ->> 'copy' = 'next' THEN pedigree.next_copy(
                    of_model, doc #>> '{artifact,digest}'
                ) ELSE 0 END,
                'state', coalesce(doc ->> 'state', 'sealed'),
                'state_reason', doc ->> 'state_reason',
                'approval_status', 'none', 'tier', 'standard',
                'quarantine_reason', doc ->> 'quarantine_reason',
                'created_at', at, 'created_by', actor, 'created_by_source', actor_source
            )
        ) AS row;
    ELSIF doc ? 'marks' THEN
        UPDATE pedigree.model_version SET quarantine_reason = doc ->> 'quarantine_reason'
        WHERE model_id = of_model AND version = of_version;
    END IF;
    IF doc ? 'source' THEN
        INSERT INTO pedigree.version_source
        SELECT row.* FROM jsonb_populate_record(
            NULL::pedigree.version_source,
            doc -> 'source' || jsonb_build_object('model_id', of_model, 'version', of_version)
        ) AS row;
    END IF;
    IF doc ? 'marks' THEN
        INSERT INTO pedigree.quarantine_mark (quarantine_id, model_id, version, certainty)
        SELECT mark.quarantine_id, of_model, of_version, mark.certainty
        FROM jsonb_to_recordset(doc -> 'marks')
            AS mark (quarantine_id bigint, certainty pedigree.certainty);
    END IF;
END
$$;

CREATE FUNCTION pedigree.keys_of_person(who text) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.keys_of_principal(of_principal bigint) RETURNS TABLE(key text, is_email boolean)
    LANGUAGE sql STABLE
    AS $$
SELECT pedigree.person_key(p.name), false
FROM pedigree.principal p WHERE p.principal_id = of_principal
UNION
SELECT pedigree.person_key(i.email), true
FROM pedigree.identity i WHERE i.principal_id = of_principal AND i.email IS NOT NULL
$$;

CREATE FUNCTION pedigree.known_principal(given text, at timestamp with time zone, OUT chosen bigint, OUT events jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    events := '[]';
    SELECT p.principal_id INTO chosen FROM pedigree.principal p
    WHERE pedigree.person_key(p.name) = pedigree.person_key(given);
    IF chosen IS NULL AND EXISTS (
        SELECT FROM pedigree.access_token t
        WHERE pedigree.person_key(t.principal) = pedigree.person_key(given)
    ) THEN
        SELECT a.added, a.events INTO chosen, events
        FROM pedigree.add_principal(given, 'service', at) a;
    END IF;
END
$$;

CREATE FUNCTION pedigree.lineage_certainty(said pedigree.certainty, kind text) RETURNS pedigree.certainty
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(
        said, (CASE kind WHEN 'missing' THEN 'unknown' ELSE 'possible' END)::pedigree.certainty
    )
$$;

CREATE FUNCTION pedigree.link_identity(given text, given_issuer text, given_subject text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.link_principal(given text, of_person text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.lock_names(VARIADIC keys text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.name:' || key, 0))
    FROM (SELECT DISTINCT unnest(keys) AS key ORDER BY key) AS each;
END
$$;

CREATE FUNCTION pedigree.lock_version(doc jsonb, OUT model_id bigint, OUT name text, OUT generation bigint, OUT deleted_at timestamp with time zone, OUT at timestamp with time zone, OUT state text, OUT digest text) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    SELECT m.model_id, m.name, m.generation, m.deleted_at
    INTO lock_version.model_id, lock_version.name, lock_version.generation, lock_version.deleted_at
    FROM pedigree.registered_model m
    WHERE m.name_key = doc ->> 'name_key' AND m.name = doc ->> 'name'
    FOR NO KEY UPDATE;
    lock_version.at := pedigree.time_of_change(lock_version.name);
    SELECT v.state, v.digest INTO lock_version.state, lock_version.digest
    FROM pedigree.model_version v
    WHERE v.model_id = lock_version.model_id AND v.version = (doc ->> 'number')::integer
        AND v.deleted_at IS NULL AND lock_version.deleted_at IS NULL;
END
$$;

CREATE FUNCTION pedigree.log_name_of(of_name text, of_version integer) RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    -- Nearly every model: one that has had its name since its creation, and no other before it.
    IF EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.log_name = of_name AND m.name = of_name AND m.first_version = 1
            AND NOT pedigree.is_superseded(m.name_key)
    ) THEN
        RETURN of_name;
    END IF;
    RETURN coalesce((
        SELECT m.log_name FROM pedigree.registered_model m
        WHERE m.name = of_name AND (
            NOT pedigree.is_superseded(m.name_key)
            OR (of_version >= m.first_version AND of_version < m.next_version)
        )
        ORDER BY coalesce(of_version >= m.first_version AND of_version < m.next_version, false) DESC,
            NOT pedigree.is_superseded(m.name_key) DESC
        LIMIT 1
    ), of_name);
END
$$;

CREATE FUNCTION pedigree.log_names_among(names text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN ARRAY(SELECT m.log_name FROM pedigree.registered_model m WHERE m.name = ANY (names));
END
$$;

CREATE FUNCTION pedigree.log_names_of(of_name text) RETURNS text[]
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    found text[] := ARRAY(
        SELECT m.log_name FROM pedigree.registered_model m WHERE m.name = of_name ORDER BY m.model_id
    );
BEGIN
    IF cardinality(found) > 0 THEN
        RETURN found;
    END IF;
    RETURN ARRAY(
        SELECT m.log_name FROM pedigree.former_name f JOIN pedigree.registered_model m USING (model_id)
        WHERE f.name = of_name ORDER BY f.held_until DESC LIMIT 1
    );
END
$$;

CREATE FUNCTION pedigree.look_before_creation(asked jsonb) RETURNS jsonb
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

CREATE FUNCTION pedigree.make_live(of_upload uuid, stored_digests text[], stored_sizes bigint[], stored_keys text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- The lock is a statement of its own, so that the next one sees which keys were given up.
    PERFORM FROM pedigree.upload WHERE upload_id = of_upload AND keys IS NOT NULL FOR SHARE;
    IF NOT FOUND THEN
        DELETE FROM pedigree.upload WHERE upload_id = of_upload;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    WITH stored AS (
        SELECT file.digest, file.size, file.key
        FROM unnest(stored_digests, stored_sizes, stored_keys) AS file (digest, size, key)
        WHERE NOT EXISTS (SELECT FROM pedigree.orphan o WHERE o.key = file.key)
    ), sealed AS (
        INSERT INTO pedigree.blob (digest, size, key)
        SELECT digest, size, key FROM stored ORDER BY digest COLLATE "C"
        ON CONFLICT (digest) DO NOTHING
        RETURNING digest
    )
    INSERT INTO pedigree.orphan (key)
    SELECT s.key FROM stored s
    WHERE s.digest NOT IN (SELECT digest FROM sealed)
        -- A transaction is repeated if the answer to its commit was lost.
        AND NOT EXISTS (SELECT FROM pedigree.blob b WHERE b.key = s.key);
END
$$;

CREATE FUNCTION pedigree.metrics_of(metrics jsonb) RETURNS TABLE(key text, value double precision)
    LANGUAGE sql STABLE
    AS $$
    SELECT metric.key, metric.value::double precision
    FROM jsonb_each_text(metrics) AS metric WHERE length(metric.key) <= 256
$$;

CREATE FUNCTION pedigree.milliseconds(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT floor(extract(epoch FROM at) * 1000)::bigint
$$;

CREATE FUNCTION pedigree.mlflow_follows_search() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    row pedigree.search_mlflow;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM pedigree.search_mlflow t
        WHERE t.model_id = OLD.model_id AND t.version = OLD.version
        RETURNING t.* INTO row;
        DELETE FROM pedigree.search_mlflow_tag t
        USING pedigree.mlflow_tags_of(OLD.tags) AS tag
        WHERE t.key = tag.key AND t.value = tag.value AND t.age = -row.updated_ms
            AND t.name = row.name AND t.back = -row.version;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        WITH made AS (
            INSERT INTO pedigree.search_mlflow SELECT m.* FROM pedigree.mlflow_row(NEW) AS m
            RETURNING *
        )
        INSERT INTO pedigree.search_mlflow_tag
        SELECT tag.key, tag.value, -made.updated_ms, made.name, -made.version, made.model_id
        FROM made CROSS JOIN pedigree.mlflow_tags_of(NEW.tags) AS tag;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.mlflow_follows_version() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    now_ms bigint := pedigree.milliseconds(NEW.last_updated_at);
BEGIN
    UPDATE pedigree.search_mlflow_tag t SET age = -now_ms
    FROM pedigree.search_mlflow m
    JOIN pedigree.search_version s USING (model_id, version)
    CROSS JOIN LATERAL pedigree.mlflow_tags_of(s.tags) AS tag
    WHERE m.model_id = NEW.model_id AND m.version = NEW.version AND m.updated_ms <> now_ms
        AND t.key = tag.key AND t.value = tag.value AND t.age = -m.updated_ms AND t.name = m.name
        AND t.back = -m.version;
    UPDATE pedigree.search_mlflow t SET updated_ms = now_ms
    WHERE t.model_id = NEW.model_id AND t.version = NEW.version AND t.updated_ms <> now_ms;
    RETURN NULL;
END
$$;

CREATE TABLE pedigree.search_mlflow (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_ms bigint NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    is_prompt boolean NOT NULL
);

CREATE TABLE pedigree.search_version (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    training_id uuid,
    name text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    flavor text COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    aliases text[] NOT NULL COLLATE pg_catalog."C",
    owners text[] NOT NULL COLLATE pg_catalog."C",
    git_commit text COLLATE pg_catalog."C",
    run_id text COLLATE pg_catalog."C",
    tags jsonb NOT NULL,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL,
    digest text COLLATE pg_catalog."C",
    description text COLLATE pg_catalog."C",
    size bigint,
    git_dirty boolean,
    code_version text COLLATE pg_catalog."C",
    training_data_digest text COLLATE pg_catalog."C",
    training_data_version text COLLATE pg_catalog."C",
    validation_dataset_id text COLLATE pg_catalog."C",
    environment_hash text COLLATE pg_catalog."C",
    ci_build text COLLATE pg_catalog."C",
    risk_class text COLLATE pg_catalog."C",
    approval_status text NOT NULL COLLATE pg_catalog."C",
    approved_by text COLLATE pg_catalog."C",
    quarantined boolean NOT NULL,
    held boolean NOT NULL,
    state text DEFAULT 'sealed'::text NOT NULL COLLATE pg_catalog."C"
);

CREATE FUNCTION pedigree.mlflow_row(s pedigree.search_version) RETURNS SETOF pedigree.search_mlflow
    LANGUAGE sql STABLE
    AS $$
    SELECT s.model_id, s.version, s.name, s.created_at, pedigree.milliseconds(coalesce(v.last_updated_at, s.created_at)),
        coalesce(o.run_id, s.run_id, ''),
        coalesce(o.source, 'pedigree://artifacts/' || s.digest, ''),
        coalesce(s.tags ->> 'mlflow.prompt.is_prompt' = 'true', false)
    FROM pedigree.model_version v
    LEFT JOIN pedigree.version_source o USING (model_id, version)
    WHERE v.model_id = s.model_id AND v.version = s.version
$$;

CREATE FUNCTION pedigree.mlflow_tags_of(tags jsonb) RETURNS TABLE(key text, value text)
    LANGUAGE sql STABLE
    AS $$
    SELECT tag.key, left(tag.value, 256) FROM jsonb_each_text(tags) AS tag WHERE length(tag.key) <= 250
$$;

CREATE FUNCTION pedigree.models_named(keys text[]) RETURNS TABLE(name text)
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN QUERY
    SELECT m.name FROM pedigree.registered_model m
    WHERE m.name_key LIKE ANY (keys) AND pedigree.sees_key(m.name_key);
END
$$;

CREATE FUNCTION pedigree.models_of_blobs(digests text[]) RETURNS TABLE(digest text, name text)
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    RETURN QUERY
    SELECT held.digest, m.name
    FROM (
        SELECT DISTINCT f.blob_digest AS digest, v.model_id
        FROM pedigree.artifact_file f
        JOIN pedigree.model_version v ON v.digest = f.artifact_digest
        WHERE f.blob_digest = ANY (digests) AND v.deleted_at IS NULL
    ) AS held
    JOIN pedigree.registered_model m USING (model_id)
    WHERE pedigree.sees_key(m.name_key);
END
$$;

CREATE FUNCTION pedigree.models_of_states(assets text[], data_versions text[]) RETURNS TABLE(place bigint, name text, is_version boolean)
    LANGUAGE plpgsql STABLE
    AS $_$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT given.place, given.asset, given.data_version,
            regexp_replace(given.asset, '/[^/]+$', '') AS parent,
            substring(given.asset from '[^/]+$') AS last_part
        FROM unnest(assets, data_versions) WITH ORDINALITY AS given (asset, data_version, place)
    ), owner AS (
        SELECT w.place, w.data_version, t.model_id
        FROM wanted w
        JOIN pedigree.training t ON t.asset = w.asset
        UNION
        SELECT w.place, w.data_version, t.model_id
        FROM wanted w
        JOIN pedigree.training t ON t.asset = w.parent
        WHERE EXISTS (
            SELECT FROM pedigree.tenure s
            WHERE s.model_id = t.model_id AND s.pointer = 'stage' AND s.name = w.last_part
        )
    )
    SELECT o.place - 1, m.name, EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = o.model_id AND (
            v.digest = o.data_version
            OR o.data_version = 'unsealed:' || m.name || '/' || v.version
        )
    )
    FROM owner o
    JOIN pedigree.registered_model m USING (model_id);
END
$_$;

CREATE FUNCTION pedigree.month_of(at timestamp with time zone) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT (
        12 * date_part('year', at AT TIME ZONE 'UTC') + date_part('month', at AT TIME ZONE 'UTC')
    )::integer
$$;

CREATE FUNCTION pedigree.months_of_search() RETURNS SETOF integer
    LANGUAGE plpgsql STABLE ROWS 50 PARALLEL SAFE
    AS $$
BEGIN
    RETURN QUERY SELECT generate_series(
        pedigree.month_of(max(created_at)), pedigree.month_of(min(created_at)), -1
    ) FROM pedigree.search_version;
END
$$;

CREATE FUNCTION pedigree.move_versions(of_model bigint, events jsonb, at timestamp with time zone, hole text, OUT generation bigint, OUT voided integer[], OUT policy_revision integer) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_array_elements(events) AS change
        WHERE change ->> 'type' NOT IN (
            'version.stage_changed', 'version.approved', 'version.rejected'
        ) AND NOT (
            change ->> 'type' IN ('alias.set', 'alias.deleted')
            AND pedigree.is_guarded(of_model, (change ->> 'canonical')::jsonb #>> '{body,alias}')
        )
    ) THEN
        PERFORM pedigree.refuse_change_of('the type of a move');
    END IF;
    SELECT made.generation, made.voided, made.policy_revision
    INTO move_versions.generation, move_versions.voided, move_versions.policy_revision
    FROM pedigree.change_model(of_model, events, at, hole) AS made;
END
$$;

CREATE FUNCTION pedigree.name_in_event(line text, content jsonb) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    stated text := content ->> 'model';
BEGIN
    IF stated IS NOT DISTINCT FROM line THEN
        RETURN line;
    END IF;
    RETURN CASE WHEN EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.log_name = line AND (m.name = stated OR EXISTS (
            SELECT FROM pedigree.former_name f WHERE f.model_id = m.model_id AND f.name = stated
        ))
    ) THEN stated ELSE line END;
END
$$;

CREATE FUNCTION pedigree.name_new_model() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    highest integer;
BEGIN
    IF NEW.log_name IS NOT NULL THEN
        RETURN NEW;  -- a row of another registry, which is copied as it is
    END IF;
    PERFORM pedigree.lock_names(NEW.name_key);
    highest := pedigree.highest_of_name(NEW.name, NEW.name_key, NEW.model_id);
    IF EXISTS (
        SELECT FROM pedigree.registered_model m WHERE m.name_key = NEW.name_key
    ) THEN
        NULL;  -- the constraint of names decides
    ELSIF highest IS NOT NULL AND NOT NEW.is_again THEN
        RAISE EXCEPTION 'the name % belonged to another model', NEW.name
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'registered_model_name_again';
    END IF;
    NEW.first_version := coalesce(highest, 0) + 1;
    NEW.next_version := NEW.first_version;
    NEW.last_updated_at := NEW.created_at;
    NEW.log_name := CASE WHEN NEW.is_again THEN pedigree.numbered_name(NEW.name, NEW.model_id)
        ELSE NEW.name END;
    RETURN NEW;
END
$$;

CREATE FUNCTION pedigree.newest_of_stages(of_model bigint) RETURNS TABLE(stage text, version integer)
    LANGUAGE sql STABLE ROWS 4
    AS $$
    WITH RECURSIVE newest AS (
        (
            SELECT s.stage, s.version FROM pedigree.search_version s
            WHERE s.model_id = of_model
            ORDER BY s.stage DESC, s.version DESC LIMIT 1
        )
        UNION ALL
        SELECT further.stage, further.version
        FROM newest
        CROSS JOIN LATERAL (
            SELECT s.stage, s.version FROM pedigree.search_version s
            WHERE s.model_id = of_model AND s.stage < newest.stage
            ORDER BY s.stage DESC, s.version DESC LIMIT 1
        ) AS further
    )
    SELECT newest.stage, newest.version FROM newest
$$;

CREATE FUNCTION pedigree.next_copy(of_model bigint, bytes text) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(max(v.copy) + 1, 0) FROM pedigree.model_version v
    WHERE v.model_id = of_model AND v.digest = bytes
$$;

CREATE FUNCTION pedigree.note_exchange(by_issuer text, hash bytea, expires timestamp with time zone, for_token bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION pedigree.note_grants_used(used bigint[]) RETURNS void
    LANGUAGE sql
    AS $$
    UPDATE pedigree.access_grant g SET last_used_at = clock_timestamp()
    WHERE g.grant_id = ANY (used)
        AND (g.last_used_at IS NULL OR g.last_used_at < clock_timestamp() - interval '1 hour')
$$;

CREATE FUNCTION pedigree.note_read(reader text, event jsonb, hole text, of_model text, of_version integer) RETURNS double precision
    LANGUAGE plpgsql
    AS $$
DECLARE
    at timestamptz := clock_timestamp();
    this_hour timestamptz := date_trunc('hour', at);
BEGIN
    INSERT INTO pedigree.noted_read (hour, read_hash) VALUES (this_hour, sha256(convert_to(
        jsonb_build_array(reader, event ->> 'type', of_model, of_version)::text, 'UTF8'
    ))) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM pedigree.record_filled_events(
            jsonb_build_array(event), ARRAY[hole], ARRAY[pedigree.time_in_json(at)],
            of_model, of_version, at
        );
        DELETE FROM pedigree.noted_read r USING (
            SELECT hour, read_hash FROM pedigree.noted_read
            WHERE hour < this_hour - interval '1 hour'
            ORDER BY hour LIMIT 10 FOR UPDATE SKIP LOCKED
        ) AS past
        WHERE r.hour = past.hour AND r.read_hash = past.read_hash;
    END IF;
    RETURN extract(epoch FROM this_hour + interval '1 hour' - at);
END
$$;

CREATE FUNCTION pedigree.note_roles(of_text text) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO pedigree.applied_roles (checksum) VALUES (of_text)
    ON CONFLICT (is_only) DO UPDATE
    SET checksum = excluded.checksum, applied_at = excluded.applied_at
$$;

CREATE FUNCTION pedigree.note_search_model_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO pedigree.search_model_change AS known (model_id, changed_by)
    VALUES (coalesce(NEW.model_id, OLD.model_id), pg_current_xact_id())
    ON CONFLICT (model_id) DO UPDATE SET changed_by = excluded.changed_by
    WHERE known.changed_by <> excluded.changed_by;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.note_update(of_model bigint, of_version integer, kind text, body jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_move boolean := kind = ANY ('{version.stage_changed,version.deleted,version.restored}')
        OR (kind = 'version.updated' AND body ? 'stage_confirmed');
BEGIN
    IF is_move OR kind = 'model.restored' OR (kind = 'model.updated' AND body ? 'description') THEN
        UPDATE pedigree.registered_model m SET last_updated_at = at WHERE m.model_id = of_model;
    END IF;
    IF is_move OR kind = ANY ('{version.sealed,version.registration_failed}')
        OR (kind = 'version.updated' AND body ? 'description')
    THEN
        UPDATE pedigree.model_version v SET last_updated_at = at
        WHERE v.model_id = of_model AND v.version = of_version;
    END IF;
END
$$;

CREATE FUNCTION pedigree.note_web_session_used(of_session bigint) RETURNS void
    LANGUAGE sql
    AS $$
UPDATE pedigree.web_session s SET used_at = clock_timestamp()
WHERE s.session_id = of_session AND pedigree.is_open(s)
    AND s.used_at < clock_timestamp() - interval '5 minutes'
$$;

CREATE FUNCTION pedigree.numbered_name(name text, model_id bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((name || '/'::text) || model_id);

CREATE FUNCTION pedigree.person_of(name text) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
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

CREATE FUNCTION pedigree.principal_of_new(seen jsonb, at timestamp with time zone, OUT chosen bigint, OUT events jsonb) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.provision_group(new_id uuid, of_group text, shown text, external text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.provision_user(new_id uuid, given text, external text, mail text, wanted boolean) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.pseudonym_of(given text) RETURNS text
    LANGUAGE plpgsql
    AS $_$
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
$_$;

CREATE FUNCTION pedigree.quarantines_of_nodes(nodes jsonb, of_model bigint, of_version integer) RETURNS TABLE(quarantine_id bigint, asset text, partition text, since timestamp with time zone, reason text, only_certain boolean, at timestamp with time zone, quarantined_by text, certainty text)
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION pedigree.read_for_cards(names text[], name_keys text[], versions integer[], event_ids bigint[], checks text[], most integer) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint, training text, graph text, packages text[], verdicts text, tenures text, revision integer, digest text, markdown text, notes jsonb, created_at timestamp with time zone, event_id bigint, newest_event bigint, at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT each.* FROM unnest(names, name_keys, versions, event_ids)
            WITH ORDINALITY AS each (name, name_key, version, event_id, place)
        ORDER BY each.place
    LOOP
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation,
            CASE WHEN t.training_id IS NOT NULL THEN to_json(t)::text END,
            pedigree.graph_of(t.training_id, coalesce(t.raced, false)),
            (SELECT e.packages FROM pedigree.environment e WHERE e.hash = t.environment_hash),
            (
                SELECT coalesce(json_agg(shown), '[]')::text FROM (
                    SELECT newest.verdict_id, newest.check, newest.passed, newest.severity,
                        newest.digest, newest.relative, newest.baseline_digest, newest.settings,
                        newest.summary,
                        CASE WHEN newest.check = ANY (checks) THEN newest.details ELSE '{}' END
                            AS details,
                        newest.run_id, newest.at, newest.recorded_by, count(*) OVER () AS total
                    FROM (
                        SELECT DISTINCT ON (check_name, settings) check_name AS check, v.*
                        FROM pedigree.verdict v
                        WHERE v.model_id = m.model_id AND v.version = r.version
                        ORDER BY check_name, settings, verdict_id DESC
                    ) AS newest
                    ORDER BY newest.check = ANY (checks) DESC, newest.check, newest.settings
                    LIMIT most
                ) AS shown
            ),
            (
                SELECT coalesce(json_agg(shown ORDER BY shown.tenure_id), '[]')::text FROM (
                    SELECT held.tenure_id, held.pointer || ':' || held.name AS pointer,
                        held.version AS version_id, held.held_since AS since,
                        held.held_until AS until, held.moved_by, held.reason,
                        pedigree.is_overridden(
                            held.model_id, held.version, held.pointer, held.name, held.held_since
                        ) AS overridden,
                        count(*) OVER () AS total
                    FROM pedigree.tenure held
                    WHERE held.model_id = m.model_id AND held.version = r.version
                    ORDER BY held.tenure_id DESC
                    LIMIT most
                ) AS shown
            ),
            c.revision, c.digest, c.markdown, c.notes, c.created_at, c.event_id,
            coalesce((SELECT max(e.id) FROM pedigree.event e WHERE e.model = m.log_name), 0),
            clock_timestamp()
        FROM pedigree.registered_model m
        JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = wanted.version
        LEFT JOIN LATERAL (
            SELECT first.* FROM pedigree.training first
            WHERE first.model_id = m.model_id AND first.version = r.version
            ORDER BY first.created_at, first.training_id LIMIT 1
        ) AS t ON true
        LEFT JOIN LATERAL (
            SELECT card.* FROM pedigree.model_card card
            WHERE card.model_id = m.model_id AND card.version = r.version
            ORDER BY card.revision DESC LIMIT 1
        ) AS c ON true
        WHERE m.name_key = wanted.name_key AND m.name = wanted.name AND m.deleted_at IS NULL
            AND (wanted.event_id IS NULL OR c.event_id IS NULL OR c.event_id < wanted.event_id);
    END LOOP;
END
$$;

CREATE FUNCTION pedigree.record_events(event_ids uuid[], of_type text, of_model text, of_version integer, at timestamp with time zone, canonicals bytea[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    line text := pedigree.log_name_of(of_model, of_version);
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
        SELECT event_id, of_type, line, of_version, canonical,
            sha256('\x00'::bytea || canonical), record_events.at
        FROM unnest(event_ids, canonicals) WITH ORDINALITY AS given (event_id, canonical, place)
        ORDER BY place
        RETURNING id
    )
    INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;
END
$$;

CREATE FUNCTION pedigree.record_filled_events(events jsonb, holes text[], fillings text[], of_model text, of_version integer, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    line text := pedigree.log_name_of(of_model, of_version);
    are_own boolean;
BEGIN
    WITH filled AS MATERIALIZED (
        SELECT (e ->> 'event_id')::uuid AS event_id, e ->> 'type' AS type, place,
            convert_to(pedigree.filled(e ->> 'canonical', holes, fillings), 'UTF8') AS canonical
        FROM jsonb_array_elements(events) WITH ORDINALITY AS given (e, place)
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT event_id, type, line, of_version, canonical, sha256('\x00'::bytea || canonical),
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

CREATE TABLE pedigree.artifact (
    digest text NOT NULL COLLATE pg_catalog."C",
    manifest bytea NOT NULL,
    size bigint NOT NULL,
    CONSTRAINT artifact_size_check CHECK ((size >= 0))
);

CREATE TABLE pedigree.model_card (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    markdown text NOT NULL,
    notes jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    event_id bigint DEFAULT 0 NOT NULL,
    CONSTRAINT model_card_revision_check CHECK ((revision >= 1))
);

CREATE TABLE pedigree.model_version (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE pg_catalog."C",
    copy integer DEFAULT 0 NOT NULL,
    flavor text,
    signature jsonb,
    description text,
    owners text[] DEFAULT '{}'::text[] NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    approval_status text DEFAULT 'none'::text NOT NULL,
    approval_notes text,
    approved_by text,
    approval_timestamp timestamp with time zone,
    risk_class text,
    risk_assessment_id text,
    drift_monitor_id text,
    datasheet_uri text,
    quarantine_reason text,
    hold_reason text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    deleted_at timestamp with time zone,
    collected_at timestamp with time zone,
    tier text DEFAULT 'standard'::text NOT NULL,
    approval_stage text,
    state text DEFAULT 'sealed'::text NOT NULL,
    state_reason text,
    last_updated_at timestamp with time zone,
    CONSTRAINT model_version_approval_status_check CHECK ((approval_status = ANY (ARRAY['none'::text, 'pending'::text, 'approved'::text, 'rejected'::text]))),
    CONSTRAINT model_version_collected_deleted CHECK (((collected_at IS NULL) OR (deleted_at IS NOT NULL))),
    CONSTRAINT model_version_copy_of_bytes CHECK (((copy = 0) OR (digest IS NOT NULL))),
    CONSTRAINT model_version_failed_has_reason CHECK (((state <> 'failed'::text) OR (state_reason <> ''::text))),
    CONSTRAINT model_version_risk_class_check CHECK ((risk_class = ANY (ARRAY['minimal'::text, 'limited'::text, 'high'::text, 'unacceptable'::text]))),
    CONSTRAINT model_version_sealed_has_digest CHECK (((state = 'sealed'::text) = (digest IS NOT NULL))),
    CONSTRAINT model_version_state_known CHECK ((state = ANY (ARRAY['sealed'::text, 'pending'::text, 'failed'::text, 'reference'::text]))),
    CONSTRAINT model_version_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'archive'::text]))),
    CONSTRAINT model_version_version_check CHECK ((version >= 1))
);

CREATE TABLE pedigree.registered_model (
    model_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    next_version integer DEFAULT 1 NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    description text,
    owners text[] DEFAULT '{}'::text[] NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    policy jsonb,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    deleted_at timestamp with time zone,
    policy_revision integer DEFAULT 0 NOT NULL,
    policy_since timestamp with time zone,
    log_name text NOT NULL COLLATE pg_catalog."C",
    first_version integer DEFAULT 1 NOT NULL,
    is_again boolean DEFAULT false NOT NULL,
    last_updated_at timestamp with time zone NOT NULL,
    CONSTRAINT registered_model_first_version CHECK (((first_version >= 1) AND (first_version <= next_version)))
);

CREATE TABLE pedigree.stage_override (
    override_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE pg_catalog."C",
    author text NOT NULL,
    from_stage text NOT NULL COLLATE pg_catalog."C",
    to_stage text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    gates jsonb NOT NULL,
    reason text NOT NULL,
    overridden_by text NOT NULL,
    overridden_by_source text NOT NULL,
    issued_by text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT stage_override_gates_check CHECK (((jsonb_typeof(gates) = 'array'::text) AND (gates <> '[]'::jsonb))),
    CONSTRAINT stage_override_reason_check CHECK ((reason <> ''::text))
);

CREATE TABLE pedigree.tenure (
    tenure_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    pointer text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    exclusive boolean NOT NULL,
    held_since timestamp with time zone NOT NULL,
    held_until timestamp with time zone,
    moved_by text NOT NULL,
    reason text,
    ended_by text,
    CONSTRAINT tenure_check CHECK (((held_until IS NULL) = (ended_by IS NULL))),
    CONSTRAINT tenure_check1 CHECK ((held_until >= held_since)),
    CONSTRAINT tenure_ended_by_check CHECK ((ended_by = ANY (ARRAY['promotion'::text, 'rollback'::text, 'move'::text, 'deletion'::text]))),
    CONSTRAINT tenure_pointer_check CHECK ((pointer = ANY (ARRAY['stage'::text, 'alias'::text])))
);

CREATE TABLE pedigree.training (
    training_id uuid NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    run_id text,
    instance_id text,
    job_name text,
    step_key text,
    asset text,
    partition text,
    git_commit text,
    git_dirty boolean,
    git_source text,
    code_version text,
    training_data_digest text,
    training_data_version text,
    validation_dataset_id text,
    environment_hash text COLLATE pg_catalog."C",
    ci_build text,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL,
    raced boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    config jsonb,
    lineage_recorded boolean DEFAULT false NOT NULL,
    verification jsonb DEFAULT '{"reason": "it was registered by a Pedigree that did not verify", "spread": null, "status": "not possible"}'::jsonb NOT NULL,
    description text,
    owners text[],
    tags jsonb,
    risk_class text,
    risk_assessment_id text,
    drift_monitor_id text,
    datasheet_uri text,
    restated integer DEFAULT 0 NOT NULL,
    CONSTRAINT training_commit_has_origin CHECK ((((git_commit IS NULL) = (git_source IS NULL)) AND ((git_dirty IS NULL) OR (git_commit IS NOT NULL)))),
    CONSTRAINT training_verification_known CHECK ((((verification ->> 'status'::text) = ANY (ARRAY['verified'::text, 'skipped'::text, 'not possible'::text])) AND (((verification ->> 'status'::text) <> 'not possible'::text) OR ((verification ->> 'reason'::text) <> ''::text))))
);

CREATE VIEW pedigree.version_record AS
 SELECT v.model_id,
    m.name AS model_name,
    m.name_key,
    m.generation,
    v.version AS version_id,
    v.digest,
    ( SELECT a.size
           FROM pedigree.artifact a
          WHERE (a.digest = v.digest)) AS size,
    v.flavor,
    v.signature,
    v.description,
    v.owners,
    v.tags,
    v.approval_status,
    v.approval_notes,
    v.approved_by,
    v.approval_timestamp,
    v.risk_class,
    v.risk_assessment_id,
    v.drift_monitor_id,
    v.datasheet_uri,
    v.quarantine_reason,
    v.hold_reason,
    v.created_at,
    v.created_by,
    v.created_by_source,
    first.run_id,
    first.git_commit,
    first.git_dirty,
    first.git_source,
    first.code_version,
    first.training_data_digest,
    first.training_data_version,
    first.validation_dataset_id,
    first.environment_hash,
    first.ci_build,
    COALESCE(first.metrics, '{}'::jsonb) AS metrics,
    COALESCE(first.params, '{}'::jsonb) AS params,
    ( SELECT count(*) AS count
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))) AS trainings,
    COALESCE(stage.name, 'none'::text) AS stage,
    stage.held_since AS stage_since,
    ARRAY( SELECT t.name
           FROM pedigree.tenure t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version) AND (t.pointer = 'alias'::text) AND (t.held_until IS NULL))
          ORDER BY t.name) AS aliases,
    ( SELECT c.digest
           FROM pedigree.model_card c
          WHERE ((c.model_id = v.model_id) AND (c.version = v.version))
          ORDER BY c.revision DESC
         LIMIT 1) AS model_card_digest,
    ( SELECT count(*) AS count
           FROM pedigree.stage_override o
          WHERE ((o.model_id = v.model_id) AND (o.version = v.version))) AS overrides,
    v.state,
    v.state_reason,
    v.last_updated_at
   FROM (((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN LATERAL ( SELECT t.training_id,
            t.model_id,
            t.version,
            t.run_id,
            t.instance_id,
            t.job_name,
            t.step_key,
            t.asset,
            t.partition,
            t.git_commit,
            t.git_dirty,
            t.git_source,
            t.code_version,
            t.training_data_digest,
            t.training_data_version,
            t.validation_dataset_id,
            t.environment_hash,
            t.ci_build,
            t.metrics,
            t.params,
            t.raced,
            t.created_at,
            t.created_by,
            t.created_by_source,
            t.config,
            t.lineage_recorded,
            t.verification,
            t.description,
            t.owners,
            t.tags,
            t.risk_class,
            t.risk_assessment_id,
            t.drift_monitor_id,
            t.datasheet_uri,
            t.restated
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON (true))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE VIEW pedigree.version_in_full AS
 SELECT model_id,
    model_name,
    name_key,
    generation,
    version_id,
    digest,
    size,
    flavor,
    signature,
    description,
    owners,
    tags,
    approval_status,
    approval_notes,
    approved_by,
    approval_timestamp,
    risk_class,
    risk_assessment_id,
    drift_monitor_id,
    datasheet_uri,
    quarantine_reason,
    hold_reason,
    created_at,
    created_by,
    created_by_source,
    run_id,
    git_commit,
    git_dirty,
    git_source,
    code_version,
    training_data_digest,
    training_data_version,
    validation_dataset_id,
    environment_hash,
    ci_build,
    metrics,
    params,
    trainings,
    stage,
    stage_since,
    aliases,
    model_card_digest,
    COALESCE(( SELECT t.verification
           FROM pedigree.training t
          WHERE ((t.model_id = r.model_id) AND (t.version = r.version_id))
          ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
         LIMIT 1), '{"reason": "no training of it is known", "spread": null, "status": "not possible"}'::jsonb) AS verification,
    overrides,
    state,
    state_reason,
    last_updated_at
   FROM pedigree.version_record r;

CREATE FUNCTION pedigree.record_shown(r pedigree.version_in_full) RETURNS SETOF json
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN r.overrides > 0 OR r.state <> 'sealed' OR r.last_updated_at IS NOT NULL THEN replace(
        to_json(shown)::text, ',"model_card_digest":', concat(
            CASE WHEN r.overrides > 0 THEN format(',"overrides":%s', r.overrides) END,
            CASE WHEN r.state <> 'sealed' THEN format(
                ',"state":%s,"state_reason":%s', to_json(r.state),
                coalesce(to_json(r.state_reason), 'null')
            ) END,
            CASE WHEN r.last_updated_at IS NOT NULL THEN format(
                ',"last_updated_at":"%s"',
                to_char(r.last_updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            ) END,
            ',"model_card_digest":'
        )
    )::json ELSE to_json(shown) END FROM (
        SELECT
            r.model_name,
            r.version_id,
            r.digest,
            r.size,
            r.flavor,
            r.description,
            r.owners,
            r.tags,
            r.approval_status,
            r.approval_notes,
            r.approved_by,
            to_char(r.approval_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                AS approval_timestamp,
            r.risk_class,
            r.risk_assessment_id,
            r.drift_monitor_id,
            r.datasheet_uri,
            r.quarantine_reason,
            r.hold_reason,
            to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
            r.created_by,
            r.created_by_source,
            r.run_id,
            r.git_commit,
            r.git_dirty,
            r.git_source,
            r.code_version,
            r.training_data_digest,
            r.training_data_version,
            r.validation_dataset_id,
            r.environment_hash,
            r.ci_build,
            r.metrics,
            r.params,
            r.trainings,
            r.stage,
            to_char(r.stage_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                AS stage_since,
            r.aliases,
            r.model_card_digest
    ) AS shown
$$;

CREATE FUNCTION pedigree.record_state_events(doc jsonb, of_model text, at timestamp with time zone, generation bigint, voided integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    hole text := doc ->> 'hole';
    actor jsonb := pedigree.acting_in_event();
BEGIN
    PERFORM pedigree.record_filled_events(
        doc -> 'events',
        ARRAY[
            format('"%sversion"', hole), hole || 'time', format('"%sgeneration"', hole),
            format('"%svoided"', hole), format('"%sactor"', hole)
        ],
        ARRAY[
            doc ->> 'number', pedigree.time_in_json(at), generation::text,
            array_to_json(voided)::text,
            format('{"name":%s,"source":%s}', to_json(actor ->> 'name'), to_json(actor ->> 'source'))
        ],
        of_model, (doc ->> 'number')::integer, at
    );
END
$$;

CREATE FUNCTION pedigree.record_verdicts(of_model bigint, of_version integer, verdicts jsonb, event_ids uuid[], canonicals bytea[], at timestamp with time zone) RETURNS TABLE(verdict_id bigint)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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
    IF NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.state = 'sealed'
    ) THEN
        RAISE EXCEPTION 'version % has no digest, so no check judges it', of_version USING
            ERRCODE = 'check_violation', CONSTRAINT = 'verdict_of_sealed_version';
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

CREATE FUNCTION pedigree.record_with_card(record json, digest text) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
    SELECT (
        regexp_replace(record::text, '(null|"[^"]*")\}$', '') || coalesce(to_json(digest)::text, 'null')
        || '}'
    )::json
$_$;

CREATE FUNCTION pedigree.recount_blob() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pedigree.add_to_statistic(
        stored_bytes => NEW.size - OLD.size,
        archived_bytes => CASE WHEN NEW.tier = 'archive' THEN NEW.size ELSE 0 END
            - CASE WHEN OLD.tier = 'archive' THEN OLD.size ELSE 0 END
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.recount_model() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(
        versions => sign * count(*), logical_bytes => sign * coalesce(sum(a.size), 0)::bigint
    )
    FROM pedigree.model_version v
    LEFT JOIN pedigree.artifact a ON a.digest = v.digest
    WHERE v.model_id = NEW.model_id AND v.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.recount_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(
        versions => sign, logical_bytes => sign * coalesce(a.size, 0)
    )
    FROM pedigree.registered_model m LEFT JOIN pedigree.artifact a ON a.digest = NEW.digest
    WHERE m.model_id = NEW.model_id AND m.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.refuse_access(reason text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the change of access is refused: %', reason
        USING ERRCODE = 'check_violation', CONSTRAINT = reason;
END
$$;

CREATE FUNCTION pedigree.refuse_author() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    -- Each table has its own name for who acts.
    actor text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
    IF pedigree.is_author(NEW.model_id, NEW.version, actor)
        OR pedigree.is_author(NEW.model_id, NEW.version, NEW.issued_by)
    THEN
        RAISE EXCEPTION '% is violated: % is an author of the version', TG_ARGV[1], actor USING
            ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_ARGV[1];
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION pedigree.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE FUNCTION pedigree.refuse_change_of(subject text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the event of a change differs from the rows: %', subject
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION pedigree.refuse_event() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'an event names another actor, time or subject than its transaction'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION pedigree.release_artifact() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pedigree.release_bytes('artifact', ARRAY[NEW.digest]);
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_bytes(kind text, digests text[]) RETURNS void
    LANGUAGE sql
    AS $_$
    INSERT INTO pedigree.released AS known (kind, digest)
    SELECT DISTINCT $1, each.digest FROM unnest($2) AS each (digest)
    WHERE each.digest IS NOT NULL
    ORDER BY 2
    ON CONFLICT (kind, digest) DO UPDATE SET digest = excluded.digest
$_$;

CREATE FUNCTION pedigree.release_card() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pedigree.release_bytes('blob', (SELECT array_agg(digest) FROM changed));
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_drift() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pedigree.release_bytes('blob', (
        SELECT array_agg(digest) FROM changed CROSS JOIN unnest(ARRAY[html, markdown]) AS digest
    ));
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_unreferenced() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = NEW.digest)
        AND NOT EXISTS (SELECT FROM pedigree.document c WHERE c.digest = NEW.digest)
    THEN
        PERFORM FROM pedigree.upload_file u WHERE u.digest = NEW.digest FOR KEY SHARE;
        IF NOT FOUND THEN
            PERFORM pedigree.release_bytes('blob', ARRAY[NEW.digest]);
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_upload() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    digests text[];
BEGIN
    SELECT array_agg(digest) INTO digests
    FROM changed
    WHERE NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = changed.digest);
    IF digests IS NOT NULL THEN
        PERFORM pedigree.release_bytes('blob', digests);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.renew_search(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(models, versions) AS key (model_id, version)
        JOIN pedigree.search_version s USING (model_id, version)
    ) THEN
        PERFORM pedigree.forget_search(models, versions);
    END IF;
    INSERT INTO pedigree.search_version
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version);
    INSERT INTO pedigree.search_term
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_term_source source USING (model_id, version);
    INSERT INTO pedigree.search_metric
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_metric_source source USING (model_id, version);
    INSERT INTO pedigree.search_text
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_text_source source USING (model_id, version);
    INSERT INTO pedigree.search_record
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version);
END
$$;

CREATE FUNCTION pedigree.renew_search_model(models bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    PERFORM FROM pedigree.search_model t
    WHERE t.model_id = ANY (models) ORDER BY t.model_id FOR NO KEY UPDATE;
    UPDATE pedigree.search_model t SET
        name = s.name, name_key = s.name_key, created_at = s.created_at, description = s.description,
        words = s.words, owners = s.owners, team = s.team, stages = s.stages, champion = s.champion,
        champion_since = s.champion_since, latest = s.latest, latest_stage = s.latest_stage,
        latest_at = s.latest_at, metric = s.metric, value = s.value, trend = s.trend,
        risk_class = s.risk_class, requests = s.requests, asking = s.asking,
        request_id = s.request_id, asking_since = s.asking_since, stale = s.stale,
        stale_seen_at = s.stale_seen_at, drifted = s.drifted, drift_at = s.drift_at,
        quarantined = s.quarantined, attention = s.attention
    FROM unnest(models) AS key (model_id)
    JOIN pedigree.search_model_source s USING (model_id)
    WHERE t.model_id = key.model_id
        AND (t.name, t.name_key, t.created_at, t.description, t.words, t.owners, t.team, t.stages,
            t.champion, t.champion_since, t.latest, t.latest_stage, t.latest_at, t.metric, t.value,
            t.trend, t.risk_class, t.requests, t.asking, t.request_id, t.asking_since, t.stale,
            t.stale_seen_at, t.drifted, t.drift_at, t.quarantined, t.attention)
        IS DISTINCT FROM (s.name, s.name_key, s.created_at, s.description, s.words, s.owners, s.team,
            s.stages, s.champion, s.champion_since, s.latest, s.latest_stage, s.latest_at, s.metric,
            s.value, s.trend, s.risk_class, s.requests, s.asking, s.request_id, s.asking_since,
            s.stale, s.stale_seen_at, s.drifted, s.drift_at, s.quarantined, s.attention);
END
$$;

CREATE FUNCTION pedigree.renew_search_record(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE pedigree.search_record t SET
        signature = source.signature, record = source.record, verification = source.verification
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE FUNCTION pedigree.require_time(at timestamp with time zone, of_model text) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.require_time_of(at timestamp with time zone, of_model bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pedigree.require_time(at, (
        SELECT m.name FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND at > clock_timestamp()
    ));
END
$$;

CREATE FUNCTION pedigree.revoke_token(of_token bigint) RETURNS SETOF pedigree.access_token
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    RETURN QUERY
    UPDATE pedigree.access_token
    SET revoked_at = clock_timestamp(), revoked_by = pedigree.acting()
    WHERE token_id = of_token AND revoked_at IS NULL
    RETURNING *;
END
$$;

CREATE FUNCTION pedigree.roles_last_seen(of_principal text) RETURNS TABLE(issuer text, roles text[], models text[], groups text[], issued_at timestamp with time zone, seen_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
SELECT i.issuer, i.roles, i.models, i.groups, i.issued_at, i.seen_at
FROM pedigree.principal p
JOIN pedigree.identity i USING (principal_id)
WHERE pedigree.person_key(p.name) = pedigree.person_key(of_principal)
    AND (cardinality(i.roles) > 0 OR cardinality(i.groups) > 0)
ORDER BY i.seen_at DESC, i.identity_id
$$;

CREATE FUNCTION pedigree.seal_version(doc jsonb, manifest bytea) RETURNS jsonb
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

CREATE FUNCTION pedigree.search_follows_card() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    worded_models bigint[];
    worded_versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO worded_models, worded_versions
    FROM (
        SELECT DISTINCT c.model_id, c.version
        FROM changed c
        WHERE c.notes IS DISTINCT FROM coalesce((
            SELECT before.notes FROM pedigree.model_card before
            WHERE before.model_id = c.model_id AND before.version = c.version
                AND before.revision < c.revision
            ORDER BY before.revision DESC LIMIT 1
        ), '{}')
    ) AS key;
    IF worded_models IS NOT NULL THEN
        UPDATE pedigree.search_text t SET document = source.document
        FROM unnest(worded_models, worded_versions) AS key (model_id, version)
        JOIN pedigree.search_text_source source USING (model_id, version)
        WHERE t.model_id = key.model_id AND t.version = key.version
            AND t.document IS DISTINCT FROM source.document;
    END IF;
    UPDATE pedigree.search_record t SET record = pedigree.record_with_card(t.record, newest.digest)
    FROM (SELECT DISTINCT c.model_id, c.version FROM changed c) AS key
    CROSS JOIN LATERAL (
        SELECT c.digest FROM pedigree.model_card c
        WHERE c.model_id = key.model_id AND c.version = key.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS newest
    WHERE t.model_id = key.model_id AND t.version = key.version;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_model() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    versions integer[];
BEGIN
    SELECT array_agg(version) INTO versions
    FROM pedigree.model_version WHERE model_id = NEW.model_id;
    IF versions IS NOT NULL THEN
        PERFORM pedigree.renew_search(
            array_fill(NEW.model_id, ARRAY[cardinality(versions)]), versions
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_name() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO pedigree.search_word
    SELECT DISTINCT source.word FROM changed
    JOIN pedigree.search_word_source source USING (model_id)
    ORDER BY source.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_state() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    UPDATE pedigree.search_version s
    SET risk_class = after.risk_class,
        approval_status = after.approval_status,
        approved_by = after.approved_by,
        quarantined = after.quarantine_reason IS NOT NULL,
        held = after.hold_reason IS NOT NULL
    FROM after
    WHERE s.model_id = after.model_id AND s.version = after.version
        AND (s.risk_class, s.approval_status, s.approved_by, s.quarantined, s.held)
            IS DISTINCT FROM (after.risk_class, after.approval_status, after.approved_by,
                after.quarantine_reason IS NOT NULL, after.hold_reason IS NOT NULL);
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_tenure() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    models bigint[];
    versions integer[];
    has_alias boolean;
BEGIN
    SELECT array_agg(model_id), array_agg(version), bool_or(is_alias)
    INTO models, versions, has_alias
    FROM (
        SELECT s.model_id, s.version, bool_or(changed.pointer = 'alias') AS is_alias FROM changed
        JOIN pedigree.search_version s USING (model_id, version)
        GROUP BY s.model_id, s.version
    ) AS key;
    IF models IS NULL THEN
        RETURN NULL;
    END IF;
    IF has_alias THEN
        DELETE FROM pedigree.search_term t
        USING unnest(models, versions) AS key (model_id, version), pedigree.search_version s,
            unnest(s.aliases) AS alias
        WHERE s.model_id = key.model_id AND s.version = key.version
            AND t.field = 'alias' AND t.value = alias AND t.created_at = s.created_at
            AND t.model_id = s.model_id AND t.version = s.version;
    END IF;
    UPDATE pedigree.search_version s SET stage = source.stage, aliases = source.aliases
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version)
    WHERE s.model_id = key.model_id AND s.version = key.version;
    IF has_alias THEN
        INSERT INTO pedigree.search_term
        SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
        JOIN pedigree.search_term_source source USING (model_id, version)
        WHERE source.field = 'alias';
    END IF;
    PERFORM pedigree.renew_search_record(models, versions);
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_training() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (
        SELECT DISTINCT c.model_id, c.version FROM changed c
        WHERE TG_OP <> 'INSERT' OR NOT EXISTS (
            SELECT FROM pedigree.search_version s
            WHERE s.model_id = c.model_id AND s.version = c.version
                AND s.training_id = c.training_id
        )
    ) AS key;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_version() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    models bigint[];
    versions integer[];
    shown_models bigint[];
    shown_versions integer[];
BEGIN
    SELECT
        array_agg(model_id) FILTER (WHERE is_found_by),
        array_agg(version) FILTER (WHERE is_found_by),
        array_agg(model_id) FILTER (WHERE NOT is_found_by),
        array_agg(version) FILTER (WHERE NOT is_found_by)
    INTO models, versions, shown_models, shown_versions
    FROM (
        SELECT model_id, version,
            (after.description, after.owners, after.tags, after.flavor, after.created_at,
                after.created_by, after.deleted_at, after.digest, after.state)
            IS DISTINCT FROM (before.description, before.owners, before.tags, before.flavor,
                before.created_at, before.created_by, before.deleted_at, before.digest,
                before.state) AS is_found_by
        FROM after JOIN before USING (model_id, version)
    ) AS each;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    IF shown_models IS NOT NULL THEN
        PERFORM pedigree.renew_search_record(shown_models, shown_versions);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_model_follows_model() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.deleted_at IS NOT NULL THEN
        DELETE FROM pedigree.search_model WHERE model_id = NEW.model_id;
    ELSIF TG_OP = 'INSERT' OR OLD.deleted_at IS NOT NULL THEN
        INSERT INTO pedigree.search_model
        SELECT * FROM pedigree.search_model_source WHERE model_id = NEW.model_id;
    ELSE
        PERFORM pedigree.renew_search_model(ARRAY[NEW.model_id]);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_model_follows_row() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    model text := format(',%s,', coalesce(NEW.model_id, OLD.model_id));
    renewed text := coalesce(current_setting('pedigree.renewed_models', true), '');
BEGIN
    IF TG_TABLE_NAME = 'tenure' AND TG_OP = 'INSERT' THEN
        -- Only here has the row such columns.
        IF NEW.name <> 'production' AND EXISTS (
            -- The version entered the stage while it was registered.
            SELECT FROM pedigree.search_model t
            WHERE t.model_id = NEW.model_id AND t.latest = NEW.version
                AND t.latest_stage = NEW.name AND NEW.name = ANY (t.stages)
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF strpos(renewed, model) = 0 THEN
        PERFORM set_config('pedigree.renewed_models', renewed || model, true);
        PERFORM pedigree.renew_search_model(ARRAY[coalesce(NEW.model_id, OLD.model_id)]);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_model_follows_versions() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    models bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- A registration: what changes is known without a look at other versions.
        UPDATE pedigree.search_model t SET
            versions = t.versions + 1, latest = c.version, latest_stage = c.stage,
            latest_at = c.created_at,
            value = CASE WHEN t.champion IS NULL
                THEN (c.metrics ->> t.metric)::double precision ELSE t.value END,
            trend = CASE WHEN t.metric IS NULL THEN '{}' ELSE (
                t.trend || (c.metrics ->> t.metric)::double precision
            )[greatest(cardinality(t.trend) - 10, 1):] END,
            risk_class = CASE WHEN t.champion IS NULL THEN c.risk_class ELSE t.risk_class END
        FROM changed c
        WHERE t.model_id = c.model_id AND c.version > coalesce(t.latest, 0)
            AND c.stage <> 'production' AND (c.stage = 'none' OR c.stage = ANY (t.stages))
            AND NOT c.quarantined AND t.quarantined = '{}'
            AND (SELECT count(*) FROM changed) = 1;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    WITH counted AS (
        SELECT c.model_id, count(*)::integer AS number FROM changed c GROUP BY c.model_id
    ), written AS (
        UPDATE pedigree.search_model t SET versions = t.versions + sign * counted.number
        FROM counted WHERE t.model_id = counted.model_id
    )
    SELECT array_agg(counted.model_id) INTO models FROM counted;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search_model(models);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.see_identity(seen jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    at timestamptz := pedigree.begin_change_of_people();
    issued timestamptz := (seen ->> 'issued_at')::timestamptz;
    known pedigree.identity;
    principal bigint;
    events jsonb := '[]';
    said jsonb := jsonb_build_object(
        'roles', seen -> 'roles', 'models', seen -> 'models', 'groups', seen -> 'groups'
    );
BEGIN
    SELECT i.* INTO known FROM pedigree.identity i
    WHERE i.issuer = seen ->> 'issuer' AND i.subject = seen ->> 'subject';
    IF known.principal_id IS NULL THEN
        SELECT n.chosen, n.events INTO principal, events FROM pedigree.principal_of_new(seen, at) n;
        IF principal IS NULL THEN
            RETURN '{"refused": "taken"}';
        END IF;
        INSERT INTO pedigree.identity AS i (issuer, subject, principal_id, created_at)
        VALUES (seen ->> 'issuer', seen ->> 'subject', principal, at)
        ON CONFLICT ON CONSTRAINT identity_subject_unique
            DO UPDATE SET principal_id = excluded.principal_id
        RETURNING i.* INTO known;
        events := events || pedigree.event_of_people('identity.linked', jsonb_build_object(
            'principal', seen ->> 'name', 'principal_id', principal,
            'identity_id', known.identity_id, 'issuer', known.issuer, 'because', 'first token'
        ));
    END IF;
    IF known.issued_at IS NULL OR issued >= known.issued_at THEN
        IF said <> jsonb_build_object(
            'roles', known.roles, 'models', known.models, 'groups', known.groups
        ) THEN
            events := events || pedigree.event_of_people('identity.seen', said || jsonb_build_object(
                'principal', (
                    SELECT p.name FROM pedigree.principal p
                    WHERE p.principal_id = known.principal_id
                ),
                'identity_id', known.identity_id
            ));
        END IF;
        UPDATE pedigree.identity i SET
            roles = ARRAY(SELECT jsonb_array_elements_text(seen -> 'roles')),
            models = ARRAY(SELECT jsonb_array_elements_text(seen -> 'models')),
            groups = ARRAY(SELECT jsonb_array_elements_text(seen -> 'groups')),
            email = coalesce(seen ->> 'email', i.email), issued_at = issued, seen_at = at
        WHERE i.identity_id = known.identity_id;
        IF seen ->> 'email' IS NOT NULL THEN
            events := events || pedigree.join_by_email(known.principal_id, seen ->> 'email');
        END IF;
    END IF;
    RETURN jsonb_build_object('at', at, 'events', events, 'identity', (
        SELECT f.identity::jsonb
        FROM pedigree.find_identity(seen ->> 'issuer', seen ->> 'subject') f
    ));
END
$$;

CREATE FUNCTION pedigree.sees_key(name_key text) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    models text := current_setting('pedigree.models', true);
BEGIN
    IF models IS NULL OR models = '' THEN
        RAISE EXCEPTION 'somebody reads the registry: the setting pedigree.models is empty'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE
        WHEN models = '*' THEN true
        WHEN models LIKE '{%' THEN name_key LIKE ANY (models::text[])
        ELSE name_key ~ models
    END;
END
$$;

CREATE FUNCTION pedigree.sequence_events() RETURNS void
    LANGUAGE plpgsql
    SET lock_timeout TO '500ms'
    AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0)) THEN
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0));
        EXCEPTION WHEN lock_not_available THEN
            RETURN;
        END;
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

CREATE FUNCTION pedigree.set_activity(of_principal bigint, wanted boolean, at timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.set_person_active(given text, wanted boolean) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.set_tier(of_model bigint, of_version integer, new_tier text) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    UPDATE pedigree.model_version SET tier = new_tier
    WHERE model_id = of_model AND version = of_version;
END
$$;

CREATE FUNCTION pedigree.shown_name(given text) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
SELECT coalesce((SELECT p.name FROM pedigree.pseudonym p WHERE p.pseudonym = given), given)
$$;

CREATE FUNCTION pedigree.standing_of(names text[]) RETURNS TABLE(name text, access json, tokens json, seen json)
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION pedigree.state_of_version(of_model bigint, of_version integer) RETURNS text
    LANGUAGE sql STABLE
    AS $$
SELECT md5(source.record::text || source.verification::text)
FROM pedigree.search_record_source source
WHERE source.model_id = of_model AND source.version = of_version
$$;

CREATE FUNCTION pedigree.supersede(of_name text, of_key text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE pedigree.registered_model m SET name_key = pedigree.numbered_name(of_key, m.model_id)
    WHERE m.name_key = of_key AND m.name = of_name AND m.deleted_at IS NOT NULL;
END
$$;

CREATE FUNCTION pedigree.take_blobs(doc jsonb) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    wanted text[] := ARRAY(
        SELECT DISTINCT f ->> 'digest' FROM jsonb_array_elements(doc #> '{artifact,files}') f
    );
    live text[];
BEGIN
    IF doc ->> 'upload' IS NOT NULL THEN
        PERFORM pedigree.make_live(
            (doc ->> 'upload')::uuid, array_agg(digest), array_agg(size), array_agg(key)
        )
        FROM jsonb_to_recordset(doc -> 'stored') AS file (digest text, size bigint, key text);
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

CREATE FUNCTION pedigree.terms_of(tags jsonb, owners text[], aliases text[], created_by text) RETURNS TABLE(field text, value text)
    LANGUAGE sql STABLE
    AS $$
    SELECT term.field, term.value FROM (
        SELECT 'tags.' || tag.key AS field, left(tag.value, 256) AS value
        FROM jsonb_each_text(tags) AS tag
        UNION ALL
        (SELECT DISTINCT 'owner', left(owner, 256) FROM unnest(owners) AS owner)
        UNION ALL
        SELECT 'alias', left(alias, 256) FROM unnest(aliases) AS alias
        UNION ALL
        SELECT 'created_by', left(terms_of.created_by, 256)
    ) AS term
    WHERE length(term.field) <= 256
$$;

CREATE FUNCTION pedigree.texts_of(list jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT array_agg(each ORDER BY place)
    FROM jsonb_array_elements_text(list) WITH ORDINALITY AS given (each, place)
$$;

CREATE FUNCTION pedigree.time_in_json(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
SELECT replace(
    to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
)
$$;

CREATE FUNCTION pedigree.time_of_change(model_name text) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
DECLARE
    line text := pedigree.log_name_of(model_name, NULL);
BEGIN
    RETURN greatest(clock_timestamp(), (
        SELECT e.at FROM pedigree.event e
        WHERE e.model >= line AND e.model <= line
        ORDER BY e.model DESC, e.id DESC LIMIT 1
    ));
END
$$;

CREATE FUNCTION pedigree.trained_with(of_key text, of_version integer, registered_at timestamp with time zone, visible text[], most integer) RETURNS TABLE(seen bigint, hidden bigint, without_lineage bigint, name text, version integer, certainty text)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH used AS MATERIALIZED (
        SELECT DISTINCT v.model_id, v.version, v.digest, made.asset || coalesce('/' || t.name, '') AS asset
        FROM pedigree.model_version v
        JOIN pedigree.registered_model m ON m.model_id = v.model_id
        JOIN pedigree.training made ON made.model_id = v.model_id AND made.version = v.version
        LEFT JOIN LATERAL (
            SELECT NULL AS name
            UNION ALL
            SELECT t.name FROM pedigree.tenure t
            WHERE t.model_id = v.model_id AND t.version = v.version AND t.pointer = 'stage'
        ) AS t ON true
        WHERE m.name_key = of_key AND v.version = of_version AND made.asset IS NOT NULL
    ), found AS (
        SELECT n.training_id, pedigree.lineage_certainty(n.certainty, n.kind) AS certainty
        FROM used
        JOIN pedigree.lineage_node n
            ON n.asset = used.asset AND n.data_version = used.digest AND n.kind <> 'step'
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM used
        JOIN pedigree.lineage_node n ON n.asset = used.asset AND n.kind = 'missing'
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM pedigree.lineage_node n
        WHERE n.kind IN ('step', 'missing') AND n.upstream IS NULL AND EXISTS (SELECT FROM used)
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM pedigree.lineage_node n
        WHERE n.kind IN ('step', 'missing') AND n.upstream <> '{}'
            AND n.upstream && (SELECT array_agg(used.asset) FROM used)
    ), depending AS MATERIALIZED (
        SELECT m.model_id, m.name, t.version, max(f.certainty) AS certainty,
            (visible IS NULL OR m.name = ANY (visible)) AND pedigree.sees_key(m.name_key) AS is_visible
        FROM found f
        JOIN pedigree.training t USING (training_id)
        JOIN pedigree.model_version trained
            ON trained.model_id = t.model_id AND trained.version = t.version
        JOIN pedigree.registered_model m ON m.model_id = t.model_id
        WHERE t.created_at >= registered_at
            AND NOT EXISTS (
                SELECT FROM used WHERE used.model_id = t.model_id AND used.version = t.version
            )
            AND trained.deleted_at IS NULL AND m.deleted_at IS NULL
        GROUP BY m.model_id, m.name, t.version
    ), number AS (
        SELECT count(*) FILTER (WHERE is_visible) AS seen,
            count(*) FILTER (WHERE NOT is_visible) AS hidden,
            (
                SELECT count(*) FROM (
                    SELECT DISTINCT t.model_id, t.version
                    FROM pedigree.training t
                    JOIN pedigree.registered_model m USING (model_id)
                    WHERE NOT t.lineage_recorded AND t.created_at >= registered_at
                        AND (visible IS NULL OR m.name = ANY (visible))
                        AND pedigree.sees_key(m.name_key)
                        AND (m.name_key, t.version) <> (of_key, of_version)
                ) AS blank
                WHERE (model_id, version) NOT IN (SELECT model_id, version FROM depending)
            ) AS without_lineage
        FROM depending
    )
    SELECT number.seen, number.hidden, number.without_lineage, first.name, first.version,
        first.certainty::text AS certainty
    FROM number
    LEFT JOIN LATERAL (
        SELECT name, version, certainty FROM depending
        WHERE is_visible
        -- What is certain has two degrees, which are one list.
        ORDER BY least(certainty, 'proved') DESC, name, version
        LIMIT most
    ) AS first ON true
    ORDER BY least(first.certainty, 'proved') DESC, first.name, first.version;
END
$$;

CREATE FUNCTION pedigree.unknown_words(words text[]) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.access', 0));
    RETURN ARRAY(
        SELECT word FROM unnest(words) AS word
        WHERE NOT EXISTS (SELECT FROM pedigree.access_role r WHERE 'role:' || r.name = word)
            AND NOT EXISTS (SELECT FROM pedigree.access_group g WHERE 'group:' || g.name = word)
    );
END
$$;

CREATE FUNCTION pedigree.unlink_identity(given text, given_issuer text, given_subject text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.unlink_principal(given text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.version_of_bytes(of_model bigint, bytes text) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT v.version FROM pedigree.model_version v
    LEFT JOIN pedigree.version_source s USING (model_id, version)
    WHERE v.model_id = of_model AND v.digest = bytes AND v.deleted_at IS NULL
    ORDER BY s.version IS NOT NULL, v.copy LIMIT 1
$$;

CREATE FUNCTION pedigree.void_approvals(of_model bigint) RETURNS integer[]
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.wanted_tiers(only_model bigint) RETURNS TABLE(model_id bigint, version integer, tier text, wanted text, why text)
    LANGUAGE sql STABLE
    AS $$
WITH ruled AS (
    SELECT m.model_id, (m.policy #>> '{retention,keep_production}')::integer AS keep
    FROM pedigree.registered_model m
    WHERE m.deleted_at IS NULL AND (only_model IS NULL OR m.model_id = only_model)
        AND ((m.policy #>> '{retention,keep_production}') IS NOT NULL OR EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = m.model_id AND v.tier = 'archive'
        ))
), ordered AS (
    SELECT m.model_id, stage.value ->> 'name' AS name, stage.place
    FROM ruled
    JOIN pedigree.registered_model m ON m.model_id = ruled.model_id
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(
        m.policy -> 'stages',
        '[{"name": "candidate"}, {"name": "staging"}, {"name": "production"}]'
    )) WITH ORDINALITY AS stage (value, place)
), last_tenure AS (
    SELECT DISTINCT ON (t.model_id, t.name, t.version)
        t.model_id, t.name, t.version, t.tenure_id, t.ended_by, o.place, v.quarantine_reason,
        v.approval_status
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
    LEFT JOIN ordered o ON o.model_id = t.model_id AND o.name = t.name
    WHERE t.pointer = 'stage' AND t.name <> 'archived' AND v.deleted_at IS NULL
    ORDER BY t.model_id, t.name, t.version, t.tenure_id DESC
), holder AS (
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM last_tenure l
    WHERE l.ended_by IS NULL
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), target AS (
    -- As the query rollback_target of the lifecycle finds it.
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM holder h
    JOIN last_tenure l ON l.model_id = h.model_id AND l.name = h.name
    WHERE l.version <> h.version AND l.ended_by <> 'rollback'
        AND l.quarantine_reason IS NULL AND l.approval_status <> 'rejected'
        AND NOT EXISTS (
            SELECT FROM last_tenure further
            WHERE further.model_id = l.model_id AND further.version = l.version
                AND further.tenure_id > l.tenure_id AND further.place > l.place
        )
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), production AS (
    SELECT l.model_id, l.version,
        row_number() OVER (PARTITION BY l.model_id ORDER BY l.tenure_id DESC) AS place
    FROM last_tenure l
    WHERE l.name = 'production'
), pointed AS (
    SELECT t.model_id, t.version, min('it holds the ' || t.pointer || ' ' || t.name) AS why
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    WHERE t.held_until IS NULL AND NOT (t.pointer = 'stage' AND t.name = 'archived')
    GROUP BY t.model_id, t.version
), aimed AS (
    SELECT t.model_id, t.version, min('a rollback of ' || t.name || ' returns to it') AS why
    FROM target t
    GROUP BY t.model_id, t.version
), kept AS (
    SELECT v.model_id, v.version, v.tier, p.place, r.keep,
        CASE
            WHEN pointed.why IS NOT NULL THEN pointed.why
            WHEN aimed.why IS NOT NULL THEN aimed.why
            WHEN v.hold_reason IS NOT NULL THEN 'it is on legal hold'
            WHEN v.approval_status = 'pending' THEN 'its approval is open'
            WHEN EXISTS (
                SELECT FROM pedigree.stage_request q
                WHERE q.model_id = v.model_id AND q.version = v.version AND q.outcome IS NULL
            ) THEN 'somebody asked a stage for it'
            WHEN r.keep IS NULL THEN 'its model archives nothing'
            WHEN p.place IS NULL THEN 'it never held production'
            WHEN p.place <= r.keep THEN 'it is one of the latest production versions'
        END AS why
    FROM ruled r
    JOIN pedigree.model_version v ON v.model_id = r.model_id
    LEFT JOIN production p ON p.model_id = v.model_id AND p.version = v.version
    LEFT JOIN pointed ON pointed.model_id = v.model_id AND pointed.version = v.version
    LEFT JOIN aimed ON aimed.model_id = v.model_id AND aimed.version = v.version
    WHERE v.deleted_at IS NULL
)
SELECT k.model_id, k.version, k.tier,
    CASE WHEN k.why IS NULL THEN 'archive' ELSE 'standard' END,
    coalesce(k.why, (k.place - 1) || ' versions held production since')
FROM kept k;
$$;

CREATE FUNCTION pedigree.web_session_idle() RETURNS interval
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT interval '8 hours'
$$;

CREATE FUNCTION pedigree.web_session_length() RETURNS interval
    LANGUAGE sql IMMUTABLE
    AS $$
SELECT interval '24 hours'
$$;

CREATE FUNCTION pedigree.words_of(name text, description text, tags jsonb, notes text) RETURNS SETOF tsvector
    LANGUAGE sql STABLE
    AS $$
    SELECT setweight(to_tsvector('pg_catalog.english', translate(name, '_-.', '   ')), 'A')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(description, 20000), '')), 'B')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(tag.words, 20000), '')), 'C')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(notes, 100000), '')), 'D')
    FROM (
        SELECT string_agg(each.key || ' ' || each.value, ' ' ORDER BY each.key) AS words
        FROM jsonb_each_text(tags) AS each
    ) AS tag
$$;

CREATE FUNCTION pedigree.words_of_month(document tsvector, at timestamp with time zone) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT (
        pedigree.month_of(at)::text
        || replace(' ' || document::text, ' ''', ' ''' || pedigree.month_of(at)::text || ':')
    )::tsvector
$$;

CREATE FUNCTION pedigree.write_cards(cards jsonb) RETURNS integer[]
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    overtaken integer[] := pedigree.add_cards(cards);
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.event e
        WHERE e.event_id = ANY (ARRAY(
            SELECT (card #>> '{event,event_id}')::uuid FROM jsonb_array_elements(cards) AS card
        )) AND pedigree.is_own_event(
            e.canonical, e.event_id, e.type, (
                SELECT m.name FROM pedigree.registered_model m WHERE m.log_name = e.model
            ), e.version, e.at, actor
        ) IS NOT TRUE
    ) THEN
        PERFORM pedigree.refuse_event();
    END IF;
    RETURN overtaken;
END
$$;

CREATE FUNCTION pedigree.write_override(of_model bigint, of_version integer, left_stage text, entered_stage text, open_gates jsonb, why text, issued_by text, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE SEQUENCE pedigree.access_grant_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE pedigree.access_group (
    name text NOT NULL,
    description text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT access_group_name CHECK ((name ~ '^[a-z0-9][a-z0-9._-]{0,127}$'::text))
);

CREATE TABLE pedigree.access_group_member (
    group_name text NOT NULL,
    member text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    added_by text NOT NULL,
    CONSTRAINT access_group_member_not_oneself CHECK ((pedigree.person_key(added_by) <> pedigree.person_key(member)))
);

CREATE TABLE pedigree.access_role (
    name text NOT NULL,
    permissions text[] NOT NULL,
    stages text[] DEFAULT '{}'::text[] NOT NULL,
    description text,
    defined_at timestamp with time zone,
    defined_by text,
    CONSTRAINT access_role_defined CHECK (((defined_at IS NULL) = (defined_by IS NULL))),
    CONSTRAINT access_role_name CHECK ((name ~ '^[a-z][a-z0-9_-]{0,63}$'::text)),
    CONSTRAINT access_role_permissions CHECK ((cardinality(permissions) > 0))
);

ALTER TABLE pedigree.access_token ALTER COLUMN token_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.access_token_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.applied_roles (
    is_only boolean DEFAULT true NOT NULL,
    checksum text NOT NULL COLLATE pg_catalog."C",
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT applied_roles_is_only_check CHECK (is_only)
);

CREATE TABLE pedigree.artifact_file (
    artifact_digest text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    blob_digest text NOT NULL COLLATE pg_catalog."C"
);

CREATE TABLE pedigree.asset_event (
    instance_id text NOT NULL,
    storage_id bigint NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    kind text NOT NULL,
    run_id text,
    step_key text,
    data_version text,
    code_version text,
    at timestamp with time zone NOT NULL,
    tags jsonb NOT NULL,
    reads jsonb,
    CONSTRAINT asset_event_kind_check CHECK ((kind = ANY (ARRAY['materialization'::text, 'observation'::text])))
);

CREATE TABLE pedigree.awaited (
    training_id uuid NOT NULL,
    instance_id text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.awaited_judgement (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    upload_id uuid NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    manifest bytea NOT NULL,
    stated jsonb,
    checks text[] NOT NULL COLLATE pg_catalog."C",
    answers jsonb DEFAULT '{}'::jsonb NOT NULL,
    problem text,
    asked_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.blob (
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    tier text DEFAULT 'standard'::text NOT NULL,
    CONSTRAINT blob_size_check CHECK ((size >= 0)),
    CONSTRAINT blob_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'archive'::text])))
);

CREATE TABLE pedigree.candidacy (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    waits_for text[] NOT NULL,
    evaluated_at timestamp with time zone NOT NULL,
    next_evaluation_at timestamp with time zone
);

CREATE TABLE pedigree.card_follower (
    is_only boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    lease uuid,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT card_follower_is_only_check CHECK (is_only)
);

CREATE TABLE pedigree.check_run (
    model_id bigint NOT NULL,
    instance_id text NOT NULL COLLATE pg_catalog."C",
    event_id bigint NOT NULL,
    check_name text NOT NULL COLLATE pg_catalog."C",
    version integer,
    problem text,
    run_id text,
    looked_at timestamp with time zone NOT NULL,
    CONSTRAINT check_run_check CHECK (((version IS NULL) = (problem IS NOT NULL)))
);

CREATE TABLE pedigree.dagster_instance (
    instance_id text NOT NULL COLLATE pg_catalog."C",
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.data_profile (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    profile jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.data_verdict (
    data_verdict_id bigint NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    storage_id bigint,
    materialized_by text,
    data_version text COLLATE pg_catalog."C",
    check_name text NOT NULL COLLATE pg_catalog."C",
    passed boolean NOT NULL,
    severity text NOT NULL,
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT data_verdict_severity_check CHECK ((severity = ANY (ARRAY['error'::text, 'warn'::text])))
);

ALTER TABLE pedigree.data_verdict ALTER COLUMN data_verdict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.data_verdict_data_verdict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.datasheet (
    asset text NOT NULL COLLATE pg_catalog."C",
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    sheet jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT datasheet_revision_check CHECK ((revision >= 1))
);

ALTER TABLE pedigree.decision ALTER COLUMN decision_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.decision_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.drift_result (
    drift_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text NOT NULL,
    partition text NOT NULL COLLATE pg_catalog."C",
    drifted boolean NOT NULL,
    result jsonb NOT NULL,
    profile jsonb NOT NULL,
    html text NOT NULL COLLATE pg_catalog."C",
    markdown text NOT NULL COLLATE pg_catalog."C",
    recorded_at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    alerted_at timestamp with time zone
);

CREATE VIEW pedigree.document AS
 SELECT model_card.digest,
    model_card.model_id,
    model_card.version
   FROM pedigree.model_card
UNION ALL
 SELECT drift_result.html AS digest,
    drift_result.model_id,
    drift_result.version
   FROM pedigree.drift_result
UNION ALL
 SELECT drift_result.markdown AS digest,
    drift_result.model_id,
    drift_result.version
   FROM pedigree.drift_result;

ALTER TABLE pedigree.drift_result ALTER COLUMN drift_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.drift_result_drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.environment (
    hash text NOT NULL COLLATE pg_catalog."C",
    packages text[] NOT NULL
);

CREATE TABLE pedigree.evaluation (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    evaluation jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT evaluation_revision_check CHECK ((revision >= 1))
);

CREATE TABLE pedigree.event (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    model text COLLATE pg_catalog."C",
    version integer,
    canonical bytea NOT NULL,
    leaf bytea NOT NULL,
    at timestamp with time zone,
    CONSTRAINT event_leaf_check CHECK ((length(leaf) = 32))
);

CREATE TABLE pedigree.event_count (
    type text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);

ALTER TABLE pedigree.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.exchanged_token (
    issuer text NOT NULL,
    jti_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    token_id bigint NOT NULL,
    CONSTRAINT exchanged_token_jti_hash_check CHECK ((length(jti_hash) = 32))
);

CREATE TABLE pedigree.failure (
    work text NOT NULL,
    member text NOT NULL,
    model text,
    problem text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    failed_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    failed_last timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    next_at timestamp with time zone NOT NULL,
    CONSTRAINT failure_attempts_check CHECK ((attempts > 0))
);

CREATE TABLE pedigree.feed (
    seq bigint NOT NULL,
    id bigint NOT NULL
);

CREATE VIEW pedigree.first_training AS
 SELECT n.trainings,
    t.training_id,
    t.model_id,
    t.version,
    t.run_id,
    t.instance_id,
    t.job_name,
    t.step_key,
    t.asset,
    t.partition,
    t.git_commit,
    t.git_dirty,
    t.git_source,
    t.code_version,
    t.training_data_digest,
    t.training_data_version,
    t.validation_dataset_id,
    t.environment_hash,
    t.ci_build,
    t.metrics,
    t.params,
    t.raced,
    t.created_at,
    t.created_by,
    t.created_by_source,
    t.config,
    t.lineage_recorded,
    t.verification,
    t.description,
    t.owners,
    t.tags,
    t.risk_class,
    t.risk_assessment_id,
    t.drift_monitor_id,
    t.datasheet_uri,
    t.restated
   FROM (( SELECT count(*) AS trainings,
            (array_agg(training.training_id ORDER BY training.created_at, training.training_id))[1] AS training_id
           FROM pedigree.training
          GROUP BY training.model_id, training.version) n
     JOIN pedigree.training t USING (training_id));

CREATE TABLE pedigree.former_name (
    name text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    model_id bigint NOT NULL,
    first_version integer NOT NULL,
    next_version integer NOT NULL,
    held_until timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.given_up_promotion (
    given_up_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    policy_revision integer NOT NULL,
    evidence_at timestamp with time zone,
    attempts integer NOT NULL,
    run_id text NOT NULL,
    problem text NOT NULL,
    at timestamp with time zone NOT NULL,
    retried_at timestamp with time zone,
    retried_by text,
    CONSTRAINT given_up_promotion_attempts_check CHECK ((attempts > 0)),
    CONSTRAINT given_up_promotion_check CHECK (((retried_at IS NULL) = (retried_by IS NULL)))
);

ALTER TABLE pedigree.given_up_promotion ALTER COLUMN given_up_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.given_up_promotion_given_up_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.identity (
    identity_id bigint NOT NULL,
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    principal_id bigint,
    email text,
    created_at timestamp with time zone NOT NULL,
    roles text[] DEFAULT '{}'::text[] NOT NULL,
    models text[] DEFAULT '{}'::text[] NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    issued_at timestamp with time zone,
    seen_at timestamp with time zone,
    ended_at timestamp with time zone
);

ALTER TABLE pedigree.identity ALTER COLUMN identity_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.identity_identity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.kept_answer (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    answered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE pedigree.lineage_edge (
    training_id uuid NOT NULL,
    consumer integer NOT NULL,
    source integer NOT NULL,
    capture text NOT NULL,
    certainty pedigree.certainty,
    CONSTRAINT lineage_edge_capture_check CHECK ((capture = ANY (ARRAY['read'::text, 'declared'::text, 'provenance'::text]))),
    CONSTRAINT lineage_edge_check CHECK (((capture <> 'declared'::text) OR (certainty = ANY (ARRAY['unknown'::pedigree.certainty, 'possible'::pedigree.certainty]))))
);

CREATE TABLE pedigree.lineage_node (
    training_id uuid NOT NULL,
    node_id integer NOT NULL,
    kind text NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    storage_id bigint,
    run_id text,
    data_version text,
    code_version text,
    at timestamp with time zone,
    certainty pedigree.certainty,
    upstream text[] COLLATE pg_catalog."C",
    CONSTRAINT lineage_node_kind_check CHECK ((kind = ANY (ARRAY['step'::text, 'materialization'::text, 'observation'::text, 'external'::text, 'missing'::text])))
);

CREATE TABLE pedigree.log_anchor (
    size bigint NOT NULL,
    key text NOT NULL,
    anchored_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.log_asking (
    member text NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.log_block (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT log_block_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT log_block_index_check CHECK ((index >= 0)),
    CONSTRAINT log_block_level_check CHECK ((level >= 1))
);

CREATE TABLE pedigree.log_cosignature (
    public_key bytea NOT NULL,
    size bigint NOT NULL,
    line text NOT NULL,
    cosigned_at timestamp with time zone NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT log_cosignature_public_key_check CHECK ((length(public_key) = 32))
);

CREATE TABLE pedigree.log_key (
    public_key bytea NOT NULL,
    added_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    private_key bytea,
    signs_until timestamp with time zone,
    CONSTRAINT log_key_public_key_check CHECK ((length(public_key) = 32))
);

CREATE TABLE pedigree.log_timestamp (
    authority text NOT NULL,
    size bigint NOT NULL,
    reply bytea NOT NULL,
    stamped_at timestamp with time zone NOT NULL,
    added_at timestamp with time zone NOT NULL,
    CONSTRAINT log_timestamp_reply_check CHECK ((length(reply) <= 65536))
);

CREATE TABLE pedigree.migration (
    number integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    checksum text NOT NULL COLLATE pg_catalog."C",
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE VIEW pedigree.model_record AS
 SELECT m.name,
    m.name_key,
    m.description,
    m.owners,
    m.tags,
    m.created_by,
    m.created_at,
    m.generation,
    (m.next_version - 1) AS latest_version,
    held.stages,
    held.aliases,
    m.last_updated_at
   FROM (pedigree.registered_model m
     CROSS JOIN LATERAL ( WITH RECURSIVE held_pointer(name, pointer) AS (
                ( SELECT t.name,
                    t.pointer
                   FROM pedigree.tenure t
                  WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL))
                  ORDER BY t.name, t.pointer
                 LIMIT 1)
                UNION ALL
                 SELECT further.name,
                    further.pointer
                   FROM (held_pointer h
                     CROSS JOIN LATERAL ( SELECT t.name,
                            t.pointer
                           FROM pedigree.tenure t
                          WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (ROW(t.name, t.pointer) > ROW(h.name, h.pointer)))
                          ORDER BY t.name, t.pointer
                         LIMIT 1) further)
                ), holders AS (
                 SELECT h.name,
                    h.pointer,
                    ( SELECT jsonb_agg(newest.version ORDER BY newest.version) AS jsonb_agg
                           FROM ( SELECT t.version
                                   FROM pedigree.tenure t
                                  WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (t.name = h.name) AND (t.pointer = h.pointer))
                                  ORDER BY t.version DESC
                                 LIMIT 20) newest) AS versions
                   FROM held_pointer h
                )
         SELECT COALESCE(jsonb_object_agg(holders.name, holders.versions) FILTER (WHERE (holders.pointer = 'stage'::text)), '{}'::jsonb) AS stages,
            COALESCE(jsonb_object_agg(holders.name, (holders.versions -> 0)) FILTER (WHERE (holders.pointer = 'alias'::text)), '{}'::jsonb) AS aliases
           FROM holders) held)
  WHERE (m.deleted_at IS NULL);

CREATE TABLE pedigree.noted_read (
    hour timestamp with time zone NOT NULL,
    read_hash bytea NOT NULL,
    CONSTRAINT noted_read_read_hash_check CHECK ((length(read_hash) = 32))
);

CREATE TABLE pedigree.orphan (
    key text NOT NULL COLLATE pg_catalog."C",
    orphaned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    removable_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.pending_work (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    holder uuid NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    CONSTRAINT pending_work_failures_check CHECK ((failures >= 0))
);

CREATE TABLE pedigree.policy_default (
    pattern text NOT NULL COLLATE pg_catalog."C",
    policy jsonb NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    reason text
);

CREATE TABLE pedigree.principal (
    principal_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    person_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    deactivated_at timestamp with time zone,
    CONSTRAINT principal_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'workload'::text, 'service'::text])))
);

ALTER TABLE pedigree.principal ALTER COLUMN principal_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME pedigree.principal_principal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.provisioned_group (
    group_id uuid NOT NULL,
    group_name text NOT NULL,
    display_name text NOT NULL,
    external_id text,
    created_at timestamp with time zone NOT NULL,
    modified_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.provisioned_user (
    user_id uuid NOT NULL,
    principal_id bigint NOT NULL,
    external_id text,
    created_at timestamp with time zone NOT NULL,
    modified_at timestamp with time zone NOT NULL,
    deactivated_at timestamp with time zone,
    deleted_at timestamp with time zone
);

CREATE TABLE pedigree.pseudonym (
    pseudonym text NOT NULL,
    name text NOT NULL
);

CREATE TABLE pedigree.quarantine (
    quarantine_id bigint NOT NULL,
    asset text COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    since timestamp with time zone,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL,
    quarantined_by text NOT NULL,
    released_at timestamp with time zone,
    released_by text,
    only_certain boolean DEFAULT false NOT NULL,
    CONSTRAINT quarantine_check CHECK (((asset IS NOT NULL) OR ((partition IS NULL) AND (since IS NULL)))),
    CONSTRAINT quarantine_check1 CHECK (((released_at IS NULL) = (released_by IS NULL)))
);

CREATE TABLE pedigree.quarantine_mark (
    quarantine_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    released_at timestamp with time zone,
    certainty pedigree.certainty
);

ALTER TABLE pedigree.quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE pedigree.registered_model ALTER COLUMN model_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.registered_model_model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.registry_identity (
    is_only boolean DEFAULT true NOT NULL,
    registry_id uuid DEFAULT gen_random_uuid() NOT NULL,
    CONSTRAINT registry_identity_is_only_check CHECK (is_only)
);

CREATE TABLE pedigree.released (
    kind text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT released_kind CHECK ((kind = ANY (ARRAY['artifact'::text, 'blob'::text])))
);

CREATE TABLE pedigree.search_metric (
    key text NOT NULL COLLATE pg_catalog."C",
    value double precision NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE VIEW pedigree.search_metric_source AS
 SELECT metric.key,
    metric.value,
    s.model_id,
    s.version
   FROM (pedigree.search_version s
     CROSS JOIN LATERAL pedigree.metrics_of(s.metrics) metric(key, value));

CREATE VIEW pedigree.search_mlflow_source AS
 SELECT "row".model_id,
    "row".version,
    "row".name,
    "row".created_at,
    "row".updated_ms,
    "row".run_id,
    "row".source,
    "row".is_prompt
   FROM (pedigree.search_version s
     CROSS JOIN LATERAL pedigree.mlflow_row(s.*) "row"(model_id, version, name, created_at, updated_ms, run_id, source, is_prompt));

CREATE TABLE pedigree.search_mlflow_tag (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    age bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    back integer NOT NULL,
    model_id bigint NOT NULL
);

CREATE VIEW pedigree.search_mlflow_tag_source AS
 SELECT (tag.key COLLATE "C") AS key,
    (tag.value COLLATE "C") AS value,
    (- m.updated_ms) AS age,
    m.name,
    (- m.version) AS back,
    m.model_id
   FROM ((pedigree.search_mlflow m
     JOIN pedigree.search_version s USING (model_id, version))
     CROSS JOIN LATERAL pedigree.mlflow_tags_of(s.tags) tag(key, value));

CREATE TABLE pedigree.search_model (
    model_id bigint NOT NULL,
    versions integer NOT NULL,
    requests integer NOT NULL,
    stages text[] NOT NULL COLLATE pg_catalog."C",
    team text COLLATE pg_catalog."C",
    owners text[] NOT NULL COLLATE pg_catalog."C",
    risk_class text COLLATE pg_catalog."C",
    attention text[] NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    champion integer,
    champion_since timestamp with time zone,
    latest integer,
    latest_stage text COLLATE pg_catalog."C",
    latest_at timestamp with time zone,
    metric text COLLATE pg_catalog."C",
    value double precision,
    trend double precision[] NOT NULL,
    asking integer,
    request_id bigint,
    asking_since timestamp with time zone,
    stale boolean,
    stale_seen_at timestamp with time zone,
    drifted boolean,
    drift_at timestamp with time zone,
    quarantined integer[] NOT NULL,
    description text,
    words text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='70');

CREATE TABLE pedigree.search_model_change (
    model_id bigint NOT NULL,
    changed_by xid8 NOT NULL
);

CREATE TABLE pedigree.stage_request (
    request_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    from_stage text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    reason text,
    only_asks boolean NOT NULL,
    requested_by text NOT NULL,
    requested_by_source text NOT NULL,
    at timestamp with time zone NOT NULL,
    outcome text,
    closed_at timestamp with time zone,
    closed_by text,
    waits_for text[] NOT NULL,
    next_evaluation_at timestamp with time zone,
    CONSTRAINT stage_request_check CHECK (((outcome IS NULL) = (closed_at IS NULL))),
    CONSTRAINT stage_request_check1 CHECK (((outcome IS NULL) = (closed_by IS NULL))),
    CONSTRAINT stage_request_outcome_check CHECK ((outcome = ANY (ARRAY['performed'::text, 'withdrawn'::text, 'rejected'::text, 'superseded'::text, 'deleted'::text])))
);

CREATE TABLE pedigree.staleness (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stale boolean,
    data_behind integer NOT NULL,
    code_behind integer NOT NULL,
    seen jsonb NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE VIEW pedigree.search_model_source AS
 SELECT m.model_id,
    ( SELECT (count(*))::integer AS count
           FROM pedigree.search_version v
          WHERE (v.model_id = m.model_id)) AS versions,
    asked.requests,
    ARRAY( WITH RECURSIVE held AS (
                ( SELECT t.name
                   FROM pedigree.tenure t
                  WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (t.pointer = 'stage'::text))
                  ORDER BY t.name
                 LIMIT 1)
                UNION ALL
                 SELECT further.name
                   FROM (held held_1
                     CROSS JOIN LATERAL ( SELECT t.name
                           FROM pedigree.tenure t
                          WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (t.pointer = 'stage'::text) AND (t.name > held_1.name))
                          ORDER BY t.name
                         LIMIT 1) further)
                )
         SELECT held.name
           FROM held
          ORDER BY held.name) AS stages,
    ((m.tags ->> 'team'::text) COLLATE "C") AS team,
    ARRAY( SELECT given.owner
           FROM unnest(m.owners) WITH ORDINALITY given(owner, place)
          GROUP BY given.owner
          ORDER BY (min(given.place))) AS owners,
        CASE
            WHEN (champion.version IS NULL) THEN latest.risk_class
            ELSE of_champion.risk_class
        END AS risk_class,
    (array_remove(ARRAY[
        CASE
            WHEN (asked.requests > 0) THEN 'waiting'::text
            ELSE NULL::text
        END,
        CASE
            WHEN kept.stale THEN 'stale'::text
            ELSE NULL::text
        END,
        CASE
            WHEN drift.drifted THEN 'drifted'::text
            ELSE NULL::text
        END,
        CASE
            WHEN (barred.quarantined <> '{}'::integer[]) THEN 'quarantined'::text
            ELSE NULL::text
        END,
        CASE
            WHEN (champion.version IS NULL) THEN 'no_production'::text
            ELSE NULL::text
        END], NULL::text) COLLATE "C") AS attention,
    m.name,
    m.name_key,
    m.created_at,
    champion.version AS champion,
    champion.held_since AS champion_since,
    latest.version AS latest,
    latest.stage AS latest_stage,
    latest.created_at AS latest_at,
    headline.metric,
        CASE
            WHEN (champion.version IS NULL) THEN ((latest.metrics ->> headline.metric))::double precision
            ELSE ((of_champion.metrics ->> headline.metric))::double precision
        END AS value,
        CASE
            WHEN (headline.metric IS NULL) THEN '{}'::double precision[]
            ELSE ARRAY( SELECT ((newest.metrics ->> headline.metric))::double precision AS float8
               FROM ( SELECT v.version,
                        v.metrics
                       FROM pedigree.search_version v
                      WHERE (v.model_id = m.model_id)
                      ORDER BY v.version DESC
                     LIMIT 12) newest
              ORDER BY newest.version)
        END AS trend,
    oldest.version AS asking,
    oldest.request_id,
    oldest.at AS asking_since,
    kept.stale,
    kept.seen_at AS stale_seen_at,
    drift.drifted,
    drift.at AS drift_at,
    barred.quarantined,
    "left"(m.description, 300) AS description,
    (pedigree.folded("left"(((m.name || ' '::text) || COALESCE(m.description, ''::text)), 20000)) COLLATE "C") AS words
   FROM (((((((((pedigree.registered_model m
     CROSS JOIN LATERAL ( SELECT ((m.policy #>> '{champion_metric,metric}'::text[]) COLLATE "C") AS metric) headline)
     LEFT JOIN LATERAL ( SELECT t.version,
            t.held_since
           FROM pedigree.tenure t
          WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (t.pointer = 'stage'::text) AND (t.name = 'production'::text))
          ORDER BY t.tenure_id DESC
         LIMIT 1) champion ON (true))
     LEFT JOIN pedigree.search_version of_champion ON (((of_champion.model_id = m.model_id) AND (of_champion.version = champion.version))))
     LEFT JOIN LATERAL ( SELECT v.version,
            v.stage,
            v.created_at,
            v.metrics,
            v.risk_class,
            v.quarantined
           FROM pedigree.search_version v
          WHERE (v.model_id = m.model_id)
          ORDER BY v.version DESC
         LIMIT 1) latest ON (true))
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS requests,
            min(r.request_id) AS request_id
           FROM pedigree.stage_request r
          WHERE ((r.model_id = m.model_id) AND (r.outcome IS NULL))) asked)
     LEFT JOIN pedigree.stage_request oldest ON ((oldest.request_id = asked.request_id)))
     LEFT JOIN pedigree.staleness kept ON (((kept.model_id = m.model_id) AND (kept.version = champion.version))))
     CROSS JOIN LATERAL ( WITH RECURSIVE newest AS (
                ( SELECT d.asset,
                    d.drifted,
                    d.recorded_at
                   FROM pedigree.drift_result d
                  WHERE ((d.model_id = m.model_id) AND (d.version = champion.version))
                  ORDER BY d.asset DESC, d.drift_id DESC
                 LIMIT 1)
                UNION ALL
                 SELECT further.asset,
                    further.drifted,
                    further.recorded_at
                   FROM (newest newest_1
                     CROSS JOIN LATERAL ( SELECT d.asset,
                            d.drifted,
                            d.recorded_at
                           FROM pedigree.drift_result d
                          WHERE ((d.model_id = m.model_id) AND (d.version = champion.version) AND (d.asset < newest_1.asset))
                          ORDER BY d.asset DESC, d.drift_id DESC
                         LIMIT 1) further)
                )
         SELECT bool_or(newest.drifted) AS drifted,
            max(newest.recorded_at) AS at
           FROM newest) drift)
     CROSS JOIN LATERAL ( SELECT ARRAY( SELECT DISTINCT one.version
                   FROM ( VALUES (champion.version,of_champion.quarantined), (latest.version,latest.quarantined)) one(version, quarantined)
                  WHERE one.quarantined
                  ORDER BY one.version) AS quarantined) barred)
  WHERE (m.deleted_at IS NULL);

CREATE VIEW pedigree.search_month AS
 SELECT month
   FROM pedigree.months_of_search() of(month);

CREATE VIEW pedigree.search_name AS
 SELECT model_id,
    name
   FROM pedigree.registered_model;

CREATE TABLE pedigree.search_record (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    signature text NOT NULL,
    record json NOT NULL,
    verification jsonb DEFAULT '{"reason": "it was registered by a Pedigree that did not verify", "spread": null, "status": "not possible"}'::jsonb NOT NULL
);

CREATE VIEW pedigree.version_in_bulk AS
 SELECT first.training_id,
    ROW(v.model_id, m.name, m.name_key, m.generation, v.version, v.digest, a.size, v.flavor, v.signature, v.description, v.owners, v.tags, v.approval_status, v.approval_notes, v.approved_by, v.approval_timestamp, v.risk_class, v.risk_assessment_id, v.drift_monitor_id, v.datasheet_uri, v.quarantine_reason, v.hold_reason, v.created_at, v.created_by, v.created_by_source, first.run_id, first.git_commit, first.git_dirty, first.git_source, first.code_version, first.training_data_digest, first.training_data_version, first.validation_dataset_id, first.environment_hash, first.ci_build, COALESCE(first.metrics, '{}'::jsonb), COALESCE(first.params, '{}'::jsonb), COALESCE(first.trainings, (0)::bigint), COALESCE(stage.name, 'none'::text), stage.held_since, COALESCE(alias.names, '{}'::text[]), card.digest,
        CASE
            WHEN (first.trainings = 1) THEN first.verification
            ELSE COALESCE(( SELECT t.verification
               FROM pedigree.training t
              WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
              ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
             LIMIT 1), '{"reason": "no training of it is known", "spread": null, "status": "not possible"}'::jsonb)
        END, ( SELECT count(*) AS count
           FROM pedigree.stage_override o
          WHERE ((o.model_id = v.model_id) AND (o.version = v.version))), v.state, v.state_reason, v.last_updated_at)::pedigree.version_in_full AS version
   FROM ((((((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN pedigree.artifact a ON ((a.digest = v.digest)))
     LEFT JOIN pedigree.first_training first ON (((first.model_id = v.model_id) AND (first.version = v.version))))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
     LEFT JOIN ( SELECT tenure.model_id,
            tenure.version,
            array_agg(tenure.name ORDER BY tenure.name) AS names
           FROM pedigree.tenure
          WHERE ((tenure.pointer = 'alias'::text) AND (tenure.held_until IS NULL))
          GROUP BY tenure.model_id, tenure.version) alias ON (((alias.model_id = v.model_id) AND (alias.version = v.version))))
     LEFT JOIN ( SELECT DISTINCT ON (model_card.model_id, model_card.version) model_card.model_id,
            model_card.version,
            model_card.digest
           FROM pedigree.model_card
          ORDER BY model_card.model_id, model_card.version, model_card.revision DESC) card ON (((card.model_id = v.model_id) AND (card.version = v.version))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE VIEW pedigree.search_record_in_bulk AS
 SELECT (bulk.r).model_id AS model_id,
    (bulk.r).version_id AS version,
    COALESCE(((bulk.r).signature)::text, 'null'::text) AS signature,
    shown.record,
    (bulk.r).verification AS verification
   FROM (pedigree.version_in_bulk bulk(training_id, r)
     CROSS JOIN LATERAL pedigree.record_shown(bulk.r) shown(record));

CREATE VIEW pedigree.search_record_source AS
 SELECT r.model_id,
    r.version_id AS version,
    COALESCE((r.signature)::text, 'null'::text) AS signature,
    shown.record,
    r.verification
   FROM (pedigree.version_in_full r
     CROSS JOIN LATERAL pedigree.record_shown(r.*) shown(record));

CREATE VIEW pedigree.search_source AS
 SELECT v.model_id,
    v.version,
    first.training_id,
    m.name,
    v.created_at,
    v.created_by,
    v.flavor,
    COALESCE(stage.name, 'none'::text) AS stage,
    ARRAY( SELECT t.name
           FROM pedigree.tenure t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version) AND (t.pointer = 'alias'::text) AND (t.held_until IS NULL))
          ORDER BY t.name) AS aliases,
    v.owners,
    first.git_commit,
    first.run_id,
    v.tags,
    COALESCE(first.metrics, '{}'::jsonb) AS metrics,
    COALESCE(first.params, '{}'::jsonb) AS params,
    v.digest,
    v.description,
    artifact.size,
    first.git_dirty,
    first.code_version,
    first.training_data_digest,
    first.training_data_version,
    first.validation_dataset_id,
    first.environment_hash,
    first.ci_build,
    v.risk_class,
    v.approval_status,
    v.approved_by,
    (v.quarantine_reason IS NOT NULL) AS quarantined,
    (v.hold_reason IS NOT NULL) AS held,
    v.state
   FROM ((((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN pedigree.artifact ON ((artifact.digest = v.digest)))
     LEFT JOIN LATERAL ( SELECT t.training_id,
            t.model_id,
            t.version,
            t.run_id,
            t.instance_id,
            t.job_name,
            t.step_key,
            t.asset,
            t.partition,
            t.git_commit,
            t.git_dirty,
            t.git_source,
            t.code_version,
            t.training_data_digest,
            t.training_data_version,
            t.validation_dataset_id,
            t.environment_hash,
            t.ci_build,
            t.metrics,
            t.params,
            t.raced,
            t.created_at,
            t.created_by,
            t.created_by_source,
            t.config,
            t.lineage_recorded,
            t.verification,
            t.description,
            t.owners,
            t.tags,
            t.risk_class,
            t.risk_assessment_id,
            t.drift_monitor_id,
            t.datasheet_uri,
            t.restated
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON (true))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE TABLE pedigree.search_term (
    field text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE VIEW pedigree.search_term_source AS
 SELECT term.field,
    (term.value COLLATE "C") AS value,
    s.created_at,
    s.model_id,
    s.version
   FROM (pedigree.search_version s
     CROSS JOIN LATERAL pedigree.terms_of(s.tags, s.owners, s.aliases, s.created_by) term(field, value));

CREATE TABLE pedigree.search_text (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    document tsvector NOT NULL
);

CREATE VIEW pedigree.search_text_in_bulk AS
 SELECT s.model_id,
    s.version,
    s.created_at,
    (((name.words || COALESCE(description.words, ''::tsvector)) || COALESCE(tag.words, ''::tsvector)) || COALESCE(card.words, ''::tsvector)) AS document
   FROM (((((pedigree.search_version s
     JOIN pedigree.model_version v USING (model_id, version))
     JOIN ( SELECT each.name,
            setweight(to_tsvector('english'::regconfig, translate(each.name, '_-.'::text, '   '::text)), 'A'::"char") AS words
           FROM ( SELECT DISTINCT search_version.name
                   FROM pedigree.search_version) each) name ON ((name.name = s.name)))
     LEFT JOIN ( SELECT each.description,
            setweight(to_tsvector('english'::regconfig, "left"(each.description, 20000)), 'B'::"char") AS words
           FROM ( SELECT DISTINCT model_version.description
                   FROM pedigree.model_version) each) description ON ((description.description = v.description)))
     LEFT JOIN ( SELECT each.tags,
            setweight(to_tsvector('english'::regconfig, "left"(( SELECT string_agg(((jsonb_each_text.key || ' '::text) || jsonb_each_text.value), ' '::text ORDER BY jsonb_each_text.key) AS string_agg
                   FROM jsonb_each_text(each.tags) jsonb_each_text(key, value)), 20000)), 'C'::"char") AS words
           FROM ( SELECT DISTINCT search_version.tags
                   FROM pedigree.search_version) each) tag ON ((tag.tags = s.tags)))
     LEFT JOIN ( SELECT newest.model_id,
            newest.version,
            setweight(to_tsvector('english'::regconfig, "left"(( SELECT string_agg((note.value #>> '{}'::text[]), ' '::text ORDER BY note.place) AS string_agg
                   FROM jsonb_path_query(newest.notes, 'strict $.**'::jsonpath) WITH ORDINALITY note(value, place)
                  WHERE (jsonb_typeof(note.value) = 'string'::text)), 100000)), 'D'::"char") AS words
           FROM ( SELECT DISTINCT ON (model_card.model_id, model_card.version) model_card.model_id,
                    model_card.version,
                    model_card.notes
                   FROM pedigree.model_card
                  ORDER BY model_card.model_id, model_card.version, model_card.revision DESC) newest) card ON (((card.model_id = s.model_id) AND (card.version = s.version))));

CREATE VIEW pedigree.search_text_source AS
 SELECT s.model_id,
    s.version,
    s.created_at,
    words.document
   FROM (((pedigree.search_version s
     JOIN pedigree.model_version v USING (model_id, version))
     LEFT JOIN LATERAL ( SELECT string_agg((note.value #>> '{}'::text[]), ' '::text ORDER BY note.place) AS words
           FROM (( SELECT c.notes
                   FROM pedigree.model_card c
                  WHERE ((c.model_id = s.model_id) AND (c.version = s.version))
                  ORDER BY c.revision DESC
                 LIMIT 1) newest
             CROSS JOIN LATERAL jsonb_path_query(newest.notes, 'strict $.**'::jsonpath) WITH ORDINALITY note(value, place))
          WHERE (jsonb_typeof(note.value) = 'string'::text)) card ON (true))
     CROSS JOIN LATERAL pedigree.words_of(s.name, v.description, s.tags, card.words) words(document));

CREATE VIEW pedigree.search_version_in_bulk AS
 SELECT (r).model_id AS model_id,
    (r).version_id AS version,
    training_id,
    (r).model_name AS name,
    (r).created_at AS created_at,
    (r).created_by AS created_by,
    (r).flavor AS flavor,
    (r).stage AS stage,
    (r).aliases AS aliases,
    (r).owners AS owners,
    (r).git_commit AS git_commit,
    (r).run_id AS run_id,
    (r).tags AS tags,
    (r).metrics AS metrics,
    (r).params AS params,
    (r).digest AS digest,
    (r).description AS description,
    (r).size AS size,
    (r).git_dirty AS git_dirty,
    (r).code_version AS code_version,
    (r).training_data_digest AS training_data_digest,
    (r).training_data_version AS training_data_version,
    (r).validation_dataset_id AS validation_dataset_id,
    (r).environment_hash AS environment_hash,
    (r).ci_build AS ci_build,
    (r).risk_class AS risk_class,
    (r).approval_status AS approval_status,
    (r).approved_by AS approved_by,
    ((r).quarantine_reason IS NOT NULL) AS quarantined,
    ((r).hold_reason IS NOT NULL) AS held,
    (r).state AS state
   FROM pedigree.version_in_bulk bulk(training_id, r);

CREATE TABLE pedigree.search_word (
    word text NOT NULL COLLATE pg_catalog."C"
);

CREATE VIEW pedigree.search_word_source AS
 SELECT m.model_id,
    word.word
   FROM (pedigree.registered_model m
     CROSS JOIN LATERAL regexp_split_to_table(lower(m.name), '[^[:alnum:]]+'::text) word(word))
  WHERE (word.word <> ''::text);

CREATE TABLE pedigree.sink (
    name text NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    lease uuid,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE pedigree.stage_override ALTER COLUMN override_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.stage_override_override_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE pedigree.stage_request ALTER COLUMN request_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.stage_request_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.statistic (
    shard integer NOT NULL,
    versions bigint DEFAULT 0 NOT NULL,
    logical_bytes bigint DEFAULT 0 NOT NULL,
    artifacts bigint DEFAULT 0 NOT NULL,
    files bigint DEFAULT 0 NOT NULL,
    blobs bigint DEFAULT 0 NOT NULL,
    stored_bytes bigint DEFAULT 0 NOT NULL,
    archived_bytes bigint DEFAULT 0 NOT NULL
);

ALTER TABLE pedigree.statistic ALTER COLUMN shard ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.statistic_shard_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW pedigree.statistic_source AS
 SELECT living.versions,
    living.logical_bytes,
    ( SELECT count(*) AS count
           FROM pedigree.artifact) AS artifacts,
    ( SELECT count(*) AS count
           FROM pedigree.artifact_file) AS files,
    stored.blobs,
    stored.stored_bytes,
    stored.archived_bytes
   FROM ( SELECT count(*) AS versions,
            (COALESCE(sum(artifact.size), (0)::numeric))::bigint AS logical_bytes
           FROM ((pedigree.model_version v
             JOIN pedigree.registered_model m USING (model_id))
             LEFT JOIN pedigree.artifact ON ((artifact.digest = v.digest)))
          WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL))) living,
    ( SELECT count(*) AS blobs,
            (COALESCE(sum(blob.size), (0)::numeric))::bigint AS stored_bytes,
            (COALESCE(sum(blob.size) FILTER (WHERE (blob.tier = 'archive'::text)), (0)::numeric))::bigint AS archived_bytes
           FROM pedigree.blob) stored;

ALTER TABLE pedigree.tenure ALTER COLUMN tenure_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.tenure_tenure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.transfer_mark (
    origin text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    carried jsonb NOT NULL,
    CONSTRAINT transfer_mark_version CHECK ((version >= 0))
);

CREATE VIEW pedigree.unguarded_alias AS
 SELECT m.model_id,
    a.version,
    guard.alias,
    guard.stage
   FROM ((pedigree.registered_model m
     CROSS JOIN LATERAL jsonb_each_text(
        CASE jsonb_typeof((m.policy -> 'aliases'::text))
            WHEN 'object'::text THEN (m.policy -> 'aliases'::text)
            ELSE NULL::jsonb
        END) guard(alias, stage))
     JOIN pedigree.tenure a ON (((a.model_id = m.model_id) AND (a.pointer = 'alias'::text) AND (a.name = guard.alias) AND (a.held_until IS NULL))))
  WHERE (NOT (EXISTS ( SELECT
           FROM pedigree.tenure s
          WHERE ((s.model_id = a.model_id) AND (s.version = a.version) AND (s.pointer = 'stage'::text) AND (s.name = guard.stage) AND (s.held_until IS NULL)))));

CREATE TABLE pedigree.unjudged (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL
);

CREATE TABLE pedigree.unsequenced (
    id bigint NOT NULL
);

CREATE TABLE pedigree.unserved_event (
    id bigint NOT NULL
);

CREATE TABLE pedigree.upload (
    upload_id uuid NOT NULL,
    digests text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    lease_until timestamp with time zone NOT NULL,
    keys integer,
    CONSTRAINT upload_keys_check CHECK ((keys > 0))
);

COMMENT ON COLUMN pedigree.upload.keys IS 'How many keys a block has; NULL for the upload of the digests. A number has one key.';

CREATE TABLE pedigree.upload_area (
    upload_id uuid NOT NULL,
    principal text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);

CREATE TABLE pedigree.upload_area_file (
    upload_id uuid NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C"
);

CREATE TABLE pedigree.upload_area_parts (
    parts_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C",
    parts integer NOT NULL,
    CONSTRAINT upload_area_parts_number CHECK ((parts > 0))
);

CREATE TABLE pedigree.upload_file (
    upload_id uuid NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    received boolean DEFAULT false NOT NULL,
    CONSTRAINT upload_file_size_check CHECK ((size >= 0))
);

CREATE TABLE pedigree.upload_session (
    upload_id uuid NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    lease_until timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.usage (
    usage_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    run_id text NOT NULL,
    instance_id text,
    capture text NOT NULL,
    used_at timestamp with time zone NOT NULL,
    storage_id bigint,
    data_version text,
    code_version text,
    written_at timestamp with time zone,
    settled boolean DEFAULT false NOT NULL,
    CONSTRAINT usage_capture_check CHECK ((capture = ANY (ARRAY['read'::text, 'declared'::text]))),
    CONSTRAINT usage_check CHECK (((storage_id IS NULL) = (written_at IS NULL)))
);

ALTER TABLE pedigree.usage ALTER COLUMN usage_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.usage_usage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.verdict (
    verdict_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    check_name text NOT NULL COLLATE pg_catalog."C",
    passed boolean NOT NULL,
    severity text NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    relative boolean NOT NULL,
    baseline_digest text COLLATE pg_catalog."C",
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    settings jsonb,
    CONSTRAINT verdict_severity_check CHECK ((severity = ANY (ARRAY['error'::text, 'warn'::text])))
);

ALTER TABLE pedigree.verdict ALTER COLUMN verdict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.verdict_verdict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.version_source (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    location text,
    run_id text,
    run_link text,
    logged_model_id text,
    claimed jsonb
);

ALTER TABLE pedigree.web_session ALTER COLUMN session_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.web_session_session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.webhook (
    webhook_id bigint NOT NULL,
    url text NOT NULL,
    description text,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    models text[] DEFAULT '{}'::text[] NOT NULL,
    active boolean DEFAULT true NOT NULL,
    secret bytea,
    old_secret bytea,
    old_secret_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    seq bigint NOT NULL,
    name text,
    form text DEFAULT 'pedigree'::text NOT NULL,
    events text[] DEFAULT '{}'::text[] NOT NULL,
    last_updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT webhook_check CHECK (((old_secret IS NULL) = (old_secret_until IS NULL))),
    CONSTRAINT webhook_form CHECK ((form = ANY (ARRAY['pedigree'::text, 'mlflow'::text]))),
    CONSTRAINT webhook_of_mlflow CHECK (
CASE form
    WHEN 'mlflow'::text THEN ((name IS NOT NULL) AND (events <> '{}'::text[]) AND (types = '{}'::text[]) AND (old_secret IS NULL))
    ELSE ((events = '{}'::text[]) AND (secret IS NOT NULL))
END)
);

CREATE TABLE pedigree.webhook_attempt (
    lease uuid NOT NULL,
    webhook_id bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text
);

CREATE TABLE pedigree.webhook_delivery (
    webhook_id bigint NOT NULL,
    seq bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'pending'::text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    settled_at timestamp with time zone,
    part integer DEFAULT 0 NOT NULL,
    CONSTRAINT webhook_delivery_check CHECK (((state = 'pending'::text) = (settled_at IS NULL))),
    CONSTRAINT webhook_delivery_part CHECK ((part >= 0)),
    CONSTRAINT webhook_delivery_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text])))
);

CREATE TABLE pedigree.webhook_line (
    webhook_id bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone,
    lease uuid
);

ALTER TABLE pedigree.webhook ALTER COLUMN webhook_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.webhook_webhook_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY pedigree.access_grant
    ADD CONSTRAINT access_grant_pkey PRIMARY KEY (grant_id);

ALTER TABLE ONLY pedigree.access_group
    ADD CONSTRAINT access_group_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pedigree.access_role
    ADD CONSTRAINT access_role_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pedigree.access_token
    ADD CONSTRAINT access_token_pkey PRIMARY KEY (token_id);

ALTER TABLE pedigree.access_token
    ADD CONSTRAINT access_token_principal_not_reserved CHECK (((revoked_at IS NOT NULL) OR (lower(principal) !~ '^(sensor|service):'::text))) NOT VALID;

ALTER TABLE ONLY pedigree.access_token
    ADD CONSTRAINT access_token_secret_unique UNIQUE (secret_hash);

ALTER TABLE ONLY pedigree.applied_roles
    ADD CONSTRAINT applied_roles_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_pkey PRIMARY KEY (artifact_digest, path);

ALTER TABLE ONLY pedigree.artifact
    ADD CONSTRAINT artifact_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY pedigree.asset_event
    ADD CONSTRAINT asset_event_pkey PRIMARY KEY (instance_id, storage_id);

ALTER TABLE ONLY pedigree.awaited_judgement
    ADD CONSTRAINT awaited_judgement_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.awaited
    ADD CONSTRAINT awaited_pkey PRIMARY KEY (training_id);

ALTER TABLE ONLY pedigree.blob
    ADD CONSTRAINT blob_key_unique UNIQUE (key);

ALTER TABLE ONLY pedigree.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY pedigree.candidacy
    ADD CONSTRAINT candidacy_pkey PRIMARY KEY (model_id, version, stage);

ALTER TABLE ONLY pedigree.card_follower
    ADD CONSTRAINT card_follower_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_pkey PRIMARY KEY (model_id, instance_id, event_id);

ALTER TABLE ONLY pedigree.dagster_instance
    ADD CONSTRAINT dagster_instance_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY pedigree.data_profile
    ADD CONSTRAINT data_profile_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.data_verdict
    ADD CONSTRAINT data_verdict_pkey PRIMARY KEY (data_verdict_id);

ALTER TABLE ONLY pedigree.datasheet
    ADD CONSTRAINT datasheet_pkey PRIMARY KEY (asset, revision);

ALTER TABLE ONLY pedigree.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (decision_id);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_pkey PRIMARY KEY (drift_id);

ALTER TABLE ONLY pedigree.environment
    ADD CONSTRAINT environment_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY pedigree.evaluation
    ADD CONSTRAINT evaluation_pkey PRIMARY KEY (model_id, version, revision);

ALTER TABLE ONLY pedigree.event_count
    ADD CONSTRAINT event_count_pkey PRIMARY KEY (type, detail);

ALTER TABLE ONLY pedigree.event
    ADD CONSTRAINT event_id_unique UNIQUE (event_id);

ALTER TABLE ONLY pedigree.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.exchanged_token
    ADD CONSTRAINT exchanged_token_pkey PRIMARY KEY (issuer, jti_hash);

ALTER TABLE ONLY pedigree.failure
    ADD CONSTRAINT failure_pkey PRIMARY KEY (work, member);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_event_unique UNIQUE (id);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY pedigree.former_name
    ADD CONSTRAINT former_name_pkey PRIMARY KEY (model_id, held_until);

ALTER TABLE ONLY pedigree.given_up_promotion
    ADD CONSTRAINT given_up_promotion_pkey PRIMARY KEY (given_up_id);

ALTER TABLE ONLY pedigree.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (identity_id);

ALTER TABLE ONLY pedigree.identity
    ADD CONSTRAINT identity_subject_unique UNIQUE (issuer, subject);

ALTER TABLE ONLY pedigree.kept_answer
    ADD CONSTRAINT kept_answer_pkey PRIMARY KEY (principal, key);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_pkey PRIMARY KEY (training_id, consumer, source);

ALTER TABLE ONLY pedigree.lineage_node
    ADD CONSTRAINT lineage_node_pkey PRIMARY KEY (training_id, node_id);

ALTER TABLE ONLY pedigree.log_anchor
    ADD CONSTRAINT log_anchor_pkey PRIMARY KEY (size);

ALTER TABLE ONLY pedigree.log_asking
    ADD CONSTRAINT log_asking_pkey PRIMARY KEY (member);

ALTER TABLE ONLY pedigree.log_block
    ADD CONSTRAINT log_block_pkey PRIMARY KEY (level, index);

ALTER TABLE ONLY pedigree.log_checkpoint
    ADD CONSTRAINT log_checkpoint_pkey PRIMARY KEY (size);

ALTER TABLE ONLY pedigree.log_cosignature
    ADD CONSTRAINT log_cosignature_pkey PRIMARY KEY (public_key, size);

ALTER TABLE ONLY pedigree.log_key
    ADD CONSTRAINT log_key_pkey PRIMARY KEY (public_key);

ALTER TABLE ONLY pedigree.log_timestamp
    ADD CONSTRAINT log_timestamp_pkey PRIMARY KEY (authority, size);

ALTER TABLE ONLY pedigree.migration
    ADD CONSTRAINT migration_name_unique UNIQUE (name);

ALTER TABLE ONLY pedigree.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_pkey PRIMARY KEY (model_id, version, revision);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.noted_read
    ADD CONSTRAINT noted_read_pkey PRIMARY KEY (hour, read_hash);

ALTER TABLE ONLY pedigree.orphan
    ADD CONSTRAINT orphan_pkey PRIMARY KEY (key);

ALTER TABLE ONLY pedigree.stage_override
    ADD CONSTRAINT override_generation UNIQUE (model_id, generation);

ALTER TABLE ONLY pedigree.pending_work
    ADD CONSTRAINT pending_work_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.policy_default
    ADD CONSTRAINT policy_default_pkey PRIMARY KEY (pattern);

ALTER TABLE ONLY pedigree.principal
    ADD CONSTRAINT principal_pkey PRIMARY KEY (principal_id);

ALTER TABLE ONLY pedigree.provisioned_group
    ADD CONSTRAINT provisioned_group_name UNIQUE (group_name);

ALTER TABLE ONLY pedigree.provisioned_group
    ADD CONSTRAINT provisioned_group_pkey PRIMARY KEY (group_id);

ALTER TABLE ONLY pedigree.provisioned_user
    ADD CONSTRAINT provisioned_user_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY pedigree.provisioned_user
    ADD CONSTRAINT provisioned_user_principal UNIQUE (principal_id);

ALTER TABLE ONLY pedigree.pseudonym
    ADD CONSTRAINT pseudonym_one_of_person EXCLUDE USING hash (pedigree.person_key(name) WITH =);

ALTER TABLE ONLY pedigree.pseudonym
    ADD CONSTRAINT pseudonym_pkey PRIMARY KEY (pseudonym);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_pkey PRIMARY KEY (quarantine_id, model_id, version);

ALTER TABLE ONLY pedigree.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine_id);

ALTER TABLE ONLY pedigree.registered_model
    ADD CONSTRAINT registered_model_log_name_unique UNIQUE (log_name);

ALTER TABLE ONLY pedigree.registered_model
    ADD CONSTRAINT registered_model_name_unique UNIQUE (name_key);

ALTER TABLE ONLY pedigree.registered_model
    ADD CONSTRAINT registered_model_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY pedigree.registry_identity
    ADD CONSTRAINT registry_identity_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY pedigree.released
    ADD CONSTRAINT released_pkey PRIMARY KEY (kind, digest);

ALTER TABLE ONLY pedigree.search_metric
    ADD CONSTRAINT search_metric_pkey PRIMARY KEY (key, value, model_id, version);

ALTER TABLE ONLY pedigree.search_mlflow
    ADD CONSTRAINT search_mlflow_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_mlflow_tag
    ADD CONSTRAINT search_mlflow_tag_pkey PRIMARY KEY (key, value, age, name, back) INCLUDE (model_id);

ALTER TABLE ONLY pedigree.search_model_change
    ADD CONSTRAINT search_model_change_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY pedigree.search_model
    ADD CONSTRAINT search_model_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY pedigree.search_record
    ADD CONSTRAINT search_record_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_term
    ADD CONSTRAINT search_term_pkey PRIMARY KEY (field, value, created_at, model_id, version);

ALTER TABLE ONLY pedigree.search_text
    ADD CONSTRAINT search_text_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_version
    ADD CONSTRAINT search_version_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_word
    ADD CONSTRAINT search_word_pkey PRIMARY KEY (word);

ALTER TABLE ONLY pedigree.sink
    ADD CONSTRAINT sink_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pedigree.stage_override
    ADD CONSTRAINT stage_override_pkey PRIMARY KEY (override_id);

ALTER TABLE ONLY pedigree.stage_request
    ADD CONSTRAINT stage_request_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY pedigree.staleness
    ADD CONSTRAINT staleness_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.statistic
    ADD CONSTRAINT statistic_pkey PRIMARY KEY (shard);

ALTER TABLE ONLY pedigree.tenure
    ADD CONSTRAINT tenure_pkey PRIMARY KEY (tenure_id);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_pkey PRIMARY KEY (training_id);

ALTER TABLE ONLY pedigree.transfer_mark
    ADD CONSTRAINT transfer_mark_pkey PRIMARY KEY (origin, model, version);

ALTER TABLE ONLY pedigree.unjudged
    ADD CONSTRAINT unjudged_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.unsequenced
    ADD CONSTRAINT unsequenced_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.unserved_event
    ADD CONSTRAINT unserved_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.upload_area_file
    ADD CONSTRAINT upload_area_file_pkey PRIMARY KEY (upload_id, path);

ALTER TABLE ONLY pedigree.upload_area
    ADD CONSTRAINT upload_area_name UNIQUE (principal, name);

ALTER TABLE ONLY pedigree.upload_area_parts
    ADD CONSTRAINT upload_area_parts_pkey PRIMARY KEY (parts_id);

ALTER TABLE ONLY pedigree.upload_area
    ADD CONSTRAINT upload_area_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY pedigree.upload_file
    ADD CONSTRAINT upload_file_pkey PRIMARY KEY (upload_id, digest);

ALTER TABLE ONLY pedigree.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY pedigree.upload_session
    ADD CONSTRAINT upload_session_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY pedigree.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (usage_id);

ALTER TABLE ONLY pedigree.verdict
    ADD CONSTRAINT verdict_pkey PRIMARY KEY (verdict_id);

ALTER TABLE ONLY pedigree.version_source
    ADD CONSTRAINT version_source_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.web_session
    ADD CONSTRAINT web_session_login_unique UNIQUE (login_hash);

ALTER TABLE ONLY pedigree.web_session
    ADD CONSTRAINT web_session_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY pedigree.web_session
    ADD CONSTRAINT web_session_secret_unique UNIQUE (secret_hash);

ALTER TABLE ONLY pedigree.webhook_attempt
    ADD CONSTRAINT webhook_attempt_pkey PRIMARY KEY (lease);

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, seq);

ALTER TABLE ONLY pedigree.webhook_line
    ADD CONSTRAINT webhook_line_pkey PRIMARY KEY (webhook_id, model);

ALTER TABLE ONLY pedigree.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id);

CREATE INDEX access_grant_of_group ON pedigree.access_grant USING btree (group_name) WHERE (ended_at IS NULL);

CREATE INDEX access_grant_of_principal ON pedigree.access_grant USING btree (pedigree.person_key(principal)) WHERE (ended_at IS NULL);

CREATE INDEX access_group_member_of_group ON pedigree.access_group_member USING btree (group_name);

CREATE UNIQUE INDEX access_group_member_once ON pedigree.access_group_member USING btree (pedigree.person_key(member), group_name);

CREATE INDEX access_token_principal ON pedigree.access_token USING btree (pedigree.person_key(principal));

CREATE INDEX artifact_file_blob ON pedigree.artifact_file USING btree (blob_digest);

CREATE INDEX asset_event_asset ON pedigree.asset_event USING btree (instance_id, asset);

CREATE INDEX awaited_since ON pedigree.awaited USING btree (since);

CREATE INDEX blob_archive ON pedigree.blob USING btree (digest) WHERE (tier = 'archive'::text);

CREATE INDEX candidacy_due ON pedigree.candidacy USING btree (next_evaluation_at) WHERE (next_evaluation_at IS NOT NULL);

CREATE INDEX check_run_newest ON pedigree.check_run USING btree (model_id, check_name, event_id DESC);

CREATE INDEX data_verdict_asset ON pedigree.data_verdict USING btree (asset, storage_id);

CREATE INDEX data_verdict_content ON pedigree.data_verdict USING btree (asset, data_version);

CREATE INDEX decision_of_version ON pedigree.decision USING btree (model_id, version, decision_id);

CREATE INDEX drift_result_html ON pedigree.drift_result USING btree (html);

CREATE INDEX drift_result_markdown ON pedigree.drift_result USING btree (markdown);

CREATE INDEX drift_result_newest ON pedigree.drift_result USING btree (model_id, version, asset, partition, drift_id);

CREATE INDEX drift_result_of_asset ON pedigree.drift_result USING btree (model_id, version, asset, drift_id);

CREATE INDEX event_of_model ON pedigree.event USING btree (model, id);

CREATE INDEX event_of_type ON pedigree.event USING btree (type, id) WHERE (type <> ALL (ARRAY['version.created'::text, 'version.trained'::text, 'version.updated'::text, 'version.downloaded'::text, 'version.stage_changed'::text, 'version.check_recorded'::text, 'version.profiled'::text, 'version.drift_measured'::text, 'data.check_recorded'::text]));

CREATE INDEX event_of_version ON pedigree.event USING btree (model, version, id) WHERE (version IS NOT NULL);

CREATE INDEX exchanged_token_expiry ON pedigree.exchanged_token USING btree (expires_at);

CREATE UNIQUE INDEX feed_event ON pedigree.feed USING btree (id);

CREATE INDEX former_name_key ON pedigree.former_name USING btree (name_key, held_until);

CREATE UNIQUE INDEX given_up_promotion_open ON pedigree.given_up_promotion USING btree (model_id, version, stage) WHERE (retried_at IS NULL);

CREATE INDEX given_up_promotion_version ON pedigree.given_up_promotion USING btree (model_id, version);

CREATE INDEX identity_email ON pedigree.identity USING btree (pedigree.person_key(email));

CREATE INDEX identity_principal ON pedigree.identity USING btree (principal_id);

CREATE INDEX kept_answer_age ON pedigree.kept_answer USING btree (answered_at);

CREATE INDEX lineage_node_anything ON pedigree.lineage_node USING btree (training_id) WHERE ((kind = ANY (ARRAY['step'::text, 'missing'::text])) AND (upstream IS NULL));

CREATE INDEX lineage_node_asset ON pedigree.lineage_node USING btree (asset, partition);

CREATE INDEX lineage_node_upstream ON pedigree.lineage_node USING gin (upstream) WHERE ((kind = ANY (ARRAY['step'::text, 'missing'::text])) AND (upstream <> '{}'::text[]));

CREATE INDEX log_cosignature_size ON pedigree.log_cosignature USING btree (size);

CREATE INDEX log_timestamp_size ON pedigree.log_timestamp USING btree (size);

CREATE INDEX model_card_blob ON pedigree.model_card USING btree (digest);

CREATE INDEX model_version_approved ON pedigree.model_version USING btree (model_id) WHERE ((approval_status = 'approved'::text) AND (approval_stage IS NOT NULL));

CREATE INDEX model_version_archive ON pedigree.model_version USING btree (model_id) WHERE (tier = 'archive'::text);

CREATE INDEX model_version_artifact ON pedigree.model_version USING btree (digest);

CREATE UNIQUE INDEX model_version_author ON pedigree.model_version USING btree (model_id, version, digest, created_by);

CREATE INDEX model_version_deleted ON pedigree.model_version USING btree (model_id, version) WHERE ((deleted_at IS NOT NULL) AND (collected_at IS NULL));

CREATE UNIQUE INDEX model_version_digest_unique ON pedigree.model_version USING btree (model_id, digest, copy) WHERE (deleted_at IS NULL);

CREATE INDEX model_version_pending ON pedigree.model_version USING btree (model_id, version) WHERE (state = 'pending'::text);

CREATE INDEX model_version_unsealed ON pedigree.model_version USING btree (model_id, version) WHERE (state <> 'sealed'::text);

CREATE INDEX override_of_version ON pedigree.stage_override USING btree (model_id, version, override_id);

CREATE UNIQUE INDEX principal_name_unique ON pedigree.principal USING btree (pedigree.person_key(name));

CREATE INDEX principal_person ON pedigree.principal USING btree (person_id);

CREATE UNIQUE INDEX provisioned_user_external ON pedigree.provisioned_user USING btree (external_id) WHERE (deleted_at IS NULL);

CREATE INDEX provisioned_user_order ON pedigree.provisioned_user USING btree (created_at, user_id) WHERE (deleted_at IS NULL);

CREATE INDEX quarantine_mark_version ON pedigree.quarantine_mark USING btree (model_id, version);

CREATE INDEX quarantine_open ON pedigree.quarantine USING btree (asset, partition) WHERE (released_at IS NULL);

CREATE INDEX registered_model_name ON pedigree.registered_model USING btree (name);

CREATE INDEX registered_model_name_trigrams ON pedigree.registered_model USING gin (name pedigree.gin_trgm_ops);

CREATE INDEX search_mlflow_bytes ON pedigree.search_mlflow USING hash (source);

CREATE INDEX search_mlflow_model ON pedigree.search_mlflow USING btree (name, ((- updated_ms)), ((- version)));

CREATE INDEX search_mlflow_name ON pedigree.search_mlflow USING btree (name, ((- version)));

CREATE INDEX search_mlflow_newest ON pedigree.search_mlflow USING btree (((- updated_ms)), name, ((- version)));

CREATE INDEX search_mlflow_prompt ON pedigree.search_mlflow USING btree (model_id) WHERE is_prompt;

CREATE INDEX search_mlflow_run ON pedigree.search_mlflow USING hash (run_id) WHERE (run_id <> ''::text);

CREATE INDEX search_model_asking ON pedigree.search_model USING btree (name_key) WHERE ('waiting'::text = ANY (attention));

CREATE INDEX search_model_change_newest ON pedigree.search_model_change USING btree (changed_by);

CREATE INDEX search_model_drifted ON pedigree.search_model USING btree (name_key) WHERE ('drifted'::text = ANY (attention));

CREATE INDEX search_model_metric ON pedigree.search_model USING btree (((- COALESCE(value, '-Infinity'::double precision))), name_key);

CREATE INDEX search_model_name ON pedigree.search_model USING btree (name_key);

CREATE INDEX search_model_newest ON pedigree.search_model USING btree (((- date_part('epoch'::text, (COALESCE(latest_at, created_at) AT TIME ZONE 'UTC'::text)))), name_key);

CREATE INDEX search_model_quarantined ON pedigree.search_model USING btree (name_key) WHERE ('quarantined'::text = ANY (attention));

CREATE INDEX search_model_stale ON pedigree.search_model USING btree (name_key) WHERE ('stale'::text = ANY (attention));

CREATE INDEX search_model_waiting ON pedigree.search_model USING btree (COALESCE(date_part('epoch'::text, (asking_since AT TIME ZONE 'UTC'::text)), 'Infinity'::double precision), name_key);

CREATE INDEX search_text_words ON pedigree.search_text USING gin (pedigree.words_of_month(document, created_at));

CREATE INDEX search_version_approval ON pedigree.search_version USING btree (approval_status) WHERE (approval_status <> 'none'::text);

CREATE INDEX search_version_approver ON pedigree.search_version USING btree ("left"(approved_by, 64)) WHERE (approved_by IS NOT NULL);

CREATE INDEX search_version_commit ON pedigree.search_version USING btree ("left"(git_commit, 64));

CREATE INDEX search_version_flavor ON pedigree.search_version USING btree (flavor, created_at, model_id, version);

CREATE INDEX search_version_held ON pedigree.search_version USING btree (model_id, version) WHERE held;

CREATE INDEX search_version_name ON pedigree.search_version USING btree (name, created_at, model_id, version);

CREATE INDEX search_version_newest ON pedigree.search_version USING btree (model_id, stage, version);

CREATE INDEX search_version_params ON pedigree.search_version USING gin (params jsonb_path_ops);

CREATE INDEX search_version_quarantined ON pedigree.search_version USING btree (model_id, version) WHERE quarantined;

CREATE INDEX search_version_run ON pedigree.search_version USING hash (run_id);

CREATE INDEX search_version_stage ON pedigree.search_version USING btree (stage, created_at, model_id, version);

CREATE INDEX search_version_time ON pedigree.search_version USING btree (created_at, model_id, version);

CREATE INDEX search_version_unsealed ON pedigree.search_version USING btree (model_id, version) WHERE (state <> 'sealed'::text);

CREATE INDEX search_word_trigrams ON pedigree.search_word USING gin (word pedigree.gin_trgm_ops);

CREATE UNIQUE INDEX stage_request_open ON pedigree.stage_request USING btree (model_id, version, stage, requested_by, only_asks) WHERE (outcome IS NULL);

CREATE INDEX stage_request_version ON pedigree.stage_request USING btree (model_id, version);

CREATE INDEX stage_request_waiting ON pedigree.stage_request USING btree (request_id) WHERE (outcome IS NULL);

CREATE INDEX staleness_stale ON pedigree.staleness USING btree (data_behind) WHERE stale;

CREATE UNIQUE INDEX tenure_exclusive ON pedigree.tenure USING btree (model_id, pointer, name) WHERE (exclusive AND (held_until IS NULL));

CREATE INDEX tenure_held ON pedigree.tenure USING btree (model_id, name, pointer, version) WHERE (held_until IS NULL);

CREATE INDEX tenure_of_model ON pedigree.tenure USING btree (model_id, tenure_id);

CREATE UNIQUE INDEX tenure_one_stage ON pedigree.tenure USING btree (model_id, version) WHERE ((pointer = 'stage'::text) AND (held_until IS NULL));

CREATE INDEX tenure_shared ON pedigree.tenure USING btree (model_id, pointer, name, COALESCE(held_until, 'infinity'::timestamp with time zone)) WHERE (NOT exclusive);

CREATE INDEX tenure_timeline ON pedigree.tenure USING btree (model_id, pointer, name, held_since);

CREATE INDEX tenure_version ON pedigree.tenure USING btree (model_id, version);

CREATE INDEX training_asset ON pedigree.training USING btree (asset, model_id) WHERE (asset IS NOT NULL);

CREATE UNIQUE INDEX training_run_unique ON pedigree.training USING btree (model_id, version, run_id, COALESCE(step_key, ''::text), restated);

CREATE INDEX training_version ON pedigree.training USING btree (model_id, version, created_at, training_id);

CREATE INDEX training_without_lineage ON pedigree.training USING btree (model_id, version, created_at) WHERE (NOT lineage_recorded);

CREATE INDEX unjudged_due ON pedigree.unjudged USING btree (due_at);

CREATE INDEX upload_area_file_digest ON pedigree.upload_area_file USING btree (upload_id, digest);

CREATE INDEX upload_area_parts_of_area ON pedigree.upload_area_parts USING btree (upload_id);

CREATE INDEX upload_file_digest ON pedigree.upload_file USING btree (digest);

CREATE INDEX upload_lease ON pedigree.upload USING btree (lease_until);

CREATE INDEX upload_session_lease ON pedigree.upload_session USING btree (lease_until);

CREATE UNIQUE INDEX usage_of_run ON pedigree.usage USING btree (model_id, version, run_id, asset, COALESCE(partition, ''::text));

CREATE INDEX usage_unsettled ON pedigree.usage USING btree (usage_id) WHERE (NOT settled);

CREATE INDEX verdict_latest ON pedigree.verdict USING btree (model_id, version, check_name, verdict_id DESC);

CREATE INDEX web_session_expiry ON pedigree.web_session USING btree (expires_at);

CREATE INDEX web_session_identity ON pedigree.web_session USING btree (identity_id);

CREATE INDEX web_session_token ON pedigree.web_session USING btree (token_id);

CREATE INDEX webhook_attempt_delivery ON pedigree.webhook_attempt USING btree (webhook_id, seq);

CREATE INDEX webhook_delivery_pending ON pedigree.webhook_delivery USING btree (webhook_id, model, seq) WHERE (state = 'pending'::text);

CREATE INDEX webhook_delivery_settled ON pedigree.webhook_delivery USING btree (settled_at) WHERE (state <> 'pending'::text);

CREATE INDEX webhook_line_due ON pedigree.webhook_line USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE CONSTRAINT TRIGGER alias_guarded AFTER INSERT OR UPDATE ON pedigree.tenure DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.pointer = 'alias'::text) = (new.held_until IS NULL))) EXECUTE FUNCTION pedigree.judge_guarded_aliases();

CREATE TRIGGER artifact_added AFTER INSERT ON pedigree.artifact REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_artifacts();

CREATE TRIGGER artifact_removed AFTER DELETE ON pedigree.artifact REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_artifacts();

CREATE TRIGGER blob_added AFTER INSERT ON pedigree.blob REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_blobs();

CREATE TRIGGER blob_moved AFTER UPDATE OF size, tier ON pedigree.blob FOR EACH ROW WHEN (((old.size IS DISTINCT FROM new.size) OR (old.tier IS DISTINCT FROM new.tier))) EXECUTE FUNCTION pedigree.recount_blob();

CREATE TRIGGER blob_removed AFTER DELETE ON pedigree.blob REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_blobs();

CREATE CONSTRAINT TRIGGER blob_unreferenced AFTER INSERT ON pedigree.blob DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pedigree.release_unreferenced();

CREATE TRIGGER card_removed AFTER DELETE ON pedigree.model_card REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_card();

CREATE TRIGGER card_written AFTER INSERT ON pedigree.model_card REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_card();

CREATE TRIGGER decision_append_only BEFORE DELETE OR UPDATE ON pedigree.decision FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_append_only;

CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON pedigree.decision FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_no_truncate;

CREATE TRIGGER decision_of_another BEFORE INSERT ON pedigree.decision FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_author('decided_by', 'decision_not_by_author');

ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_of_another;

CREATE CONSTRAINT TRIGGER drift_changed AFTER INSERT OR DELETE ON pedigree.drift_result DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE TRIGGER drift_removed AFTER DELETE ON pedigree.drift_result REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_drift();

CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE ON pedigree.event FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_append_only;

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON pedigree.event FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_no_truncate;

CREATE TRIGGER feed_append_only BEFORE DELETE OR UPDATE ON pedigree.feed FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_append_only;

CREATE TRIGGER feed_counted AFTER INSERT ON pedigree.feed REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_events();

CREATE TRIGGER feed_no_truncate BEFORE TRUNCATE ON pedigree.feed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_no_truncate;

CREATE TRIGGER file_added AFTER INSERT ON pedigree.artifact_file REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_files();

CREATE TRIGGER file_removed AFTER DELETE ON pedigree.artifact_file REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_files();

CREATE TRIGGER found_version_added AFTER INSERT ON pedigree.search_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_versions();

CREATE CONSTRAINT TRIGGER found_version_changed AFTER UPDATE OF risk_class, quarantined ON pedigree.search_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.risk_class IS DISTINCT FROM new.risk_class) OR (old.quarantined IS DISTINCT FROM new.quarantined))) EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE TRIGGER found_version_removed AFTER DELETE ON pedigree.search_version REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_versions();

CREATE TRIGGER listed_model_added AFTER INSERT OR DELETE ON pedigree.search_model FOR EACH ROW EXECUTE FUNCTION pedigree.note_search_model_change();

CREATE TRIGGER listed_model_changed AFTER UPDATE ON pedigree.search_model FOR EACH ROW WHEN ((((((((old.stages IS DISTINCT FROM new.stages) OR (old.team IS DISTINCT FROM new.team)) OR (old.owners IS DISTINCT FROM new.owners)) OR (old.risk_class IS DISTINCT FROM new.risk_class)) OR (old.attention IS DISTINCT FROM new.attention)) OR (old.name IS DISTINCT FROM new.name)) OR (old.words IS DISTINCT FROM new.words))) EXECUTE FUNCTION pedigree.note_search_model_change();

CREATE TRIGGER log_anchor_append_only BEFORE DELETE OR UPDATE ON pedigree.log_anchor FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_anchor ENABLE ALWAYS TRIGGER log_anchor_append_only;

CREATE TRIGGER log_anchor_no_truncate BEFORE TRUNCATE ON pedigree.log_anchor FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_anchor ENABLE ALWAYS TRIGGER log_anchor_no_truncate;

CREATE TRIGGER log_block_append_only BEFORE DELETE OR UPDATE ON pedigree.log_block FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_block ENABLE ALWAYS TRIGGER log_block_append_only;

CREATE TRIGGER log_block_no_truncate BEFORE TRUNCATE ON pedigree.log_block FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_block ENABLE ALWAYS TRIGGER log_block_no_truncate;

CREATE TRIGGER log_checkpoint_append_only BEFORE DELETE OR UPDATE ON pedigree.log_checkpoint FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_append_only;

CREATE TRIGGER log_checkpoint_no_truncate BEFORE TRUNCATE ON pedigree.log_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_no_truncate;

CREATE TRIGGER log_cosignature_append_only BEFORE DELETE OR UPDATE ON pedigree.log_cosignature FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_cosignature ENABLE ALWAYS TRIGGER log_cosignature_append_only;

CREATE TRIGGER log_cosignature_no_truncate BEFORE TRUNCATE ON pedigree.log_cosignature FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_cosignature ENABLE ALWAYS TRIGGER log_cosignature_no_truncate;

CREATE TRIGGER log_timestamp_append_only BEFORE DELETE OR UPDATE ON pedigree.log_timestamp FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_timestamp ENABLE ALWAYS TRIGGER log_timestamp_append_only;

CREATE TRIGGER log_timestamp_no_truncate BEFORE TRUNCATE ON pedigree.log_timestamp FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.log_timestamp ENABLE ALWAYS TRIGGER log_timestamp_no_truncate;

CREATE TRIGGER mlflow_row_added AFTER INSERT OR DELETE ON pedigree.search_version FOR EACH ROW EXECUTE FUNCTION pedigree.mlflow_follows_search();

CREATE TRIGGER mlflow_row_changed AFTER UPDATE ON pedigree.search_version FOR EACH ROW WHEN ((((((old.name IS DISTINCT FROM new.name) OR (old.created_at IS DISTINCT FROM new.created_at)) OR (old.run_id IS DISTINCT FROM new.run_id)) OR (old.digest IS DISTINCT FROM new.digest)) OR (old.tags IS DISTINCT FROM new.tags))) EXECUTE FUNCTION pedigree.mlflow_follows_search();

CREATE TRIGGER model_added AFTER INSERT ON pedigree.registered_model REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_name();

CREATE TRIGGER model_changed AFTER UPDATE OF deleted_at, name ON pedigree.registered_model FOR EACH ROW WHEN (((old.deleted_at IS DISTINCT FROM new.deleted_at) OR (old.name IS DISTINCT FROM new.name))) EXECUTE FUNCTION pedigree.search_follows_model();

CREATE TRIGGER model_deleted AFTER UPDATE OF deleted_at ON pedigree.registered_model FOR EACH ROW WHEN (((old.deleted_at IS NULL) <> (new.deleted_at IS NULL))) EXECUTE FUNCTION pedigree.recount_model();

CREATE TRIGGER model_id_fixed BEFORE UPDATE OF model_id ON pedigree.registered_model FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.registered_model ENABLE ALWAYS TRIGGER model_id_fixed;

CREATE TRIGGER model_named BEFORE INSERT ON pedigree.registered_model FOR EACH ROW EXECUTE FUNCTION pedigree.name_new_model();

CREATE TRIGGER model_shown AFTER INSERT ON pedigree.registered_model FOR EACH ROW EXECUTE FUNCTION pedigree.search_model_follows_model();

CREATE TRIGGER model_shown_changed AFTER UPDATE OF name, name_key, description, owners, tags, policy, deleted_at ON pedigree.registered_model FOR EACH ROW WHEN ((((((((old.name IS DISTINCT FROM new.name) OR (old.name_key IS DISTINCT FROM new.name_key)) OR (old.description IS DISTINCT FROM new.description)) OR (old.owners IS DISTINCT FROM new.owners)) OR (old.tags IS DISTINCT FROM new.tags)) OR (old.policy IS DISTINCT FROM new.policy)) OR (old.deleted_at IS DISTINCT FROM new.deleted_at))) EXECUTE FUNCTION pedigree.search_model_follows_model();

CREATE TRIGGER override_append_only BEFORE DELETE OR UPDATE ON pedigree.stage_override FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_append_only;

CREATE TRIGGER override_by_another BEFORE INSERT ON pedigree.stage_override FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_author('overridden_by', 'override_not_by_author');

ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_by_another;

CREATE TRIGGER override_no_truncate BEFORE TRUNCATE ON pedigree.stage_override FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_no_truncate;

CREATE TRIGGER policy_changed BEFORE UPDATE OF policy ON pedigree.registered_model FOR EACH ROW WHEN ((old.policy IS DISTINCT FROM new.policy)) EXECUTE FUNCTION pedigree.count_policy_revision();

CREATE CONSTRAINT TRIGGER policy_guards AFTER UPDATE OF policy ON pedigree.registered_model DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pedigree.judge_guarded_aliases();

CREATE CONSTRAINT TRIGGER request_changed AFTER INSERT OR DELETE OR UPDATE OF outcome ON pedigree.stage_request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE CONSTRAINT TRIGGER stage_moved AFTER INSERT OR UPDATE ON pedigree.tenure DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.pointer = 'stage'::text)) EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE CONSTRAINT TRIGGER stage_removed AFTER DELETE ON pedigree.tenure DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.pointer = 'stage'::text)) EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE CONSTRAINT TRIGGER staleness_changed AFTER INSERT OR DELETE OR UPDATE ON pedigree.staleness DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pedigree.search_model_follows_row();

CREATE TRIGGER tenure_begun AFTER INSERT ON pedigree.tenure REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER tenure_ended AFTER UPDATE ON pedigree.tenure REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER tenure_named BEFORE INSERT ON pedigree.tenure FOR EACH ROW WHEN ((new.held_since >= transaction_timestamp())) EXECUTE FUNCTION pedigree.judge_pointer_name();

CREATE TRIGGER tenure_removed AFTER DELETE ON pedigree.tenure REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER training_added AFTER INSERT ON pedigree.training REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER training_changed AFTER UPDATE ON pedigree.training REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER training_removed AFTER DELETE ON pedigree.training REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER upload_file_removed AFTER DELETE ON pedigree.upload_file REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_upload();

CREATE TRIGGER version_added AFTER INSERT ON pedigree.model_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_versions();

CREATE TRIGGER version_changed AFTER UPDATE ON pedigree.model_version REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_version();

CREATE TRIGGER version_collected AFTER UPDATE OF collected_at ON pedigree.model_version FOR EACH ROW WHEN (((old.collected_at IS NULL) AND (new.collected_at IS NOT NULL) AND (new.digest IS NOT NULL))) EXECUTE FUNCTION pedigree.release_artifact();

CREATE TRIGGER version_deleted AFTER UPDATE OF deleted_at ON pedigree.model_version FOR EACH ROW WHEN (((old.deleted_at IS NULL) <> (new.deleted_at IS NULL))) EXECUTE FUNCTION pedigree.recount_version();

CREATE TRIGGER version_removed AFTER DELETE ON pedigree.model_version REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_versions();

CREATE TRIGGER version_source_no_truncate BEFORE TRUNCATE ON pedigree.version_source FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.version_source ENABLE ALWAYS TRIGGER version_source_no_truncate;

CREATE TRIGGER version_source_unchanged BEFORE DELETE OR UPDATE ON pedigree.version_source FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.version_source ENABLE ALWAYS TRIGGER version_source_unchanged;

CREATE TRIGGER version_state_changed AFTER UPDATE ON pedigree.model_version REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_state();

CREATE TRIGGER version_updated AFTER UPDATE OF last_updated_at ON pedigree.model_version FOR EACH ROW WHEN ((old.last_updated_at IS DISTINCT FROM new.last_updated_at)) EXECUTE FUNCTION pedigree.mlflow_follows_version();

ALTER TABLE ONLY pedigree.access_group_member
    ADD CONSTRAINT access_group_member_group FOREIGN KEY (group_name) REFERENCES pedigree.access_group(name);

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES pedigree.artifact(digest);

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_blob_digest_fkey FOREIGN KEY (blob_digest) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.awaited_judgement
    ADD CONSTRAINT awaited_judgement_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.awaited
    ADD CONSTRAINT awaited_training_id_fkey FOREIGN KEY (training_id) REFERENCES pedigree.training(training_id);

ALTER TABLE ONLY pedigree.candidacy
    ADD CONSTRAINT candidacy_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_model_id_fkey FOREIGN KEY (model_id) REFERENCES pedigree.registered_model(model_id);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.data_profile
    ADD CONSTRAINT data_profile_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.decision
    ADD CONSTRAINT decision_version FOREIGN KEY (model_id, version, digest, author) REFERENCES pedigree.model_version(model_id, version, digest, created_by);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_html_fkey FOREIGN KEY (html) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_markdown_fkey FOREIGN KEY (markdown) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.evaluation
    ADD CONSTRAINT evaluation_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.exchanged_token
    ADD CONSTRAINT exchanged_token_token_id_fkey FOREIGN KEY (token_id) REFERENCES pedigree.access_token(token_id);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_id_fkey FOREIGN KEY (id) REFERENCES pedigree.event(id);

ALTER TABLE ONLY pedigree.former_name
    ADD CONSTRAINT former_name_model_id_fkey FOREIGN KEY (model_id) REFERENCES pedigree.registered_model(model_id);

ALTER TABLE ONLY pedigree.given_up_promotion
    ADD CONSTRAINT given_up_promotion_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.identity
    ADD CONSTRAINT identity_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES pedigree.principal(principal_id);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_training_id_consumer_fkey FOREIGN KEY (training_id, consumer) REFERENCES pedigree.lineage_node(training_id, node_id);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_training_id_source_fkey FOREIGN KEY (training_id, source) REFERENCES pedigree.lineage_node(training_id, node_id);

ALTER TABLE ONLY pedigree.lineage_node
    ADD CONSTRAINT lineage_node_training_id_fkey FOREIGN KEY (training_id) REFERENCES pedigree.training(training_id);

ALTER TABLE ONLY pedigree.log_anchor
    ADD CONSTRAINT log_anchor_size_fkey FOREIGN KEY (size) REFERENCES pedigree.log_checkpoint(size);

ALTER TABLE ONLY pedigree.log_cosignature
    ADD CONSTRAINT log_cosignature_size_fkey FOREIGN KEY (size) REFERENCES pedigree.log_checkpoint(size);

ALTER TABLE ONLY pedigree.log_timestamp
    ADD CONSTRAINT log_timestamp_size_fkey FOREIGN KEY (size) REFERENCES pedigree.log_checkpoint(size);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_digest_fkey FOREIGN KEY (digest) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_digest_fkey FOREIGN KEY (digest) REFERENCES pedigree.artifact(digest);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_model_id_fkey FOREIGN KEY (model_id) REFERENCES pedigree.registered_model(model_id);

ALTER TABLE ONLY pedigree.stage_override
    ADD CONSTRAINT override_version FOREIGN KEY (model_id, version, digest, author) REFERENCES pedigree.model_version(model_id, version, digest, created_by);

ALTER TABLE ONLY pedigree.pending_work
    ADD CONSTRAINT pending_work_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.principal
    ADD CONSTRAINT principal_person_id_fkey FOREIGN KEY (person_id) REFERENCES pedigree.principal(principal_id);

ALTER TABLE ONLY pedigree.provisioned_group
    ADD CONSTRAINT provisioned_group_group_name_fkey FOREIGN KEY (group_name) REFERENCES pedigree.access_group(name) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.provisioned_user
    ADD CONSTRAINT provisioned_user_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES pedigree.principal(principal_id);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_quarantine_id_fkey FOREIGN KEY (quarantine_id) REFERENCES pedigree.quarantine(quarantine_id);

ALTER TABLE ONLY pedigree.stage_request
    ADD CONSTRAINT stage_request_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.staleness
    ADD CONSTRAINT staleness_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.tenure
    ADD CONSTRAINT tenure_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_environment_hash_fkey FOREIGN KEY (environment_hash) REFERENCES pedigree.environment(hash);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.unjudged
    ADD CONSTRAINT unjudged_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.unserved_event
    ADD CONSTRAINT unserved_event_id_fkey FOREIGN KEY (id) REFERENCES pedigree.event(id);

ALTER TABLE ONLY pedigree.upload_area_file
    ADD CONSTRAINT upload_area_file_area FOREIGN KEY (upload_id) REFERENCES pedigree.upload_area(upload_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.upload_area_file
    ADD CONSTRAINT upload_area_file_bytes FOREIGN KEY (upload_id, digest) REFERENCES pedigree.upload_file(upload_id, digest) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.upload_area_parts
    ADD CONSTRAINT upload_area_parts_area FOREIGN KEY (upload_id) REFERENCES pedigree.upload_area(upload_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.upload_area
    ADD CONSTRAINT upload_area_session FOREIGN KEY (upload_id) REFERENCES pedigree.upload_session(upload_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.upload_file
    ADD CONSTRAINT upload_file_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES pedigree.upload_session(upload_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.usage
    ADD CONSTRAINT usage_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.verdict
    ADD CONSTRAINT verdict_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.version_source
    ADD CONSTRAINT version_source_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.web_session
    ADD CONSTRAINT web_session_identity_id_fkey FOREIGN KEY (identity_id) REFERENCES pedigree.identity(identity_id);

ALTER TABLE ONLY pedigree.web_session
    ADD CONSTRAINT web_session_token_id_fkey FOREIGN KEY (token_id) REFERENCES pedigree.access_token(token_id);

ALTER TABLE ONLY pedigree.webhook_attempt
    ADD CONSTRAINT webhook_attempt_webhook_id_seq_fkey FOREIGN KEY (webhook_id, seq) REFERENCES pedigree.webhook_delivery(webhook_id, seq) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_seq_fkey FOREIGN KEY (seq) REFERENCES pedigree.feed(seq);

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES pedigree.webhook(webhook_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.webhook_line
    ADD CONSTRAINT webhook_line_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES pedigree.webhook(webhook_id) ON DELETE CASCADE;
