-- The roles of a registry's database, and what each may do. The owner of the schema runs it, as often as
-- they like: it changes only what differs. docs/database.md describes the roles.

-- Roles belong to the server: another database of it may have made them. Nobody can log in as one until
-- the owner says so: ALTER ROLE pedigree_application LOGIN PASSWORD '…'.
DO $roles$
DECLARE
    role text;
    acting text;
BEGIN
    FOREACH role IN ARRAY ARRAY[
        'pedigree_application', 'pedigree_worker', 'pedigree_sensor', 'pedigree_sequencer',
        'pedigree_sealer', 'pedigree_auditor'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another migrator was faster
            END;
        END IF;
    END LOOP;
    -- They act as another one only where they say so, in a transaction.
    FOR acting, role IN
        VALUES ('pedigree_application', 'pedigree_worker'), ('pedigree_application', 'pedigree_sensor'),
            ('pedigree_application', 'pedigree_sequencer'), ('pedigree_application', 'pedigree_sealer'),
            ('pedigree_sealer', 'pedigree_sequencer')
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_auth_members m
            WHERE m.member = acting::regrole AND m.roleid = role::regrole
        ) THEN
            EXECUTE format('GRANT %I TO %I', role, acting);
        END IF;
    END LOOP;
END
$roles$;

-- Nothing is allowed that is not listed here.
REVOKE ALL ON SCHEMA pedigree FROM PUBLIC, pedigree_application, pedigree_worker, pedigree_sensor,
    pedigree_sequencer, pedigree_sealer, pedigree_auditor;
REVOKE ALL ON ALL TABLES IN SCHEMA pedigree FROM PUBLIC, pedigree_application, pedigree_worker,
    pedigree_sensor, pedigree_sequencer, pedigree_sealer, pedigree_auditor;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA pedigree FROM PUBLIC, pedigree_application, pedigree_worker,
    pedigree_sensor, pedigree_sequencer, pedigree_sealer, pedigree_auditor;
REVOKE ALL ON ALL ROUTINES IN SCHEMA pedigree FROM PUBLIC, pedigree_application, pedigree_worker,
    pedigree_sensor, pedigree_sequencer, pedigree_sealer, pedigree_auditor;
GRANT USAGE ON SCHEMA pedigree TO pedigree_application, pedigree_worker, pedigree_sensor,
    pedigree_sequencer, pedigree_sealer, pedigree_auditor;

-- All but the sequencer read, but not what others need not know: the encrypted keys of the log and of
-- webhooks.
GRANT SELECT ON ALL TABLES IN SCHEMA pedigree TO pedigree_application, pedigree_worker,
    pedigree_sensor, pedigree_sealer, pedigree_auditor;
REVOKE SELECT ON pedigree.log_key
    FROM pedigree_application, pedigree_worker, pedigree_sensor, pedigree_auditor;
GRANT SELECT (public_key, added_at, retired_at, signs_until) ON pedigree.log_key
    TO pedigree_application, pedigree_worker, pedigree_sensor, pedigree_auditor;
REVOKE SELECT ON pedigree.webhook FROM pedigree_sealer, pedigree_auditor;
GRANT SELECT (
    webhook_id, name, form, url, description, types, models, events, active, old_secret_until,
    created_at, created_by, last_updated_at, seq
) ON pedigree.webhook TO pedigree_sealer, pedigree_auditor;

-- The sealer signs hashes, and needs no name of a person.
REVOKE SELECT ON pedigree.pseudonym FROM pedigree_sealer;

-- What the application, its workers and its sensors write themselves.
GRANT INSERT, UPDATE, DELETE ON
    pedigree.asset_event, pedigree.awaited, pedigree.awaited_judgement, pedigree.candidacy,
    pedigree.card_follower, pedigree.check_run, pedigree.dagster_instance, pedigree.failure,
    pedigree.given_up_promotion, pedigree.orphan, pedigree.pending_work, pedigree.sink,
    pedigree.stage_request, pedigree.staleness, pedigree.unjudged, pedigree.upload,
    pedigree.usage, pedigree.webhook_attempt, pedigree.webhook_delivery, pedigree.webhook_line
    TO pedigree_application, pedigree_worker, pedigree_sensor;
GRANT INSERT, UPDATE ON
    pedigree.blob, pedigree.drift_result, pedigree.model_card
    TO pedigree_application, pedigree_worker, pedigree_sensor;
GRANT INSERT ON pedigree.evaluation TO pedigree_application, pedigree_worker, pedigree_sensor;
GRANT UPDATE (model_id) ON pedigree.registered_model  -- to lock rows
    TO pedigree_application, pedigree_worker, pedigree_sensor;
