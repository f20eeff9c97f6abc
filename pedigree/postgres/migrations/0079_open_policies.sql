-- Stages that versions may leave for none.

-- A version leaves one stage, unless it was in none, and enters another one, unless that is none.
CREATE OR REPLACE FUNCTION pedigree.apply_stage(
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
    IF body ->> 'to' <> 'none' THEN
        PERFORM pedigree.begin_tenure(
            of_model, of_version, 'stage', body ->> 'to', (change ->> 'exclusive')::boolean, at,
            body ->> 'reason'
        );
    END IF;
END
$$;

-- The newest version of each stage, and of none, by as many steps as there are stages.
CREATE INDEX search_version_newest ON pedigree.search_version (model_id, stage, version);

-- The newest version of a model in each stage that one of its versions is in, none included.
CREATE FUNCTION pedigree.newest_of_stages(of_model bigint)
RETURNS TABLE (stage text, version integer)
LANGUAGE sql STABLE ROWS 4 AS $$
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

-- The same with their records, of a model by the key of its name.
CREATE FUNCTION pedigree.find_newest_of_stages(wanted_key text)
RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text,
    generation bigint
)
LANGUAGE plpgsql STABLE ROWS 4 AS $$
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

-- Whether the policy of a model guards an alias.
CREATE FUNCTION pedigree.is_guarded(of_model bigint, alias text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND m.policy -> 'aliases' ? alias
    )
$$;

-- Changes of stages, with the aliases that they guard, and decisions, which sensors make as well.
CREATE OR REPLACE FUNCTION pedigree.move_versions(
    of_model bigint, events jsonb, at timestamptz, hole text,
    OUT generation bigint, OUT voided integer[], OUT policy_revision integer
)
LANGUAGE plpgsql AS $$
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

-- Aliases that a policy guards, of versions that do not hold the stage.
CREATE VIEW pedigree.unguarded_alias AS
SELECT m.model_id, a.version, guard.alias, guard.stage
FROM pedigree.registered_model m
CROSS JOIN LATERAL jsonb_each_text(
    CASE jsonb_typeof(m.policy -> 'aliases') WHEN 'object' THEN m.policy -> 'aliases' END
) AS guard (alias, stage)
JOIN pedigree.tenure a ON a.model_id = m.model_id AND a.pointer = 'alias' AND a.name = guard.alias
    AND a.held_until IS NULL
WHERE NOT EXISTS (
    SELECT FROM pedigree.tenure s
    WHERE s.model_id = a.model_id AND s.version = a.version AND s.pointer = 'stage'
        AND s.name = guard.stage AND s.held_until IS NULL
);

-- Refuse a transaction after which a guarded alias names a version that does not hold its stage.
CREATE FUNCTION pedigree.judge_guarded_aliases() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pedigree.unguarded_alias u WHERE u.model_id = NEW.model_id) THEN
        RAISE EXCEPTION 'an alias names a version that does not hold the stage which guards it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'alias_guarded';
    END IF;
    RETURN NULL;
END
$$;

-- At the end of a transaction: an alias that was set, a stage that a version left, another policy.
CREATE CONSTRAINT TRIGGER alias_guarded AFTER INSERT OR UPDATE ON pedigree.tenure
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.pointer = 'alias') = (NEW.held_until IS NULL))
    EXECUTE FUNCTION pedigree.judge_guarded_aliases();
CREATE CONSTRAINT TRIGGER policy_guards AFTER UPDATE OF policy ON pedigree.registered_model
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION pedigree.judge_guarded_aliases();

-- Policies of new models, by a pattern of their names in which * matches any characters.
CREATE TABLE pedigree.policy_default (
    pattern text COLLATE pg_catalog."C" PRIMARY KEY,
    policy jsonb NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    reason text
);

-- Set or delete the policy of new models of a pattern as an event says, with the event; whether there
-- was one to delete.
CREATE FUNCTION pedigree.change_policy_default(event_id uuid, canonical bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
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

-- Whether a policy of a model or of new models names a role or a group.
CREATE OR REPLACE FUNCTION pedigree.is_in_policy(word text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.deleted_at IS NULL
            AND jsonb_path_exists(m.policy, '$.** ? (@ == $word)', jsonb_build_object('word', word))
    ) OR EXISTS (
        SELECT FROM pedigree.policy_default d
        WHERE jsonb_path_exists(d.policy, '$.** ? (@ == $word)', jsonb_build_object('word', word))
    )
$$;
