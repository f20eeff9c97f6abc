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