GRANT UPDATE (seq) ON pedigree.webhook TO pedigree_sensor;  -- what is delivered

-- What people do, and so no sensor.
GRANT INSERT, UPDATE, DELETE ON
    pedigree.kept_answer, pedigree.transfer_mark, pedigree.upload_area, pedigree.upload_area_file,
    pedigree.upload_area_parts, pedigree.upload_file, pedigree.upload_session, pedigree.webhook
    TO pedigree_application, pedigree_worker;
GRANT INSERT, UPDATE ON pedigree.quarantine, pedigree.quarantine_mark
    TO pedigree_application, pedigree_worker;
GRANT INSERT ON
    pedigree.artifact, pedigree.artifact_file, pedigree.data_profile, pedigree.data_verdict,
    pedigree.datasheet
    TO pedigree_application, pedigree_worker;
GRANT UPDATE (digest) ON pedigree.artifact TO pedigree_application, pedigree_worker;  -- to lock rows

-- A collection of garbage removes bytes, and what describes them.
GRANT DELETE ON
    pedigree.artifact_file, pedigree.blob, pedigree.data_profile, pedigree.drift_result,
    pedigree.model_card, pedigree.released
    TO pedigree_worker;
GRANT UPDATE ON pedigree.released TO pedigree_worker;  -- to lock rows

-- The sealer writes the log, and notes its failures.
GRANT INSERT, UPDATE, DELETE ON pedigree.failure TO pedigree_sealer;
DO $sealer$
DECLARE
    log_table regclass;
BEGIN
    FOR log_table IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'pedigree'::regnamespace AND relkind = 'r' AND relname LIKE 'log\_%'
    LOOP
        EXECUTE format('GRANT INSERT, UPDATE ON %s TO pedigree_sealer', log_table);
    END LOOP;
END
$sealer$;

-- Functions of the owner: the only way to versions, stages, verdicts, policies, events, decisions and
-- tokens. So are the triggers'
-- functions, which keep counts and search rows. Any other function has no more rights than its caller.
DO $functions$
DECLARE
    called record;
    is_owners boolean;
BEGIN
    FOR called IN
        SELECT p.oid::regprocedure AS signature, p.proname AS name, p.prosecdef AS is_definer,
            p.prorettype = 'trigger'::regtype AS is_trigger, coalesce(p.proconfig, '{}') AS config
        FROM pg_proc p
        WHERE p.pronamespace = 'pedigree'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        )
    LOOP
        is_owners := called.is_trigger OR called.name = ANY (ARRAY[
            'begin_access_change', 'begin_provisioning', 'begin_web_session', 'change_access',
            'change_group', 'change_model', 'change_policy_default', 'change_user', 'collect_versions', 'create_model',
            'create_token', 'create_version', 'decide', 'deprovision_user', 'end_rights',
            'end_web_session', 'erase_person', 'fail_version', 'find_holder',
            'find_newest_of_stages', 'find_versions',
            'is_active_until_end', 'is_stored_key', 'link_identity', 'link_principal',
            'models_named', 'models_of_blobs', 'models_of_states', 'move_versions',
            'note_exchange', 'note_grants_used', 'note_read', 'note_web_session_used',
            'provision_group', 'provision_user', 'pseudonym_of', 'record_events',
            'record_verdicts', 'revoke_token', 'seal_version', 'see_identity', 'sequence_events',
            'set_person_active', 'set_tier', 'trained_with', 'unlink_identity',
            'unlink_principal', 'write_cards', 'write_override'
        ]);
        IF is_owners AND NOT (
            called.is_definer AND 'search_path=pedigree, pg_temp' = ANY (called.config)
        ) THEN
            EXECUTE format(
                'ALTER ROUTINE %s SECURITY DEFINER SET search_path = pedigree, pg_temp',
                called.signature
            );
        END IF;
        -- It is called before create_version, and both call the same functions: a session would plan
        -- their statements again each time that the path is another one.
        IF called.name = 'look_before_creation'
            AND NOT 'search_path=pedigree, pg_temp' = ANY (called.config)
        THEN
            EXECUTE format('ALTER ROUTINE %s SET search_path = pedigree, pg_temp', called.signature);
        END IF;
        CONTINUE WHEN called.is_trigger;
        IF called.name = 'sequence_events' THEN
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_sequencer', called.signature);
            CONTINUE;
        END IF;
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_worker', called.signature);
        CONTINUE WHEN called.name IN ('collect_versions', 'set_tier');
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_application', called.signature);
        CONTINUE WHEN is_owners AND called.name NOT IN (
            'decide', 'find_holder', 'find_newest_of_stages', 'find_versions', 'is_stored_key',
            'models_named', 'models_of_blobs', 'models_of_states', 'move_versions', 'note_read', 'record_events',
            'record_verdicts', 'trained_with', 'write_cards'
        );
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_sensor', called.signature);
        CONTINUE WHEN is_owners AND called.name NOT IN (
            'is_stored_key', 'models_named', 'record_events'
        );
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_sealer', called.signature);
        CONTINUE WHEN called.name = 'record_events';
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO pedigree_auditor', called.signature);
    END LOOP;
    -- The functions of the extension's operators.
    FOR called IN
        SELECT d.objid::regprocedure AS signature
        FROM pg_depend d
        JOIN pg_proc p ON p.oid = d.objid AND p.pronamespace = 'pedigree'::regnamespace
        WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', called.signature);
    END LOOP;
