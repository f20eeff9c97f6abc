-- One tag of a model or of a version, changed alone: the event says which, and not all the others.

-- A change of a version's description, owners or tags. `tag_changes` is a merge patch of the tags: a null
-- removes one.
CREATE OR REPLACE FUNCTION pedigree.apply_description(of_model bigint, of_version integer, body jsonb)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.model_version v SET
        description = CASE WHEN body ? 'description' THEN body ->> 'description' ELSE v.description END,
        owners = CASE WHEN body ? 'owners'
            THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE v.owners END,
        tags = CASE WHEN body ? 'tag_changes' THEN jsonb_strip_nulls(v.tags || (body -> 'tag_changes'))
            WHEN body ? 'tags' THEN body -> 'tags' ELSE v.tags END
    WHERE v.model_id = of_model AND v.version = of_version;
    IF body - '{description,owners,tags,tag_changes}'::text[] <> '{}'
        OR body ?& '{tags,tag_changes}'::text[]
    THEN
        PERFORM pedigree.refuse_change_of('the description of a version');
    END IF;
END
$$;

-- The same for a model; its policy is changed elsewhere.
CREATE OR REPLACE FUNCTION pedigree.apply_model(of_model bigint, body jsonb)
RETURNS void
LANGUAGE plpgsql AS $$
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
