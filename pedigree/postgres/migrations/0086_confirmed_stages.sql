-- A client of MLflow may ask for the stage that a version holds already. It moves nothing, but MLflow counts it as an
-- update of the version and of its model: an event `version.updated` whose `stage_confirmed` is the stage.

CREATE OR REPLACE FUNCTION pedigree.note_update(
    of_model bigint, of_version integer, kind text, body jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION pedigree.apply_description(of_model bigint, of_version integer, body jsonb) RETURNS void
LANGUAGE plpgsql AS $$
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