END
$functions$;

-- A view reads with the rights of its reader, not with those of the owner, to whom no policy applies; but
-- search_name is for the search, as are the tables without a policy below.
DO $views$
DECLARE
    seen regclass;
BEGIN
    FOR seen IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'pedigree'::regnamespace AND relkind = 'v'
            AND relname <> 'search_name'
            AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false)
    LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', seen);
    END LOOP;
END
$views$;

-- The application sees the models that its transaction names. The tables of the search have no policy:
-- the operators @@, LIKE, ->> and @> are not leakproof, and would lose their indexes under one.
DO $policies$
DECLARE
    guarded record;
    wanted text;
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true);  -- so that expressions are shown in full
    FOR guarded IN
        SELECT c.oid::regclass AS relation, c.relrowsecurity AS is_on, coalesce(
            '( SELECT (m.model_id IS NOT NULL) AS seen FROM pedigree.registered_model m WHERE (m.'
                || given.of_model || '))',
            'COALESCE((name_key ~~ ANY (( SELECT CASE'
                ' WHEN (current_setting(''pedigree.models''::text, true) ~~ ''{%''::text)'
                ' THEN (current_setting(''pedigree.models''::text, true))::text[]'
                ' ELSE NULL::text[] END AS patterns)::text[])), pedigree.sees_key(name_key))'
        ) AS is_seen
        FROM (VALUES
            ('decision', 'model_id = decision.model_id'),
            ('event', 'log_name = event.model'),
            ('model_card', 'model_id = model_card.model_id'),
            ('model_version', 'model_id = model_version.model_id'),
            ('registered_model', NULL),
            ('search_record', 'model_id = search_record.model_id')
        ) AS given (name, of_model)
        JOIN pg_class c ON c.relnamespace = 'pedigree'::regnamespace AND c.relname = given.name
    LOOP
        wanted := format('((current_setting(''pedigree.models''::text, true) = ''*''::text) OR %s)',
            guarded.is_seen);
        IF NOT EXISTS (
            SELECT FROM pg_policy p
            WHERE p.polrelid = guarded.relation AND p.polname = 'seen' AND p.polcmd = '*'
                AND p.polpermissive AND p.polwithcheck IS NULL
                AND p.polroles = ARRAY['pedigree_application'::regrole::oid]
                AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') = wanted
        ) THEN
            EXECUTE format('DROP POLICY IF EXISTS seen ON %s', guarded.relation);
            EXECUTE format(
                'CREATE POLICY seen ON %s TO pedigree_application USING (%s)', guarded.relation, wanted
            );
        END IF;
        IF NOT EXISTS (
            SELECT FROM pg_policy p
            WHERE p.polrelid = guarded.relation AND p.polname = 'all' AND p.polcmd = '*'
                AND p.polpermissive AND p.polwithcheck IS NULL
                AND p.polroles @> ARRAY['pedigree_worker'::regrole::oid,
                    'pedigree_sensor'::regrole::oid, 'pedigree_sealer'::regrole::oid,
                    'pedigree_auditor'::regrole::oid]
                AND cardinality(p.polroles) = 4 AND pg_get_expr(p.polqual, p.polrelid) = 'true'
        ) THEN
            EXECUTE format('DROP POLICY IF EXISTS "all" ON %s', guarded.relation);
            EXECUTE format(
                'CREATE POLICY "all" ON %s TO pedigree_worker, pedigree_sensor, pedigree_sealer,'
                ' pedigree_auditor USING (true)', guarded.relation
            );
        END IF;
        IF NOT guarded.is_on THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded.relation);
        END IF;
    END LOOP;
END
$policies$;
