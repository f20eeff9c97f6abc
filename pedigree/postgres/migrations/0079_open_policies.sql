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
